//! Methods about single transactions and their receipts.

use super::{
    Method, Node, RpcError, block_id,
    blocks::{by_hash, by_number},
    params::Params,
    read::{Answer, damaged},
    render::{json, mini::included, transaction},
    values,
};
use crate::chain::{SharedBlock, TxPlace};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("eth_getTransactionByHash", &["hash"], get_by_hash, "A transaction, from the pool on."),
    Method::inline("eth_getTransactionByBlockNumberAndIndex", &["number or tag", "index"], get_by_number_and_index, "A transaction by its place."),
    Method::inline("eth_getTransactionByBlockHashAndIndex", &["hash", "index"], get_by_block_hash_and_index, "A transaction by its place."),
    Method::inline("eth_getRawTransactionByHash", &["hash"], get_raw_by_hash, "A transaction's EIP-2718 bytes."),
    Method::inline("eth_getRawTransactionByBlockNumberAndIndex", &["number or tag", "index"], get_raw_by_number_and_index, "A transaction's EIP-2718 bytes, by its place."),
    Method::inline("eth_getRawTransactionByBlockHashAndIndex", &["hash", "index"], get_raw_by_block_hash_and_index, "A transaction's EIP-2718 bytes, by its place."),
    Method::inline("eth_getTransactionReceipt", &["hash"], get_receipt, "A transaction's receipt, from its mini-block on."),
];

/// `eth_getTransactionByHash(hash)`: from its mini-block on, and before that from the pool.
fn get_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    if let Some(place) = find(node, &hash)? {
        return shown(node, Some(place));
    }
    let Some(pending) = node.pool.get(&hash) else {
        return Ok(json::null_bytes());
    };
    Ok(json::bytes(|out| {
        transaction::transaction(out, &pending.envelope, &hash, &pending.sender, None);
    }))
}

/// `eth_getTransactionByBlockNumberAndIndex(number or tag, index)`.
fn get_by_number_and_index(node: &Node, params: &Params<'_>) -> Answer {
    shown(node, number_and_index(node, params)?)
}

/// `eth_getTransactionByBlockHashAndIndex(hash, index)`.
fn get_by_block_hash_and_index(node: &Node, params: &Params<'_>) -> Answer {
    shown(node, hash_and_index(node, params)?)
}

/// `eth_getRawTransactionByHash(hash)`.
fn get_raw_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    if let Some(place) = find(node, &hash)? {
        return Ok(raw(Some(place)));
    }
    let pending = node.pool.get(&hash);
    Ok(pending.map_or_else(json::null_bytes, |pending| json::data_bytes(&pending.raw)))
}

/// `eth_getRawTransactionByBlockNumberAndIndex(number or tag, index)`.
fn get_raw_by_number_and_index(node: &Node, params: &Params<'_>) -> Answer {
    Ok(raw(number_and_index(node, params)?))
}

/// `eth_getRawTransactionByBlockHashAndIndex(hash, index)`.
fn get_raw_by_block_hash_and_index(node: &Node, params: &Params<'_>) -> Answer {
    Ok(raw(hash_and_index(node, params)?))
}

/// `eth_getTransactionReceipt(hash)`: from its mini-block on.
fn get_receipt(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    match find(node, &hash)? {
        Some(place) => node.receipt_json(&place.mini, place.index),
        None => Ok(json::null_bytes()),
    }
}

/// Where a transaction is, if it is visible.
pub(super) fn find(
    node: &Node,
    hash: &alloy_primitives::B256,
) -> Result<Option<TxPlace>, RpcError> {
    node.chain
        .transaction(hash)
        .map_err(|error| RpcError::internal(error.to_string()))
}

fn number_and_index(node: &Node, params: &Params<'_>) -> Result<Option<TxPlace>, RpcError> {
    let number = params.required(0, block_id::number_or_tag)?;
    let index = params.required(1, values::quantity)?;
    nth(node, by_number(node, number)?, index)
}

fn hash_and_index(node: &Node, params: &Params<'_>) -> Result<Option<TxPlace>, RpcError> {
    let hash = params.required(0, values::hash)?;
    let index = params.required(1, values::quantity)?;
    nth(node, by_hash(node, hash)?, index)
}

fn nth(node: &Node, block: Option<SharedBlock>, index: u64) -> Result<Option<TxPlace>, RpcError> {
    let Some(block) = block else { return Ok(None) };
    let Ok(mut index) = usize::try_from(index) else {
        return Ok(None);
    };
    for mini in node.minis_of(&block)? {
        if index < mini.txs.len() {
            return Ok(Some(TxPlace { mini, index }));
        }
        index -= mini.txs.len();
    }
    Ok(None)
}

fn shown(node: &Node, found: Option<TxPlace>) -> Answer {
    let Some(at) = found else {
        return Ok(json::null_bytes());
    };
    let place = node.place_of(&at.mini)?;
    let (record, offset) = node.locate(&at.mini, at.index)?;
    let envelope = record.envelope().map_err(damaged)?;
    let inclusion = included(&place, &offset, record, Some(place.shown_hash()));
    Ok(json::bytes(|out| {
        transaction::transaction(
            out,
            &envelope,
            &record.hash,
            &record.sender,
            Some(&inclusion),
        );
    }))
}

fn raw(place: Option<TxPlace>) -> Vec<u8> {
    place
        .as_ref()
        .and_then(|place| place.mini.txs.get(place.index))
        .map_or_else(json::null_bytes, |record| json::data_bytes(&record.raw))
}
