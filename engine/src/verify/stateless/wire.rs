//! The forms in which witnesses travel: files with a small envelope, and what `mega_getBlockWitness` answers.

use std::io::Read;

use alloy_primitives::B256;

use super::InputError;
use crate::salt::{
    codec::{DecodeError, Reader},
    types::{SaltKey, SaltValue},
};

/// More than any block's witness has, and what a small answer may unfold to.
const MAX_WITNESS: u64 = 256 << 20;

/// The level that is quick and already finds what is to be found among hashes.
const LEVEL: i32 = 3;

/// Takes a SALT witness out of its file: behind two hashes, of which the second is the parent block's.
pub fn open_file(file: &[u8]) -> Result<(B256, &[u8]), InputError> {
    let mut reader = Reader::new(file);
    let mut hash = || reader.hash().map_err(InputError::witness);
    let (_attributes, parent) = (hash()?, hash()?);
    Ok((parent.into(), reader.rest()))
}

/// What is packed behind `v0:` and base64.
pub fn unfold(packed: &[u8]) -> Result<Vec<u8>, InputError> {
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

/// Reads the slots only: the proof costs more to read than all the rest.
fn codes_in(salt: &[u8]) -> Result<Vec<B256>, DecodeError> {
    let mut reader = Reader::new(salt);
    let mut hashes = Vec::new();
    for _ in 0..reader.count(9)? {
        let key = SaltKey(reader.u64()?);
        if reader.u8()? == 0 {
            continue;
        }
        let value = SaltValue::decode(reader.array::<{ SaltValue::MAX }>()?)
            .ok_or(DecodeError::Bad("slot value"))?;
        if let Some(hash) = value.value().get(40..72).filter(|_| !key.is_meta()) {
            hashes.push(B256::from_slice(hash));
        }
    }
    Ok(hashes)
}
