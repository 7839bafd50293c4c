//! Executes a block again, transaction by transaction, with mega-evm's own block executor.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    sync::Arc,
};

use alloy_consensus::{Transaction as _, Typed2718 as _, transaction::Recovered};
use alloy_evm::block::{BlockExecutor as _, StateChangeSource};
use alloy_op_evm::block::OpAlloyReceiptBuilder;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use mega_evm::{
    MegaBlockExecutionCtx, MegaBlockExecutor, MegaBlockExecutorFactory, MegaEvm, MegaEvmFactory,
    MegaHardforkConfig, MegaHardforks as _, MegaSpecId, SEQUENCER_REGISTRY_ADDRESS,
};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope};
use op_revm::transaction::deposit::DEPOSIT_TRANSACTION_TYPE;
use parking_lot::Mutex;
use revm::{
    Database as _, DatabaseRef,
    database::{State, WrapDatabaseRef},
    handler::EvmTr,
    inspector::NoOpInspector,
    state::EvmState,
};

use crate::{
    block::{PlainAccount, PlainKey, PlainValue, TxResult},
    evm::{
        BlockContext, ExternalEnv, block_limits, evm_env, is_detained, result_from,
        simulate::Source,
    },
    state::Change,
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
    /// Who signs before there is a registry.
    pub sequencer: Address,
}

/// Why a block can't be executed again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(String);

impl ReplayError {
    pub(super) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The database that the executor works on.
pub type Cache<'a, D> = State<WrapDatabaseRef<&'a D>>;

type Executor<'c, 'a, D> = MegaBlockExecutor<
    MegaHardforkConfig,
    MegaEvm<&'c mut Cache<'a, D>, NoOpInspector, ExternalEnv>,
    OpAlloyReceiptBuilder,
>;

/// An empty cache over a source.
pub fn cache<D: Source>(source: &D) -> Cache<'_, D> {
    State::builder().with_database_ref(source).build()
}

/// A block in the middle of its re-execution.
#[allow(missing_debug_implementations)] // The executor has no useful one.
pub struct Replay<'c, 'a, D: Source> {
    executor: Executor<'c, 'a, D>,
    source: &'a D,
    spec: MegaSpecId,
    changes: Changes,
    sequencer: Address,
}

/// What something changed, sorted by key, and the code that came with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Keys with old and new values.
    pub changes: Vec<Change>,
    /// Code of accounts that changed, by its hash.
    pub codes: BTreeMap<B256, Bytes>,
}

impl<'c, 'a, D: Source> Replay<'c, 'a, D> {
    /// Makes the block's system calls.
    pub fn begin(
        source: &'a D,
        cache: &'c mut Cache<'a, D>,
        rules: &Rules,
        block: &BlockContext,
        extra_data: Bytes,
    ) -> Result<Self, ReplayError> {
        let limits = block_limits(&rules.hardforks, block);
        let spec = rules.hardforks.spec_id(block.timestamp);
        let context =
            MegaBlockExecutionCtx::new(block.parent_hash, Some(B256::ZERO), extra_data, limits);
        let factory = MegaBlockExecutorFactory::new(
            rules.hardforks.clone(),
            MegaEvmFactory::new().with_external_env_factory(rules.external.clone()),
            OpAlloyReceiptBuilder::default(),
        );
        let mut executor =
            factory.create_executor(cache, context, evm_env(rules.chain_id, spec, block));
        let seen: Arc<Mutex<Vec<EvmState>>> = Arc::default();
        let hook = seen.clone();
        executor.set_state_hook(Some(Box::new(
            move |_: StateChangeSource, state: &EvmState| {
                hook.lock().push(state.clone());
            },
        )));
        executor
            .apply_pre_execution_changes()
            .map_err(ReplayError::of)?;
        executor.set_state_hook(None);

        let mut changes = Changes::default();
        for state in seen.lock().iter() {
            changes.apply(state, source)?;
        }
        let sequencer = if spec >= MegaSpecId::REX5 {
            let database = &mut executor.evm.ctx_mut().journaled_state.database;
            let slot = database
                .storage(SEQUENCER_REGISTRY_ADDRESS, CURRENT_SEQUENCER)
                .map_err(ReplayError::of)?;
            Address::from_word(B256::from(slot))
        } else {
            rules.sequencer
        };
        Ok(Self {
            executor,
            source,
            spec,
            changes,
            sequencer,
        })
    }

