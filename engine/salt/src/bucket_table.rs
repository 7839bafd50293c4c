//! Buckets as hash tables whose layout depends on what they hold, not on how it came there.
//!
//! A key's search begins at `hash(key, nonce) % capacity` and goes on slot by slot. Along the way keys
//! descend: an inserted key takes the place of the first smaller one, which moves on in its stead; a
//! deleted one is replaced by the next that gains from moving up. So a search may stop at the first
//! smaller key, and any order of insertions gives one layout (Blelloch and Golovin, "Strongly
//! History-Independent Hashing", 2007).
//!
//! A bucket that is more than 80 % full doubles. Growth is decided on what the bucket holds after a
//! whole batch, and never undone.
//!
//! [`Edits`] works over anything that can tell what slots hold: the whole state, or a witness.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::hasher::hash_with_nonce;
use super::node::NodeId;
use super::types::{BucketId, BucketMeta, MAX_CAPACITY, SaltKey, SaltValue, SlotId};

/// Above this percentage of its capacity a bucket grows.
const MAX_LOAD_PERCENT: u64 = 80;

/// Why a state cannot answer or change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaltError {
    /// The witness does not speak of this slot.
    #[error("slot {} of bucket {} is not in the witness", .0.slot(), .0.bucket())]
    UnknownSlot(SaltKey),
    /// The witness does not speak of this bucket's nonce and capacity.
    #[error("the metadata of bucket {0} is not in the witness")]
    UnknownMeta(BucketId),
    /// The witness does not have this node's commitment.
    #[error("the commitment of node {0} is not in the witness")]
    UnknownNode(NodeId),
    /// No state holds a key and value of this length.
    #[error("a key and value of {0} bytes are too long")]
    TooLong(usize),
    /// The bucket cannot have this capacity.
    #[error("bucket {bucket} cannot have {capacity} slots")]
    Capacity {
        /// The bucket.
        bucket: BucketId,
        /// What it was to have.
        capacity: u64,
    },
}

/// What buckets are made of.
pub trait SlotReader {
    /// The bucket of a plain key.
    fn bucket_of(&self, plain_key: &[u8]) -> BucketId;
    /// What a data slot holds.
    fn slot(&self, key: SaltKey) -> Result<Option<SaltValue>, SaltError>;
    /// A data bucket's metadata.
    fn meta(&self, bucket: BucketId) -> Result<BucketMeta, SaltError>;
    /// How many slots of a data bucket are taken, where that is known.
    fn used(&self, bucket: BucketId) -> Option<u64>;
    /// A slot that may hold the key, found without a search.
    fn place_of(&self, _plain_key: &[u8]) -> Option<SaltKey> {
        None
    }
}

/// A slot's content before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotChange {
    /// Before.
    pub old: Option<SaltValue>,
    /// After.
    pub new: Option<SaltValue>,
}

/// A bucket whose nonce or capacity changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Before.
    pub old: BucketMeta,
    /// After.
    pub new: BucketMeta,
    /// Everything that the bucket holds after.
    pub layout: BTreeMap<SaltKey, SaltValue>,
}

/// What a batch of edits did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChange {
    /// Data slots with another content.
    pub slots: BTreeMap<SaltKey, SlotChange>,
    /// Buckets with other metadata.
    pub resized: BTreeMap<BucketId, Resize>,
}

/// Finds a key in its bucket.
pub fn search(
    key: &[u8],
    bucket: BucketId,
    meta: &BucketMeta,
    mut read: impl FnMut(SaltKey) -> Result<Option<SaltValue>, SaltError>,
) -> Result<Option<(SaltKey, SaltValue)>, SaltError> {
    for place in probes(key, bucket, meta) {
        let Some(value) = read(place)? else {
            return Ok(None);
        };
        match value.key().cmp(key) {
            Ordering::Less => return Ok(None),
            Ordering::Equal => return Ok(Some((place, value))),
            Ordering::Greater => {}
        }
    }
    Ok(None)
}

