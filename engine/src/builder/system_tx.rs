//! The Mega System Transaction that writes the oracle's timestamp before a transaction that reads it.

use alloy_consensus::{SignableTransaction as _, TxLegacy};
use alloy_eips::Encodable2718;
use alloy_primitives::{B256, Bytes, Signature, TxKind, U256, keccak256};
use alloy_sol_types::SolCall as _;
use mega_evm::{IOracle, ORACLE_CONTRACT_ADDRESS};
use op_alloy_consensus::OpTxEnvelope;

use crate::{evm::ORACLE_TIMESTAMP_SLOT, keys::Key};

/// The real chain's. What isn't used costs nobody anything.
pub(crate) const GAS_LIMIT: u64 = 4_020_000;

/// `oracle.setSlots([0], [timestamp_us])` from the system address: a legacy transaction that pays nothing,
/// signed by the address' key as on the real chain. Without a key it carries no signature, and its sender
/// stands beside it in the mini-block only.
pub(crate) fn set_timestamp(
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    timestamp_us: u64,
    key: Option<&Key>,
) -> (OpTxEnvelope, Bytes, B256) {
    let call = IOracle::setSlotsCall {
        slots: vec![ORACLE_TIMESTAMP_SLOT],
        values: vec![B256::from(U256::from(timestamp_us))],
    };
    let tx = TxLegacy {
        chain_id: Some(chain_id),
        nonce,
        gas_price: 0,
        gas_limit,
        to: TxKind::Call(ORACLE_CONTRACT_ADDRESS),
        value: U256::ZERO,
        input: call.abi_encode().into(),
    };
    let signature = match key {
        Some(key) => key.sign(&tx.signature_hash()),
        None => Signature::new(U256::ZERO, U256::ZERO, false),
    };
    let envelope = OpTxEnvelope::Legacy(tx.into_signed(signature));
    let raw: Bytes = envelope.encoded_2718().into();
    let hash = keccak256(&raw);
    (envelope, raw, hash)
}