    /// Executes the next transaction.
    pub fn execute(
        &mut self,
        envelope: &OpTxEnvelope,
        sender: Address,
    ) -> Result<TxResult, ReplayError> {
        let outcome = self
            .executor
            .run_transaction(Recovered::new_unchecked(envelope, sender))
            .map_err(ReplayError::of)?;
        let deposit_nonce = (envelope.ty() == DEPOSIT_TRANSACTION_TYPE).then(|| {
            outcome
                .depositor
                .as_ref()
                .map_or(0, |account| account.nonce)
        });
        let detained = is_detained(&self.executor.evm);
        let result = result_from(
            self.spec,
            &outcome.inner,
            envelope.input(),
            detained,
            deposit_nonce,
        );
        self.changes.apply(&outcome.inner.state, self.source)?;
        self.executor
            .commit_transaction_outcome(outcome)
            .map_err(ReplayError::of)?;
        Ok(result)
    }

    /// What changed since the last call, or since the block's beginning.
    pub fn take_effect(&mut self) -> Effect {
        self.changes.take()
    }

    /// Who must have signed the block's mini-blocks.
    pub fn sequencer(&self) -> Address {
        self.sequencer
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

/// Follows what execution changes.
#[derive(Debug, Default)]
struct Changes {
    /// The newest value of each key that the block wrote.
    newest: BTreeMap<PlainKey, PlainValue>,
    /// The values before the part that is being executed, of the keys that it wrote.
    before: BTreeMap<PlainKey, PlainValue>,
    codes: HashMap<B256, Bytes>,
}

impl Changes {
    fn apply<D: Source>(&mut self, state: &EvmState, source: &D) -> Result<(), ReplayError> {
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            let key = PlainKey::account(*address);
            if account.is_selfdestructed() {
                // EIP-6780: made in this very transaction, so that nothing of it was stored before.
                self.write(key, PlainValue::Absent, source)?;
                continue;
            }
            let info = &account.info;
            if let Some(code) = &info.code
                && info.code_hash != KECCAK256_EMPTY
            {
                self.codes.insert(info.code_hash, code.original_bytes());
            }
            let plain = PlainAccount {
                nonce: info.nonce,
                balance: info.balance,
                code_hash: info.code_hash,
            };
            self.write(key, PlainValue::from_account(plain), source)?;
            for (slot, value) in account.changed_storage_slots() {
                let key = PlainKey::slot(*address, *slot);
                self.write(key, PlainValue::from_slot(value.present_value), source)?;
            }
        }
        Ok(())
    }

    fn write<D: Source>(
        &mut self,
        key: PlainKey,
        value: PlainValue,
        source: &D,
    ) -> Result<(), ReplayError> {
        let old = match self.newest.get(&key) {
            Some(old) => *old,
            None => read(source, &key)?,
        };
        self.before.entry(key).or_insert(old);
        self.newest.insert(key, value);
        Ok(())
    }

    fn take(&mut self) -> Effect {
        let mut effect = Effect::default();
        for (key, old) in std::mem::take(&mut self.before) {
            let new = self.newest.get(&key).copied().unwrap_or(old);
            if new == old {
                continue;
            }
            if let Some(account) = new.as_account()
                && old.as_account().map(|old| old.code_hash) != Some(account.code_hash)
                && let Some(code) = self.codes.get(&account.code_hash)
            {
                effect.codes.insert(account.code_hash, code.clone());
            }
            effect.changes.push(Change { key, old, new });
        }
        effect
    }
}

/// What stands under a key of any source.
fn read<D: DatabaseRef<Error: std::fmt::Display> + Debug>(
    source: &D,
    key: &PlainKey,
) -> Result<PlainValue, ReplayError> {
    match key.slot {
        Some(slot) => {
            let value = source
                .storage_ref(key.address, slot.into())
                .map_err(ReplayError::of)?;
            Ok(PlainValue::from_slot(value))
        }
        None => {
            let info = source.basic_ref(key.address).map_err(ReplayError::of)?;
            Ok(info.map_or(PlainValue::Absent, |info| {
                PlainValue::from_account(PlainAccount {
                    nonce: info.nonce,
                    balance: info.balance,
                    code_hash: info.code_hash,
                })
            }))
        }
    }
}
