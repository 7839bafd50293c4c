//! The shape of the trie: how nodes are numbered, and what they are before anything is stored.
//!
//! The main trie has four levels of 1, 256, 65,536 and 16,777,216 nodes; the last are the buckets.
//! A bucket of more than 256 slots has a trie of its own below it, whose deepest level, always
//! numbered 4, holds segments of 256 slots. A node's number counts breadth-first within its trie,
//! with the bucket above bit 40 for nodes below a bucket. The top of a bucket's own trie is the
//! bucket's node in the main trie and has no other number.

use std::sync::LazyLock;

use ark_ff::{AdditiveGroup, Field};

use super::crs::CRS;
use super::group::{Fr, Point, Sum};
use super::types::{
    BUCKETS, BucketId, BucketMeta, META_BUCKETS, SLOT_BITS, SaltKey, SaltValue, SlotId, WIDTH,
};

/// A node of the trie.
pub type NodeId = u64;

/// The root.
pub const ROOT: NodeId = 0;
/// Number of the first node of each level.
pub const FIRST: [u64; 5] = [0, 1, 257, 65_793, 16_843_009];
/// Level of the buckets in the main trie.
pub const BUCKET_LEVEL: usize = 3;
/// Level of the segments in a bucket's own trie.
pub const SEGMENT_LEVEL: usize = 4;
/// Most levels a bucket's own trie may have.
pub const MAX_BUCKET_LEVELS: u8 = 5;

const LOCAL_MASK: u64 = (1 << SLOT_BITS) - 1;

/// The bucket's node in the main trie.
pub const fn bucket_node(bucket: BucketId) -> NodeId {
    FIRST[BUCKET_LEVEL] + bucket as u64
}

/// The segment of an enlarged bucket that holds this slot.
pub const fn segment_node(key: SaltKey) -> NodeId {
    ((key.bucket() as u64) << SLOT_BITS) + FIRST[SEGMENT_LEVEL] + key.slot() / WIDTH as u64
}

/// The node under whose commitment a slot lies, in a bucket of so many levels.
pub const fn leaf_node(key: SaltKey, levels: u8) -> NodeId {
    if levels > 1 {
        segment_node(key)
    } else {
        bucket_node(key.bucket())
    }
}

/// The first slot under a leaf.
pub const fn leaf_start(leaf: NodeId) -> SaltKey {
    if is_main(leaf) {
        SaltKey::new((leaf - FIRST[BUCKET_LEVEL]) as BucketId, 0)
    } else {
        let segment = (leaf & LOCAL_MASK) - FIRST[SEGMENT_LEVEL];
        SaltKey::new((leaf >> SLOT_BITS) as BucketId, segment * WIDTH as SlotId)
    }
}

/// Whether the node is part of the main trie.
pub const fn is_main(node: NodeId) -> bool {
    node <= LOCAL_MASK
}

/// The bucket whose own trie the node is part of.
pub const fn bucket_of(node: NodeId) -> BucketId {
    (node >> SLOT_BITS) as BucketId
}

/// The node's level, counted from the root of its trie.
pub const fn level(node: NodeId) -> usize {
    let local = node & LOCAL_MASK;
    let mut level = SEGMENT_LEVEL;
    while local < FIRST[level] {
        level -= 1;
    }
    level
}

/// The parent within the same trie. The root of a trie is its own parent.
pub const fn parent(node: NodeId) -> NodeId {
    let level = level(node);
    if level == 0 {
        return node;
    }
    let local = node & LOCAL_MASK;
    (node & !LOCAL_MASK) + FIRST[level - 1] + (local - FIRST[level]) / WIDTH as u64
}

/// The place a node has in its parent's vector.
pub const fn index_in_parent(node: NodeId) -> u8 {
    ((node & LOCAL_MASK) - FIRST[level(node)]) as u8
}

/// The child at a place of a node's vector. Segments have no children.
pub const fn child(node: NodeId, index: u8) -> NodeId {
    let level = level(node);
    debug_assert!(level < SEGMENT_LEVEL);
    let local = node & LOCAL_MASK;
    (node & !LOCAL_MASK) + FIRST[level + 1] + (local - FIRST[level]) * WIDTH as u64 + index as u64
}

/// How many levels the own trie of a bucket of this capacity has: 1 up to 256 slots, at most 5.
pub const fn bucket_levels(capacity: u64) -> u8 {
    let mut levels = 1;
    let mut segments = capacity.div_ceil(WIDTH as u64);
    while segments > 1 {
        levels += 1;
        segments = segments.div_ceil(WIDTH as u64);
    }
    levels
}

/// The number that the top of a bucket's trie of so many levels would have: its children are counted
/// from it.
pub const fn bucket_top(bucket: BucketId, levels: u8) -> NodeId {
    ((bucket as u64) << SLOT_BITS) + FIRST[(MAX_BUCKET_LEVELS - levels) as usize]
}

/// How many slots a bucket of so many levels can have.
pub const fn levels_capacity(levels: u8) -> u64 {
    (WIDTH as u64).pow(levels as u32)
}

