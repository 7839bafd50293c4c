//! The beginning of a block: its system calls, and an EVM that knows the block's system address.
//!
//! mega-evm's own block executor makes the calls (EIP-2935, EIP-4788, system contracts, SequencerRegistry)
//! over a throw-away cache; what they changed is collected and handed out.

use std::sync::Arc;

use alloy_evm::{
    Database,
    block::{BlockExecutionError, BlockExecutor as _, OnStateHook, StateChangeSource},
};
use alloy_primitives::{Address, B256, TxKind, U256};
use mega_evm::{
    BlockLimits, MEGA_SYSTEM_ADDRESS, MegaEvm, ORACLE_CONTRACT_ADDRESS, SEQUENCER_REGISTRY_ADDRESS,
};
use op_alloy_consensus::OpTxEnvelope;
use parking_lot::Mutex;
use revm::{database::State, inspector::NoOpInspector, state::EvmState};

use super::{external::ExternalEnv, factory::BlockFactory};
use crate::state::{Adapter, StateError, StateReader};

/// Where SequencerRegistry keeps `_currentSystemAddress`.
const CURRENT_SYSTEM_ADDRESS_SLOT: U256 = U256::ZERO;

/// A block that has begun: an EVM for its transactions, and what its system calls changed.
pub struct BegunBlock<DB: Database> {
    /// An EVM over the caller's database. The changes are *not* in that database yet.
    pub evm: MegaEvm<DB, NoOpInspector, ExternalEnv>,
    /// The limits of the block and its transactions.
    pub limits: BlockLimits,
    /// The states that the system calls left, in order.
    pub states: Vec<EvmState>,
    /// Who may send Mega System Transactions in this block.
    pub system_address: Address,
}

/// Why a block can't begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The state can't be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A system call failed.
    #[error(transparent)]
    Call(#[from] BlockExecutionError),
}

/// Begins a block upon the state that `before` reads; transactions will run over `db`.
///
/// Doing it again over a state that already contains the changes changes nothing.
pub fn begin_block<DB: Database, R: StateReader + std::fmt::Debug>(
    factory: &BlockFactory,
    before: R,
    db: DB,
) -> Result<BegunBlock<DB>, BeginError> {
    let before = Adapter::new(before);
    let mut cache = State::builder().with_database_ref(&before).build();
    let mut executor = factory.executor(&mut cache);
    let collected = Collector::default();
    executor.set_state_hook(Some(Box::new(collected.clone())));
    let applied = executor.apply_pre_execution_changes();
    if let Some(error) = before.take_failure() {
        return Err(error.into());
    }
    applied?;
    // The context has learnt the system address; only its database is exchanged.
    let begun = executor.evm.into_inner();
    let mut evm = MegaEvm::new(begun.ctx.with_db(db));
    evm.precompiles = begun.precompiles;
    let states = std::mem::take(&mut *collected.0.lock());
    let system_address = system_address_in(&states);
    Ok(BegunBlock {
        evm,
        limits: factory.limits(),
        states,
        system_address,
    })
}

/// The block executor reads the registry last; that read is among the states. Before Rex5 there is no
/// registry, and the address is a constant.
fn system_address_in(states: &[EvmState]) -> Address {
    let read = states
        .last()
        .and_then(|state| state.get(&SEQUENCER_REGISTRY_ADDRESS));
    let slot = read.and_then(|registry| registry.storage.get(&CURRENT_SYSTEM_ADDRESS_SLOT));
    slot.map_or(MEGA_SYSTEM_ADDRESS, |slot| {
        Address::from_word(B256::from(slot.present_value))
    })
}

/// Whether a transaction is one that only the sequencer itself can have made: sent by the system address
/// to the oracle, without a signature.
pub fn is_system_transaction(envelope: &OpTxEnvelope, sender: Address, system: Address) -> bool {
    match envelope {
        OpTxEnvelope::Legacy(tx) => {
            sender == system
                && tx.tx().to == TxKind::Call(ORACLE_CONTRACT_ADDRESS)
                && tx.signature().r().is_zero()
                && tx.signature().s().is_zero()
        }
        _ => false,
    }
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<EvmState>>>);

impl OnStateHook for Collector {
    fn on_state(&mut self, _: StateChangeSource, state: &EvmState) {
        self.0.lock().push(state.clone());
    }
}
