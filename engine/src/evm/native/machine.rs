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
    door,
    ledger::Ledger,
    table::{Directory, NativeTable},
};
use crate::evm::ExternalEnv;

/// mega-evm over a database, which native code may help. Without a table, or while it is watched by an
/// inspector, it is the plain interpreter.
pub struct Machine<DB: Database, I = NoOpInspector> {
    mega: MegaEvm<DB, I, ExternalEnv>,
    native: Option<Box<Native>>,
}

/// What one EVM keeps for native code.
struct Native {
    directory: Directory,
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
    native: &mut Native,
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
    native: &'a mut Native,
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
        let Native {
            directory,
            ledger,
            calldata,
        } = &mut **native;
        let listed = directory.find(code_hash);
        if let Some(code) = &listed.code {
            let begun = code.is_timed().then(Instant::now);
            let run = door::advance(mega, &code.object, ledger, calldata);
            if let Some(run) = run {
                code.count(run, begun.map(nanos_since));
            }
        }
        let gas_before = gas_remaining(mega);
        let begun = listed.is_timed().then(Instant::now);
        let action = mega.frame_run();
        let nanos = begun.map(nanos_since);
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
            Err(_) => gas_before,
        };
        listed.count_interpreted(gas_before.saturating_sub(gas_after), nanos);
        action
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
