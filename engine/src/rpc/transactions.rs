//! Methods about single transactions and their receipts.

use std::sync::Arc;

use super::{
    Method, Node, RpcError, block_id,
    blocks::{by_hash, by_number},
    params::Params,
    read::{Answer, damaged},
    render::{Offset, json, mini::included, receipt, transaction},
    values,
};
use crate::{
    block::MiniBlock,
    chain::{SharedBlock, TxPlace},
};

/// This room's methods.
pub(super) const METHODS: &[Method] = &[
    Method::cheap("eth_getTransactionByHash", get_by_hash),
    Method::cheap(
        "eth_getTransactionByBlockNumberAndIndex",
        get_by_number_and_index,
    ),
    Method::cheap(
        "eth_getTransactionByBlockHashAndIndex",
        get_by_block_hash_and_index,
    ),
    Method::cheap("eth_getRawTransactionByHash", get_raw_by_hash),
    Method::cheap(
        "eth_getRawTransactionByBlockNumberAndIndex",
        get_raw_by_number_and_index,
    ),
    Method::cheap(
        "eth_getRawTransactionByBlockHashAndIndex",
        get_raw_by_block_hash_and_index,
    ),
    Method::cheap("eth_getTransactionReceipt", get_receipt),
];

/// `eth_getTransactionByHash(hash)`: from its mini-block on, and before that from the pool.
fn get_by_hash(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let hash = params.required(0, values::hash)?;
    if let Some(place) = find(node, &hash)? {
        return node.transaction_json(&place);
    }
    let Some(pending) = node.pool.get(&hash) else {
        return Ok(json::null_bytes());
    };
    Ok(json::bytes(|out| {
        transaction::transaction(out, &pending.envelope, &hash, &pending.sender, None);
    }))
}

/// `eth_getTransactionByBlockNumberAndIndex(number or tag, index)`.
fn get_by_number_and_index(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    shown(node, number_and_index(node, params)?)
}

/// `eth_getTransactionByBlockHashAndIndex(hash, index)`.
fn get_by_block_hash_and_index(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    shown(node, hash_and_index(node, params)?)
}

/// `eth_getRawTransactionByHash(hash)`.
fn get_raw_by_hash(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let hash = params.required(0, values::hash)?;
    if let Some(place) = find(node, &hash)? {
        return Ok(raw(Some(place)));
    }
    let pending = node.pool.get(&hash);
    Ok(pending.map_or_else(json::null_bytes, |pending| json::data_bytes(&pending.raw)))
}

/// `eth_getRawTransactionByBlockNumberAndIndex(number or tag, index)`.
fn get_raw_by_number_and_index(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    Ok(raw(number_and_index(node, params)?))
}

/// `eth_getRawTransactionByBlockHashAndIndex(hash, index)`.
fn get_raw_by_block_hash_and_index(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    Ok(raw(hash_and_index(node, params)?))
}

/// `eth_getTransactionReceipt(hash)`: from its mini-block on.
fn get_receipt(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let hash = params.required(0, values::hash)?;
    match find(node, &hash)? {
        Some(place) => node.receipt_json(&place.mini, place.index),
        None => Ok(json::null_bytes()),
    }
}

impl Node {
    /// The receipt of the transaction at `index` of a mini-block.
    pub fn receipt_json(&self, mini: &Arc<MiniBlock>, index: usize) -> Answer {
        let place = self.place_of(mini)?;
        let (record, offset) = self.locate(mini, index)?;
        let mut out = Vec::with_capacity(1536);
        receipt::receipt(&mut out, record, &place, &offset).map_err(damaged)?;
        Ok(out)
    }

    fn transaction_json(&self, at: &TxPlace) -> Answer {
        let place = self.place_of(&at.mini)?;
        let (record, offset) = self.locate(&at.mini, at.index)?;
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

    /// A transaction's record, and what its EVM block holds before it.
    fn locate<'a>(
        &self,
        mini: &'a MiniBlock,
        index: usize,
    ) -> Result<(&'a crate::block::TxRecord, Offset), RpcError> {
        let mut offset = self.offset_of(mini)?;
        for earlier in mini.txs.iter().take(index) {
            offset = offset.after(earlier);
        }
        let record = mini.txs.get(index).ok_or_else(|| {
            RpcError::internal(format!(
                "mini-block {} has no transaction {index}",
                mini.number
            ))
        })?;
        Ok((record, offset))
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
    params.at_most(2)?;
    let number = params.required(0, block_id::number_or_tag)?;
    let index = params.required(1, values::quantity)?;
    nth(node, by_number(node, number)?, index)
}

fn hash_and_index(node: &Node, params: &Params<'_>) -> Result<Option<TxPlace>, RpcError> {
    params.at_most(2)?;
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

fn shown(node: &Node, place: Option<TxPlace>) -> Answer {
    match place {
        Some(place) => node.transaction_json(&place),
        None => Ok(json::null_bytes()),
    }
}

fn raw(place: Option<TxPlace>) -> Vec<u8> {
    place
        .as_ref()
        .and_then(|place| place.mini.txs.get(place.index))
        .map_or_else(json::null_bytes, |record| json::data_bytes(&record.raw))
}
