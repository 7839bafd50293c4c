//! Which commitments, opened at which places, tie a set of slots to the root.

use std::collections::{BTreeMap, BTreeSet};

use crate::node::{
    BUCKET_LEVEL, FIRST, NodeId, ROOT, bucket_node, bucket_top, child, index_in_parent, leaf_node,
    parent, segment_node,
};
use crate::types::{BucketId, SaltKey};

/// A vector that a proof opens: a node of the trie, named so that sorting gives the network's order.
///
/// An enlarged bucket's node has the number of levels above bit 33: its children are those of its own
/// trie's top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vector(u64);

const LEVELS_SHIFT: u32 = 33;

impl Vector {
    const fn of_node(node: NodeId) -> Self {
        Self(node)
    }

    const fn of_enlarged_bucket(bucket: BucketId, levels: u8) -> Self {
        Self(bucket_node(bucket) | (levels as u64) << LEVELS_SHIFT)
    }

    const fn levels(self) -> Option<u8> {
        match (self.0 >> LEVELS_SHIFT) & 7 {
            0 => None,
            levels => Some(levels as u8),
        }
    }

    /// The node whose commitment commits to the vector.
    pub const fn node(self) -> NodeId {
        match self.levels() {
            Some(_) => self.0 & ((1 << LEVELS_SHIFT) - 1),
            None => self.0,
        }
    }

    /// The node whose scalar stands at a place of an inner vector.
    pub const fn child(self, index: u8) -> NodeId {
        match self.levels() {
            Some(levels) => child(
                bucket_top((self.node() - FIRST[BUCKET_LEVEL]) as BucketId, levels),
                index,
            ),
            None => child(self.0, index),
        }
    }
}

/// The openings that a set of slots needs, in the order of the transcript.
#[derive(Debug, Default)]
pub struct Shape {
    /// Vectors of child nodes.
    pub inner: BTreeMap<Vector, BTreeSet<u8>>,
    /// Vectors of slots.
    pub leaves: BTreeMap<NodeId, BTreeSet<u8>>,
}

impl Shape {
    /// The shape for these slots; `levels` tells how many levels a bucket's own trie has.
    pub fn new(
        keys: impl IntoIterator<Item = SaltKey>,
        levels: impl Fn(BucketId) -> Option<u8>,
    ) -> Option<Self> {
        let mut shape = Self::default();
        for key in keys {
            shape.add(key, levels(key.bucket())?);
        }
        Some(shape)
    }

    fn add(&mut self, key: SaltKey, levels: u8) {
        let leaf = leaf_node(key, levels);
        if !self
            .leaves
            .entry(leaf)
            .or_default()
            .insert(key.slot() as u8)
        {
            return;
        }
        let bucket = key.bucket();
        if levels > 1 {
            let mut node = segment_node(key);
            for _ in 2..levels {
                self.inner
                    .entry(Vector::of_node(parent(node)))
                    .or_default()
                    .insert(index_in_parent(node));
                node = parent(node);
            }
            self.inner
                .entry(Vector::of_enlarged_bucket(bucket, levels))
                .or_default()
                .insert(index_in_parent(node));
        }
        let mut node = bucket_node(bucket);
        while node != ROOT {
            self.inner
                .entry(Vector::of_node(parent(node)))
                .or_default()
                .insert(index_in_parent(node));
            node = parent(node);
        }
    }

    /// Every node whose commitment the proof must carry.
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.inner
            .keys()
            .map(|vector| vector.node())
            .chain(self.leaves.keys().copied())
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_small_buckets_slot_needs_the_way_to_the_root() {
        let shape = Shape::new([SaltKey::new(70_000, 9)], |_| Some(1)).unwrap();
        assert_eq!(shape.leaves, [(bucket_node(70_000), [9].into())].into());
        let way = [0, 2, 257 + 273].map(Vector::of_node);
        assert_eq!(shape.inner.keys().copied().collect::<Vec<_>>(), way);
        assert_eq!(shape.nodes().len(), 4);
    }

    #[test]
    fn an_enlarged_buckets_slot_goes_through_its_own_trie() {
        let key = SaltKey::new(70_000, 70_000);
        let shape = Shape::new([key], |_| Some(3)).unwrap();
        assert_eq!(
            shape.leaves.keys().copied().collect::<Vec<_>>(),
            [segment_node(key)]
        );
        let top = Vector::of_enlarged_bucket(70_000, 3);
        assert_eq!(top.node(), bucket_node(70_000));
        assert_eq!(shape.inner[&top], [1].into());
        assert_eq!(top.child(1), parent(segment_node(key)));
        // Root, two main levels, the bucket, one inner node of its trie, the segment.
        assert_eq!(shape.nodes().len(), 6);
    }

    #[test]
    fn a_bucket_of_unknown_depth_has_no_shape() {
        assert!(Shape::new([SaltKey::new(70_000, 0)], |_| None).is_none());
    }
}
