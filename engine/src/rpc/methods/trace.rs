//! `trace_*`: what transactions and calls did, as Parity's clients read it.

use alloy_consensus::Transaction as _;
use alloy_eips::BlockId;
use alloy_primitives::Address;
use revm::DatabaseCommit as _;
use serde_json::value::RawValue;

use super::{
    Method, Node, RpcError, block_id,
    blocks::by_id,
    call::{PreparedCall, plain_stage},
    listed::{LIST, Listed, listed, read},
    params::Params,
    read::{Answer, unreadable},
    render::json::{self, Object},
    request,
    traced::{Part, Trace, closed, separated},
    transactions,
    values::{self, in_member, members},
};
use crate::{
    block::{Sender, TxRecord, decode_envelope},
    chain::ViewError,
    evm::{
        simulate::CallRequest,
        trace::{Form, ParityOptions},
    },
    keys,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("trace_transaction", &["hash"], transaction, "The calls of a transaction, from its mini-block on."),
    Method::worker("trace_get", &["hash", "indices"], get, "One call of a transaction, by its place."),
    Method::worker("trace_block", &["block"], block, "The calls of a block."),
    Method::worker("trace_filter", &["filter"], filter, "The calls of some blocks that come from or go to some addresses."),
    Method::worker("trace_call", &["call", "kinds", "block?"], call, "What a call does; nothing is changed."),
    Method::worker("trace_callMany", &["calls", "block?"], call_many, "What calls do that see what those before them did."),
    Method::worker("trace_rawTransaction", &["raw transaction", "kinds", "block?"], raw_transaction, "What a signed transaction would do."),
    Method::worker("trace_replayTransaction", &["hash", "kinds"], replay_transaction, "What a transaction did."),
    Method::worker("trace_replayBlockTransactions", &["block", "kinds"], replay_block, "What each transaction of a block did."),
    Method::worker("trace_transactionOpcodeGas", &["hash"], opcode_gas, "How often a transaction ran each instruction, and the gas of these."),
    Method::worker("trace_blockOpcodeGas", &["block"], block_opcode_gas, "How often each transaction of a block ran each instruction, and the gas of these."),
];

/// So many blocks are searched at a time.
const MAX_BLOCKS: u64 = 1_000;

/// Reads which of `trace`, `stateDiff` and `vmTrace` are wanted.
fn kinds(raw: &str) -> Result<ParityOptions, String> {
    let mut options = ParityOptions::default();
    values::list(raw, |raw| {
        match &*values::text(raw)? {
            "trace" => options.calls = true,
            "stateDiff" => options.changes = true,
            "vmTrace" => options.instructions = true,
            other => {
                return Err(format!("{other:?} is none of trace, stateDiff and vmTrace"));
            }
        }
        Ok(())
    })?;
    Ok(options)
}

/// `trace_transaction(hash)`: null if there is none.
fn transaction(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    match transactions::find(node, &hash)? {
        Some(place) => Part::transaction(node, &place)?.one(node, &LIST),
        None => Ok(json::null_bytes()),
    }
}

/// `trace_get(hash, indices)`: null if there is none.
fn get(node: &Node, params: &Params<'_>) -> Answer {
    let wanted = params.required(1, |raw| values::list(raw, values::quantity))?;
    let all = transaction(node, params)?;
    if all == b"null" {
        return Ok(all);
    }
    for one in listed(&all)? {
        if read(one)?.address == wanted {
            return Ok(one.get().as_bytes().to_vec());
        }
    }
    Ok(json::null_bytes())
}

/// `trace_block(block)`.
fn block(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let mut out = Vec::new();
    Part::block(node, id)?.each(node, &LIST, &mut out, |out, _, trace| {
        // The lists in one, without the brackets of each.
        separated(out);
        let begin = out.len();
        trace.write(out)?;
        out.remove(begin);
        out.pop();
        Ok(())
    })?;
    Ok(closed(out))
}

/// What is looked for.
#[derive(Debug, Default)]
struct Filter {
    first: Option<BlockId>,
    last: Option<BlockId>,
    from: Vec<Address>,
    to: Vec<Address>,
    /// Both must hold, not one of them.
    both: bool,
    after: u64,
    count: Option<u64>,
}

