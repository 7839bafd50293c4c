//! Moving a whole state in pieces, each checked before it is taken over.
//!
//! The root commits to 256 nodes. The first covers the metadata of all buckets, each other one a range
//! of 65,536 buckets with what they hold. Whoever has the root can check those 256 commitments; with
//! them it can check the metadata, and then each range by itself, in any order, from any peer.

use std::collections::BTreeMap;

use super::bucket_table::{Resize, SaltError, StateChange};
use super::fixed_base::Tables;
use super::group::{Point, decompress, to_scalars};
use super::node::{FIRST, ZERO};
use super::proof::VectorSource;
use super::state::SaltState;
use super::trie::root_hash;
use super::types::{BUCKETS, BucketId, BucketMeta, MAX_CAPACITY, META_BUCKETS, SaltKey, WIDTH};

/// Buckets in a range.
const BUCKETS_PER_RANGE: BucketId = 1 << 16;

/// Why a piece is not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The piece does not have the commitment that the root implies.
    #[error("range {0} is not what the state root commits to")]
    Mismatch(u8),
    /// The piece cannot be part of any state.
    #[error(transparent)]
    State(#[from] SaltError),
}

/// The commitments of the 256 ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<Point>);

impl Ranges {
    /// Length of the encoding.
    pub const LENGTH: usize = WIDTH * Point::COMPRESSED;

    /// The state root that the ranges make.
    pub fn root(&self) -> [u8; 32] {
        let mut vector = [ZERO; WIDTH];
        for (value, scalar) in vector.iter_mut().zip(to_scalars(&self.0)) {
            *value = scalar;
        }
        root_hash(&Point::from_sum(&Tables::shared().commit(&vector)))
    }

    /// All commitments, compressed.
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|point| point.compress()).collect()
    }

    /// Reads [`encode`](Self::encode)'s form and compares it with the root; `None` if they differ.
    pub fn decode(bytes: &[u8], root: &[u8; 32]) -> Option<Self> {
        let (points, rest) = bytes.as_chunks::<{ Point::COMPRESSED }>();
        if points.len() != WIDTH || !rest.is_empty() {
            return None;
        }
        let ranges = Self(decompress(points)?);
        (ranges.root() == *root).then_some(ranges)
    }
}

impl SaltState {
    /// The commitments of this state's ranges.
    pub fn ranges(&self) -> Ranges {
        Ranges(
            (FIRST[1]..FIRST[2])
                .map(|node| self.commitment(node))
                .collect(),
        )
    }

    /// What the buckets of a range hold. Range 0 holds metadata only.
    pub fn range(&self, range: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
        let first = BucketId::from(range) * BUCKETS_PER_RANGE;
        let last = first + (BUCKETS_PER_RANGE - 1);
        self.slots_between(SaltKey::new(first, 0), SaltKey::new(last, MAX_CAPACITY - 1))
            .map(|value| (value.key(), value.value()))
    }

    /// Takes over the metadata of another state into this empty one: range 0.
    pub fn take_metas(
        &mut self,
        metas: &[(BucketId, BucketMeta)],
        ranges: &Ranges,
    ) -> Result<(), RangeError> {
        let old = BucketMeta::default();
        if metas
            .iter()
            .any(|(bucket, _)| !(META_BUCKETS..BUCKETS).contains(bucket))
        {
            return Err(RangeError::Mismatch(0));
        }
        let resized: BTreeMap<BucketId, Resize> = metas
            .iter()
            .filter(|(_, meta)| *meta != old)
            .map(|(bucket, new)| {
                (
                    *bucket,
                    Resize {
                        old,
                        new: *new,
                        layout: BTreeMap::new(),
                    },
                )
            })
            .collect();
        let change = StateChange {
            resized,
            ..StateChange::default()
        };
        self.take(change, 0, ranges)
    }

    /// Takes over what a range holds, once the metadata is there.
    pub fn take_range<'c>(
        &mut self,
        range: u8,
        entries: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
        ranges: &Ranges,
    ) -> Result<(), RangeError> {
        let change = self.edit(entries)?;
        let strays = |bucket: BucketId| bucket / BUCKETS_PER_RANGE != BucketId::from(range);
        if !change.resized.is_empty() || change.slots.keys().any(|key| strays(key.bucket())) {
            return Err(RangeError::Mismatch(range));
        }
        self.take(change, range, ranges)
    }

    fn take(&mut self, change: StateChange, range: u8, ranges: &Ranges) -> Result<(), RangeError> {
        let update = self.commit(change)?;
        let node = FIRST[1] + u64::from(range);
        let changed = update
            .trie
            .nodes
            .iter()
            .find(|(changed, _)| *changed == node);
        let commitment = changed.map_or_else(|| self.commitment(node), |(_, point)| *point);
        if commitment != ranges.0[usize::from(range)] {
            return Err(RangeError::Mismatch(range));
        }
        self.apply(&update);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::types::DATA_BUCKETS;

    type Batch = Vec<(Vec<u8>, Vec<u8>)>;

    fn batch(count: u32) -> Batch {
        (0..count)
            .map(|n| (n.to_be_bytes().repeat(5), vec![n as u8 + 1; 40]))
            .collect()
    }

    fn pairs(batch: &Batch) -> impl Iterator<Item = (&[u8], &[u8])> {
        batch
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    fn filled(data_buckets: u32, count: u32) -> SaltState {
        let mut state = SaltState::new(data_buckets);
        let update = state.update(pairs(&batch(count))).unwrap();
        state.apply(&update);
        state
    }

    #[test]
    fn a_state_moves_range_by_range_in_any_order() {
        for (data_buckets, count) in [(1, 900), (DATA_BUCKETS, 150)] {
            let source = filled(data_buckets, count);
            let ranges = Ranges::decode(&source.ranges().encode(), &source.root()).unwrap();
            let mut target = SaltState::new(data_buckets);
            target.take_metas(&source.metas(), &ranges).unwrap();
            for range in (1..=255).rev() {
                target
                    .take_range(range, source.range(range), &ranges)
                    .unwrap();
            }
            assert_eq!(target.root(), source.root());
            assert_eq!(target.len(), source.len());
        }
    }

    #[test]
    fn a_false_piece_is_refused_and_changes_nothing() {
        let source = filled(DATA_BUCKETS, 50);
        let ranges = source.ranges();
        assert!(Ranges::decode(&ranges.encode(), &[1; 32]).is_none());
        assert!(Ranges::decode(&ranges.encode()[1..], &source.root()).is_none());

        let mut target = SaltState::new(DATA_BUCKETS);
        let empty = target.root();
        let wrong = [(
            META_BUCKETS,
            BucketMeta {
                nonce: 0,
                capacity: 512,
            },
        )];
        assert_eq!(
            target.take_metas(&wrong, &ranges),
            Err(RangeError::Mismatch(0))
        );

        let range = (1..=255)
            .find(|range| source.range(*range).count() > 1)
            .unwrap();
        let missing = source.range(range).skip(1);
        assert_eq!(
            target.take_range(range, missing, &ranges),
            Err(RangeError::Mismatch(range))
        );
        let whole = batch(50);
        assert_eq!(
            target.take_range(range, pairs(&whole), &ranges),
            Err(RangeError::Mismatch(range))
        );
        assert_eq!(target.root(), empty);
        assert!(target.is_empty());
    }
}
