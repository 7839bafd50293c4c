//! `debug_trace*`: what transactions and calls did, as geth tells it.
//!
//! Blocks are executed again by the interpreter, transactions from the beginning of their mini-block on. A transaction that
//! does not give the result that its receipt has is an error and not a trace.

use alloy_eips::BlockId;

use super::{
    Method, Node, RpcError, block_id,
    call::traced_stage,
    params::Params,
    read::Answer,
    render::json::Object,
    trace_options::{TraceOptions, options},
    traced::{Part, closed, separated},
    transactions, values,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("debug_traceTransaction", &["hash", "options?"], trace_transaction, "What a transaction did, from its mini-block on."),
    Method::worker("debug_traceCall", &["call", "block?", "options?"], trace_call, "What a call does; nothing is changed."),
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
    let (request, mut stage) = traced_stage(node, params, &options)?;
    let mut out = Vec::new();
    stage.trace(node, &request, &options.form, &mut out)?;
    Ok(out)
}