fn read_filter(raw: &str) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for (name, value) in members(raw)? {
        let value = value.get();
        match name.as_str() {
            "fromBlock" => filter.first = Some(in_member(&name, block_id::read(value))?),
            "toBlock" => filter.last = Some(in_member(&name, block_id::read(value))?),
            "fromAddress" => filter.from = in_member(&name, addresses(value))?,
            "toAddress" => filter.to = in_member(&name, addresses(value))?,
            "after" => filter.after = in_member(&name, values::quantity(value))?,
            "count" => filter.count = Some(in_member(&name, values::quantity(value))?),
            "mode" => {
                filter.both = match &*in_member(&name, values::text(value))? {
                    "union" => false,
                    "intersection" => true,
                    other => {
                        return Err(format!("mode: {other:?} is neither union nor intersection"));
                    }
                };
            }
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(filter)
}

fn addresses(raw: &str) -> Result<Vec<Address>, String> {
    match raw.starts_with('[') {
        true => values::list(raw, values::address),
        false => Ok(vec![values::address(raw)?]),
    }
}

impl Filter {
    fn matches(&self, one: &Listed<'_>) -> bool {
        let has = |wanted: &[Address], found: [Option<Address>; 2]| {
            found.iter().flatten().any(|found| wanted.contains(found))
        };
        let from = has(&self.from, one.senders());
        let to = has(&self.to, one.receivers());
        match (self.from.is_empty(), self.to.is_empty()) {
            (true, true) => true,
            (false, true) => from,
            (true, false) => to,
            (false, false) if self.both => from && to,
            (false, false) => from || to,
        }
    }
}

/// `trace_filter(filter)`.
fn filter(node: &Node, params: &Params<'_>) -> Answer {
    let filter = params.required(0, read_filter)?;
    let newest = node.chain.recent.visible_block();
    let number = |id: Option<BlockId>| -> Result<u64, RpcError> {
        match id {
            Some(id) => Ok(node
                .sealed(id)?
                .ok_or_else(|| unreadable(&ViewError::UnknownBlock, id))?
                .header
                .number),
            None => Ok(newest),
        }
    };
    let (first, last) = (number(filter.first)?.max(1), number(filter.last)?);
    if last.saturating_sub(first) >= MAX_BLOCKS {
        return Err(RpcError::limit(format!(
            "{} blocks are too many, {MAX_BLOCKS} at most: ask for less at a time",
            last - first + 1
        )));
    }
    let mut out = Vec::new();
    let mut found = 0;
    let end = filter
        .count
        .map_or(u64::MAX, |count| filter.after.saturating_add(count));
    for number in first..=last {
        if found >= end {
            break;
        }
        let part = Part::block(node, BlockId::number(number))?;
        part.each(node, &LIST, &mut out, |out, _, trace| {
            let mut list = Vec::new();
            trace.write(&mut list)?;
            for one in listed(&list)? {
                if filter.matches(&read(one)?) {
                    found += 1;
                    if (filter.after + 1..=end).contains(&found) {
                        separated(out);
                        out.extend_from_slice(one.get().as_bytes());
                    }
                }
            }
            node.turn.expect(out.len())
        })?;
    }
    Ok(closed(out))
}

/// `trace_replayTransaction(hash, kinds)`.
fn replay_transaction(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    let form = Form::Parity(params.required(1, kinds)?);
    match transactions::find(node, &hash)? {
        Some(place) => Part::transaction(node, &place)?.one(node, &form),
        None => Err(RpcError::server("transaction not found")),
    }
}

/// `trace_replayBlockTransactions(block, kinds)`.
fn replay_block(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let form = Form::Parity(params.required(1, kinds)?);
    let mut out = Vec::new();
    Part::block(node, id)?.each(node, &form, &mut out, |out, record, trace| {
        separated(out);
        trace.write(out)?;
        // The object's last brace, behind one more member.
        out.pop();
        out.extend_from_slice(b",\"transactionHash\":");
        json::data(out, record.hash.as_slice());
        out.push(b'}');
        Ok(())
    })?;
    Ok(closed(out))
}

/// `trace_transactionOpcodeGas(hash)`: null if there is none.
fn opcode_gas(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    let Some(place) = transactions::find(node, &hash)? else {
        return Ok(json::null_bytes());
    };
    let mut out = Vec::new();
    Part::transaction(node, &place)?.each(node, &Form::Opcodes, &mut out, opcodes_of)?;
    Ok(out)
}

fn opcodes_of(out: &mut Vec<u8>, record: &TxRecord, trace: &mut Trace<'_>) -> Result<(), RpcError> {
    let mut object = Object::open(out);
    object.hash("transactionHash", &record.hash);
    trace.write(object.member("opcodeGas"))?;
    object.close();
    Ok(())
}

/// `trace_blockOpcodeGas(block)`: null if there is none.
fn block_opcode_gas(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let Some(block) = by_id(node, id)? else {
        return Ok(json::null_bytes());
    };
    let mut list = Vec::new();
    Part::block(node, id)?.each(node, &Form::Opcodes, &mut list, |out, record, trace| {
        separated(out);
        opcodes_of(out, record, trace)
    })?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object
            .hash("blockHash", &block.hash)
            .number("blockNumber", block.header.number)
            .member("transactions")
            .extend(closed(list));
        object.close();
    }))
}

