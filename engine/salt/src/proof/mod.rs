//! Proofs that slots hold what is claimed, under one state root.
//!
//! The checker uses nothing but the claims, the proof and the root. The prover reads whole vectors
//! through [`VectorSource`].

pub mod multipoint;
pub mod polynomial;
pub mod shape;
pub mod transcript;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::group::{Fr, Point, scalar_to_le, to_scalars};
use super::node::{
    MAX_BUCKET_LEVELS, NodeId, ROOT, bucket_levels, leaf_start, levels_capacity, slot_scalar,
};
use super::types::{BucketId, BucketMeta, MAX_CAPACITY, META_BUCKETS, SaltKey, SaltValue};
use multipoint::{Claim, MultiPointProof, Opening};
use polynomial::Values;
use shape::Shape;
use transcript::Transcript;

const PROTOCOL: &[u8] = b"st";

/// Slots and what they hold; `None` for an empty one. Slots that are not in the map are unknown.
pub type Slots = BTreeMap<SaltKey, Option<SaltValue>>;

/// Why a proof does not show what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A proof of nothing ties nothing to the root.
    #[error("the witness has no slots")]
    Empty,
    /// The proof must tell the depth of exactly the buckets that have slots in it.
    #[error("the depth of bucket {0} is missing, needless or impossible")]
    Levels(BucketId),
    /// The slot lies outside its bucket.
    #[error("slot {} of bucket {} is beyond the bucket's capacity", .0.slot(), .0.bucket())]
    Capacity(SaltKey),
    /// A metadata slot must hold metadata.
    #[error("slot {} of metadata bucket {} does not hold metadata", .0.slot(), .0.bucket())]
    Metadata(SaltKey),
    /// The proof must carry exactly the commitments between the slots and the root.
    #[error("the commitment of node {0} is missing or needless")]
    Commitment(NodeId),
    /// The proof is about another state.
    #[error("the proof is for state root {actual:02x?}, not {expected:02x?}")]
    Root {
        /// The root asked about.
        expected: [u8; 32],
        /// The proof's root.
        actual: [u8; 32],
    },
    /// The argument does not hold.
    #[error("the opening argument is false")]
    Opening,
}

/// What the prover reads.
pub trait VectorSource: Sync {
    /// The levels of a bucket's own trie.
    fn levels(&self, bucket: BucketId) -> u8;
    /// A node's commitment.
    fn commitment(&self, node: NodeId) -> Point;
    /// The 256 scalars of a leaf's slots.
    fn leaf_vector(&self, leaf: NodeId) -> Box<Values>;
    /// The 256 scalars of a node's children, given the number of the first child.
    fn inner_vector(&self, first_child: NodeId) -> Box<Values>;
}

/// Ties slots to a state root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltProof {
    /// The commitments between the slots and the root.
    pub commitments: BTreeMap<NodeId, Point>,
    /// Shows that each commitment opens to its child's, and each leaf to its slots.
    pub opening: MultiPointProof,
    /// How many levels the own tries of the slots' buckets have.
    pub levels: BTreeMap<BucketId, u8>,
}

impl SaltProof {
    /// Proves these slots of a state; `None` if there are none.
    ///
    /// They must lie within their buckets' capacities.
    pub fn create(keys: &BTreeSet<SaltKey>, source: &impl VectorSource) -> Option<Self> {
        if keys.is_empty() {
            return None;
        }
        let buckets: BTreeSet<BucketId> = keys.iter().map(|key| key.bucket()).collect();
        let levels: BTreeMap<BucketId, u8> = buckets
            .into_iter()
            .map(|bucket| (bucket, source.levels(bucket)))
            .collect();
        let shape = Shape::new(keys.iter().copied(), |bucket| levels.get(&bucket).copied())?;
        let commitments = shape
            .nodes()
            .into_iter()
            .map(|node| (node, source.commitment(node)))
            .collect();

        let inner = shape.inner.par_iter().map(|(vector, places)| Opening {
            commitment: source.commitment(vector.node()),
            vector: source.inner_vector(vector.child(0)),
            places: places.iter().copied().collect(),
        });
        let leaves = shape.leaves.par_iter().map(|(leaf, places)| Opening {
            commitment: source.commitment(*leaf),
            vector: source.leaf_vector(*leaf),
            places: places.iter().copied().collect(),
        });
        let openings: Vec<Opening> = inner.chain(leaves).collect();
        let opening = MultiPointProof::prove(Transcript::new(PROTOCOL), &openings);
        Some(Self {
            commitments,
            opening,
            levels,
        })
    }

