//! `mega_txUsage`: what a transaction used in each dimension; which limit it came closest to; and where it was detained,
//! for which it is executed again.

use alloy_eips::BlockId;
use mega_evm::MegaHardforks as _;

use super::{
    Method, Node, RpcError,
    before::{Before, context_of, earlier},
    params::Params,
    read::Answer,
    render::json::{self, Object},
    transactions, values,
};
use crate::{
    block::TxRecord,
    chain::TxPlace,
    evm::{
        closest_limit::ClosestLimit,
        detention::{self, Detention, DetentionWatch},
        simulate::Bounded,
        usage,
    },
    replay::{Replay, ReplayError, cache},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("mega_txUsage", &["hash"], tx_usage, "What a transaction used in each dimension, which limit it came closest to, and where it was detained."),
];

/// `mega_txUsage(hash)`.
fn tx_usage(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0, values::hash)?;
    let Some(place) = transactions::find(node, &hash)? else {
        return Ok(json::null_bytes());
    };
    let record = record_of(&place)?;
    let detention = match record.result.usage.detention.is_some() {
        true => detention_of(node, &place, record)?,
        false => None,
    };
    let spec = node.chain.hardforks.spec_id(place.mini.block_timestamp);
    let lowered = detention.as_ref().map(|found| found.limit);
    let closest = ClosestLimit::of(spec, &record.result, lowered);
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        usage::dimensions(&mut object, &record.result.usage);
        usage::closest_limit(&mut object, closest);
        match &detention {
            Some(found) => detention::write(object.member("detention"), found),
            None => {
                object.null("detention");
            }
        }
        object.close();
    }))
}

fn record_of(place: &TxPlace) -> Result<&TxRecord, RpcError> {
    let damaged = || RpcError::internal("the transaction index is damaged");
    place.mini.txs.get(place.index).ok_or_else(damaged)
}

/// Executes it again, upon what it met then.
fn detention_of(
    node: &Node,
    place: &TxPlace,
    record: &TxRecord,
) -> Result<Option<Detention>, RpcError> {
    let mini = &place.mini;
    let failed = |error: ReplayError| match node.turn.ended() {
        Some(ended) => ended,
        None => RpcError::internal(format!("can't be executed again: {error}")),
    };
    let block = node.sealed(BlockId::number(mini.block_number))?;
    let context = context_of(node, mini, block.as_ref())?;
    let before = Before::new(node, mini.block_number, &earlier(node, mini)?)?;
    let rules = node.chain.rules(mini.block_number);
    let mut cache = cache(&before);
    let mut replay = Replay::begin(&before, &mut cache, &rules, &context).map_err(failed)?;
    for earlier in mini.txs.iter().take(place.index) {
        node.turn.check(0)?;
        replay.next(earlier).map_err(failed)?;
    }
    let watched = Bounded::new(DetentionWatch::default(), Some(node.turn.clone()));
    let mut replay = replay.with_inspector(watched);
    let again = replay.next(record).map_err(failed)?;
    if !again.agrees(&record.result) {
        return Err(RpcError::internal(format!(
            "transaction {} executed again has another result than its receipt",
            record.hash
        )));
    }
    Ok(std::mem::take(&mut replay.inspector_mut().inner).found())
}
