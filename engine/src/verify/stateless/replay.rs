//! Executes a block over what is known, by mega-evm's block executor with the plain interpreter.

use std::collections::BTreeMap;

use alloy_consensus::{Header, transaction::Recovered};
use alloy_evm::block::BlockExecutor as _;
use alloy_op_evm::block::OpAlloyReceiptBuilder;
use alloy_primitives::{Address, U256};
use mega_evm::{
    MegaBlockExecutionCtx, MegaBlockExecutorFactory, MegaEvmFactory, MegaHardforks as _,
};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope};
use revm::{
    database::{State, states::bundle_state::BundleRetention},
    handler::EvmTr,
    state::AccountInfo,
};

use super::{
    chain::ChainRules,
    known::{Capacities, Known},
};
use crate::{
    block::{PlainAccount, PlainKey, PlainValue, Sender},
    evm::{BlockContext, block_limits, evm_env, is_system_transaction},
    verify::replay::ReplayError,
};

/// What execution gives.
#[derive(Debug)]
pub struct Executed {
    /// The receipts, in order.
    pub receipts: Vec<OpReceiptEnvelope>,
    /// The keys whose values after the block differ from those before it, with their new values.
    pub changes: BTreeMap<PlainKey, PlainValue>,
}

/// Executes the block of `header`. The claimed sender counts only where a system transaction has no
/// signature.
pub fn replay(
    known: &Known,
    capacities: Capacities,
    rules: &ChainRules,
    header: &Header,
    transactions: &[(OpTxEnvelope, Sender, Address)],
) -> Result<Executed, ReplayError> {
    let block = BlockContext::of(header);
    let spec = rules.hardforks.spec_id(header.timestamp);
    let execution = MegaBlockExecutionCtx::new(
        header.parent_hash,
        header.parent_beacon_block_root,
        header.extra_data.clone(),
        block_limits(&rules.hardforks, &block),
    );
    let mut state = State::builder()
        .with_database_ref(known)
        .with_bundle_update()
        .build();
    let factory = MegaBlockExecutorFactory::new(
        rules.hardforks.clone(),
        MegaEvmFactory::new().with_external_env_factory(capacities),
        OpAlloyReceiptBuilder::default(),
    );
    let mut executor =
        factory.create_executor(&mut state, execution, evm_env(rules.chain_id, spec, &block));
    executor
        .apply_pre_execution_changes()
        .map_err(ReplayError::of)?;
    let system = executor.evm.ctx_ref().system_address();
    for (nth, (envelope, sender, claimed)) in transactions.iter().enumerate() {
        let at = |error: String| ReplayError::of(format!("transaction {nth}: {error}"));
        let sender = match sender {
            Sender::Known(sender) => *sender,
            Sender::Unsigned if is_system_transaction(envelope, *claimed, system) => *claimed,
            Sender::Unsigned => {
                return Err(at(
                    "it has no signature, which only the system address's have not".into(),
                ));
            }
        };
        executor
            .execute_transaction(Recovered::new_unchecked(envelope, sender))
            .map_err(|error| at(error.to_string()))?;
    }
    let result = executor
        .apply_post_execution_changes()
        .map_err(ReplayError::of)?;
    state.merge_transitions(BundleRetention::PlainState);
    let bundle = state.take_bundle();

    let mut changes = BTreeMap::new();
    for (address, account) in bundle.state {
        let new = plain(account.info.as_ref());
        if new != plain(account.original_info.as_ref()) {
            changes.insert(PlainKey::account(address), new);
        }
        for (slot, value) in account.storage {
            if value.is_changed() {
                let value = PlainValue::from_slot(value.present_value);
                changes.insert(PlainKey::slot(address, slot), value);
            }
        }
    }
    Ok(Executed {
        receipts: result.receipts,
        changes,
    })
}

fn plain(info: Option<&AccountInfo>) -> PlainValue {
    info.map_or(PlainValue::Absent, |info| {
        PlainValue::from_account(PlainAccount {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: info.code_hash,
        })
    })
}

/// The changes of the withdrawals contract's storage, as its trie takes them.
pub fn withdrawals(
    changes: &BTreeMap<PlainKey, PlainValue>,
    contract: Address,
) -> Vec<([u8; 32], [u8; 32])> {
    let own = changes.iter().filter(|(key, _)| key.address == contract);
    own.filter_map(|(key, value)| {
        let slot = key.slot?;
        Some((slot.0, U256::to_be_bytes(&value.as_slot())))
    })
    .collect()
}