    /// The state root the proof is about.
    pub fn root(&self) -> Result<[u8; 32], ProofError> {
        let root = self
            .commitments
            .get(&ROOT)
            .ok_or(ProofError::Commitment(ROOT))?;
        Ok(scalar_to_le(&root.to_scalar()))
    }

    /// Checks that the slots hold these values in the state with this root.
    pub fn verify(&self, slots: &Slots, root: &[u8; 32]) -> Result<(), ProofError> {
        if slots.is_empty() {
            return Err(ProofError::Empty);
        }
        let actual = self.root()?;
        if actual != *root {
            return Err(ProofError::Root {
                expected: *root,
                actual,
            });
        }
        self.check_levels(slots)?;
        let claims = self.claims(slots)?;
        if !self.opening.verify(Transcript::new(PROTOCOL), &claims) {
            return Err(ProofError::Opening);
        }
        Ok(())
    }

    fn check_levels(&self, slots: &Slots) -> Result<(), ProofError> {
        let buckets: BTreeSet<BucketId> = slots.keys().map(|key| key.bucket()).collect();
        if let Some(needless) = self.levels.keys().find(|bucket| !buckets.contains(bucket)) {
            return Err(ProofError::Levels(*needless));
        }
        for bucket in buckets {
            let Some(levels) = self.levels.get(&bucket).copied() else {
                return Err(ProofError::Levels(bucket));
            };
            let most = if bucket < META_BUCKETS {
                1
            } else {
                MAX_BUCKET_LEVELS
            };
            if !(1..=most).contains(&levels) {
                return Err(ProofError::Levels(bucket));
            }
            let mut capacity = levels_capacity(levels);
            if let Some(meta) = meta_in(slots, bucket)? {
                if levels != bucket_levels(meta.capacity) {
                    return Err(ProofError::Levels(bucket));
                }
                capacity = meta.capacity;
            }
            let last = SaltKey::new(bucket, MAX_CAPACITY - 1);
            if let Some((key, _)) = slots.range(..=last).next_back()
                && key.slot() >= capacity
            {
                return Err(ProofError::Capacity(*key));
            }
        }
        Ok(())
    }

    fn claims(&self, slots: &Slots) -> Result<Vec<Claim>, ProofError> {
        let shape = Shape::new(slots.keys().copied(), |bucket| {
            self.levels.get(&bucket).copied()
        })
        .ok_or(ProofError::Levels(0))?;
        let needed = shape.nodes();
        if let Some(node) = self
            .commitments
            .keys()
            .copied()
            .collect::<BTreeSet<_>>()
            .symmetric_difference(&needed)
            .next()
        {
            return Err(ProofError::Commitment(*node));
        }
        let points: Vec<Point> = self.commitments.values().copied().collect();
        let scalars: BTreeMap<NodeId, Fr> = self
            .commitments
            .keys()
            .copied()
            .zip(to_scalars(&points))
            .collect();

        let commitment = |node: NodeId| {
            self.commitments
                .get(&node)
                .copied()
                .ok_or(ProofError::Commitment(node))
        };
        let mut claims = Vec::with_capacity(shape.inner.len() + shape.leaves.len());
        for (vector, places) in &shape.inner {
            let value = |place: &u8| {
                let child = vector.child(*place);
                let scalar = scalars.get(&child).ok_or(ProofError::Commitment(child))?;
                Ok((*place, *scalar))
            };
            claims.push(Claim {
                commitment: commitment(vector.node())?,
                values: places.iter().map(value).collect::<Result<_, _>>()?,
            });
        }
        for (leaf, places) in &shape.leaves {
            let start = leaf_start(*leaf);
            let value = |place: &u8| {
                let key = SaltKey(start.0 + u64::from(*place));
                (
                    *place,
                    slot_scalar(slots.get(&key).and_then(Option::as_ref)),
                )
            };
            claims.push(Claim {
                commitment: commitment(*leaf)?,
                values: places.iter().map(value).collect(),
            });
        }
        Ok(claims)
    }
}

/// A data bucket's metadata, where the slots include it.
pub fn meta_in(slots: &Slots, bucket: BucketId) -> Result<Option<BucketMeta>, ProofError> {
    if bucket < META_BUCKETS {
        return Ok(None);
    }
    let key = SaltKey::meta_of(bucket);
    match slots.get(&key) {
        None => Ok(None),
        Some(value) => value
            .as_ref()
            .filter(|value| value.value().is_empty())
            .and_then(|value| BucketMeta::decode(value.key()))
            .map(Some)
            .ok_or(ProofError::Metadata(key)),
    }
}