/// The slots that a search for the key visits.
fn probes(
    key: &[u8],
    bucket: BucketId,
    meta: &BucketMeta,
) -> impl Iterator<Item = SaltKey> + use<> {
    let capacity = meta.capacity;
    let first = hash_with_nonce(key, meta.nonce) % capacity;
    (0..capacity).map(move |step| SaltKey::new(bucket, (first + step) % capacity))
}

/// How far a slot lies from where the search for the key begins.
fn rank(key: &[u8], slot: SlotId, meta: &BucketMeta) -> u64 {
    let first = hash_with_nonce(key, meta.nonce) % meta.capacity;
    (slot + meta.capacity - first) % meta.capacity
}

/// The layout of a bucket that holds these values.
///
/// Placed from the largest key down, none ever has to make room for another.
pub fn layout(
    bucket: BucketId,
    meta: &BucketMeta,
    values: impl IntoIterator<Item = SaltValue>,
) -> BTreeMap<SaltKey, SaltValue> {
    let mut values: Vec<SaltValue> = values.into_iter().collect();
    values.sort_unstable_by(|a, b| b.key().cmp(a.key()));
    let mut layout = BTreeMap::new();
    for value in values {
        if let Some(place) =
            probes(value.key(), bucket, meta).find(|place| !layout.contains_key(place))
        {
            layout.insert(place, value);
        }
    }
    layout
}

const fn is_crowded(used: u64, capacity: u64) -> bool {
    used * 100 > capacity * MAX_LOAD_PERCENT
}

/// The smallest doubling of a capacity that is not crowded.
pub const fn grown_capacity(mut capacity: u64, used: u64) -> u64 {
    while is_crowded(used, capacity) {
        capacity *= 2;
    }
    capacity
}

/// A batch of edits over a state that stays as it is.
#[derive(Debug)]
pub struct Edits<'a, R> {
    reader: &'a R,
    slots: HashMap<SaltKey, Option<SaltValue>>,
    metas: HashMap<BucketId, BucketMeta>,
    /// Taken slots gained or lost.
    gained: HashMap<BucketId, i64>,
    /// Metadata, before the batch, of buckets that were laid out anew.
    before: BTreeMap<BucketId, BucketMeta>,
    /// The slots, metadata slots among them, that were read or written; if anyone asks.
    touched: Option<BTreeSet<SaltKey>>,
}

impl<'a, R: SlotReader> Edits<'a, R> {
    /// No edits yet.
    pub fn new(reader: &'a R) -> Self {
        Self {
            reader,
            slots: HashMap::new(),
            metas: HashMap::new(),
            gained: HashMap::new(),
            before: BTreeMap::new(),
            touched: None,
        }
    }

    /// Also remembers which slots are looked at.
    pub fn recording(reader: &'a R) -> Self {
        Self {
            touched: Some(BTreeSet::new()),
            ..Self::new(reader)
        }
    }

    /// The slots of the unedited state that were read or written, and the metadata of their buckets.
    pub fn touched(self) -> BTreeSet<SaltKey> {
        self.touched.unwrap_or_default()
    }

    /// Reads a plain key.
    pub fn get(&mut self, plain_key: &[u8]) -> Result<Option<SaltValue>, SaltError> {
        Ok(self.find(plain_key)?.map(|(_, value)| value))
    }

    /// Where a plain key is, and its value.
    pub fn find(&mut self, plain_key: &[u8]) -> Result<Option<(SaltKey, SaltValue)>, SaltError> {
        if let Some(found) = self.find_directly(plain_key)? {
            return Ok(Some(found));
        }
        let bucket = self.reader.bucket_of(plain_key);
        let meta = self.meta(bucket)?;
        search(plain_key, bucket, &meta, |place| self.read(place))
    }