/// What one slot contributes to its leaf: a hash of its key and value, or a constant where it is empty.
///
/// An unset slot of a metadata bucket counts as holding the default metadata; pass that.
pub fn slot_scalar(value: Option<&SaltValue>) -> Fr {
    let Some(value) = value else {
        return DEFAULTS.empty_slot;
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(value.key());
    hasher.update(value.value());
    super::group::scalar_from_le_reduced(hasher.finalize().as_bytes())
}

/// A node's commitment and the scalar it contributes to its parent.
#[derive(Clone, Copy, Debug)]
pub struct DefaultNode {
    /// Commitment of the untouched node.
    pub point: Point,
    /// Its image in the scalar field.
    pub scalar: Fr,
}

#[derive(Debug)]
struct Defaults {
    empty_slot: Fr,
    /// Levels of a bucket's own trie, which the data part of the main trie repeats two levels up.
    data: [DefaultNode; 5],
    /// Levels 0 to 3 of the main trie on the side of the metadata.
    meta: [DefaultNode; 4],
}

static DEFAULTS: LazyLock<Defaults> = LazyLock::new(|| {
    let all: Sum = CRS
        .generators
        .iter()
        .map(|generator| generator.to_sum())
        .sum();
    let first = CRS.generators[0].to_sum();
    let node = |sum: Sum| {
        let point = Point::from_sum(&sum);
        DefaultNode {
            point,
            scalar: point.to_scalar(),
        }
    };
    let uniform = |scalar: Fr| node(all * scalar);

    let empty_slot = super::group::scalar_from_le_reduced(&[1; 32]);
    let mut data = [uniform(empty_slot); 5];
    for level in (0..SEGMENT_LEVEL).rev() {
        data[level] = uniform(data[level + 1].scalar);
    }

    let default_meta = *blake3::hash(&BucketMeta::default().encode()).as_bytes();
    let mut meta = [uniform(super::group::scalar_from_le_reduced(&default_meta)); 4];
    for level in (1..BUCKET_LEVEL).rev() {
        meta[level] = uniform(meta[level + 1].scalar);
    }
    // Below the root only the first child belongs to the metadata.
    meta[0] = node(first * meta[1].scalar + (all - first) * data[2].scalar);
    Defaults {
        empty_slot,
        data,
        meta,
    }
});

/// What a node is before anything is stored under it.
pub fn default_node(node: NodeId) -> DefaultNode {
    let level = level(node);
    if !is_main(node) {
        return DEFAULTS.data[level];
    }
    let per_node = u64::from(BUCKETS) >> (8 * level);
    let first_bucket = (node - FIRST[level]) * per_node;
    if first_bucket < u64::from(META_BUCKETS) {
        DEFAULTS.meta[level]
    } else {
        DEFAULTS.data[level + 1]
    }
}

/// What the top of an untouched bucket of so many levels is.
pub fn default_bucket(levels: u8) -> DefaultNode {
    DEFAULTS.data[usize::from(MAX_BUCKET_LEVELS.saturating_sub(levels))]
}

/// The neutral scalar, for vectors to be filled.
pub const ZERO: Fr = <Fr as AdditiveGroup>::ZERO;
/// The scalar one.
pub const ONE: Fr = <Fr as Field>::ONE;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn untouched_nodes_are_the_networks() {
        for (node, expected) in [
            (
                ROOT,
                "a2f11cbb573b3beba869c4417fd616e550f66feea3edcf6b8979bee66dd18767",
            ),
            (
                1,
                "b744bfb480faaaaecfb534e10ce111489c89cc43ab90a380ef5eb0f8668b7310",
            ),
            (
                2,
                "866b0fd149ea8e233d295dff7b91af9ac54e82e3083a979e068fe9f5a8747832",
            ),
            (
                257,
                "9ed527e0e507e93c05d5a77184211e6bbf6e1820fdc7cd36387c4d52f8b93118",
            ),
            (
                257 + 256,
                "1d8d81bcb60ff180ff99c497a8298af38d71d2fbf3c0ffda09b659839e373261",
            ),
            (
                bucket_node(0),
                "e07db25c34ee2ddb23992be6e8c3a9fc0c3b3c23effd4089cb262524ce64671a",
            ),
            (
                bucket_node(META_BUCKETS),
                "da260863cc36b265d34f9912c3b98ae7e046ced37bf5eebe1be164695093714e",
            ),
            (
                bucket_top(META_BUCKETS, 5),
                "a7bba7dcf3ad2fbb9fd792f875adad094bb67119f2e83fd751299d9195d7301c",
            ),
            (
                bucket_top(META_BUCKETS, 4),
                "db1c8437754289cd759fa15c051b03950c135a8b67176946020087cdd86f0c2f",
            ),
        ] {
            assert_eq!(
                hex(&default_node(node).point.to_bytes()[..32]),
                expected,
                "node {node}"
            );
        }
    }

    #[test]
    fn parents_and_children_are_inverse() {
        for node in [
            0,
            1,
            200,
            257,
            65_792,
            70_000,
            9 << 40,
            (9 << 40) | 300,
            (9 << 40) | 65_800,
        ] {
            if level(node) == BUCKET_LEVEL && is_main(node) {
                continue;
            }
            for index in [0, 1, 77, 255] {
                let child = child(node, index);
                assert_eq!(parent(child), node);
                assert_eq!(index_in_parent(child), index);
                assert_eq!(level(child), level(node) + 1);
            }
        }
    }

    #[test]
    fn levels_follow_capacity() {
        for (capacity, levels) in [
            (1, 1),
            (256, 1),
            (257, 2),
            (65_536, 2),
            (65_537, 3),
            (1 << 24, 3),
            (1 << 32, 4),
            ((1 << 32) + 1, 5),
            (1 << 40, 5),
        ] {
            assert_eq!(bucket_levels(capacity), levels, "{capacity}");
        }
    }

    #[test]
    fn leaves_cover_256_slots() {
        let key = SaltKey::new(70_000, 1500);
        assert_eq!(leaf_node(key, 1), bucket_node(70_000));
        let segment = leaf_node(key, 2);
        assert_eq!(leaf_start(segment), SaltKey::new(70_000, 1280));
        assert_eq!(leaf_start(bucket_node(70_000)), SaltKey::new(70_000, 0));
        assert_eq!(parent(segment), bucket_top(70_000, 2));
    }
}
