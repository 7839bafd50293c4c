//! [`Machine`]: mega-evm as the builder and the simulations use it, with the door to native code.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use alloy_evm::{Database, precompiles::PrecompilesMap};
use alloy_primitives::B256;
use mega_evm::{
    LimitUsage, MegaContext, MegaEvm, MegaHandler, MegaInstructions, MegaTransaction,
    MegaTransactionError, MegaTransactionOutcome,
};
use revm::{
    Inspector,
    context::{ContextSetters as _, ContextTr as _, FrameStack, JournalTr as _, result::EVMError},
    context_interface::ContextError,
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, FrameTr, Handler as _, ItemOrResult,
        evm::{ContextDbError, FrameInitResult},
    },
    inspector::NoOpInspector,
    interpreter::{
        FrameInput, InstructionResult, interpreter::EthInterpreter,
        interpreter_types::LoopControl as _,
    },
};

use super::{
    entry::{self, NativeRun},
    ledger::Ledger,
    slices::{self, Slice, SliceBudget, Slices},
    table::{Directory, Listed, NativeCode, NativeTable},
};
use crate::evm::{
    ExternalEnv,
    watch::{ENDED, Watch, admits},
};

/// After a slice of a long frame: loops that native code is offered to go on with.
const LOOPS_TRIED: u32 = 64;
/// Not counting those after which native code spent more gas than that until it came to what was left out.
const WORTH_ENTERING: u64 = 2_000;
/// Instructions in which to look for the next one, at least.
const SEARCHED: u32 = 4096;

/// Gas that a precompile may take where somebody watches: some seconds of the slowest. More than a transaction may
/// compute.
const MAX_UNINTERRUPTED: u64 = 250_000_000;

/// mega-evm over a database, which native code may help. Without a table, or while it is watched by an
/// inspector, it is the plain interpreter.
pub(crate) struct Machine<DB: Database, I = NoOpInspector> {
    mega: MegaEvm<DB, I, ExternalEnv>,
    native: Option<Box<Native<DB>>>,
}

/// What one EVM keeps for native code.
struct Native<DB: Database> {
    directory: Directory,
    /// Made for the first long frame.
    slices: Option<Slices<DB, ExternalEnv>>,
    ledger: Ledger,
    /// Calldata that lies in memory which calls share is copied here.
    calldata: Vec<u8>,
    watch: Option<Arc<dyn Watch>>,
}

type Failure<DB> = EVMError<<DB as revm::Database>::Error, MegaTransactionError>;

impl<DB: Database> Machine<DB> {
    /// An EVM that runs what `table` has natively, if it was compiled by the EVM's own rules.
    pub(crate) fn new(
        mega: MegaEvm<DB, NoOpInspector, ExternalEnv>,
        table: Option<&Arc<NativeTable>>,
    ) -> Self {
        let spec = mega.ctx_ref().mega_spec();
        let table = table.filter(|table| table.spec() == spec);
        let native = table.map(|table| Box::new(Native::new(table.clone())));
        Self { mega, native }
    }

    /// The same EVM, which ends what it executes when `watch` says so.
    pub(crate) fn ended_by(mut self, watch: Arc<dyn Watch>) -> Self {
        let spec = self.mega.ctx_ref().mega_spec();
        let unused = || Box::new(Native::new(Arc::new(NativeTable::new(spec))));
        self.native.get_or_insert_with(unused).watch = Some(watch);
        self
    }

    /// The same EVM, watched by an inspector: everything is interpreted, and nothing but the inspector ends it.
    pub(crate) fn with_inspector<I>(self, inspector: I) -> Machine<DB, I> {
        Machine {
            mega: self.mega.with_inspector(inspector),
            native: None,
        }
    }
}

impl<DB: Database, I: Inspector<MegaContext<DB, ExternalEnv>>> Machine<DB, I> {
    /// Executes a transaction; its changes are in the outcome only.
    pub(crate) fn execute_transaction(
        &mut self,
        transaction: MegaTransaction,
    ) -> Result<MegaTransactionOutcome, Failure<DB>> {
        match &mut self.native {
            Some(native) if native.directory.is_in_use() || native.watch.is_some() => {
                execute_with(&mut self.mega, native, transaction)
            }
            _ => self.mega.execute_transaction(transaction),
        }
    }
}

