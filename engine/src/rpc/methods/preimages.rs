//! A part of a block is executed again, watched, for what its contracts hash.

use std::fmt::Debug;

use alloy_primitives::Bytes;

use super::{Node, RpcError};
use crate::{
    block::TxRecord,
    evm::{BlockContext, simulate::Preimages},
    replay::{Replay, ReplayError, cache},
    state::StateReader,
};

/// What KECCAK256 was given by `part`, the transactions that follow `earlier` over the state `before`.
pub(super) fn of<'a>(
    node: &Node,
    context: &BlockContext,
    before: &(impl StateReader + Debug),
    earlier: &[TxRecord],
    part: impl IntoIterator<Item = &'a TxRecord>,
) -> Result<Vec<Bytes>, RpcError> {
    let failed = |error: ReplayError| RpcError::internal(error.to_string());
    let rules = node.chain.rules(context.number);
    let mut cache = cache(before);
    let mut replay = Replay::begin(before, &mut cache, &rules, context).map_err(failed)?;
    replay.until(earlier, earlier.len()).map_err(failed)?;
    let mut preimages = Preimages::default();
    let mut replay = replay.with_inspector(&mut preimages);
    for record in part {
        replay.next(record).map_err(failed)?;
    }
    drop(replay);
    Ok(preimages.into_sorted())
}
