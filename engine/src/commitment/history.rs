//! The newest state under SALT, and how to go back to what recent blocks left.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{pending::Batch, resize::BucketResize};
use crate::{
    block::{PlainKey, PlainValue},
    salt::{
        bucket_table::SaltError,
        group::Point,
        node::NodeId,
        state::{SaltState, Undo, Update},
        types::{BucketId, BucketMeta},
    },
};

/// A plain key with its value.
pub(crate) type Entry = (PlainKey, PlainValue);

/// Bytes of layers to go back that are kept, ...
const MAX_LAYER_BYTES: usize = 64 << 20;
/// ... but never fewer blocks than these.
const MIN_BLOCKS: u64 = 8;

/// A state with layers that lead back.
#[derive(Debug)]
pub(crate) struct History {
    state: SaltState,
    /// In the order of their updates, each with its block.
    layers: VecDeque<(u64, Arc<Undo>)>,
    layer_bytes: usize,
    /// The newest closed block.
    newest: u64,
    /// The oldest block whose final state can still be reached.
    oldest: u64,
}

/// What an earlier run has computed of a block.
#[derive(Debug)]
pub(crate) struct KnownUpdate {
    /// Where it leads, by its header.
    pub root: [u8; 32],
    /// The nodes that it changed.
    pub nodes: Vec<(NodeId, Point)>,
}

/// The state at the end of a block, as far as it differs from what is to be led there.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockEnd {
    /// The block.
    pub block: u64,
    /// What stands under the keys that differ.
    pub values: Vec<Entry>,
    /// The buckets that differ.
    pub buckets: BTreeMap<BucketId, BucketMeta>,
}

/// A block's final state or part of it, to be led back without holding any lock.
#[derive(Debug)]
pub(crate) struct Reached {
    block: u64,
    cut: SaltState,
    back: Vec<Arc<Undo>>,
}

impl History {
    /// A history that begins with the state at the end of `block`.
    pub(crate) fn new(state: SaltState, block: u64) -> Self {
        Self {
            state,
            layers: VecDeque::new(),
            layer_bytes: 0,
            newest: block,
            oldest: block,
        }
    }

    /// A state of these entries, in buckets of at least these capacities.
    pub(crate) fn build(
        data_buckets: u32,
        metas: &[(BucketId, BucketMeta)],
        entries: &[Entry],
    ) -> Result<SaltState, SaltError> {
        let encoded = encode(entries.iter().map(|(key, value)| (*key, *value)));
        SaltState::build(data_buckets, metas.iter().copied(), pairs(&encoded))
    }

    /// Likewise, of nodes that are known.
    pub(crate) fn assemble(
        data_buckets: u32,
        metas: &[(BucketId, BucketMeta)],
        nodes: impl IntoIterator<Item = (NodeId, Point)>,
        entries: &[Entry],
    ) -> Result<SaltState, SaltError> {
        let encoded = encode(entries.iter().map(|(key, value)| (*key, *value)));
        SaltState::assemble(data_buckets, metas.iter().copied(), nodes, pairs(&encoded))
    }

    /// The newest state, which may be in the middle of a block.
    pub(crate) fn state(&self) -> &SaltState {
        &self.state
    }

    /// All nodes of the newest state, to be kept.
    pub(crate) fn nodes(&self) -> Vec<u8> {
        self.state.kept()
    }

    /// The oldest block whose final state can be proven.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// What these changes do.
    pub(super) fn update(&self, batch: &Batch) -> Result<Update, SaltError> {
        let encoded = encode(batch.iter().map(|(key, value)| (*key, *value)));
        self.state.update(pairs(&encoded))
    }

    /// Likewise, where the block's nodes are known; nothing unless they lead to this root.
    pub(super) fn update_known(&self, batch: &Batch, known: KnownUpdate) -> Option<Update> {
        let encoded = encode(batch.iter().map(|(key, value)| (*key, *value)));
        let update = self.state.update_known(pairs(&encoded), known.nodes).ok()?;
        (update.root() == known.root).then_some(update)
    }

