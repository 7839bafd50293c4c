//! A second state that is led through the chain's history, for what the layers in memory do not reach.
//!
//! SALT's layout depends on nothing but the plain state and the buckets' capacities. So a block's state is
//! reached from another's by giving every key that changed between the value it had; the header's root
//! tells whether that came out right. The way begins at what is nearest: where the last question led, the
//! genesis, or the oldest state within reach. Who asks for one old block mostly asks for its neighbours
//! next, so the state is kept until nobody has asked for a while.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy_eips::BlockId;
use alloy_primitives::B256;
use parking_lot::Mutex;

use super::{Growth, witness::WitnessError};
use crate::{
    block::{PlainKey, PlainValue},
    chain::{Chain, SharedBlock, genesis_commitment},
    salt::{
        state::{Needs, SaltState},
        types::{BucketId, BucketMeta},
        witness::SaltWitness,
    },
    state::{StateReader as _, genesis_diff},
};

/// For how long nobody must have asked before the memory is given back.
const PATIENCE: Duration = Duration::from_secs(60);

/// Blocks that are read from disk together.
const TOGETHER: usize = 256;

/// The second state, while somebody needs one.
#[derive(Debug, Default)]
pub struct Past(Mutex<Option<Walker>>);

/// A state at the end of a block.
#[derive(Debug)]
struct Walker {
    state: SaltState,
    block: u64,
    used: Instant,
}

impl Past {
    /// Gives the memory back if nobody has asked for a while. Never waits.
    pub fn rest(&self) {
        if let Some(mut walker) = self.0.try_lock()
            && walker
                .as_ref()
                .is_some_and(|at| at.used.elapsed() > PATIENCE)
        {
            *walker = None;
        }
    }

    /// Proves needs of the state at the end of `block`, which the layers in memory do not reach.
    pub(super) fn prove(
        &self,
        chain: &Chain,
        block: u64,
        needs: &Needs,
    ) -> Result<Option<SaltWitness>, WitnessError> {
        let gone = || WitnessError::Gone { block };
        if chain.committer.is_none() || block >= chain.commitment.read().oldest() {
            return Err(gone());
        }
        let cut = {
            let mut known = self.0.lock();
            let mut walker = start(chain, known.take(), block)?.ok_or_else(gone)?;
            walker.go(chain, block)?.ok_or_else(gone)?;
            let cut = walker.state.cut(&walker.state.buckets_of(needs));
            *known = Some(walker);
            cut
        };
        Ok(cut.witness(needs)?)
    }
}

/// The nearest state that is known.
fn start(chain: &Chain, known: Option<Walker>, block: u64) -> Result<Option<Walker>, WitnessError> {
    let from_genesis = match chain.block(1) {
        Ok(Some(_)) => block,
        _ => u64::MAX, // the log begins later
    };
    let from_memory = chain.commitment.read().oldest().saturating_sub(block);
    if let Some(known) = known
        && known.block.abs_diff(block) <= from_genesis.min(from_memory)
    {
        return Ok(Some(known));
    }
    let used = Instant::now();
    if from_genesis <= from_memory {
        let entries = genesis_diff(&chain.config.genesis.alloc).entries;
        let state = genesis_commitment(&chain.config, &entries)?;
        let block = 0;
        return Ok(Some(Walker { state, block, used }));
    }
    let reached = chain.commitment.read().reach_oldest();
    let (block, state) = (reached.block(), reached.state());
    Ok(Some(Walker { state, block, used }))
}

impl Walker {
    /// Leads the state to the end of `block`; nothing if the log doesn't have what lies between, or
    /// leads to another state than the header says.
    fn go(&mut self, chain: &Chain, block: u64) -> Result<Option<()>, WitnessError> {
        self.used = Instant::now();
        if block == self.block {
            return Ok(Some(()));
        }
        let Some(Between { values, metas }) = between(chain, self.block, block) else {
            return Ok(None);
        };
        let encoded: Vec<(Vec<u8>, Vec<u8>)> = values
            .iter()
            .map(|(key, value)| (key.to_bytes(), value.to_bytes()))
            .collect();
        let changes = encoded.iter().map(|(key, value)| (&key[..], &value[..]));
        let update = self.state.update(changes)?;
        self.state.apply(&update);
        for (bucket, meta) in metas {
            let update = self.state.lay_out(bucket, meta)?;
            self.state.apply(&update);
        }
        self.block = block;
        let header = chain.block(block).ok().flatten();
        let is_right = |at: SharedBlock| B256::from(self.state.root()) == at.header.state_root;
        Ok(header.is_some_and(is_right).then_some(()))
    }
}

/// What differs between two blocks, as it is at the second.
struct Between {
    values: BTreeMap<PlainKey, PlainValue>,
    metas: BTreeMap<BucketId, BucketMeta>,
}

impl Between {
    /// Blocks from the log, read some at a time; nothing in the place of one that isn't there.
    fn blocks(chain: &Chain, first: u64, last: u64) -> impl Iterator<Item = Option<SharedBlock>> {
        (first..=last).step_by(TOGETHER).flat_map(move |first| {
            let last = last.min(first + TOGETHER as u64 - 1);
            let found = chain.blocks(first..=last).ok();
            let found = found.filter(|found| found.len() as u64 == last - first + 1);
            found.map_or_else(|| vec![None], |found| found.into_iter().map(Some).collect())
        })
    }
}

fn between(chain: &Chain, from: u64, to: u64) -> Option<Between> {
    let (mut values, mut metas) = (BTreeMap::new(), BTreeMap::new());
    let back = to < from;
    for block in Between::blocks(chain, from.min(to) + 1, from.max(to)) {
        let block = block?;
        for mini in chain.minis(block.minis_with_changes()).ok()? {
            values.extend(mini.diff.entries.iter().copied());
        }
        for growth in Growth::decode_all(&block.commitment).ok()? {
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
