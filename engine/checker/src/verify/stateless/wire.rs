//! The forms in which witnesses travel: files with a small envelope, and what `mega_getBlockWitness` answers.

use std::io::Read;

use alloy_primitives::B256;

use super::InputError;
use crate::salt::{
    codec::{DecodeError, Reader},
    types::{BucketId, BucketMeta, SaltKey, SaltValue},
    withdrawals::MptWitness,
};

/// More than any block's witness has, and what a small answer may unfold to.
const MAX_WITNESS: u64 = 256 << 20;

/// The level that is quick and already finds what is to be found among hashes.
const LEVEL: i32 = 3;

/// What is in a SALT witness' file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessFile<'a> {
    /// The parent block's hash.
    pub parent: B256,
    /// The SALT witness.
    pub salt: &'a [u8],
    /// The withdrawals witness, which files of before December 2025 have behind it.
    pub withdrawals: Option<&'a [u8]>,
}

/// Takes a SALT witness' file apart: two hashes, of which the second is the parent block's, and the witness.
pub fn open_file(file: &[u8]) -> Result<WitnessFile<'_>, InputError> {
    const FILE: &str = "SALT witness file";
    let refused = |error: DecodeError| InputError::block(FILE, error);
    let mut reader = Reader::new(file);
    let mut hash = || reader.hash().map_err(refused);
    let (_attributes, parent) = (hash()?, hash()?);
    let witnesses = reader.rest();
    let (salt, behind) = witnesses.split_at(salt_length(witnesses).map_err(refused)?);
    if !behind.is_empty() {
        MptWitness::decode(behind).map_err(|error| {
            let count = behind.len();
            let reason = format!(
                "{count} bytes follow the SALT witness, and are no withdrawals witness: {error}"
            );
            InputError::block(FILE, reason)
        })?;
    }
    Ok(WitnessFile {
        parent: parent.into(),
        salt,
        withdrawals: Some(behind).filter(|behind| !behind.is_empty()),
    })
}

/// What is packed behind `v0:` and base64.
pub(super) fn unfold(packed: &[u8]) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    zstd::Decoder::new(packed)
        .map_err(InputError::witness)?
        .take(MAX_WITNESS + 1)
        .read_to_end(&mut bytes)
        .map_err(InputError::witness)?;
    if bytes.len() as u64 > MAX_WITNESS {
        return Err(InputError::witness("it unfolds to more than 256 MiB"));
    }
    Ok(bytes)
}

/// Takes both witnesses out of `mega_getBlockWitness`'s answer, after its `v0:` and its base64.
pub fn open_packed(packed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), InputError> {
    let mut bytes = unfold(packed)?;
    let salt = salt_length(&bytes).map_err(InputError::witness)?;
    let withdrawals = bytes.split_off(salt);
    Ok((bytes, withdrawals))
}

/// How many bytes a SALT witness has at the front of others. Reads lengths only.
fn salt_length(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.count(9)? {
        reader.u64()?;
        if reader.u8()? != 0 {
            reader.array::<{ SaltValue::MAX }>()?;
        }
    }
    for _ in 0..reader.count(40)? {
        reader.array::<40>()?;
    }
    reader.bytes()?;
    for _ in 0..reader.count(5)? {
        reader.array::<5>()?;
    }
    Ok(bytes.len() - reader.rest().len())
}

/// Packs both witnesses' encodings, ready for base64.
pub fn pack(salt: &[u8], withdrawals: &[u8]) -> Result<Vec<u8>, InputError> {
    let both = [salt, withdrawals].concat();
    zstd::encode_all(&both[..], LEVEL).map_err(InputError::witness)
}

