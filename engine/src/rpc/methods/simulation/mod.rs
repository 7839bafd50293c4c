//! `eth_simulateV1`: blocks that would follow a block, with what their calls do. Nothing is changed.
//!
//! ```text
//! request -> plan (numbers and times, gaps filled) -> chain (headers, transactions, results) -> JSON
//! ```
//!
//! Ethereum's specification and, where that is silent, geth decide what is found: what goes without saying, the codes of
//! errors, what is checked. Gas and limits are mega-evm's. No state root is found, as in a block that is still open.

mod chain;
mod envelope;
mod error;
mod plan;
mod request;

use alloy_eips::BlockId;
use alloy_primitives::Log;

use super::{
    Method, Node, RpcError,
    call::failed,
    error::code,
    params::Params,
    read::{Answer, damaged},
    render::{
        BlockOffset, MiniPlace,
        block::{self, Detail},
        json::{self, Object},
        log::{LogPlace, Logs},
    },
    traced::{closed, separated},
};
use crate::{
    block::TxRecord,
    chain::BlockRef,
    evm::{simulate::Outcome, usage},
};
use chain::{Chain, Made};
use plan::Base;
use request::Simulation;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("eth_simulateV1", &["simulation", "block?"], simulate, "What blocks of calls would do that follow a block; nothing is changed."),
];

/// `eth_simulateV1(simulation, block)`.
fn simulate(node: &Node, params: &Params<'_>) -> Answer {
    let chain_id = node.chain.config.chain_id;
    let mut simulation = params.required(0, |raw| request::simulation(raw, chain_id))?;
    bounded(node, &simulation)?;
    let (view, anchor) = node.view(params.block(1)?)?;
    let base = base(node, &anchor)?;
    let blocks = plan::in_order(&base, std::mem::take(&mut simulation.blocks))?;
    let detail = match simulation.full {
        true => Detail::Full,
        false => Detail::Hashes,
    };
    let mut chain = Chain::new(node, view, base, &simulation);
    let mut out = Vec::new();
    for block in &blocks {
        let made = chain.next(block)?;
        separated(&mut out);
        show(&mut out, &made, detail)?;
        node.turn.expect(out.len())?;
    }
    Ok(closed(out))
}

/// Refuses what is empty, and more calls than a request may hold.
fn bounded(node: &Node, simulation: &Simulation) -> Result<(), RpcError> {
    if simulation.blocks.is_empty() {
        return Err(RpcError::invalid_params("empty input"));
    }
    let calls: usize = simulation
        .blocks
        .iter()
        .map(|block| block.calls.len())
        .sum();
    let most = node.turn.max_calls();
    if calls > most {
        let told = format!("too many calls: {calls}, at most {most} (--max-batch)");
        return Err(error::beyond_limit(told));
    }
    Ok(())
}

/// The block that the first one follows: that which the state belongs to, or its parent if it is still open. The first one
/// then stands in its place.
fn base(node: &Node, anchor: &BlockRef) -> Result<Base, RpcError> {
    let sealed = node.sealed(BlockId::number(anchor.number))?;
    let is_end = |last_mini: u64| anchor.mini.is_none_or(|mini| mini == last_mini);
    let sealed = match sealed.filter(|block| is_end(block.next_mini().saturating_sub(1))) {
        Some(block) => Some(block),
        None => node.sealed(BlockId::number(anchor.number.saturating_sub(1)))?,
    };
    let block = sealed.ok_or_else(|| RpcError::internal("no block to follow"))?;
    let interval = node.chain.config.block_time_ms.div_ceil(1000).max(1);
    Ok(Base {
        header: block.header.clone(),
        hash: block.hash,
        earliest: anchor.timestamp,
        interval,
    })
}

/// Writes a block and what its calls did.
fn show(out: &mut Vec<u8>, made: &Made, detail: Detail) -> Result<(), RpcError> {
    let header = &made.header;
    let place = MiniPlace {
        block_hash: Some(made.hash),
        block_number: header.number,
        block_timestamp: header.timestamp,
        base_fee: header.base_fee_per_gas.unwrap_or_default(),
        mini_number: 0,
        mini_timestamp_us: 0,
    };
    let mut object = block::unchained(out, header, &place, &made.txs, detail).map_err(damaged)?;
    let mut at = BlockOffset::default();
    let calls = made.txs.iter().zip(&made.calls);
    json::array(object.member("calls"), calls, |out, (record, call)| {
        let (outcome, logs) = call;
        call_result(out, record, outcome, logs, &place, &at);
        at.transactions += 1;
        at.logs += logs.len() as u64;
    });
    object.close();
    Ok(())
}

fn call_result(
    out: &mut Vec<u8>,
    record: &TxRecord,
    outcome: &Outcome,
    logs: &[Log],
    place: &MiniPlace,
    at: &BlockOffset,
) {
    let result = &record.result;
    let mut object = Object::open(out);
    match result.success {
        true => object.data("returnData", &outcome.output()),
        false => object.data("returnData", &[]),
    };
    let logs = logs.iter().enumerate();
    let mut rendered = Logs::default();
    json::array(object.member("logs"), logs, |out, (nth, entry)| {
        let at = LogPlace {
            place,
            transaction_hash: &record.hash,
            transaction_index: at.transactions,
            log_index: at.logs + nth as u64,
        };
        rendered.write(out, entry, at);
    });
    object
        .quantity("gasUsed", result.gas_used)
        .quantity("maxUsedGas", result.gas_used + result.gas_refunded)
        .quantity("status", u64::from(result.success));
    if !result.success {
        call_error(object.member("error"), outcome);
    }
    let mut mega = Object::open(object.member("mega"));
    usage::members(&mut mega, outcome.spec, result);
    mega.close();
    object.close();
}

/// Why a call failed. What it used stands beside it.
fn call_error(out: &mut Vec<u8>, outcome: &Outcome) {
    let why = failed(outcome);
    // The published form has words of its own for what ended otherwise than by a revert.
    let reverted = why.code == code::REVERTED;
    let (code, message) = match reverted {
        true => (why.code, why.message),
        false => (
            error::HALTED,
            format!("vm execution error: {}", why.message),
        ),
    };
    let mut object = Object::open(out);
    object.string("message", &message);
    object
        .member("code")
        .extend_from_slice(code.to_string().as_bytes());
    if reverted {
        object.data("data", &outcome.output());
    }
    object.close();
}
