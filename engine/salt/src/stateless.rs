//! A state known only through a witness: it answers what the witness speaks of, takes changes, and
//! tells the root they lead to.

use std::collections::HashMap;

use super::bucket_table::{Edits, SaltError, SlotReader};
use super::group::Point;
use super::hasher::bucket_id_among;
use super::node::{NodeId, bucket_levels};
use super::proof::{ProofError, meta_in};
use super::state::Update;
use super::trie::{self, NodeReader};
use super::types::{BucketId, BucketMeta, META_BUCKETS, SaltKey, SaltValue};
use super::witness::SaltWitness;

/// A verified witness, used as a state.
///
/// ```
/// # use std::collections::{BTreeMap, BTreeSet};
/// # use megaeth_salt::{state::{AccessSet, SaltState}, stateless::WitnessState};
/// let mut state = SaltState::default();
/// let first = state.update([(&b"alice"[..], &b"10"[..])])?;
/// state.apply(&first);
///
/// let needs = AccessSet {
///     reads: [b"alice".to_vec(), b"bob".to_vec()].into(),
///     writes: [(b"bob".to_vec(), b"5".to_vec())].into(),
///     ..AccessSet::default()
/// };
/// let witness = state.witness(&needs)?.ok_or("nothing needed")?;
///
/// let known = WitnessState::new(witness, &first.root(), u32::MAX)?;
/// assert_eq!(known.get(b"alice")?.as_deref(), Some(&b"10"[..]));
/// assert_eq!(known.get(b"bob")?, None);
/// assert!(known.get(b"carol").is_err(), "the witness does not speak of carol");
///
/// let second = [(&b"bob"[..], &b"5"[..])];
/// assert_eq!(known.update(second)?.root(), state.update(second)?.root());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WitnessState {
    witness: SaltWitness,
    data_buckets: u32,
    /// Where the keys are that the witness shows to be there.
    places: HashMap<Box<[u8]>, SaltKey>,
    metas: HashMap<BucketId, BucketMeta>,
}

impl WitnessState {
    /// Verifies a witness against the root of the state it is about.
    ///
    /// `data_buckets` is how many the chain uses; the real network's is
    /// [`DATA_BUCKETS`](super::types::DATA_BUCKETS), and anything larger means the same.
    pub fn new(
        witness: SaltWitness,
        root: &[u8; 32],
        data_buckets: u32,
    ) -> Result<Self, ProofError> {
        witness.verify(root)?;
        let mut places = HashMap::new();
        let mut metas = HashMap::new();
        for (key, value) in &witness.slots {
            if !key.is_meta() {
                if let Some(value) = value {
                    places.insert(value.key().into(), *key);
                }
                continue;
            }
            let bucket = key.bucket() * 256 + key.slot() as BucketId;
            if bucket >= META_BUCKETS
                && let Some(meta) = meta_in(&witness.slots, bucket)?
            {
                metas.insert(bucket, meta);
            }
        }
        Ok(Self {
            witness,
            data_buckets,
            places,
            metas,
        })
    }

    /// The value of a plain key; `None` if it is proven absent.
    pub fn get(&self, plain_key: &[u8]) -> Result<Option<Vec<u8>>, SaltError> {
        let found = Edits::new(self).get(plain_key)?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    /// A bucket's capacity, for the storage gas multiplier.
    pub fn capacity(&self, bucket: BucketId) -> Result<u64, SaltError> {
        self.meta(bucket).map(|meta| meta.capacity)
    }

    /// All capacities that the witness knows.
    pub fn capacities(&self) -> impl Iterator<Item = (BucketId, u64)> {
        self.metas
            .iter()
            .map(|(bucket, meta)| (*bucket, meta.capacity))
    }

    /// The values of all plain keys that the witness shows to be there.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.values().filter_map(|place| {
            let value = self.witness.slots.get(place)?.as_ref()?;
            Some((value.key(), value.value()))
        })
    }

    /// Computes what changes lead to. An empty value removes its key.
    pub fn update<'c>(
        &self,
        changes: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
    ) -> Result<Update, SaltError> {
        let mut edits = Edits::new(self);
        edits.apply(changes)?;
        let state = edits.finish()?;
        let trie = trie::update(self, &state)?;
        Ok(Update { state, trie })
    }

    /// The witness.
    pub const fn witness(&self) -> &SaltWitness {
        &self.witness
    }
}

impl SlotReader for WitnessState {
    fn bucket_of(&self, plain_key: &[u8]) -> BucketId {
        bucket_id_among(plain_key, self.data_buckets)
    }

    fn slot(&self, key: SaltKey) -> Result<Option<SaltValue>, SaltError> {
        self.witness
            .slots
            .get(&key)
            .copied()
            .ok_or(SaltError::UnknownSlot(key))
    }

    fn meta(&self, bucket: BucketId) -> Result<BucketMeta, SaltError> {
        self.metas
            .get(&bucket)
            .copied()
            .ok_or(SaltError::UnknownMeta(bucket))
    }

    /// Known only where the witness has every slot of the bucket.
    fn used(&self, bucket: BucketId) -> Option<u64> {
        let capacity = self.metas.get(&bucket)?.capacity;
        let range = SaltKey::new(bucket, 0)..=SaltKey::new(bucket, capacity - 1);
        let mut known = 0;
        let mut used = 0;
        for (_, value) in self.witness.slots.range(range) {
            known += 1;
            used += u64::from(value.is_some());
        }
        (known == capacity).then_some(used)
    }

    fn place_of(&self, plain_key: &[u8]) -> Option<SaltKey> {
        self.places.get(plain_key).copied()
    }
}

impl NodeReader for WitnessState {
    fn node(&self, node: NodeId) -> Result<Point, SaltError> {
        self.witness
            .proof
            .commitments
            .get(&node)
            .copied()
            .ok_or(SaltError::UnknownNode(node))
    }

    fn levels(&self, bucket: BucketId) -> Result<u8, SaltError> {
        match self.witness.proof.levels.get(&bucket) {
            Some(levels) => Ok(*levels),
            None => self.meta(bucket).map(|meta| bucket_levels(meta.capacity)),
        }
    }
}
