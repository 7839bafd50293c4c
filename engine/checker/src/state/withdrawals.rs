//! The header's withdrawals root: since Isthmus, the storage root of L2ToL1MessagePasser.

use std::collections::BTreeMap;

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, U256};
use alloy_trie::root::storage_root_unhashed;

use super::{change::Change, world::StateStore};
use crate::block::WITHDRAWALS_ADDRESS;

/// Follows the contract's storage; computes its Merkle-Patricia root only after a change.
#[derive(Debug)]
pub struct WithdrawalsRoot {
    slots: BTreeMap<B256, U256>,
    root: Option<B256>,
}

impl WithdrawalsRoot {
    /// Begins with what the world holds now.
    pub fn load(world: &StateStore) -> Self {
        let mut slots = BTreeMap::new();
        world.for_each(|key, value| {
            if let (WITHDRAWALS_ADDRESS, Some(slot)) = (key.address, key.slot) {
                slots.insert(slot, value.as_slot());
            }
        });
        Self { slots, root: None }
    }

    /// Takes a block's changes.
    pub fn update(&mut self, changes: &[Change]) {
        for change in changes {
            if let (WITHDRAWALS_ADDRESS, Some(slot)) = (change.key.address, change.key.slot) {
                self.root = None;
                match change.new.as_slot() {
                    U256::ZERO => self.slots.remove(&slot),
                    value => self.slots.insert(slot, value),
                };
            }
        }
    }

    /// The storage root.
    pub fn root(&mut self) -> B256 {
        *self
            .root
            .get_or_insert_with(|| match self.slots.is_empty() {
                true => EMPTY_ROOT_HASH,
                false => {
                    storage_root_unhashed(self.slots.iter().map(|(slot, value)| (*slot, *value)))
                }
            })
    }
}
