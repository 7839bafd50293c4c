//! The state diff of a mini-block: what stands in the state after it where something changed.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable, Encodable};

use super::{
    plain::{PlainKey, PlainValue},
    rlp::{RecordError, close_list, encode_list, open_list},
};

/// New values only, sorted by key, each key once; new code apart (accounts name it by hash).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDiff {
    /// The changed keys and their new values, in the order of the keys' bytes.
    pub entries: Vec<(PlainKey, PlainValue)>,
    /// Code that the state didn't know before, sorted by hash.
    pub codes: Vec<Bytes>,
}

impl StateDiff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.codes.is_empty()
    }

    /// The canonical encoding: `[[key, value]..., [code...]]` as two lists.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_list(out, |out| {
            encode_list(out, |out| {
                let mut value_bytes = Vec::with_capacity(72);
                for (key, value) in &self.entries {
                    key.to_bytes().as_slice().encode(out);
                    value_bytes.clear();
                    value.write(&mut value_bytes);
                    value_bytes.as_slice().encode(out);
                }
            });
            encode_list(out, |out| {
                self.codes.iter().for_each(|code| code.encode(out))
            });
        });
    }

    /// What a sequencer signs for and a full node checks: keccak-256 of the encoding.
    pub fn digest(&self) -> B256 {
        let mut bytes = Vec::with_capacity(64 + self.entries.len() * 96);
        self.encode(&mut bytes);
        keccak256(bytes)
    }

    /// Reads what [`StateDiff::encode`] wrote, refusing keys or code out of order and values
    /// that don't fit.
    pub fn decode(buf: &mut &[u8]) -> Result<Self, RecordError> {
        let mut payload = open_list(buf)?;
        let mut list = open_list(&mut payload)?;
        let mut entries: Vec<(PlainKey, PlainValue)> = Vec::new();
        while !list.is_empty() {
            let key = PlainKey::from_bytes(alloy_rlp::Header::decode_bytes(&mut list, false)?)?;
            let value = PlainValue::from_bytes(alloy_rlp::Header::decode_bytes(&mut list, false)?)?;
            if entries.last().is_some_and(|(last, _)| *last >= key) {
                return Err(RecordError::new(
                    "the keys of a state diff are not in order",
                ));
            }
            if !value.fits(&key) {
                return Err(RecordError::new(
                    "a value of a state diff doesn't fit its key",
                ));
            }
            entries.push((key, value));
        }
        let mut list = open_list(&mut payload)?;
        let mut codes = Vec::new();
        let mut last_hash = None;
        while !list.is_empty() {
            let code = Bytes::decode(&mut list)?;
            let hash = keccak256(&code);
            if code.is_empty() || last_hash.is_some_and(|last| last >= hash) {
                return Err(RecordError::new("the code of a state diff is not in order"));
            }
            last_hash = Some(hash);
            codes.push(code);
        }
        close_list(payload)?;
        Ok(Self { entries, codes })
    }
}

/// What a run of state diffs amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldedDiffs {
    /// The last value of each key.
    pub entries: BTreeMap<PlainKey, PlainValue>,
    /// The new code by its hash.
    pub codes: BTreeMap<B256, Bytes>,
}

impl FoldedDiffs {
    /// Adds the diff that comes next.
    pub fn add(&mut self, diff: StateDiff) {
        self.entries.extend(diff.entries);
        let codes = diff.codes.into_iter();
        self.codes
            .extend(codes.map(|code| (keccak256(&code), code)));
    }
}
