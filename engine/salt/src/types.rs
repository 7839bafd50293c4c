//! Addresses and values of SALT: buckets, slots, trie nodes, and what a slot holds.
//!
//! Only their shapes and encodings. What a bucket does with them is in `bucket.rs`.

use std::fmt;

/// Slots in the smallest bucket, children of a node, entries under one commitment.
pub const WIDTH: usize = 256;
/// All leaves of the main trie.
pub const BUCKETS: u32 = 1 << 24;
/// The leading buckets, which hold the others' metadata.
pub const META_BUCKETS: u32 = BUCKETS / WIDTH as u32;
/// Buckets that hold accounts and storage.
pub const DATA_BUCKETS: u32 = BUCKETS - META_BUCKETS;
/// A bucket never has fewer slots than this.
pub const MIN_CAPACITY: u64 = WIDTH as u64;
/// Bits of a slot number, hence the largest bucket.
pub const SLOT_BITS: u32 = 40;
/// The largest number of slots a bucket may have.
pub const MAX_CAPACITY: u64 = 1 << SLOT_BITS;

/// A leaf of the main trie: 24 bits.
pub type BucketId = u32;
/// A slot of a bucket: 40 bits.
pub type SlotId = u64;

/// One slot of the whole store: bucket number above, slot number in the low 40 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaltKey(pub u64);

impl SaltKey {
    /// The slot `slot` of bucket `bucket`.
    pub const fn new(bucket: BucketId, slot: SlotId) -> Self {
        Self(((bucket as u64) << SLOT_BITS) | (slot & (MAX_CAPACITY - 1)))
    }

    /// The bucket it lies in.
    pub const fn bucket(self) -> BucketId {
        (self.0 >> SLOT_BITS) as BucketId
    }

    /// Its place within the bucket.
    pub const fn slot(self) -> SlotId {
        self.0 & (MAX_CAPACITY - 1)
    }

    /// Whether it holds a bucket's metadata.
    pub const fn is_meta(self) -> bool {
        self.bucket() < META_BUCKETS
    }

    /// The bucket whose metadata it holds, if it holds some.
    pub const fn described(self) -> Option<BucketId> {
        if !self.is_meta() {
            return None;
        }
        Some(self.bucket() * WIDTH as u32 + self.slot() as BucketId)
    }

    /// Where the metadata of a bucket is kept.
    pub const fn meta_of(bucket: BucketId) -> Self {
        Self::new(bucket / WIDTH as u32, (bucket % WIDTH as u32) as SlotId)
    }
}

/// How a bucket is laid out: its rehash nonce and its number of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketMeta {
    /// Salt of the probe sequence.
    pub nonce: u32,
    /// Number of slots: a power-of-two multiple of [`MIN_CAPACITY`].
    pub capacity: u64,
}

impl Default for BucketMeta {
    fn default() -> Self {
        Self {
            nonce: 0,
            capacity: MIN_CAPACITY,
        }
    }
}

impl BucketMeta {
    /// Length of the encoding.
    pub const LENGTH: usize = 12;

    /// `nonce` and `capacity`, little-endian.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..4].copy_from_slice(&self.nonce.to_le_bytes());
        bytes[4..].copy_from_slice(&self.capacity.to_le_bytes());
        bytes
    }

    /// Reads [`encode`](Self::encode)'s form; `None` unless it is 12 bytes with a possible capacity.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, capacity) = bytes.split_first_chunk::<4>()?;
        let meta = Self {
            nonce: u32::from_le_bytes(*nonce),
            capacity: u64::from_le_bytes(capacity.try_into().ok()?),
        };
        let possible = meta.capacity.is_multiple_of(MIN_CAPACITY)
            && (MIN_CAPACITY..=MAX_CAPACITY).contains(&meta.capacity);
        possible.then_some(meta)
    }
}

/// What one slot holds: a plain key and its value, at most 92 bytes together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SaltValue {
    bytes: [u8; Self::MAX],
}

impl SaltValue {
    /// Longest encoding: two lengths, an address, an account with code.
    pub const MAX: usize = 94;

    /// Joins a key and a value; `None` when they are longer than any SALT value may be.
    pub fn new(key: &[u8], value: &[u8]) -> Option<Self> {
        let (middle, end) = (2 + key.len(), 2 + key.len() + value.len());
        if end > Self::MAX {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes[0] = key.len() as u8;
        bytes[1] = value.len() as u8;
        bytes[2..middle].copy_from_slice(key);
        bytes[middle..end].copy_from_slice(value);
        Some(Self { bytes })
    }

    /// A bucket's metadata, kept as a key with an empty value.
    pub fn meta(meta: &BucketMeta) -> Self {
        let mut bytes = [0; Self::MAX];
        bytes[0] = BucketMeta::LENGTH as u8;
        bytes[2..2 + BucketMeta::LENGTH].copy_from_slice(&meta.encode());
        Self { bytes }
    }

    /// The plain key.
    pub fn key(&self) -> &[u8] {
        &self.bytes[2..2 + usize::from(self.bytes[0])]
    }

    /// The plain value.
    pub fn value(&self) -> &[u8] {
        let start = 2 + usize::from(self.bytes[0]);
        &self.bytes[start..start + usize::from(self.bytes[1])]
    }

    /// Both lengths, the key, the value: the encoding without its padding.
    pub fn encoded(&self) -> &[u8] {
        &self.bytes[..2 + usize::from(self.bytes[0]) + usize::from(self.bytes[1])]
    }

    /// The 94 bytes of the encoding, padded with zeros.
    pub const fn padded(&self) -> &[u8; Self::MAX] {
        &self.bytes
    }

    /// Reads an encoding, with or without padding; `None` unless its lengths fit and its padding is zero.
    pub fn decode(encoded: &[u8]) -> Option<Self> {
        let [key_length, value_length, rest @ ..] = encoded else {
            return None;
        };
        let (key, rest) = rest.split_at_checked(usize::from(*key_length))?;
        let (value, padding) = rest.split_at_checked(usize::from(*value_length))?;
        let value = Self::new(key, value)?;
        (padding.iter().all(|byte| *byte == 0) && encoded.len() <= Self::MAX).then_some(value)
    }
}

impl fmt::Debug for SaltValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltValue(")?;
        self.key()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(" = ")?;
        self.value()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
