//! Changed keys that are not in the commitment yet.
//!
//! Work done early is work done twice for a key that changes again in the same block. So a key waits
//! until some mini-blocks have left it alone; only then is it worth folding in before the block ends.
//! As the end comes near keys wait less, since whatever is left then holds up the next block.

use std::collections::HashMap;

use crate::block::{MiniBlock, PlainKey, PlainValue};

/// Mini-blocks after which keys that stayed unchanged are folded in.
const GENERATION: u64 = 8;
/// Fewer keys than this are left for later.
const LEAST: usize = 64;
/// In the last part of a block of this length, ...
const END: u64 = 8;
/// ... generations are so short, and keys are folded in be they ever so few.
const LAST_GENERATIONS: u64 = 3;

/// Keys with their newest values.
pub(super) type Batch = HashMap<PlainKey, PlainValue>;

/// Keys by how long they have been left alone.
#[derive(Debug)]
pub(super) struct Pending {
    block_time_us: u64,
    /// Changed in this generation.
    fresh: Batch,
    /// Not changed since the generation before.
    settled: Batch,
    /// The mini-block that this generation began with.
    began: u64,
}

impl Pending {
    /// Nothing, of a chain of blocks of this length.
    pub(super) fn new(block_time_us: u64) -> Self {
        Self {
            block_time_us: block_time_us.max(1),
            fresh: Batch::default(),
            settled: Batch::default(),
            began: 0,
        }
    }

    /// Takes a mini-block's changes. Returns keys that have settled, if that is enough work.
    pub(super) fn add(&mut self, mini: &MiniBlock) -> Option<Batch> {
        self.hold(mini);
        let left_us = self.block_time_us - mini.timestamp_us % self.block_time_us;
        let ends = left_us <= self.block_time_us / END;
        let (generation, least) = if ends {
            (LAST_GENERATIONS, 1)
        } else {
            (GENERATION, LEAST)
        };
        if mini.number < self.began + generation {
            return None;
        }
        self.began = mini.number;
        let mut ready = std::mem::replace(&mut self.settled, std::mem::take(&mut self.fresh));
        if ready.len() < least {
            // None of these changed since, or it would not be here.
            self.settled.extend(ready.drain());
            return None;
        }
        Some(ready)
    }

    /// Takes a mini-block's changes, for the end of the block.
    pub(super) fn hold(&mut self, mini: &MiniBlock) {
        for (key, value) in &mini.diff.entries {
            self.settled.remove(key);
            self.fresh.insert(*key, *value);
        }
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.settled.len()
    }

    /// Puts keys back that were not folded in after all; newer values stand.
    pub(super) fn put_back(&mut self, batch: Batch) {
        for (key, value) in batch {
            if !self.fresh.contains_key(&key) {
                self.settled.entry(key).or_insert(value);
            }
        }
    }

    /// Forgets everything: the chain is rolled back.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.block_time_us);
    }

    /// Takes everything, at the end of a block.
    pub(super) fn take_all(&mut self) -> Batch {
        let mut all = std::mem::take(&mut self.settled);
        all.extend(self.fresh.drain());
        all
    }
}
