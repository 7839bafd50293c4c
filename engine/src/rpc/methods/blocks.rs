//! Methods about EVM blocks: whole, header only, counts and receipts.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::B256;
use mega_evm::MegaHardforks as _;

use super::{
    Method, Node, RpcError, block_id,
    params::Params,
    read::{Answer, damaged},
    render::{
        BlockOffset, UNSEALED_HASH,
        block::{self, Detail, place_in},
        json, receipt,
    },
    values,
};
use crate::chain::SharedBlock;

/// Bytes of a hash as an element of a list.
const HASH_JSON: usize = 69;
/// Bytes of a transaction's members that are always there, without their values.
const MEMBERS_JSON: usize = 300;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("eth_blockNumber", &[], block_number, "The number of the newest sealed block."),
    Method::worker("eth_getBlockByNumber", &["number or tag", "full?"], get_block_by_number, "A block with its transactions, or their hashes."),
    Method::worker("eth_getBlockByHash", &["hash", "full?"], get_block_by_hash, "A block with its transactions, or their hashes."),
    Method::inline("eth_getHeaderByNumber", &["number or tag"], get_header_by_number, "A block's header."),
    Method::inline("eth_getHeaderByHash", &["hash"], get_header_by_hash, "A block's header."),
    Method::inline("eth_getBlockTransactionCountByNumber", &["number or tag"], get_transaction_count_by_number, "How many transactions a block holds."),
    Method::inline("eth_getBlockTransactionCountByHash", &["hash"], get_transaction_count_by_hash, "How many transactions a block holds."),
    Method::inline("eth_getUncleCountByBlockNumber", &["number or tag"], get_uncle_count_by_number, "Zero: there are no uncles."),
    Method::inline("eth_getUncleCountByBlockHash", &["hash"], get_uncle_count_by_hash, "Zero: there are no uncles."),
    Method::inline("eth_getUncleByBlockNumberAndIndex", &["block", "index"], get_uncle, "Null: there are no uncles."),
    Method::inline("eth_getUncleByBlockHashAndIndex", &["block", "index"], get_uncle, "Null: there are no uncles."),
    Method::worker("eth_getBlockReceipts", &["block"], get_receipts, "The receipts of a block's transactions."),
];

/// `eth_blockNumber()`: the newest sealed block's.
fn block_number(node: &Node, _: &Params<'_>) -> Answer {
    Ok(json::quantity_bytes(node.chain.recent.visible_block()))
}

/// `eth_getBlockByNumber(number or tag, full)`. A block that is not sealed is null, unless it is served.
fn get_block_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    whole(node, params, by_number(node, number)?)
}

/// `eth_getBlockByHash(hash, full)`.
fn get_block_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    whole(node, params, by_hash(node, hash)?)
}

/// `eth_getHeaderByNumber(number or tag)`.
pub(super) fn get_header_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    Ok(header(node, by_number(node, number)?))
}

/// `eth_getHeaderByHash(hash)`.
fn get_header_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    Ok(header(node, by_hash(node, hash)?))
}

/// `eth_getBlockTransactionCountByNumber(number or tag)`.
fn get_transaction_count_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    transaction_count(node, by_number(node, number)?)
}

/// `eth_getBlockTransactionCountByHash(hash)`.
fn get_transaction_count_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    transaction_count(node, by_hash(node, hash)?)
}

/// `eth_getUncleCountByBlockNumber(number or tag)`: zero.
fn get_uncle_count_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    Ok(uncle_count(by_number(node, number)?))
}

/// `eth_getUncleCountByBlockHash(hash)`: zero.
fn get_uncle_count_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    Ok(uncle_count(by_hash(node, hash)?))
}

/// `eth_getUncleByBlock*AndIndex(block, index)`: null.
fn get_uncle(_: &Node, params: &Params<'_>) -> Answer {
    params.required(0, block_id::read)?;
    params.required(1, values::quantity)?;
    Ok(json::null_bytes())
}

