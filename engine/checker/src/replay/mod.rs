//! The one place outside the builder where a block's transactions are executed.
//!
//! ```text
//! Replay::begin(state, rules, block) --next(tx)--> TxResult --take_effect()--> Effect
//!         \--until(txs, index)--with_inspector(i)--next(tx)--> what the inspector saw
//! ```
//!
//! Execution here is mega-evm's `MegaBlockExecutor` with the plain interpreter, not the builder's way through the
//! same library, so that a fault in the builder is caught and not repeated. The checkers, the full nodes that execute
//! again, diffs, gas profiles and tracers all come through here; where the state comes from is their matter.

mod changes;

use std::{fmt::Debug, sync::Arc};

use alloy_consensus::{Transaction as _, Typed2718 as _, transaction::Recovered};
use alloy_evm::{
    Evm as _,
    block::{BlockExecutor as _, StateChangeSource},
};
use alloy_primitives::{Address, B256, U256};
use mega_evm::{
    BlockMegaTransactionOutcome, MegaContext, MegaHardforkConfig, MegaSpecId,
    MegaTransactionOutcome, SEQUENCER_REGISTRY_ADDRESS,
};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope};
use op_revm::transaction::deposit::DEPOSIT_TRANSACTION_TYPE;
use parking_lot::Mutex;
use revm::{
    Database as _, Inspector,
    database::{State, WrapDatabaseRef},
    handler::EvmTr,
    inspector::NoOpInspector,
    state::EvmState,
};

use changes::Changes;
pub use changes::Effect;

use crate::{
    block::{TxRecord, TxResult},
    evm::{BlockContext, BlockExecutor, BlockFactory, ExternalEnv, detention_of, result_from},
    state::{Adapter, StateReader},
};

/// Where SequencerRegistry keeps the sequencer in office.
const CURRENT_SEQUENCER: U256 = U256::from_limbs([1, 0, 0, 0]);

/// What all blocks of a chain have in common.
#[derive(Debug, Clone)]
pub struct Rules {
    /// EIP-155's chain id.
    pub chain_id: u64,
    /// Hardforks, with what SequencerRegistry begins with.
    pub hardforks: MegaHardforkConfig,
    /// Bucket capacities. No clock: the oracle answers from its storage.
    pub external: ExternalEnv,
    /// Whether the chain knows interventions.
    pub interventions: bool,
    /// Who signs before there is a registry.
    pub sequencer: Address,
}

/// Why a block can't be executed again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(String);

impl ReplayError {
    /// Whatever went wrong, in its words.
    pub(crate) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The database that the executor works on.
pub type Cache<'a, D> = State<WrapDatabaseRef<Adapter<&'a D>>>;

/// An empty cache over a source.
pub fn cache<D: StateReader + Debug>(source: &D) -> Cache<'_, D> {
    let adapter = Adapter::new(source);
    State::builder().with_database_ref(adapter).build()
}

/// That no read has failed: whatever a transaction makes of one that has, it is no outcome.
fn known<D: StateReader>(cache: &Cache<'_, D>) -> Result<(), ReplayError> {
    let failure = cache.database.0.take_failure();
    failure.map_or(Ok(()), |error| Err(ReplayError::of(error)))
}

/// A block in the middle of its re-execution, watched by an inspector or not.
#[allow(missing_debug_implementations)] // The executor has no useful one.
pub struct Replay<'c, 'a, D: StateReader + Debug, I = NoOpInspector> {
    executor: BlockExecutor<'c, WrapDatabaseRef<Adapter<&'a D>>, I>,
    factory: BlockFactory,
    source: &'a D,
    changes: Changes,
    first_sequencer: Address,
}

/// A transaction that has been executed, and has not changed anything yet.
#[derive(Debug)]
pub struct Executed<'t> {
    outcome: BlockMegaTransactionOutcome<Recovered<&'t OpTxEnvelope>>,
    result: TxResult,
}

impl Executed<'_> {
    /// As mega-evm tells it, with the accounts and slots that it touched.
    pub fn outcome(&self) -> &MegaTransactionOutcome {
        &self.outcome.inner
    }

    /// As its receipt tells it.
    pub fn result(&self) -> &TxResult {
        &self.result
    }
}

impl<'c, 'a, D: StateReader + Debug> Replay<'c, 'a, D> {
    /// Makes the block's system calls upon the state that `source` reads.
    pub fn begin(
        source: &'a D,
        cache: &'c mut Cache<'a, D>,
        rules: &Rules,
        block: &BlockContext,
    ) -> Result<Self, ReplayError> {
        let external = rules.external.clone();
        let factory = BlockFactory::new(
            rules.chain_id,
            &rules.hardforks,
            block,
            external,
            rules.interventions,
        );
        let mut executor = factory.executor(cache);
        let seen: Arc<Mutex<Vec<EvmState>>> = Arc::default();
        let hook = seen.clone();
        executor.set_state_hook(Some(Box::new(
            move |_: StateChangeSource, state: &EvmState| {
                hook.lock().push(state.clone());
            },
        )));
        let applied = executor.apply_pre_execution_changes();
        known(executor.evm.db())?;
        applied.map_err(ReplayError::of)?;
        executor.set_state_hook(None);

        let mut changes = Changes::default();
        for state in seen.lock().iter() {
            changes.apply(state, source)?;
        }
        Ok(Self {
            executor,
            factory,
            source,
            changes,
            first_sequencer: rules.sequencer,
        })
    }
}