    /// Makes an update true.
    pub(super) fn apply(&mut self, update: &Update) {
        let undo = Arc::new(self.state.apply(update));
        self.layer_bytes += undo.memory();
        self.layers.push_back((self.newest + 1, undo));
    }

    /// Ends a block. Returns its root and, to be kept, the nodes that it changed.
    pub(super) fn close(&mut self, block: u64) -> ([u8; 32], Vec<u8>) {
        let of_block = self.layers.iter().rev();
        let of_block = of_block.take_while(|(of, _)| *of == block);
        let kept = self.state.kept_since(of_block.map(|(_, undo)| &**undo));
        self.newest = block;
        while self.layer_bytes > MAX_LAYER_BYTES
            && let Some((first, undo)) = self.layers.front()
            && *first + MIN_BLOCKS <= block
        {
            self.oldest = *first;
            self.layer_bytes -= undo.memory();
            self.layers.pop_front();
        }
        (self.state.root(), kept)
    }

    /// Takes the last update back, and the end of the block that came with it.
    pub(super) fn reopen(&mut self) {
        if let Some((block, undo)) = self.layers.pop_back() {
            self.state.undo(&undo);
            self.layer_bytes -= undo.memory();
            self.newest = block - 1;
        }
    }

    /// Makes the state at the end of an earlier block the newest one: by the layers that lead back, or by the values
    /// that differ where they do not reach. After an error it is of no block. Returns its root.
    pub(super) fn rewind(&mut self, to: &BlockEnd) -> Result<[u8; 32], SaltError> {
        if to.block >= self.oldest {
            let later = |(of, _): &(u64, Arc<Undo>)| *of > to.block;
            while self.layers.back().is_some_and(later)
                && let Some((_, undo)) = self.layers.pop_back()
            {
                self.state.undo(&undo);
                self.layer_bytes -= undo.memory();
            }
        } else {
            self.layers.clear();
            self.layer_bytes = 0;
            self.oldest = to.block;
            let encoded = encode(to.values.iter().copied());
            let update = self.state.update(pairs(&encoded))?;
            self.state.apply(&update);
            for (bucket, meta) in &to.buckets {
                let update = self.state.lay_out(*bucket, *meta)?;
                self.state.apply(&update);
            }
        }
        self.newest = to.block;
        Ok(self.state.root())
    }

    /// What it takes to prove something about the end of `block`; `None` if that is too long ago.
    pub(crate) fn reach(&self, block: u64, buckets: &BTreeSet<BucketId>) -> Option<Reached> {
        if block < self.oldest || block > self.newest {
            return None;
        }
        Some(self.reached(block, self.state.cut(buckets)))
    }

    /// What it takes to have the oldest block's final state as a whole.
    pub(crate) fn reach_oldest(&self) -> Reached {
        self.reached(self.oldest, self.state.clone())
    }

    fn reached(&self, block: u64, cut: SaltState) -> Reached {
        let later = self.layers.iter().rev();
        let back = later
            .take_while(|(of, _)| *of > block)
            .map(|(_, undo)| undo.clone())
            .collect();
        Reached { block, cut, back }
    }
}

impl Reached {
    /// The block.
    pub(crate) const fn block(&self) -> u64 {
        self.block
    }

    /// The block's final state, as far as it was reached for.
    pub(crate) fn state(mut self) -> SaltState {
        for undo in &self.back {
            self.cut.undo(undo);
        }
        self.cut
    }
}

/// What an update did to buckets' metadata.
pub(super) fn growth(update: &Update) -> Vec<BucketResize> {
    let resized = update.state.resized.iter();
    resized
        .map(|(bucket, resize)| BucketResize {
            bucket: *bucket,
            old: resize.old,
            new: resize.new,
        })
        .collect()
}

fn encode(entries: impl Iterator<Item = Entry>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    entries
        .map(|(key, value)| (key.to_bytes(), value.to_bytes()))
        .collect()
}

fn pairs(encoded: &BTreeMap<Vec<u8>, Vec<u8>>) -> impl Iterator<Item = (&[u8], &[u8])> {
    encoded.iter().map(|(key, value)| (&key[..], &value[..]))
}
