//! `debug_getRaw*`: what stands in blocks, in the bytes that their hashes and roots are made of.

use alloy_eips::BlockId;
use alloy_rlp::{BufMut as _, Encodable as _, Header as RlpHeader};

use super::{
    Method, Node, RpcError, block_id,
    params::Params,
    read::{Answer, damaged, unreadable},
    render::json,
    transactions, values,
};
use crate::{
    block::{TxRecord, encode_receipt, logs_bloom},
    chain::{SharedBlock, ViewError},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("debug_getRawHeader", &["block"], get_header, "A sealed block's header in RLP."),
    Method::worker("debug_getRawBlock", &["block"], get_block, "A sealed block in RLP."),
    Method::worker("debug_getRawReceipts", &["block"], get_receipts, "The receipts of a sealed block's transactions, each in EIP-2718 bytes."),
    Method::inline("debug_getRawTransaction", &["hash"], get_transaction, "A transaction's EIP-2718 bytes; none if nobody knows it."),
    Method::worker("debug_getRawTransactions", &["block"], get_transactions, "The EIP-2718 bytes of a sealed block's transactions."),
];

/// `debug_getRawHeader(block)`.
fn get_header(node: &Node, params: &Params<'_>) -> Answer {
    let block = sealed(node, params)?;
    Ok(json::data_bytes(&alloy_rlp::encode(&block.header)))
}

/// `debug_getRawBlock(block)`.
fn get_block(node: &Node, params: &Params<'_>) -> Answer {
    let block = sealed(node, params)?;
    let minis = node.minis_of(&block)?;
    let records: Vec<&TxRecord> = minis.iter().flat_map(|mini| &mini.txs).collect();
    let bytes: usize = records.iter().map(|record| record.raw.len()).sum();
    node.turn.expect(2 * bytes)?;

    let transactions = list(|out| {
        for record in &records {
            match record.raw.first() {
                // A legacy transaction is a list already; a typed one is wrapped in a string.
                Some(first) if *first >= 0xc0 => out.put_slice(&record.raw),
                _ => record.raw.encode(out),
            }
        }
    });
    Ok(json::data_bytes(&list(|out| {
        block.header.encode(out);
        out.put_slice(&transactions);
        // No ommers, and no withdrawals.
        out.put_u8(alloy_rlp::EMPTY_LIST_CODE);
        if block.header.withdrawals_root.is_some() {
            out.put_u8(alloy_rlp::EMPTY_LIST_CODE);
        }
    })))
}

/// `debug_getRawReceipts(block)`.
fn get_receipts(node: &Node, params: &Params<'_>) -> Answer {
    let block = sealed(node, params)?;
    let minis = node.minis_of(&block)?;
    let mut receipts = Vec::new();
    let (mut gas, mut bytes) = (0, 0);
    for record in minis.iter().flat_map(|mini| &mini.txs) {
        gas += record.result.gas_used;
        let bloom = logs_bloom(&record.result.logs);
        let receipt = encode_receipt(record, gas, &bloom).map_err(damaged)?;
        bytes += 2 * receipt.len();
        node.turn.expect(bytes)?;
        receipts.push(receipt);
    }
    Ok(json::bytes(|out| {
        json::array(out, &receipts, |out, receipt| json::data(out, receipt));
    }))
}

/// `debug_getRawTransaction(hash)`: from the pool on.
fn get_transaction(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    let raw = transactions::raw_of(node, &hash)?;
    Ok(json::data_bytes(&raw.unwrap_or_default()))
}

/// `debug_getRawTransactions(block)`.
fn get_transactions(node: &Node, params: &Params<'_>) -> Answer {
    let block = sealed(node, params)?;
    let minis = node.minis_of(&block)?;
    let records = || minis.iter().flat_map(|mini| &mini.txs);
    node.turn
        .expect(records().map(|record| 2 * record.raw.len()).sum())?;
    Ok(json::bytes(|out| {
        json::array(out, records(), |out, record| json::data(out, &record.raw));
    }))
}

/// The sealed block that is asked for; it must be there.
fn sealed(node: &Node, params: &Params<'_>) -> Result<SharedBlock, RpcError> {
    let id: BlockId = params.required(0, block_id::read)?;
    node.sealed(id)?
        .ok_or_else(|| unreadable(&ViewError::UnknownBlock, id))
}

/// An RLP list of what `write` writes.
fn list(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut payload = Vec::new();
    write(&mut payload);
    let mut out = Vec::with_capacity(payload.len() + 9);
    let payload_length = payload.len();
    RlpHeader {
        list: true,
        payload_length,
    }
    .encode(&mut out);
    out.extend_from_slice(&payload);
    out
}
