//! Buckets that grow: part of a block's record, and of the state's snapshot and history.

use crate::{
    block::RecordError,
    salt::types::{BucketId, BucketMeta},
};

/// A bucket whose metadata a block changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BucketResize {
    /// The bucket.
    pub bucket: BucketId,
    /// Before the block.
    pub old: BucketMeta,
    /// After it.
    pub new: BucketMeta,
}

const LENGTH: usize = 4 + 2 * BucketMeta::LENGTH;

impl BucketResize {
    /// The bytes of a list: per bucket its number (big-endian), old and new metadata.
    pub(crate) fn encode_all(list: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(list.len() * LENGTH);
        for growth in list {
            bytes.extend_from_slice(&bucket_key(growth.bucket));
            bytes.extend_from_slice(&growth.old.encode());
            bytes.extend_from_slice(&growth.new.encode());
        }
        bytes
    }

    /// Reads a list.
    pub(crate) fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, RecordError> {
        let malformed = || RecordError::new("a list of grown buckets is malformed");
        let (chunks, rest) = bytes.as_chunks::<LENGTH>();
        if !rest.is_empty() {
            return Err(malformed());
        }
        let read = |chunk: &[u8; LENGTH]| {
            let (bucket, metas) = chunk.split_first_chunk::<4>()?;
            let (old, new) = metas.split_at(BucketMeta::LENGTH);
            Some(Self {
                bucket: BucketId::from_be_bytes(*bucket),
                old: BucketMeta::decode(old)?,
                new: BucketMeta::decode(new)?,
            })
        };
        chunks
            .iter()
            .map(|chunk| read(chunk).ok_or_else(malformed))
            .collect()
    }
}

/// The key under which a bucket's metadata stands beside the plain state's keys, which are longer.
pub(crate) const fn bucket_key(bucket: BucketId) -> [u8; 4] {
    bucket.to_be_bytes()
}
