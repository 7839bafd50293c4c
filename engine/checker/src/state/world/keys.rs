//! Which keys there are at a version.

use super::{StateStore, Version};
use crate::block::PlainKey;

impl StateStore {
    /// The keys that are `wanted` at a version that the caller has pinned, in order. Under some of them nothing may stand
    /// at that version.
    pub(in crate::state) fn keys_at(
        &self,
        version: Version,
        wanted: impl Fn(&PlainKey) -> bool,
    ) -> Vec<PlainKey> {
        let mut keys = Vec::new();
        for shard in &self.inner.shards {
            let shard = shard.read();
            let owners = shard.accounts.keys().copied().map(PlainKey::account);
            let slots = shard.slots.keys().map(|(address, slot)| PlainKey {
                address: *address,
                slot: Some(*slot),
            });
            keys.extend(owners.chain(slots).filter(|key| wanted(key)));
        }
        // What has gone since stands in an undo layer, which was filed before it went.
        let layers: Vec<_> = {
            let history = self.inner.history.read();
            let first = history.layers.partition_point(|layer| layer.from < version);
            history.layers.range(first..).cloned().collect()
        };
        for layer in layers {
            let changed = layer.old.keys().copied();
            keys.extend(changed.filter(|key| wanted(key)));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
