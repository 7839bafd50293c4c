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
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, FrameTr, Handler as _, ItemOrResult,
        evm::{ContextDbError, FrameInitResult},
    },
    inspector::NoOpInspector,
    interpreter::{FrameInput, interpreter::EthInterpreter},
};

use super::{
    door::{self, Run},
    ledger::Ledger,
    pieces::{self, Pace, Piece, Pieces},
    table::{Directory, Listed, NativeCode, NativeTable},
};
use crate::evm::ExternalEnv;

/// After a piece of a long frame: loops that native code is offered to go on with.
const LOOPS_TRIED: u32 = 64;
/// Not counting those after which native code spent more gas than that until it came to what was left out.
const WORTH_ENTERING: u64 = 2_000;
/// Instructions in which to look for the next one, at least.
const SEARCHED: u32 = 4096;

/// mega-evm over a database, which native code may help. Without a table, or while it is watched by an
/// inspector, it is the plain interpreter.
pub struct Machine<DB: Database, I = NoOpInspector> {
    mega: MegaEvm<DB, I, ExternalEnv>,
    native: Option<Box<Native<DB>>>,
}

/// What one EVM keeps for native code.
struct Native<DB: Database> {
    directory: Directory,
    /// Made for the first long frame.
    pieces: Option<Pieces<DB, ExternalEnv>>,
    ledger: Ledger,
    /// Calldata that lies in memory which calls share is copied here.
    calldata: Vec<u8>,
}

type Failure<DB> = EVMError<<DB as revm::Database>::Error, MegaTransactionError>;

impl<DB: Database> Machine<DB> {
    /// An EVM that runs what `table` has natively, if it was compiled by the EVM's own rules.
    pub fn new(
        mega: MegaEvm<DB, NoOpInspector, ExternalEnv>,
        table: Option<&Arc<NativeTable>>,
    ) -> Self {
        let spec = mega.ctx_ref().mega_spec();
        let table = table.filter(|table| table.spec() == spec);
        let native = table.map(|table| {
            Box::new(Native {
                directory: Directory::new(table.clone()),
                pieces: None,
                ledger: Ledger::new(),
                calldata: Vec::new(),
            })
        });
        Self { mega, native }
    }

    /// The same EVM, watched by an inspector: everything is interpreted.
    pub fn with_inspector<I>(self, inspector: I) -> Machine<DB, I> {
        Machine {
            mega: self.mega.with_inspector(inspector),
            native: None,
        }
    }
}

impl<DB: Database, I: Inspector<MegaContext<DB, ExternalEnv>>> Machine<DB, I> {
    /// Executes a transaction; its changes are in the outcome only.
    pub fn execute_transaction(
        &mut self,
        transaction: MegaTransaction,
    ) -> Result<MegaTransactionOutcome, Failure<DB>> {
        match &mut self.native {
            Some(native) if native.directory.is_in_use() => {
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

    /// Runs the top frame's contract natively, if there is code, and then interpreted.
    fn run_contract(&mut self, code_hash: B256) -> FrameRun<Self> {
        let Self { mega, native } = self;
        let pace = native.directory.pace();
        let mut listed = native.directory.find(code_hash);
        let mut missed = false;
        if let Some(code) = listed.code.as_ref().filter(|_| !pace.late) {
            let entered = enter(mega, code, &mut native.ledger, &mut native.calldata);
            if let Some((run, nanos)) = entered {
                code.count(run, nanos);
                missed = run.left_out;
            }
        }
        let timed = listed.is_timed();
        let mut stretch = Stretch::begin(mega, timed, missed);
        if (missed || stretch.gas >= pace.gas || listed.coverage.is_some())
            && !pieces::leaves_next(mega)
            && !door::is_at_limit(mega.ctx_ref())
        {
            stretch = native.run_in_pieces(mega, code_hash, stretch);
            listed = native.directory.find(code_hash);
        }
        let action = mega.frame_run();
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
    /// Moves the top frame on to where mega-evm's `frame_run` has to. It is interpreted piece by piece: what
    /// it has spent is told after each, and where native code has arrived meanwhile, that takes over at the
    /// next loop that it can go on with. What was not counted yet is in the answer.
    fn run_in_pieces<I>(
        &mut self,
        mega: &mut MegaEvm<DB, I, ExternalEnv>,
        code_hash: B256,
        mut stretch: Stretch,
    ) -> Stretch {
        let timed = stretch.begun.is_some();
        let Pace { instructions, .. } = self.directory.pace();
        let pieces = self.pieces.get_or_insert_with(|| Pieces::new(mega));
        // Behind what was left out, native code goes on at the next loop.
        let mut at_once = stretch.missed;
        loop {
            if !at_once {
                let listed = self.directory.find(code_hash);
                let piece = match &listed.coverage {
                    Some(coverage) => pieces.run_counted(mega, instructions, coverage),
                    None => pieces.run(mega, instructions),
                };
                if piece != Piece::Over {
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
                match pieces.run_to_loop(mega, SEARCHED.max(instructions), coverage.as_deref()) {
                    Piece::AtLoop => {}
                    Piece::Over => break,
                    Piece::Leaves => return stretch,
                }
                let mut missed = stretch.missed;
                stretch.end(self.directory.find(code_hash), gas_remaining(mega));
                let entered = enter(mega, &code, &mut self.ledger, &mut self.calldata);
                let leaves = pieces::leaves_next(mega);
                // Else it can't go on from there.
                let went_on = entered.filter(|(run, _)| run.gas > 0 || leaves);
                if let Some((run, nanos)) = went_on {
                    code.count(run, nanos);
                    missed = run.left_out;
                }
                stretch = Stretch::begin(mega, timed, missed);
                match went_on {
                    Some(_) if leaves => return stretch,
                    Some((run, _)) if !run.left_out => break,
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
) -> Option<(Run, Option<u64>)> {
    let begun = code.is_timed().then(Instant::now);
    let run = door::advance(mega, &code.object, ledger, calldata)?;
    Some((run, begun.map(nanos_since)))
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
        frame_init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        self.mega.frame_init(frame_init)
    }

    fn frame_run(&mut self) -> FrameRun<Self> {
        match self.code_hash() {
            Some(code_hash) => self.run_contract(code_hash),
            None => self.mega.frame_run(),
        }
    }

    fn frame_return_result(
        &mut self,
        result: FrameResult,
    ) -> Result<Option<FrameResult>, ContextDbError<Self::Context>> {
        self.mega.frame_return_result(result)
    }
}