/// `trace_call(call, kinds, block)`.
fn call(node: &Node, params: &Params<'_>) -> Answer {
    let chain_id = node.chain.config.chain_id;
    let request = params.required(0, |raw| request::call(raw, chain_id))?;
    let form = Form::Parity(params.required(1, kinds)?);
    one_call(node, plain_stage(node, params.block(2)?)?, &request, &form)
}

/// `trace_rawTransaction(raw transaction, kinds, block)`.
fn raw_transaction(node: &Node, params: &Params<'_>) -> Answer {
    let raw = params.required(0, values::data)?;
    let form = Form::Parity(params.required(1, kinds)?);
    let request = request_of(&raw)?;
    one_call(node, plain_stage(node, params.block(2)?)?, &request, &form)
}

fn one_call(node: &Node, mut stage: PreparedCall, request: &CallRequest, form: &Form) -> Answer {
    let mut out = Vec::new();
    stage.trace(node, request, form, &mut out)?;
    Ok(out)
}

/// What a signed transaction asks to run. Its nonce is not looked at.
pub(super) fn request_of(raw: &[u8]) -> Result<CallRequest, RpcError> {
    let refused = |why: String| RpcError::invalid_params(format!("invalid argument 0: {why}"));
    let envelope = decode_envelope(raw).map_err(|error| refused(error.to_string()))?;
    let sender = Sender::of(&envelope).map_err(|error| refused(error.to_string()))?;
    let Sender::Known(from) = sender else {
        return Err(refused("the transaction is not signed".to_owned()));
    };
    Ok(CallRequest {
        from,
        to: envelope.to(),
        gas: Some(envelope.gas_limit()),
        gas_price: envelope.gas_price(),
        max_fee_per_gas: envelope
            .gas_price()
            .is_none()
            .then(|| envelope.max_fee_per_gas()),
        max_priority_fee_per_gas: envelope.max_priority_fee_per_gas(),
        value: envelope.value(),
        input: envelope.input().clone(),
        access_list: envelope.access_list().cloned(),
        authorizations: keys::recover_authorizations(&envelope),
    })
}

/// `trace_callMany([[call, kinds], ...], block)`: each call sees what those before it did.
fn call_many(node: &Node, params: &Params<'_>) -> Answer {
    let chain_id = node.chain.config.chain_id;
    let calls = params.required(0, |raw| values::list(raw, |raw| pair(raw, chain_id)))?;
    let most = node.turn.max_calls();
    if calls.len() > most {
        let told = format!(
            "too many calls: {}, at most {most} (--max-batch)",
            calls.len()
        );
        return Err(RpcError::limit(told));
    }
    let mut stage = plain_stage(node, params.block(1)?)?;
    let mut out = Vec::new();
    for (request, options) in &calls {
        separated(&mut out);
        let form = Form::Parity(*options);
        let mut outcome = stage.trace(node, request, &form, &mut out)?;
        stage.overlay.commit(std::mem::take(&mut outcome.raw.state));
        node.turn.check(0)?;
    }
    Ok(closed(out))
}

/// A call, and what is wanted of it.
fn pair(raw: &str, chain_id: u64) -> Result<(CallRequest, ParityOptions), String> {
    let parts: Vec<&RawValue> =
        serde_json::from_str(raw).map_err(|_| "expected a call and a list of kinds".to_owned())?;
    match parts.as_slice() {
        [call, wanted] => Ok((request::call(call.get(), chain_id)?, kinds(wanted.get())?)),
        _ => Err("expected a call and a list of kinds".to_owned()),
    }
}
