//! `txpool_*`: what waits in the pool, in geth's form.

use std::collections::BTreeMap;

use alloy_consensus::Transaction;
use alloy_primitives::{Address, TxKind};
use serde::Serialize;
use serde_json::{Value, json};

use super::RpcError;
use super::methods::{Method, Node};
use crate::pool::{PoolTx, SenderTransactions};

/// This room's methods.
pub const METHODS: &[Method] = &[
    Method::cheap("txpool_status", status),
    Method::heavy("txpool_content", content),
    Method::heavy("txpool_contentFrom", content_from),
    Method::heavy("txpool_inspect", inspect),
];

/// A sender's transactions by nonce, as decimal text.
type ByNonce = BTreeMap<String, Value>;

/// Both halves of the pool.
#[derive(Debug, Default, Serialize)]
struct Halves<T> {
    pending: T,
    queued: T,
}

fn status(node: &Node, _: &str) -> Result<Vec<u8>, RpcError> {
    let status = node.pool.status();
    let json = format!(
        r#"{{"pending":"{:#x}","queued":"{:#x}"}}"#,
        status.pending, status.queued
    );
    Ok(json.into_bytes())
}

fn content(node: &Node, _: &str) -> Result<Vec<u8>, RpcError> {
    to_json(&by_sender(&node.pool.content(), transaction))
}

fn inspect(node: &Node, _: &str) -> Result<Vec<u8>, RpcError> {
    to_json(&by_sender(&node.pool.content(), |tx| {
        Value::String(summary(tx))
    }))
}

fn content_from(node: &Node, params: &str) -> Result<Vec<u8>, RpcError> {
    let (wanted,): (Address,) = serde_json::from_str(params)
        .map_err(|_| RpcError::invalid_params("invalid argument 0: an address is needed"))?;
    let content = node.pool.content();
    let found = content
        .iter()
        .find(|transactions| transactions.sender == wanted);
    to_json(&found.map_or_else(Halves::default, |transactions| Halves {
        pending: by_nonce(&transactions.pending, transaction),
        queued: by_nonce(&transactions.queued, transaction),
    }))
}

fn by_sender(
    content: &[SenderTransactions],
    show: impl Fn(&PoolTx) -> Value,
) -> Halves<BTreeMap<String, ByNonce>> {
    let mut halves = Halves::<BTreeMap<_, _>>::default();
    for SenderTransactions {
        sender,
        pending,
        queued,
    } in content
    {
        let name = sender.to_checksum(None);
        if !pending.is_empty() {
            halves
                .pending
                .insert(name.clone(), by_nonce(pending, &show));
        }
        if !queued.is_empty() {
            halves.queued.insert(name, by_nonce(queued, &show));
        }
    }
    halves
}

fn by_nonce(txs: &[std::sync::Arc<PoolTx>], show: impl Fn(&PoolTx) -> Value) -> ByNonce {
    txs.iter()
        .map(|tx| (tx.nonce.to_string(), show(tx)))
        .collect()
}

/// The transaction object of a transaction that is in no block.
fn transaction(tx: &PoolTx) -> Value {
    let mut object = serde_json::to_value(&tx.envelope).unwrap_or_default();
    if let Value::Object(members) = &mut object {
        let gas_price = format!("{:#x}", tx.envelope.max_fee_per_gas());
        members
            .entry("gasPrice")
            .or_insert(Value::String(gas_price));
        members.insert("hash".into(), json!(tx.hash));
        members.insert("from".into(), json!(tx.sender));
        for absent in ["blockHash", "blockNumber", "transactionIndex"] {
            members.insert(absent.into(), Value::Null);
        }
    }
    object
}

/// geth's one line: `0x…: 1 wei + 60000 gas × 2000000 wei`.
fn summary(tx: &PoolTx) -> String {
    let to = match tx.envelope.kind() {
        TxKind::Call(to) => to.to_checksum(None),
        TxKind::Create => "contract creation".to_owned(),
    };
    let (value, gas, price) = (tx.envelope.value(), tx.envelope.gas_limit(), tx.fee_cap());
    format!("{to}: {value} wei + {gas} gas × {price} wei")
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, RpcError> {
    serde_json::to_vec(value).map_err(|error| RpcError::internal(error.to_string()))
}