    /// Applies a whole batch in the order on which provers and checkers agree: first the keys that only
    /// get another value, then, sorted, those that come and go. An empty value means an absent key.
    pub fn apply<'c>(
        &mut self,
        changes: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
    ) -> Result<(), SaltError> {
        let changes: BTreeMap<&[u8], &[u8]> = changes.into_iter().collect();
        let mut moving = Vec::new();
        for (key, value) in changes {
            match if value.is_empty() {
                None
            } else {
                self.find(key)?
            } {
                Some((place, old)) => self.write(place, Some(old), Some(joined(key, value)?)),
                None => moving.push((key, value)),
            }
        }
        for (key, value) in moving {
            self.set(key, value)?;
        }
        Ok(())
    }

    /// Gives a key a value; an empty one removes the key.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), SaltError> {
        if value.is_empty() {
            self.remove(key)
        } else {
            self.insert(joined(key, value)?)
        }
    }

    /// Lays a bucket out with another nonce or capacity.
    pub fn rehash(&mut self, bucket: BucketId, new: BucketMeta) -> Result<(), SaltError> {
        let old = self.meta(bucket)?;
        let mut held = BTreeMap::new();
        for slot in 0..old.capacity {
            let place = SaltKey::new(bucket, slot);
            if let Some(value) = self.read(place)? {
                held.insert(place, value);
            }
        }
        if new.capacity > MAX_CAPACITY || new.capacity < held.len() as u64 {
            return Err(SaltError::Capacity {
                bucket,
                capacity: new.capacity,
            });
        }
        let layout = layout(bucket, &new, held.values().copied());
        self.before.entry(bucket).or_insert(old);
        self.metas.insert(bucket, new);
        for place in held.keys().filter(|place| !layout.contains_key(place)) {
            self.put(*place, None);
        }
        for (place, value) in layout {
            self.put(place, Some(value));
        }
        Ok(())
    }

    /// What the batch did. Growth that the batch itself made needless is taken back.
    pub fn finish(mut self) -> Result<StateChange, SaltError> {
        let mut resized = BTreeMap::new();
        for (bucket, old) in std::mem::take(&mut self.before) {
            // Everything in the bucket was read when it was laid out anew.
            let mut held = Vec::new();
            let current = self.meta(bucket)?;
            self.before.insert(bucket, old);
            for slot in 0..current.capacity {
                held.extend(self.read(SaltKey::new(bucket, slot))?);
            }
            let settled = BucketMeta {
                nonce: current.nonce,
                capacity: grown_capacity(old.capacity, held.len() as u64),
            };
            if settled != current {
                self.rehash(bucket, settled)?;
            }
            if settled != old {
                let layout = layout(bucket, &settled, held);
                resized.insert(
                    bucket,
                    Resize {
                        old,
                        new: settled,
                        layout,
                    },
                );
            }
        }

        let mut slots = BTreeMap::new();
        for (place, new) in &self.slots {
            let old = self.original(*place)?;
            if old != *new {
                slots.insert(*place, SlotChange { old, new: *new });
            }
        }
        Ok(StateChange { slots, resized })
    }

    fn meta(&mut self, bucket: BucketId) -> Result<BucketMeta, SaltError> {
        if let Some(meta) = self.metas.get(&bucket) {
            return Ok(*meta);
        }
        if let Some(touched) = &mut self.touched {
            touched.insert(SaltKey::meta_of(bucket));
        }
        self.reader.meta(bucket)
    }

    fn read(&mut self, place: SaltKey) -> Result<Option<SaltValue>, SaltError> {
        if let Some(value) = self.slots.get(&place) {
            return Ok(*value);
        }
        self.touch(place);
        self.original(place)
    }

    /// What the slot held before the batch: nothing, where the bucket did not reach so far.
    fn original(&self, place: SaltKey) -> Result<Option<SaltValue>, SaltError> {
        if self.is_beyond(place) {
            Ok(None)
        } else {
            self.reader.slot(place)
        }
    }

    fn is_beyond(&self, place: SaltKey) -> bool {
        self.before
            .get(&place.bucket())
            .is_some_and(|meta| place.slot() >= meta.capacity)
    }

    fn touch(&mut self, place: SaltKey) {
        let beyond = self.is_beyond(place);
        if let Some(touched) = self.touched.as_mut().filter(|_| !beyond) {
            touched.insert(place);
        }
    }

    fn put(&mut self, place: SaltKey, value: Option<SaltValue>) {
        self.touch(place);
        self.slots.insert(place, value);
    }

    fn write(&mut self, place: SaltKey, old: Option<SaltValue>, new: Option<SaltValue>) {
        let gained = i64::from(new.is_some()) - i64::from(old.is_some());
        if gained != 0 {
            *self.gained.entry(place.bucket()).or_default() += gained;
        }
        if old != new {
            self.put(place, new);
        }
    }

    fn used(&self, bucket: BucketId) -> Option<u64> {
        let gained = self.gained.get(&bucket).copied().unwrap_or_default();
        self.reader.used(bucket)?.checked_add_signed(gained)
    }

    fn find_directly(
        &mut self,
        plain_key: &[u8],
    ) -> Result<Option<(SaltKey, SaltValue)>, SaltError> {
        let Some(place) = self.reader.place_of(plain_key) else {
            return Ok(None);
        };
        let value = self.read(place)?;
        Ok(value
            .filter(|value| value.key() == plain_key)
            .map(|value| (place, value)))
    }

    fn insert(&mut self, mut value: SaltValue) -> Result<(), SaltError> {
        let bucket = self.reader.bucket_of(value.key());
        loop {
            if let Some((place, old)) = self.find_directly(value.key())? {
                self.write(place, Some(old), Some(value));
                return Ok(());
            }
            let meta = self.meta(bucket)?;
            let mut placed = false;
            for place in probes(value.key(), bucket, &meta) {
                let held = self.read(place)?;
                match held.map(|held| held.key().cmp(value.key())) {
                    Some(Ordering::Greater) => {}
                    Some(Ordering::Equal) => {
                        self.write(place, held, Some(value));
                        return Ok(());
                    }
                    Some(Ordering::Less) => {
                        self.write(place, held, Some(value));
                        value = held.unwrap_or(value);
                    }
                    None => {
                        self.write(place, None, Some(value));
                        placed = true;
                        break;
                    }
                }
            }
            // A witness may not tell how full the bucket is; then growth waits until someone knows.
            let used = if placed {
                self.used(bucket)
            } else {
                Some(meta.capacity)
            };
            if let Some(used) = used.filter(|used| is_crowded(*used, meta.capacity)) {
                let capacity = grown_capacity(meta.capacity, used);
                self.rehash(bucket, BucketMeta { capacity, ..meta })?;
            }
            if placed {
                return Ok(());
            }
        }
    }

    fn remove(&mut self, plain_key: &[u8]) -> Result<(), SaltError> {
        let bucket = self.reader.bucket_of(plain_key);
        let meta = self.meta(bucket)?;
        let Some((mut gap, mut gone)) = search(plain_key, bucket, &meta, |place| self.read(place))?
        else {
            return Ok(());
        };
        while let Some((place, heir)) = self.heir(gap, &meta)? {
            self.write(gap, Some(gone), Some(heir));
            (gap, gone) = (place, heir);
        }
        self.write(gap, Some(gone), None);
        Ok(())
    }

    /// The next entry that comes nearer to its first slot by moving into the gap.
    fn heir(
        &mut self,
        gap: SaltKey,
        meta: &BucketMeta,
    ) -> Result<Option<(SaltKey, SaltValue)>, SaltError> {
        for step in 1..meta.capacity {
            let place = SaltKey::new(gap.bucket(), (gap.slot() + step) % meta.capacity);
            let Some(value) = self.read(place)? else {
                return Ok(None);
            };
            if rank(value.key(), place.slot(), meta) > rank(value.key(), gap.slot(), meta) {
                return Ok(Some((place, value)));
            }
        }
        Ok(None)
    }
}

fn joined(key: &[u8], value: &[u8]) -> Result<SaltValue, SaltError> {
    SaltValue::new(key, value).ok_or(SaltError::TooLong(key.len() + value.len()))
}
