//! What is taken out of the pool on request, under the names that anvil and hardhat have for it.

use super::render::json;
use super::{Home, Method, Node, Params, RpcError, values};
use crate::{
    pool::{PoolTx, Refusal, TxSource as _},
    rpc::Answer,
};

const BY_SEQUENCER: Home = Home::Sequencer;

/// These namespaces' methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("anvil_dropTransaction", &["hash"], drop_transaction, "Takes a transaction out of the pool; its hash if it was there.").of(BY_SEQUENCER),
    Method::inline("hardhat_dropTransaction", &["hash"], drop_for_hardhat, "Takes a transaction out of the pool; whether it was there.").of(BY_SEQUENCER),
    Method::worker("anvil_dropAllTransactions", &[], drop_all, "Empties the pool.").of(BY_SEQUENCER),
    Method::worker("hardhat_dropAllTransactions", &[], drop_all, "Empties the pool.").of(BY_SEQUENCER),
    Method::worker("debug_clearTxpool", &[], drop_all, "Empties the pool.").of(BY_SEQUENCER),
    Method::worker("anvil_removePoolTransactions", &["address"], drop_of_sender, "Takes a sender's transactions out of the pool.").of(BY_SEQUENCER),
];

/// Takes a transaction out, if it waits. Those behind it wait for its nonce then.
fn drop_waiting(node: &Node, params: &Params<'_>) -> Result<Option<Vec<u8>>, RpcError> {
    let hash = params.required(0, values::hash)?;
    let Some(tx) = node.pool.get(&hash) else {
        return Ok(None);
    };
    if node.chain.recent.transaction(&hash).is_some() {
        return Ok(None);
    }
    drop(node, &tx);
    Ok(Some(json::data_bytes(hash.as_slice())))
}

fn drop(node: &Node, tx: &PoolTx) {
    let reason = Refusal::Invalid("it was dropped on request".to_owned());
    node.pool.refuse(tx, reason);
}

fn drop_transaction(node: &Node, params: &Params<'_>) -> Answer {
    Ok(drop_waiting(node, params)?.unwrap_or_else(json::null_bytes))
}

fn drop_for_hardhat(node: &Node, params: &Params<'_>) -> Answer {
    let was_there = drop_waiting(node, params)?.is_some();
    Ok(was_there.to_string().into_bytes())
}

fn drop_all(node: &Node, _: &Params<'_>) -> Answer {
    drop_if(node, |_| true)
}

fn drop_of_sender(node: &Node, params: &Params<'_>) -> Answer {
    let sender = params.required(0, values::address)?;
    drop_if(node, |tx| tx.sender == sender)
}

fn drop_if(node: &Node, is_meant: impl Fn(&PoolTx) -> bool) -> Answer {
    for sender in node.pool.content() {
        // The last first, so that none waits for another meanwhile.
        let all = sender.pending.iter().chain(&sender.queued);
        for tx in all.rev().filter(|tx| is_meant(tx)) {
            drop(node, tx);
        }
    }
    Ok(json::null_bytes())
}
