//! Proofs of blocks that the layers in memory do not reach: a second state is led through the chain's history.
//!
//! The way begins at what is nearest: where the last question led, the genesis, or the oldest state within
//! reach. The header's root tells whether it came out right.

use std::collections::BTreeMap;

use alloy_eips::BlockId;
use alloy_primitives::B256;

use super::WitnessError;
use crate::{
    chain::{Chain, SharedBlock, genesis_commitment},
    commitment::{Between, BucketResize, PastState},
    salt::{state::AccessSet, witness::SaltWitness},
    state::{StateReader as _, genesis_diff},
};

/// Blocks that are read from disk together.
const TOGETHER: usize = 256;

/// Proves needs of the state at the end of `block`, which the layers in memory do not reach.
pub(super) fn prove(
    chain: &Chain,
    block: u64,
    needs: &AccessSet,
) -> Result<Option<SaltWitness>, WitnessError> {
    let gone = || WitnessError::Gone { block };
    if chain.committer.is_none() || block >= chain.commitment.read().oldest() {
        return Err(gone());
    }
    let cut = {
        let mut known = chain.past.lock();
        let mut past = start(chain, known.take(), block)?.ok_or_else(gone)?;
        past.touch();
        go(chain, &mut past, block)?.ok_or_else(gone)?;
        let cut = past.state().cut(&past.state().buckets_of(needs));
        *known = Some(past);
        cut
    };
    Ok(cut.witness(needs)?)
}

/// The nearest state that is known.
fn start(
    chain: &Chain,
    known: Option<PastState>,
    block: u64,
) -> Result<Option<PastState>, WitnessError> {
    let from_genesis = match (chain.archive.begins_after(), chain.block(1)) {
        (None, Ok(Some(_))) => block,
        _ => u64::MAX, // the log begins later
    };
    let from_memory = chain.commitment.read().oldest().saturating_sub(block);
    if let Some(known) = known
        && known.block().abs_diff(block) <= from_genesis.min(from_memory)
    {
        return Ok(Some(known));
    }
    if from_genesis <= from_memory {
        let entries = genesis_diff(&chain.config.genesis.alloc).entries;
        let state = genesis_commitment(&chain.config, &entries)?;
        return Ok(Some(PastState::new(state, 0)));
    }
    let reached = chain.commitment.read().reach_oldest();
    let block = reached.block();
    Ok(Some(PastState::new(reached.state(), block)))
}

/// Leads the state to the end of `block`; nothing if the log doesn't have what lies between, or
/// leads to another state than the header says.
fn go(chain: &Chain, past: &mut PastState, block: u64) -> Result<Option<()>, WitnessError> {
    if block == past.block() {
        return Ok(Some(()));
    }
    let Some(between) = between(chain, past.block(), block) else {
        return Ok(None);
    };
    past.lead(block, between)?;
    let header = chain.block(block).ok().flatten();
    let is_right = |at: SharedBlock| B256::from(past.state().root()) == at.header.state_root;
    Ok(header.is_some_and(is_right).then_some(()))
}

fn between(chain: &Chain, from: u64, to: u64) -> Option<Between> {
    let (mut values, mut metas) = (BTreeMap::new(), BTreeMap::new());
    let back = to < from;
    for block in blocks(chain, from.min(to) + 1, from.max(to)) {
        let block = block?;
        for mini in chain.minis(block.minis_with_changes()).ok()? {
            values.extend(mini.diff.entries.iter().copied());
        }
        for growth in BucketResize::decode_all(&block.commitment).ok()? {
            match back {
                true => drop(metas.entry(growth.bucket).or_insert(growth.old)),
                false => drop(metas.insert(growth.bucket, growth.new)),
            }
        }
    }
    if back {
        let then = chain.view_at(BlockId::number(to)).ok()?;
        for (key, value) in &mut values {
            *value = then.value(key).ok()?;
        }
    }
    Some(Between { values, metas })
}

/// Blocks from the log, read some at a time; nothing in the place of one that isn't there.
fn blocks(chain: &Chain, first: u64, last: u64) -> impl Iterator<Item = Option<SharedBlock>> {
    (first..=last).step_by(TOGETHER).flat_map(move |first| {
        let last = last.min(first + TOGETHER as u64 - 1);
        let found = chain.blocks(first..=last).ok();
        let found = found.filter(|found| found.len() as u64 == last - first + 1);
        found.map_or_else(|| vec![None], |found| found.into_iter().map(Some).collect())
    })
}
