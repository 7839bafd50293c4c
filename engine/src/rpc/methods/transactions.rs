//! Methods about single transactions and their receipts.

use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes};

use super::{
    Method, Node, RpcError, block_id,
    blocks::{by_hash, by_number},
    history::{first_with, oldest},
    params::Params,
    read::{Answer, damaged, state_error},
    render::{json, mini::included, transaction},
    values,
};
use crate::{
    block::MiniBlock,
    chain::{SharedBlock, TxPlace},
    state::StateReader as _,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("eth_getTransactionByHash", &["hash"], get_by_hash, "A transaction, from the pool on."),
    Method::inline("eth_getTransactionByBlockNumberAndIndex", &["number or tag", "index"], get_by_number_and_index, "A transaction by its place."),
    Method::inline("eth_getTransactionByBlockHashAndIndex", &["hash", "index"], get_by_block_hash_and_index, "A transaction by its place."),
    Method::worker("eth_getTransactionBySenderAndNonce", &["address", "nonce"], get_by_sender_and_nonce, "The transaction with which an account used a nonce, or will: from the pool on."),
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

/// `eth_getTransactionBySenderAndNonce(address, nonce)`.
fn get_by_sender_and_nonce(node: &Node, params: &Params<'_>) -> Answer {
    let sender = params.required(0, values::address)?;
    let nonce = params.required(1, values::quantity)?;
    let waiting = node.pool.by_nonce(&sender, nonce);
    if let Some(place) = by_nonce(node, sender, nonce)? {
        return shown(node, Some(place));
    }
    Ok(waiting.map_or_else(json::null_bytes, |waiting| {
        json::bytes(|out| {
            transaction::transaction(out, &waiting.envelope, &waiting.hash, &sender, None);
        })
    }))
}

/// Where a transaction is that took this nonce. What else counts a nonce up (EIP-7702, a creation) is none.
pub(super) fn by_nonce(
    node: &Node,
    sender: Address,
    nonce: u64,
) -> Result<Option<TxPlace>, RpcError> {
    let nonce_at = |block| {
        let (view, _) = node.view(BlockId::number(block))?;
        let account = view.account(sender).map_err(state_error)?;
        Ok::<_, RpcError>(account.unwrap_or_default().nonce)
    };
    let used_in = node.chain.recent.visible_block();
    if nonce_at(used_in)? <= nonce {
        let open = used_in + 1;
        if let Some(place) = with_nonce(&node.open_minis()?, sender, nonce)? {
            return Ok(Some(place));
        }
        // It may have been sealed between the two looks.
        let sealed = node.sealed(BlockId::number(open))?;
        let minis = sealed.map(|block| node.minis_of(&block)).transpose()?;
        return with_nonce(&minis.unwrap_or_default(), sender, nonce);
    }
    let unused_in = oldest(node);
    if nonce_at(unused_in)? > nonce {
        // It was used before the log begins: an error, but where that is the chain's beginning.
        node.view(BlockId::number(unused_in.saturating_sub(1)))?;
        return Ok(None);
    }
    let used_in = first_with(node, unused_in, used_in, |block| {
        Ok(nonce_at(block)? > nonce)
    })?;
    let block = node.sealed(BlockId::number(used_in))?;
    let minis = block.map(|block| node.minis_of(&block)).transpose()?;
    with_nonce(&minis.unwrap_or_default(), sender, nonce)
}

fn with_nonce(
    minis: &[Arc<MiniBlock>],
    sender: Address,
    nonce: u64,
) -> Result<Option<TxPlace>, RpcError> {
    for mini in minis {
        for (index, record) in mini.txs.iter().enumerate() {
            if record.sender != sender {
                continue;
            }
            let used = match record.result.deposit_nonce {
                Some(used) => used,
                None => record.envelope().map_err(damaged)?.nonce(),
            };
            if used == nonce {
                let mini = mini.clone();
                return Ok(Some(TxPlace { mini, index }));
            }
        }
    }
    Ok(None)
}

/// `eth_getRawTransactionByHash(hash)`.
fn get_raw_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    let raw = raw_of(node, &hash)?;
    Ok(raw.map_or_else(json::null_bytes, |raw| json::data_bytes(&raw)))
}

/// A transaction's EIP-2718 bytes, from the pool on.
pub(super) fn raw_of(node: &Node, hash: &B256) -> Result<Option<Bytes>, RpcError> {
    if let Some(place) = find(node, hash)? {
        let record = place.mini.txs.get(place.index);
        return Ok(record.map(|record| record.raw.clone()));
    }
    Ok(node.pool.get(hash).map(|pending| pending.raw.clone()))
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
pub(super) fn find(node: &Node, hash: &B256) -> Result<Option<TxPlace>, RpcError> {
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

/// A transaction as clients read it; null if there is none.
pub(super) fn shown(node: &Node, found: Option<TxPlace>) -> Answer {
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