/// As `MegaEvm::execute_transaction`, through the [`Runner`].
fn execute_with<DB: Database, I>(
    mega: &mut MegaEvm<DB, I, ExternalEnv>,
    native: &mut Native<DB>,
    transaction: MegaTransaction,
) -> Result<MegaTransactionOutcome, Failure<DB>> {
    mega.ctx().set_tx(transaction);
    let mut handler = MegaHandler::<_, Failure<DB>, EthFrame<EthInterpreter>>::new();
    let result = handler.run(&mut Runner { mega, native });
    let state = mega.ctx().journal_mut().finalize();
    let result = result?;
    let LimitUsage {
        data_size,
        kv_updates,
        compute_gas,
        state_growth,
    } = mega.ctx_ref().additional_limit.borrow().get_usage();
    Ok(MegaTransactionOutcome {
        result,
        state,
        data_size,
        kv_updates,
        compute_gas_used: compute_gas,
        state_growth_used: state_growth,
    })
}

impl<DB: Database, I> Deref for Machine<DB, I> {
    type Target = MegaEvm<DB, I, ExternalEnv>;

    fn deref(&self) -> &Self::Target {
        &self.mega
    }
}

impl<DB: Database, I> DerefMut for Machine<DB, I> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.mega
    }
}

/// An EVM while it executes one transaction: mega-evm, except that native code goes before each run of a
/// frame.
struct Runner<'a, DB: Database, I> {
    mega: &'a mut MegaEvm<DB, I, ExternalEnv>,
    native: &'a mut Native<DB>,
}

impl<DB: Database, I> Runner<'_, DB, I> {
    /// The hash of the top frame's code, unless it is init code.
    fn code_hash(&mut self) -> Option<B256> {
        let frame = self.mega.frame_stack().get();
        let hash = frame.interpreter.bytecode.hash()?;
        (!frame.data.is_create()).then_some(hash)
    }

    /// Where somebody watches: the gas that a precompile is not given, because nothing can end it while it runs.
    fn spare_for_precompile(&mut self, input: &mut FrameInput) -> Option<u64> {
        self.native.watch.as_ref()?;
        let FrameInput::Call(call) = input else {
            return None;
        };
        let spared = call.gas_limit.checked_sub(MAX_UNINTERRUPTED)?;
        let (_, precompiles) = self.mega.ctx_precompiles();
        precompiles.get(&call.bytecode_address)?;
        call.gas_limit = MAX_UNINTERRUPTED;
        Some(spared)
    }

    /// Interprets the top frame, whose contract nobody knows.
    fn run_unknown(&mut self) -> FrameRun<Self> {
        let Self { mega, native } = self;
        if native.watch.is_some()
            && !slices::leaves_next(mega)
            && !entry::is_at_limit(mega.ctx_ref())
        {
            let SliceBudget { instructions, .. } = native.directory.pace();
            while native.may_go_on() && native.slices(mega).run(mega, instructions) == Slice::Over {
            }
        }
        leave(mega, native.watch.as_deref())
    }

    /// Runs the top frame's contract natively, if there is code, and then interpreted.
    fn run_contract(&mut self, code_hash: B256) -> FrameRun<Self> {
        let Self { mega, native } = self;
        let pace = native.directory.pace();
        let mut listed = native.directory.find(code_hash);
        let mut missed = false;
        if let Some(code) = listed.code.as_ref().filter(|_| !pace.late) {
            let watch = native.watch.as_deref();
            let entered = enter(mega, code, &mut native.ledger, &mut native.calldata, watch);
            if let Some((run, nanos)) = entered {
                code.count(run, nanos);
                missed = run.left_out;
            }
        }
        let timed = listed.is_timed();
        let mut stretch = Stretch::begin(mega, timed, missed);
        let in_pieces = missed || stretch.gas >= pace.gas || listed.coverage.is_some();
        if (in_pieces || native.watch.is_some())
            && !slices::leaves_next(mega)
            && !entry::is_at_limit(mega.ctx_ref())
        {
            stretch = native.run_in_pieces(mega, code_hash, stretch);
            listed = native.directory.find(code_hash);
        }
        let action = leave(mega, native.watch.as_deref());
        let gas_after = match &action {
            Ok(ItemOrResult::Item(init)) => {
                let forwarded = match &init.frame_input {
                    FrameInput::Call(call) => call.gas_limit,
                    FrameInput::Create(create) => create.gas_limit,
                    FrameInput::Empty => 0,
                };
                gas_remaining(mega).saturating_add(forwarded)
            }
            Ok(ItemOrResult::Result(result)) => result.gas().remaining(),
            Err(_) => stretch.gas,
        };
        listed.count_run();
        stretch.end(listed, gas_after);
        action
    }
}