/// The hashes of the code of all accounts that a packed witness shows: what the block may run.
pub fn code_hashes(packed: &[u8]) -> Result<Vec<B256>, InputError> {
    let (salt, _) = open_packed(packed)?;
    let mut hashes = codes_in(&salt).map_err(InputError::witness)?;
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

/// How many slots each bucket has whose metadata a packed witness shows, before its block.
pub fn capacities(packed: &[u8]) -> Result<Vec<(BucketId, u64)>, InputError> {
    let (salt, _) = open_packed(packed)?;
    capacities_in(&salt).map_err(InputError::witness)
}

fn codes_in(salt: &[u8]) -> Result<Vec<B256>, DecodeError> {
    let slots = slots_of(salt)?.into_iter();
    let hashes = slots.filter_map(|(key, value)| {
        let value = value.filter(|_| !key.is_meta())?;
        value.value().get(40..72).map(B256::from_slice)
    });
    Ok(hashes.collect())
}

fn capacities_in(salt: &[u8]) -> Result<Vec<(BucketId, u64)>, DecodeError> {
    let mut found = Vec::new();
    for (key, value) in slots_of(salt)? {
        let Some(bucket) = key.described() else {
            continue;
        };
        let meta = match value {
            Some(value) => BucketMeta::decode(value.key()),
            None => Some(BucketMeta::default()),
        };
        let meta = meta.ok_or(DecodeError::Bad("bucket metadata"))?;
        found.push((bucket, meta.capacity));
    }
    Ok(found)
}

/// Reads the slots only: the proof costs more to read than all the rest.
fn slots_of(salt: &[u8]) -> Result<Vec<(SaltKey, Option<SaltValue>)>, DecodeError> {
    let mut reader = Reader::new(salt);
    let mut slots = Vec::new();
    for _ in 0..reader.count(9)? {
        let key = SaltKey(reader.u64()?);
        let value = match reader.u8()? {
            0 => None,
            _ => {
                let value = SaltValue::decode(reader.array::<{ SaltValue::MAX }>()?);
                Some(value.ok_or(DecodeError::Bad("slot value"))?)
            }
        };
        slots.push((key, value));
    }
    Ok(slots)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::salt::{
        codec::put_bytes,
        state::{AccessSet, SaltState},
    };

    fn parts() -> (Vec<u8>, Vec<u8>) {
        let needs = AccessSet {
            reads: [vec![7; 20]].into(),
            ..AccessSet::default()
        };
        let salt = SaltState::default().witness(&needs).unwrap().unwrap();
        let withdrawals = MptWitness {
            storage_root: [3; 32],
            nodes: vec![vec![1, 2, 3]],
        };
        (salt.encode(), withdrawals.encode())
    }

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        let mut file = Vec::new();
        put_bytes(&mut file, &[1; 32]);
        put_bytes(&mut file, &[2; 32]);
        file.extend(parts.concat());
        file
    }

    #[test]
    fn a_witness_tells_how_large_the_buckets_are_that_it_shows() {
        let key = vec![7; 20];
        let crowded = crate::salt::hasher::bucket_id(&key);
        let told = |capacity: u64| {
            let mut state = SaltState::default();
            if capacity > BucketMeta::default().capacity {
                let update = state.enlarge(crowded, capacity).unwrap();
                state.apply(&update);
            }
            let needs = AccessSet {
                reads: [key.clone()].into(),
                ..AccessSet::default()
            };
            let salt = state.witness(&needs).unwrap().unwrap();
            capacities(&pack(&salt.encode(), &parts().1).unwrap()).unwrap()
        };
        assert_eq!(told(256), [(crowded, 256)]);
        assert_eq!(told(1024), [(crowded, 1024)]);
        assert!(capacities(&[1, 2, 3]).is_err());
    }

    #[test]
    fn a_witness_file_may_have_the_withdrawals_witness_behind_it() {
        let (salt, withdrawals) = parts();
        for behind in [None, Some(&withdrawals[..])] {
            let file = file(&[&salt, behind.unwrap_or_default()]);
            let opened = open_file(&file).unwrap();
            assert_eq!(opened.parent, B256::repeat_byte(2));
            assert_eq!(opened.salt, salt);
            assert_eq!(opened.withdrawals, behind);
        }
    }

    #[test]
    fn a_witness_file_that_cannot_be_read_is_named_as_the_one_that_is_wrong() {
        let (salt, withdrawals) = parts();
        let reason = |parts: &[&[u8]]| open_file(&file(parts)).unwrap_err().to_string();
        assert_eq!(
            reason(&[&salt[..salt.len() - 1]]),
            "the SALT witness file cannot be read: the encoding ends early"
        );
        assert_eq!(
            reason(&[&salt, &[0; 40]]),
            "the SALT witness file cannot be read: 40 bytes follow the SALT witness, and are no \
             withdrawals witness: the encoding has a bad hash"
        );
        assert_eq!(
            reason(&[&salt, &withdrawals, &[9]]),
            format!(
                "the SALT witness file cannot be read: {} bytes follow the SALT witness, and are no \
                 withdrawals witness: 1 bytes follow the encoding",
                withdrawals.len() + 1
            )
        );
    }
}
