//! Methods about the chain's id and its prices, which never change: MegaETH's base fee is fixed and
//! no tip is needed.

use alloy_consensus::Transaction as _;

use super::{
    Method, Node, RpcError, block_id,
    params::Params,
    read::{Answer, damaged, unreadable},
    render::json::{self, Object},
    values,
};
use crate::{block::BlockRecord, chain::ViewError};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("eth_chainId", &[], chain_id, "The chain's id."),
    Method::inline("eth_gasPrice", &[], gas_price, "The base fee, which never changes: no tip is needed."),
    Method::inline("eth_maxPriorityFeePerGas", &[], max_priority_fee_per_gas, "Zero: no tip is needed."),
    Method::inline("eth_baseFee", &[], gas_price, "The base fee, which never changes."),
    Method::inline("eth_blobBaseFee", &[], blob_base_fee, "The price of blob gas, of which there is none."),
    Method::worker("eth_feeHistory", &["count", "newest block", "percentiles?"], fee_history, "Base fees, fullness and tips of the newest blocks."),
];

/// Blocks in one `eth_feeHistory` at most; geth's number.
const MAX_HISTORY: u64 = 1024;
/// Percentiles in one `eth_feeHistory` at most; geth's number.
const MAX_PERCENTILES: usize = 100;
/// The price of blob gas, of which there is none: EIP-4844's minimum.
const BLOB_BASE_FEE: u64 = 1;

/// `eth_chainId()`.
fn chain_id(node: &Node, _: &Params<'_>) -> Answer {
    Ok(json::quantity_bytes(node.chain.config.chain_id))
}

/// `eth_gasPrice()`, and `eth_baseFee()`.
fn gas_price(node: &Node, _: &Params<'_>) -> Answer {
    Ok(json::quantity_bytes(node.chain.config.base_fee))
}

/// `eth_maxPriorityFeePerGas()`.
fn max_priority_fee_per_gas(_: &Node, _: &Params<'_>) -> Answer {
    Ok(json::quantity_bytes(0))
}

/// `eth_blobBaseFee()`.
fn blob_base_fee(_: &Node, _: &Params<'_>) -> Answer {
    Ok(json::quantity_bytes(BLOB_BASE_FEE))
}

/// `eth_feeHistory(count, newest block, percentiles)`.
fn fee_history(node: &Node, params: &Params<'_>) -> Answer {
    let count = params.required(0, values::quantity)?.min(MAX_HISTORY);
    let newest = params.required(1, block_id::read)?;
    let percentiles = params.optional(2, percentiles)?;
    let newest = node
        .chain
        .resolve(newest)
        .map_err(|error| unreadable(&error, newest))?;
    let count = count.min(newest + 1 - node.chain.first_block());
    let oldest = newest + 1 - count;

    let mut ratios = Vec::new();
    let mut rewards = Vec::new();
    let mut base_fees = Vec::new();
    for number in oldest..=newest {
        if count == 0 {
            break;
        }
        node.turn.check(0)?;
        let id = alloy_eips::BlockId::number(number);
        let block = node
            .sealed(id)?
            .ok_or_else(|| unreadable(&ViewError::UnknownBlock, id))?;
        base_fees.push(block.header.base_fee_per_gas.unwrap_or_default());
        ratios.push(block.header.gas_used as f64 / block.header.gas_limit.max(1) as f64);
        if let Some(percentiles) = &percentiles {
            rewards.push(tips(node, &block, percentiles)?);
        }
    }
    base_fees.push(node.chain.config.base_fee);

    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object.quantity("oldestBlock", if count == 0 { 0 } else { oldest });
        let blocks = ratios.len();
        let next = blocks + usize::from(blocks > 0);
        json::array(
            object.member("baseFeePerGas"),
            &base_fees[base_fees.len() - next..],
            |out, fee| {
                json::quantity(out, *fee);
            },
        );
        json::array(object.member("gasUsedRatio"), &ratios, |out, ratio| {
            out.extend_from_slice(format!("{ratio:?}").as_bytes());
        });
        json::array(object.member("baseFeePerBlobGas"), 0..next, |out, _| {
            json::quantity(out, BLOB_BASE_FEE);
        });
        json::array(object.member("blobGasUsedRatio"), 0..blocks, |out, _| {
            out.extend_from_slice(b"0.0");
        });
        if percentiles.is_some() {
            json::array(object.member("reward"), &rewards, |out, tips| {
                json::array(out, tips, |out, tip| json::quantity_u128(out, *tip));
            });
        }
        object.close();
    }))
}

fn percentiles(raw: &str) -> Result<Vec<f64>, String> {
    let values: Vec<f64> = serde_json::from_str(raw).map_err(|_| "expected a list of numbers")?;
    if values.len() > MAX_PERCENTILES {
        return Err(format!("over the query limit {MAX_PERCENTILES}"));
    }
    if let Some(value) = values.iter().find(|value| !(0.0..=100.0).contains(*value)) {
        return Err(format!("invalid reward percentile: {value}"));
    }
    if let Some(at) = values.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(format!(
            "invalid reward percentile: #{at}:{} >= #{}:{}: each has to be higher than the one before",
            values[at],
            at + 1,
            values[at + 1]
        ));
    }
    Ok(values)
}

/// The tips at the percentiles of the block's gas, cheapest first.
fn tips(node: &Node, block: &BlockRecord, percentiles: &[f64]) -> Result<Vec<u128>, RpcError> {
    let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
    let mut paid: Vec<(u128, u64)> = Vec::new();
    for mini in node.minis_of(block)? {
        for record in &mini.txs {
            let envelope = record.envelope().map_err(damaged)?;
            let tip = envelope.effective_tip_per_gas(base_fee).unwrap_or_default();
            paid.push((tip, record.result.gas_used));
        }
    }
    paid.sort_unstable();
    let mut sum = 0u64;
    let mut at = 0;
    let tips = percentiles.iter().map(|percentile| {
        let threshold = block.header.gas_used as f64 * percentile / 100.0;
        while at + 1 < paid.len() && ((sum + paid[at].1) as f64) < threshold {
            sum += paid[at].1;
            at += 1;
        }
        paid.get(at).map_or(0, |(tip, _)| *tip)
    });
    Ok(tips.collect())
}