impl<DB: Database> Native<DB> {
    fn new(table: Arc<NativeTable>) -> Self {
        Self {
            directory: Directory::new(table),
            slices: None,
            ledger: Ledger::new(),
            calldata: Vec::new(),
            watch: None,
        }
    }

    fn slices<I>(&mut self, mega: &MegaEvm<DB, I, ExternalEnv>) -> &Slices<DB, ExternalEnv> {
        let watch = &self.watch;
        self.slices
            .get_or_insert_with(|| Slices::new(mega, watch.clone()))
    }

    fn may_go_on(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.may_go_on(0))
    }

    /// Moves the top frame on to where mega-evm's `frame_run` has to. It is interpreted slice by slice: what
    /// it has spent is told after each, and where native code has arrived meanwhile, that takes over at the
    /// next loop that it can go on with. What was not counted yet is in the answer.
    fn run_in_pieces<I>(
        &mut self,
        mega: &mut MegaEvm<DB, I, ExternalEnv>,
        code_hash: B256,
        mut stretch: Stretch,
    ) -> Stretch {
        let timed = stretch.begun.is_some();
        let SliceBudget { instructions, .. } = self.directory.pace();
        self.slices(mega);
        let watch = self.watch.as_deref();
        let Some(slices) = &self.slices else {
            return stretch;
        };
        // Behind what was left out, native code goes on at the next loop. So it does with its next slice of gas.
        let mut at_once = stretch.missed;
        loop {
            if watch.is_some_and(|watch| !watch.may_go_on(0)) {
                return stretch;
            }
            if !at_once {
                let listed = self.directory.find(code_hash);
                let slice = match &listed.coverage {
                    Some(coverage) => slices.run_counted(mega, instructions, coverage),
                    None => slices.run(mega, instructions),
                };
                if slice != Slice::Over {
                    return stretch;
                }
                let missed = stretch.missed;
                stretch.end(listed, gas_remaining(mega));
                self.directory.tell(code_hash);
                stretch = Stretch::begin(mega, timed, missed);
            }
            at_once = false;
            let listed = self.directory.find(code_hash);
            let Some(code) = listed.code.clone() else {
                continue;
            };
            let coverage = listed.coverage.clone();
            let mut tried = 0;
            while tried < LOOPS_TRIED {
                match slices.run_to_loop(mega, SEARCHED.max(instructions), coverage.as_deref()) {
                    Slice::AtLoop => {}
                    Slice::Over => break,
                    Slice::SideExit => return stretch,
                }
                let mut missed = stretch.missed;
                stretch.end(self.directory.find(code_hash), gas_remaining(mega));
                let entered = enter(mega, &code, &mut self.ledger, &mut self.calldata, watch);
                let leaves = slices::leaves_next(mega);
                // Else it can't go on from there.
                let went_on = entered.filter(|(run, _)| run.gas > 0 || leaves);
                if let Some((run, nanos)) = went_on {
                    code.count(run, nanos);
                    missed = run.left_out;
                }
                stretch = Stretch::begin(mega, timed, missed);
                match went_on {
                    Some(_) if leaves => return stretch,
                    Some((run, _)) if !run.left_out => {
                        at_once = watch.is_some() && run.gas >= entry::WATCHED_SLICE / 2;
                        break;
                    }
                    Some((run, _)) => tried += u32::from(run.gas < WORTH_ENTERING),
                    None => tried += 1,
                }
            }
        }
    }
}

/// Lets native code move the top frame on; what it did, with the nanoseconds if it was timed.
fn enter<DB: Database, I>(
    mega: &mut MegaEvm<DB, I, ExternalEnv>,
    code: &NativeCode,
    ledger: &mut Ledger,
    calldata: &mut Vec<u8>,
    watch: Option<&dyn Watch>,
) -> Option<(NativeRun, Option<u64>)> {
    let begun = code.is_timed().then(Instant::now);
    let run = entry::advance(mega, &code.object, ledger, calldata, watch)?;
    Some((run, begun.map(nanos_since)))
}

