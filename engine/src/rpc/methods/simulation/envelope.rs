//! The transactions of blocks that are made up: unsigned, of the type that their fields ask for.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Signature, TxKind, U256};
use op_alloy_consensus::OpTxEnvelope;

use super::request::Call;
use crate::block::{TxRecord, TxResult, envelope_hash};

/// The record of a call that ran with this nonce and gas.
pub(super) fn record(
    call: &Call,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    result: TxResult,
) -> TxRecord {
    let raw = envelope(call, chain_id, nonce, gas_limit).encoded_2718();
    TxRecord {
        hash: envelope_hash(&raw),
        raw: raw.into(),
        sender: call.request.from,
        result,
    }
}

fn envelope(call: &Call, chain_id: u64, nonce: u64, gas_limit: u64) -> OpTxEnvelope {
    let request = &call.request;
    let to = request.to.map_or(TxKind::Create, TxKind::Call);
    let (value, input) = (request.value, request.input.clone());
    let max_fee_per_gas = request.max_fee_per_gas.unwrap_or_default();
    let max_priority_fee_per_gas = request.max_priority_fee_per_gas.unwrap_or_default();
    match (request.gas_price, request.access_list.clone(), request.to) {
        (Some(gas_price), None, _) => unsigned(TxLegacy {
            chain_id: Some(chain_id),
            nonce,
            gas_price,
            gas_limit,
            to,
            value,
            input,
        }),
        (Some(gas_price), Some(access_list), _) => unsigned(TxEip2930 {
            chain_id,
            nonce,
            gas_price,
            gas_limit,
            to,
            value,
            access_list,
            input,
        }),
        (None, access_list, Some(to)) if !call.authorizations.is_empty() => unsigned(TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list: access_list.unwrap_or_default(),
            authorization_list: call.authorizations.clone(),
            input,
        }),
        (None, access_list, _) => unsigned(TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list: access_list.unwrap_or_default(),
            input,
        }),
    }
}

fn unsigned<T>(transaction: T) -> OpTxEnvelope
where
    T: SignableTransaction<Signature>,
    OpTxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let none = Signature::new(U256::ZERO, U256::ZERO, false);
    transaction.into_signed(none).into()
}
