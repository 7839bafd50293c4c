//! `txpool_*`: what waits in the pool, in geth's form; and what for.

use std::collections::BTreeMap;

use alloy_consensus::Transaction;
use alloy_primitives::TxKind;
use serde::Serialize;
use serde_json::value::RawValue;

use super::read::Answer;
use super::render::{json, transaction as render};
use super::values;
use super::{Home, Method, Node, Params, RpcError, Turn};
use crate::{
    chain::MiningMode,
    pool::{PoolTx, SenderTransactions, Waiting},
};

/// A full node's pool is empty.
const BY_SEQUENCER: Home = Home::Sequencer;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("txpool_status", &[], status, "How many transactions wait.").of(BY_SEQUENCER),
    Method::worker("txpool_content", &[], content, "The transactions that wait, by sender and nonce.").of(BY_SEQUENCER),
    Method::worker("txpool_contentFrom", &["address"], content_from, "The transactions of one sender that wait.").of(BY_SEQUENCER),
    Method::worker("txpool_inspect", &[], inspect, "The transactions that wait, a line each: what for stands at its end.").of(BY_SEQUENCER),
    Method::worker("mega_txWaiting", &["hash"], tx_waiting, "What a transaction of the pool waits for; null if it does not wait.").of(BY_SEQUENCER),
    Method::worker("eth_pendingTransactions", &[], pending, "The transactions that wait for a block.").of(BY_SEQUENCER),
];

/// A sender's transactions by nonce, as decimal text.
type ByNonce = BTreeMap<String, Box<RawValue>>;

/// Both halves of the pool.
#[derive(Debug, Default, Serialize)]
struct Halves<T> {
    pending: T,
    queued: T,
}

/// `txpool_status()`.
fn status(node: &Node, _: &Params<'_>) -> Answer {
    let status = node.pool.status();
    let json = format!(
        r#"{{"pending":"{:#x}","queued":"{:#x}"}}"#,
        status.pending, status.queued
    );
    Ok(json.into_bytes())
}

/// `txpool_content()`.
fn content(node: &Node, _: &Params<'_>) -> Answer {
    to_json(&by_sender(&node.turn, &node.pool.content(), transaction)?)
}

/// `eth_pendingTransactions()`: those whose turn it is.
fn pending(node: &Node, _: &Params<'_>) -> Answer {
    let content = node.pool.content();
    let waiting = content.iter().flat_map(|sender| &sender.pending);
    let shown: Result<Vec<_>, RpcError> = waiting
        .map(|tx| {
            node.turn.check(2 * tx.raw.len())?;
            Ok(transaction(tx))
        })
        .collect();
    to_json(&shown?)
}

/// `txpool_inspect()`.
fn inspect(node: &Node, _: &Params<'_>) -> Answer {
    let (content, waiting) = (node.pool.content(), node.pool.waiting());
    let by_hand = node.chain.mining.mode() == MiningMode::Manual;
    let line = |tx: &PoolTx| {
        // Clients split geth's line at ": ", and want two parts.
        let why = waiting
            .get(&tx.hash)
            .map(|found| words(found, by_hand).1.replace(": ", ", "));
        raw_value(json::bytes(|out| {
            json::string(out, &summary(tx, why.as_deref()))
        }))
    };
    to_json(&by_sender(&node.turn, &content, line)?)
}

/// `mega_txWaiting(hash)`: what a transaction of the pool waits for.
fn tx_waiting(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    if node.pool.get(&hash).is_none() {
        return Ok(json::null_bytes());
    }
    let waiting = node.pool.waiting();
    let Some(found) = waiting.get(&hash) else {
        return Ok(json::null_bytes());
    };
    let by_hand = node.chain.mining.mode() == MiningMode::Manual;
    let (kind, text) = words(found, by_hand);
    to_json(&Told { kind, text })
}

/// What a transaction waits for, for programs and in words.
#[derive(Debug, Serialize)]
struct Told {
    kind: &'static str,
    text: String,
}

/// The kind and the words. Where blocks are made by hand, its turn comes with one.
fn words(waiting: &Waiting, by_hand: bool) -> (&'static str, String) {
    match waiting.kind() {
        "turn" if by_hand => (
            "blocks",
            format!(
                "waits for a block, which is made only when asked for; {} before it",
                waiting.before
            ),
        ),
        kind => (kind, waiting.to_string()),
    }
}

/// `txpool_contentFrom(address)`.
fn content_from(node: &Node, params: &Params<'_>) -> Answer {
    let wanted = params.required(0, values::address)?;
    let content = node.pool.content();
    let found = content
        .iter()
        .find(|transactions| transactions.sender == wanted);
    let Some(found) = found else {
        return to_json(&Halves::<ByNonce>::default());
    };
    to_json(&Halves {
        pending: by_nonce(&node.turn, &found.pending, transaction)?,
        queued: by_nonce(&node.turn, &found.queued, transaction)?,
    })
}

fn by_sender(
    turn: &Turn,
    content: &[SenderTransactions],
    show: impl Fn(&PoolTx) -> Box<RawValue>,
) -> Result<Halves<BTreeMap<String, ByNonce>>, RpcError> {
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
                .insert(name.clone(), by_nonce(turn, pending, &show)?);
        }
        if !queued.is_empty() {
            halves.queued.insert(name, by_nonce(turn, queued, &show)?);
        }
    }
    Ok(halves)
}

fn by_nonce(
    turn: &Turn,
    txs: &[std::sync::Arc<PoolTx>],
    show: impl Fn(&PoolTx) -> Box<RawValue>,
) -> Result<ByNonce, RpcError> {
    txs.iter()
        .map(|tx| {
            turn.check(2 * tx.raw.len())?;
            Ok((tx.nonce.to_string(), show(tx)))
        })
        .collect()
}

/// The transaction object of a transaction that is in no block.
fn transaction(tx: &PoolTx) -> Box<RawValue> {
    raw_value(json::bytes(|out| {
        render::transaction(out, &tx.envelope, &tx.hash, &tx.sender, None);
    }))
}

/// Rendered JSON, to stand in a larger one. What the renderer wrote is valid.
fn raw_value(json: Vec<u8>) -> Box<RawValue> {
    String::from_utf8(json)
        .ok()
        .and_then(|text| RawValue::from_string(text).ok())
        .unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// geth's one line, `0x…: 1 wei + 60000 gas × 2000000 wei`, and behind it what the transaction waits for.
fn summary(tx: &PoolTx, why: Option<&str>) -> String {
    let to = match tx.envelope.kind() {
        TxKind::Call(to) => to.to_checksum(None),
        TxKind::Create => "contract creation".to_owned(),
    };
    let (value, gas, price) = (tx.envelope.value(), tx.envelope.gas_limit(), tx.fee_cap());
    let line = format!("{to}: {value} wei + {gas} gas × {price} wei");
    why.map_or_else(|| line.clone(), |why| format!("{line}; {why}"))
}

fn to_json(value: &impl Serialize) -> Answer {
    serde_json::to_vec(value).map_err(|error| RpcError::internal(error.to_string()))
}
