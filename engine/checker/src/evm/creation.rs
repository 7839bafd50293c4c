//! Storage gas for the account that a transaction makes by itself, before its first instruction.

use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, TxKind};
use mega_evm::{DynamicGasCost, MegaSpecId};
use op_alloy_consensus::OpTxEnvelope;

use super::{BucketCapacities, EvmCapacities};

/// What `tx` pays for the contract that it creates, or for the empty account that it sends value to: the more
/// crowded the account's bucket, the more. Part of the intrinsic gas (mega-evm's `MegaHandler::validate`).
pub fn creation_gas(
    spec: MegaSpecId,
    capacities: Arc<dyn BucketCapacities>,
    tx: &OpTxEnvelope,
    sender: Address,
    is_empty: impl FnOnce(&Address) -> bool,
) -> u64 {
    if !spec.is_enabled(MegaSpecId::MINI_REX) {
        return 0;
    }
    // Our capacities are as of the parent block whichever that is.
    let mut costs = DynamicGasCost::new(spec, EvmCapacities::new(capacities), 0);
    let gas = match tx.kind() {
        TxKind::Call(_) if tx.value().is_zero() => return 0,
        TxKind::Call(to) => {
            let gas = costs.new_account_gas(to);
            // The bucket is looked at first: hardly any is crowded.
            gas.map(|gas| if gas > 0 && is_empty(&to) { gas } else { 0 })
        }
        TxKind::Create if spec.is_enabled(MegaSpecId::REX) => {
            costs.create_contract_gas(sender.create(tx.nonce()))
        }
        TxKind::Create => costs.new_account_gas(sender.create(tx.nonce())),
    };
    // Where the bucket is unknown, the transaction's own execution tells.
    gas.unwrap_or(0)
}
