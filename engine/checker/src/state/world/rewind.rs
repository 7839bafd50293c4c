//! Going back to the end of an earlier block for good: what came after it never was.

use std::sync::atomic::Ordering;

use alloy_primitives::B256;

use super::{History, StateStore, Version};
use crate::block::{PlainKey, PlainValue};

impl StateStore {
    /// Makes the state at the end of `block`, where `version` mini-blocks had been committed, the newest one.
    ///
    /// `values` are those that all keys changed since had then, `codes` the hashes of all codes that came since. Views of
    /// later states read an error from now on, those of earlier ones what they have read before. Only the writer may call
    /// this.
    pub fn rewind(
        &self,
        block: u64,
        version: Version,
        values: &[(PlainKey, PlainValue)],
        codes: &[B256],
    ) {
        let mut history = self.inner.history.write();
        self.inner.rewinds.fetch_add(1, Ordering::AcqRel);
        history.rewind(block, version);
        self.inner.version.store(version, Ordering::Release);
        for (key, value) in values {
            self.put(*key, *value);
        }
        let mut known = self.inner.codes.write();
        for hash in codes {
            known.remove(hash);
        }
        drop(known);
        let later = self.inner.block_hashes.write().split_off(&(block + 1));
        drop(later);
        self.inner.rewinds.fetch_add(1, Ordering::AcqRel);
    }
}

impl History {
    fn rewind(&mut self, block: u64, version: Version) {
        for pinned in self.pins.split_off(&(version + 1)).values() {
            pinned.is_gone.store(true, Ordering::Release);
        }
        if version < self.floor.1 {
            self.floor = (block, version);
        }
        // A layer holds one block's values at most, so none stands on both sides.
        let kept = self.layers.partition_point(|layer| layer.from < version);
        self.values -= self.values_in(kept..self.layers.len());
        self.layers.truncate(kept);
        self.blocks.retain(|boundary| boundary.block <= block);
        self.open = version;
        self.visible = version;
    }
}
