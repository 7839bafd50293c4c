//! `debug_trace*`: what transactions and calls did, as geth tells it.
//!
//! Blocks are executed again by the interpreter, transactions from the beginning of their mini-block on. A transaction that
//! does not give the result that its receipt has is an error and not a trace.

use alloy_consensus::Header;
use alloy_eips::BlockId;
use alloy_primitives::B256;
use alloy_rlp::Decodable as _;
use revm::DatabaseCommit as _;

use super::{
    Method, Node, RpcError, block_id,
    call::{bundles, context, traced_stage},
    params::Params,
    read::Answer,
    render::json::Object,
    request,
    trace_options::{TraceOptions, options},
    traced::{Part, closed, separated},
    transactions, values,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("debug_traceTransaction", &["hash", "options?"], trace_transaction, "What a transaction did, from its mini-block on."),
    Method::worker("debug_traceCall", &["call", "block?", "options?"], trace_call, "What a call does; nothing is changed."),
    Method::worker("debug_traceCallMany", &["bundles", "context?", "options?"], trace_call_many, "What calls do that see what those before them did."),
    Method::worker("debug_traceBlock", &["block in RLP", "options?"], trace_block_in_rlp, "What each transaction of a block of this chain did."),
    Method::worker("debug_traceBlockByNumber", &["number or tag", "options?"], trace_block_by_number, "What each transaction of a block did."),
    Method::worker("debug_traceBlockByHash", &["hash", "options?"], trace_block_by_hash, "What each transaction of a block did."),
];

/// What is wanted, of which calls can't be traced over another state.
fn of_past(params: &Params<'_>) -> Result<TraceOptions, RpcError> {
    Ok(params.optional(1, options)?.unwrap_or_default())
}

/// `debug_traceTransaction(hash, options)`.
fn trace_transaction(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    let options = of_past(params)?;
    let place = transactions::find(node, &hash)?;
    let place = place.ok_or_else(|| RpcError::server("transaction not found"))?;
    Part::transaction(node, &place)?.one(node, &options.form)
}

/// `debug_traceBlockByNumber(number or tag, options)`.
fn trace_block_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let number = params.required(0, block_id::number_or_tag)?;
    trace_block(node, BlockId::Number(number), &of_past(params)?)
}

/// `debug_traceBlockByHash(hash, options)`.
fn trace_block_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    trace_block(node, BlockId::from(hash), &of_past(params)?)
}

fn trace_block(node: &Node, id: BlockId, options: &TraceOptions) -> Answer {
    let mut out = Vec::new();
    Part::block(node, id)?.each(node, &options.form, &mut out, |out, record, trace| {
        separated(out);
        let mut object = Object::open(out);
        object.hash("txHash", &record.hash);
        trace.write(object.member("result"))?;
        object.close();
        Ok(())
    })?;
    Ok(closed(out))
}

/// `debug_traceCall(call, block, options)`.
fn trace_call(node: &Node, params: &Params<'_>) -> Answer {
    let options = params.optional(2, options)?.unwrap_or_default();
    let chain_id = node.chain.config.chain_id;
    let request = params.required(0, |raw| request::call(raw, chain_id))?;
    let mut stage = traced_stage(node, params.block(1)?, &options)?;
    let mut out = Vec::new();
    stage.trace(node, &request, &options.form, &mut out)?;
    Ok(out)
}

/// `debug_traceCallMany(bundles, {blockNumber}, options)`: each call sees what those before it did.
fn trace_call_many(node: &Node, params: &Params<'_>) -> Answer {
    let bundles = bundles(node, params)?;
    let id = params.optional(1, context)?.unwrap_or_default();
    let options = params.optional(2, options)?.unwrap_or_default();
    let mut stage = traced_stage(node, id, &options)?;
    let plain = stage.setting.clone();
    let mut out = Vec::new();
    for bundle in &bundles {
        separated(&mut out);
        stage.enter(bundle, &plain);
        out.push(b'[');
        for (nth, request) in bundle.calls.iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            let mut outcome = stage.trace(node, request, &options.form, &mut out)?;
            stage.overlay.commit(std::mem::take(&mut outcome.raw.state));
            node.turn.check(0)?;
        }
        out.push(b']');
    }
    Ok(closed(out))
}

/// `debug_traceBlock(block in RLP, options)`: of a block that is part of this chain.
fn trace_block_in_rlp(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, |raw| hash_in_rlp(&values::data(raw)?))?;
    let options = of_past(params)?;
    if node.sealed(BlockId::from(hash))?.is_none() {
        return Err(RpcError::server(format!(
            "block {hash} is not part of this chain: only blocks that were executed here can be traced"
        )));
    }
    trace_block(node, BlockId::from(hash), &options)
}

/// The hash of the header that a block in RLP begins with.
fn hash_in_rlp(block: &[u8]) -> Result<B256, String> {
    let mut rest = block;
    let outer = alloy_rlp::Header::decode(&mut rest).map_err(|error| error.to_string())?;
    if !outer.list {
        return Err("no block in RLP: expected a list".to_owned());
    }
    let header = Header::decode(&mut rest).map_err(|error| format!("header: {error}"))?;
    Ok(header.hash_slow())
}