/// `eth_getBlockReceipts(block)`.
fn get_receipts(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let Some(block) = by_id(node, id)? else {
        return Ok(json::null_bytes());
    };
    let spec = node.chain.hardforks.spec_id(block.header.timestamp);
    let mut out = vec![b'['];
    let mut offset = BlockOffset::default();
    for mini in node.minis_of(&block)? {
        let place = place_in(&block, &mini);
        for record in &mini.txs {
            if offset.transactions > 0 {
                out.push(b',');
            }
            receipt::receipt(&mut out, record, &place, &offset, spec).map_err(damaged)?;
            node.turn.expect(out.len())?;
            offset = offset.after(record);
        }
    }
    out.push(b']');
    Ok(out)
}

/// A block by number or tag: a sealed one, or the open one if it is served.
pub(super) fn by_number(
    node: &Node,
    number: BlockNumberOrTag,
) -> Result<Option<SharedBlock>, RpcError> {
    if number == BlockNumberOrTag::Pending {
        return node.open_block();
    }
    if let Some(sealed) = node.sealed(BlockId::Number(number))? {
        return Ok(Some(sealed));
    }
    let open = node.open_block()?;
    let is_it = |open: &SharedBlock| number.as_number() == Some(open.header.number);
    match open.filter(is_it) {
        Some(open) => Ok(Some(open)),
        // It may have been sealed between the two looks.
        None => node.sealed(BlockId::Number(number)),
    }
}

/// A block by hash; the open one has that of what is not sealed.
pub(super) fn by_hash(node: &Node, hash: B256) -> Result<Option<SharedBlock>, RpcError> {
    match hash {
        UNSEALED_HASH => node.open_block(),
        _ => node.sealed(BlockId::from(hash)),
    }
}

/// A block by whatever names one.
pub(super) fn by_id(node: &Node, id: BlockId) -> Result<Option<SharedBlock>, RpcError> {
    match id {
        BlockId::Number(number) => by_number(node, number),
        BlockId::Hash(hash) => by_hash(node, hash.block_hash),
    }
}

fn whole(node: &Node, params: &Params<'_>, block: Option<SharedBlock>) -> Answer {
    let full = params.optional(1, values::boolean)?.unwrap_or_default();
    let Some(block) = block else {
        return Ok(json::null_bytes());
    };
    let minis = node.minis_of(&block)?;
    let detail = if full { Detail::Full } else { Detail::Hashes };
    let transactions = minis.iter().flat_map(|mini| &mini.txs);
    node.turn.expect(match detail {
        Detail::Hashes => transactions.count() * HASH_JSON,
        // At least: its bytes in hex, and the names of the members.
        Detail::Full => transactions
            .map(|record| 2 * record.raw.len() + MEMBERS_JSON)
            .sum(),
    })?;
    let mut out = Vec::with_capacity(2048);
    let tx_offset = node.chain.tx_offset(block.header.number);
    block::block(&mut out, &block, tx_offset, &minis, detail).map_err(damaged)?;
    Ok(out)
}

fn header(node: &Node, block: Option<SharedBlock>) -> Vec<u8> {
    let Some(block) = block else {
        return json::null_bytes();
    };
    let tx_offset = node.chain.tx_offset(block.header.number);
    json::bytes(|out| block::header(out, &block, tx_offset))
}

fn transaction_count(node: &Node, block: Option<SharedBlock>) -> Answer {
    let Some(block) = block else {
        return Ok(json::null_bytes());
    };
    let minis = node.minis_of(&block)?;
    Ok(json::quantity_bytes(
        minis.iter().map(|mini| mini.txs.len() as u64).sum(),
    ))
}

fn uncle_count(block: Option<SharedBlock>) -> Vec<u8> {
    block.map_or_else(json::null_bytes, |_| json::quantity_bytes(0))
}