impl<'c, 'a, D: StateReader + Debug, I> Replay<'c, 'a, D, I>
where
    I: Inspector<MegaContext<&'c mut Cache<'a, D>, ExternalEnv>>,
{
    /// The same block, of which `inspector` sees what is executed from here on.
    pub fn with_inspector<J>(self, inspector: J) -> Replay<'c, 'a, D, J>
    where
        J: Inspector<MegaContext<&'c mut Cache<'a, D>, ExternalEnv>>,
    {
        Replay {
            executor: self.factory.inspected(self.executor, inspector),
            factory: self.factory,
            source: self.source,
            changes: self.changes,
            first_sequencer: self.first_sequencer,
        }
    }

    /// The inspector, for what it has seen.
    pub fn inspector(&self) -> &I {
        self.executor.inspector()
    }

    /// The inspector, to take what it has seen from it.
    pub fn inspector_mut(&mut self) -> &mut I {
        self.executor.inspector_mut()
    }

    /// Executes the next transaction as a mini-block has it.
    pub fn next(&mut self, record: &TxRecord) -> Result<TxResult, ReplayError> {
        let envelope = record.envelope().map_err(ReplayError::of)?;
        self.execute(&envelope, record.sender)
    }

    /// Executes the block's transactions up to that with this index, which is not executed yet; those that have been
    /// executed are passed over. The results of the others.
    pub fn until<'t>(
        &mut self,
        transactions: impl IntoIterator<Item = &'t TxRecord>,
        index: usize,
    ) -> Result<Vec<TxResult>, ReplayError> {
        let done = self.receipts().len();
        let left = transactions.into_iter().take(index).skip(done);
        left.map(|record| self.next(record)).collect()
    }

    /// Executes the next transaction.
    pub fn execute(
        &mut self,
        envelope: &OpTxEnvelope,
        sender: Address,
    ) -> Result<TxResult, ReplayError> {
        let executed = self.run(envelope, sender)?;
        self.commit(executed)
    }

    /// Executes the next transaction, and changes nothing yet: for who looks at the state that it met.
    pub fn run<'t>(
        &mut self,
        envelope: &'t OpTxEnvelope,
        sender: Address,
    ) -> Result<Executed<'t>, ReplayError> {
        let outcome = self
            .executor
            .run_transaction(Recovered::new_unchecked(envelope, sender));
        known(self.executor.evm.db())?;
        let outcome = outcome.map_err(ReplayError::of)?;
        let deposit_nonce = (envelope.ty() == DEPOSIT_TRANSACTION_TYPE).then(|| {
            outcome
                .depositor
                .as_ref()
                .map_or(0, |account| account.nonce)
        });
        let detention = detention_of(&self.executor.evm);
        let result = result_from(
            self.factory.spec(),
            &outcome.inner,
            envelope.input(),
            detention,
            deposit_nonce,
        );
        Ok(Executed { outcome, result })
    }

    /// Has the changes of a transaction take effect, which must be the one that was run last.
    pub fn commit(&mut self, executed: Executed<'_>) -> Result<TxResult, ReplayError> {
        let Executed { outcome, result } = executed;
        self.changes.apply(&outcome.inner.state, self.source)?;
        self.executor
            .commit_transaction_outcome(outcome)
            .map_err(ReplayError::of)?;
        Ok(result)
    }

    /// The state that the next transaction will meet.
    pub fn state(&self) -> &Cache<'a, D> {
        self.executor.evm.db()
    }

    /// What changed since the last call, or since the block's beginning.
    pub fn take_effect(&mut self) -> Effect {
        self.changes.take()
    }

    /// Who must have signed the block's mini-blocks. From Rex5 on that is read from the registry's storage, which a
    /// block does not do by itself: who has only what a block reads may not know it.
    pub fn sequencer(&mut self) -> Result<Address, ReplayError> {
        if self.factory.spec() < MegaSpecId::REX5 {
            return Ok(self.first_sequencer);
        }
        let database = &mut self.executor.evm.ctx_mut().journaled_state.database;
        let slot = database
            .storage(SEQUENCER_REGISTRY_ADDRESS, CURRENT_SEQUENCER)
            .map_err(ReplayError::of)?;
        Ok(Address::from_word(B256::from(slot)))
    }

    /// Who may send system transactions.
    pub fn system_address(&self) -> Address {
        self.executor.evm.ctx_ref().system_address()
    }

    /// The receipts so far.
    pub fn receipts(&self) -> &[OpReceiptEnvelope] {
        &self.executor.receipts
    }
}
