//! What a transaction did: its calls, the ether that they moved, and how it failed.

use alloy_primitives::{Address, U256};

use super::super::{
    Node, RpcError,
    listed::{LIST, Listed, listed, read},
    params::Params,
    read::Answer,
    render::json::{self, Object},
    traced::Part,
    transactions, values,
};
use crate::chain::TxPlace;

/// The kinds of operations, by Otterscan's numbers.
const TRANSFER: u64 = 0;
const SELFDESTRUCT: u64 = 1;
const CREATE: u64 = 2;
const CREATE2: u64 = 3;

/// The transaction that the first parameter names.
fn place(node: &Node, params: &Params<'_>) -> Result<TxPlace, RpcError> {
    let hash = params.required(0, values::hash)?;
    let place = transactions::find(node, &hash)?;
    place.ok_or_else(|| RpcError::server("transaction not found"))
}

/// Its calls as a list.
fn calls(node: &Node, params: &Params<'_>) -> Answer {
    Part::transaction(node, &place(node, params)?)?.one(node, &LIST)
}

/// `ots_getInternalOperations(hash)`: of calls that did not fail, and are not within one that did.
pub(super) fn internal(node: &Node, params: &Params<'_>) -> Answer {
    let list = calls(node, params)?;
    let mut failed: Vec<Vec<u64>> = Vec::new();
    let mut found = Vec::new();
    for one in listed(&list)? {
        let one = read(one)?;
        if failed.iter().any(|outer| one.address.starts_with(outer)) {
            continue;
        }
        if one.error.is_some() {
            failed.push(one.address);
        } else if !one.address.is_empty() {
            found.extend(operation(&one));
        }
    }
    Ok(json::bytes(|out| {
        json::array(out, found, |out, (kind, from, to, value)| {
            let mut object = Object::open(out);
            object
                .number("type", kind)
                .data("from", from.as_slice())
                .data("to", to.as_slice())
                .quantity_u256("value", &value);
            object.close();
        });
    }))
}

/// Kind, from whom, to whom and how much, if it is more than a call.
fn operation(one: &Listed<'_>) -> Option<(u64, Address, Address, U256)> {
    let action = &one.action;
    if let Some(contract) = action.address {
        let value = action.balance.unwrap_or_default();
        return Some((SELFDESTRUCT, contract, action.refund_address?, value));
    }
    let value = action.value.unwrap_or_default();
    match (action.creation_method, action.call_type) {
        (Some(method), _) => {
            let kind = if method == "create2" { CREATE2 } else { CREATE };
            Some((kind, action.from?, one.result.as_ref()?.address?, value))
        }
        (None, Some("call")) if !value.is_zero() => {
            Some((TRANSFER, action.from?, action.to?, value))
        }
        _ => None,
    }
}

/// `ots_traceTransaction(hash)`.
pub(super) fn trace(node: &Node, params: &Params<'_>) -> Answer {
    let list = calls(node, params)?;
    let mut out = vec![b'['];
    for one in listed(&list)? {
        if out.len() > 1 {
            out.push(b',');
        }
        entry(&mut out, &read(one)?);
        node.turn.expect(out.len())?;
    }
    out.push(b']');
    Ok(out)
}

fn entry(out: &mut Vec<u8>, one: &Listed<'_>) {
    let action = &one.action;
    let result = one.result.as_ref();
    let ends = action.address.is_some();
    let kind = match ends {
        true => "selfdestruct",
        false => action
            .creation_method
            .or(action.call_type)
            .unwrap_or_default(),
    };
    let [from, contract] = one.senders();
    let [to, created] = one.receivers();
    let sends = !matches!(kind, "delegatecall" | "staticcall");
    let value = action.value.or(action.balance).filter(|_| sends);
    let raw = |value: Option<&serde_json::value::RawValue>| {
        value
            .map_or(r#""0x""#, |value| value.get())
            .as_bytes()
            .to_vec()
    };
    let mut object = Object::open(out);
    object
        .string("type", &kind.to_uppercase())
        .number("depth", one.address.len() as u64)
        .address_or_null("from", from.or(contract).as_ref())
        .address_or_null("to", to.or(created).as_ref());
    match value {
        Some(value) => object.quantity_u256("value", &value),
        None => object.null("value"),
    };
    let output = result.and_then(|result| result.output.or(result.code));
    object
        .member("input")
        .extend(raw(action.input.or(action.init)));
    object.member("output").extend(raw(output));
    object.close();
}

/// `ots_getTransactionError(hash)`.
pub(super) fn error(node: &Node, params: &Params<'_>) -> Answer {
    let place = place(node, params)?;
    let record = place.mini.txs.get(place.index);
    let result = record.map(|record| &record.result);
    let Some(result) = result.filter(|result| !result.success) else {
        return Ok(json::data_bytes(&[]));
    };
    if result.output.len() < crate::block::MAX_KEPT_OUTPUT {
        return Ok(json::data_bytes(&result.output));
    }
    // What is kept of it is cut.
    let list = Part::transaction(node, &place)?.one(node, &LIST)?;
    let calls = listed(&list)?;
    let first = calls.first().map(|first| read(first)).transpose()?;
    let output = first
        .as_ref()
        .and_then(|first| first.result.as_ref()?.output);
    Ok(output.map_or_else(
        || json::data_bytes(&result.output),
        |output| output.get().as_bytes().to_vec(),
    ))
}