/// Lets mega-evm run the rest of the top frame, unless the watch has ended it or ends it now.
fn leave<DB: Database, I>(
    mega: &mut MegaEvm<DB, I, ExternalEnv>,
    watch: Option<&dyn Watch>,
) -> FrameRun<MegaEvm<DB, I, ExternalEnv>> {
    if let Some(watch) = watch {
        let interpreter = &mega.frame_stack().get().interpreter;
        let has_ended = interpreter.bytecode.is_end();
        if !watch.may_go_on(0) || !has_ended && !admits(watch, interpreter) {
            return Err(ContextError::Custom(ENDED.to_owned()));
        }
    }
    mega.frame_run()
}

/// A part of a frame that is interpreted.
struct Stretch {
    /// The frame's gas where it began.
    gas: u64,
    /// When it did, if it is timed.
    begun: Option<Instant>,
    /// Whether it is interpreted because it was left out of native code.
    missed: bool,
}

impl Stretch {
    fn begin<DB: Database, I>(
        mega: &mut MegaEvm<DB, I, ExternalEnv>,
        timed: bool,
        missed: bool,
    ) -> Self {
        Self {
            missed,
            gas: gas_remaining(mega),
            begun: timed.then(Instant::now),
        }
    }

    /// Counts it, where so much gas is left.
    fn end(self, listed: &mut Listed, gas: u64) {
        let spent = self.gas.saturating_sub(gas);
        listed.count_interpreted(spent, self.begun.map(nanos_since));
        if self.missed {
            listed.count_missed(spent);
        }
    }
}

/// What the top frame has left.
fn gas_remaining<DB: Database, I>(mega: &mut MegaEvm<DB, I, ExternalEnv>) -> u64 {
    mega.frame_stack().get().interpreter.gas.remaining()
}

fn nanos_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

type FrameRun<E> =
    Result<FrameInitOrResult<<E as EvmTr>::Frame>, ContextDbError<<E as EvmTr>::Context>>;

impl<DB: Database, I> EvmTr for Runner<'_, DB, I> {
    type Context = MegaContext<DB, ExternalEnv>;
    type Instructions = MegaInstructions<DB, ExternalEnv>;
    type Precompiles = PrecompilesMap;
    type Frame = EthFrame<EthInterpreter>;

    fn ctx(&mut self) -> &mut Self::Context {
        self.mega.ctx()
    }

    fn ctx_ref(&self) -> &Self::Context {
        self.mega.ctx_ref()
    }

    fn ctx_instructions(&mut self) -> (&mut Self::Context, &mut Self::Instructions) {
        self.mega.ctx_instructions()
    }

    fn ctx_precompiles(&mut self) -> (&mut Self::Context, &mut Self::Precompiles) {
        self.mega.ctx_precompiles()
    }

    fn frame_stack(&mut self) -> &mut FrameStack<Self::Frame> {
        self.mega.frame_stack()
    }

    fn frame_init(
        &mut self,
        mut frame_init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        let Some(spared) = self.spare_for_precompile(&mut frame_init.frame_input) else {
            return self.mega.frame_init(frame_init);
        };
        let mut done = self.mega.frame_init(frame_init)?;
        if let ItemOrResult::Result(FrameResult::Call(outcome)) = &mut done {
            if outcome.result.result == InstructionResult::PrecompileOOG {
                return Err(ContextError::Custom(format!(
                    "a precompile needs more than {MAX_UNINTERRUPTED} gas at once"
                )));
            }
            outcome.result.gas.erase_cost(spared);
        }
        Ok(done)
    }

    fn frame_run(&mut self) -> FrameRun<Self> {
        match self.code_hash() {
            Some(code_hash) if self.native.directory.is_in_use() => self.run_contract(code_hash),
            _ => self.run_unknown(),
        }
    }

    fn frame_return_result(
        &mut self,
        result: FrameResult,
    ) -> Result<Option<FrameResult>, ContextDbError<Self::Context>> {
        self.mega.frame_return_result(result)
    }
}
