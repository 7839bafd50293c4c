//! A block as Otterscan's pages show it: what is heavy left out, and its fees added up.

use std::ops::Range;

use alloy_consensus::Transaction as _;
use alloy_primitives::U256;
use serde_json::{Map, Value, json};

use super::super::{
    Node, RpcError, block_id,
    blocks::{by_hash, by_number},
    params::Params,
    read::{Answer, damaged},
    render::{
        block::{self, Detail},
        json,
    },
    transactions::shown,
    values,
};
use crate::chain::{SharedBlock, TxPlace};

/// So many transactions are on a page at most.
const MAX_PAGE: u64 = 1_000;

/// Of calldata so many characters are shown: `0x` and the selector.
const SHOWN_INPUT: usize = 10;

/// `ots_getBlockDetails(number or tag)`: null if there is none.
pub(super) fn details_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    details(node, by_number(node, number)?)
}

/// `ots_getBlockDetailsByHash(hash)`: null if there is none.
pub(super) fn details_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    details(node, by_hash(node, hash)?)
}

fn details(node: &Node, block: Option<SharedBlock>) -> Answer {
    let Some(block) = block else {
        return Ok(json::null_bytes());
    };
    let (mut shown, _) = light(node, &block)?;
    shown.remove("transactions");
    let nothing = "0x0";
    let details = json!({
        "block": shown,
        "issuance": {"blockReward": nothing, "uncleReward": nothing, "issuance": nothing},
        "totalFees": format!("{:#x}", fees(node, &block)?),
    });
    Ok(details.to_string().into_bytes())
}

/// The block with hashes only, without bloom; and how many transactions it holds.
fn light(node: &Node, block: &SharedBlock) -> Result<(Map<String, Value>, u64), RpcError> {
    let minis = node.minis_of(block)?;
    let count = minis.iter().map(|mini| mini.txs.len() as u64).sum();
    let mut out = Vec::new();
    let tx_offset = node.chain.tx_offset(block.header.number);
    block::block(&mut out, block, tx_offset, &minis, Detail::Hashes).map_err(damaged)?;
    let mut shown: Map<String, Value> = parsed(&out)?;
    shown.insert("logsBloom".to_owned(), Value::Null);
    shown.insert("transactionCount".to_owned(), Value::from(count));
    Ok((shown, count))
}

fn parsed<T: serde::de::DeserializeOwned>(rendered: &[u8]) -> Result<T, RpcError> {
    serde_json::from_slice(rendered).map_err(|error| RpcError::internal(error.to_string()))
}

/// What all senders paid for gas, wei.
fn fees(node: &Node, block: &SharedBlock) -> Result<U256, RpcError> {
    let base_fee = block.header.base_fee_per_gas;
    let mut fees = U256::ZERO;
    for mini in node.minis_of(block)? {
        for record in &mini.txs {
            let envelope = record.envelope().map_err(damaged)?;
            let price = U256::from(envelope.effective_gas_price(base_fee));
            fees += price * U256::from(record.result.gas_used);
        }
    }
    Ok(fees)
}

/// `ots_getBlockTransactions(number or tag, page, page size)`: null if there is no such block.
pub(super) fn transactions(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    let page = params.required(1, values::quantity)?;
    let size = params.required(2, values::quantity)?;
    if size > MAX_PAGE {
        let told = format!("{size} transactions are too many for a page, {MAX_PAGE} at most");
        return Err(RpcError::limit(told));
    }
    let Some(block) = by_number(node, number)? else {
        return Ok(json::null_bytes());
    };
    let (mut fullblock, count) = light(node, &block)?;
    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    for place in places(node, &block, page_of(count, page, size))? {
        let receipt: Map<String, Value> = parsed(&node.receipt_json(&place.mini, place.index)?)?;
        receipts.push(without_logs(receipt));
        let mut transaction: Map<String, Value> = parsed(&shown(node, Some(place))?)?;
        if let Some(Value::String(input)) = transaction.get_mut("input") {
            input.truncate(SHOWN_INPUT);
        }
        transactions.push(Value::Object(transaction));
        node.turn.check(0)?;
    }
    fullblock.insert("transactions".to_owned(), Value::Array(transactions));
    let answer = json!({"fullblock": fullblock, "receipts": receipts});
    Ok(answer.to_string().into_bytes())
}

fn without_logs(mut receipt: Map<String, Value>) -> Value {
    for member in ["logs", "logsBloom"] {
        receipt.insert(member.to_owned(), Value::Null);
    }
    Value::Object(receipt)
}

/// The transactions of a page: the first page ends with the last transaction.
fn page_of(count: u64, page: u64, size: u64) -> Range<u64> {
    let end = count.saturating_sub(page.saturating_mul(size));
    end.saturating_sub(size)..end
}

/// Where the transactions of a block are that have these indices.
fn places(node: &Node, block: &SharedBlock, wanted: Range<u64>) -> Result<Vec<TxPlace>, RpcError> {
    let minis = node.minis_of(block)?;
    let all = minis.iter().flat_map(|mini| {
        (0..mini.txs.len()).map(|index| TxPlace {
            mini: mini.clone(),
            index,
        })
    });
    let count = wanted.end - wanted.start;
    Ok(all
        .skip(usize::try_from(wanted.start).unwrap_or(usize::MAX))
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn pages_begin_at_the_end() {
        assert_eq!(page_of(7, 0, 3), 4..7);
        assert_eq!(page_of(7, 1, 3), 1..4);
        assert_eq!(page_of(7, 2, 3), 0..1);
        assert_eq!(page_of(7, 3, 3), 0..0);
        assert_eq!(page_of(7, u64::MAX, 3), 0..0);
    }
}
