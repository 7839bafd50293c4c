//! What a block's execution and root update need to know of the state, tied to the state's root.
//!
//! A witness tells three things apart: a slot that holds a value, a slot proven empty, and a slot it
//! does not speak of. The last is never taken for the second.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::codec::{DecodeError, Reader, put_bytes, put_count};
use super::group::{Point, decompress};
use super::node::NodeId;
use super::proof::multipoint::MultiPointProof;
use super::proof::{ProofError, SaltProof, Slots};
use super::types::{SaltKey, SaltValue};

/// Commitments that share an inversion.
const DECOMPRESSED_TOGETHER: usize = 64;

/// Slots of a state and the proof of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltWitness {
    /// The slots. Metadata slots always hold metadata, even where it is the default.
    pub slots: Slots,
    /// Ties the slots to the root.
    pub proof: SaltProof,
}

impl SaltWitness {
    /// The state root that the witness is about.
    pub fn root(&self) -> Result<[u8; 32], ProofError> {
        self.proof.root()
    }

    /// Checks every slot against a state root.
    pub fn verify(&self, root: &[u8; 32]) -> Result<(), ProofError> {
        self.proof.verify(&self.slots, root)
    }

    /// Writes the network's encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(self.slots.len() * 103 + self.proof.commitments.len() * 40 + 1024);
        put_count(&mut out, self.slots.len());
        for (key, value) in &self.slots {
            out.extend_from_slice(&key.0.to_le_bytes());
            out.push(u8::from(value.is_some()));
            if let Some(value) = value {
                out.extend_from_slice(value.padded());
            }
        }
        put_count(&mut out, self.proof.commitments.len());
        for (node, point) in &self.proof.commitments {
            out.extend_from_slice(&node.to_le_bytes());
            out.extend_from_slice(&point.compress());
        }
        put_bytes(&mut out, &self.proof.opening.encode());
        put_count(&mut out, self.proof.levels.len());
        for (bucket, levels) in &self.proof.levels {
            out.extend_from_slice(&bucket.to_le_bytes());
            out.push(*levels);
        }
        out
    }

    /// Reads an encoding that holds nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let witness = Self::read(&mut reader)?;
        reader.end()?;
        Ok(witness)
    }

    /// Reads a witness from the front of an encoding.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut slots = Slots::new();
        for _ in 0..reader.count(9)? {
            let key = SaltKey(reader.u64()?);
            let value = match reader.u8()? {
                0 => None,
                1 => Some(
                    SaltValue::decode(reader.array::<{ SaltValue::MAX }>()?)
                        .ok_or(DecodeError::Bad("slot value"))?,
                ),
                _ => return Err(DecodeError::Bad("option")),
            };
            if slots.insert(key, value).is_some() {
                return Err(DecodeError::Bad("slot: it is there twice"));
            }
        }

        let mut nodes = Vec::new();
        for _ in 0..reader.count(40)? {
            nodes.push((reader.u64()?, reader.array::<{ Point::COMPRESSED }>()?));
        }
        let announced = nodes.len();
        let commitments: BTreeMap<NodeId, Point> = nodes
            .par_chunks(DECOMPRESSED_TOGETHER)
            .map(|nodes| {
                let points = decompress(nodes.iter().map(|(_, bytes)| *bytes))?;
                Some(
                    nodes
                        .iter()
                        .map(|(node, _)| *node)
                        .zip(points)
                        .collect::<Vec<_>>(),
                )
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(DecodeError::Bad("commitment"))?
            .into_iter()
            .flatten()
            .collect();
        if commitments.len() != announced {
            return Err(DecodeError::Bad("commitment: it is there twice"));
        }

        let opening =
            MultiPointProof::decode(reader.bytes()?).ok_or(DecodeError::Bad("opening proof"))?;
        let mut levels = BTreeMap::new();
        for _ in 0..reader.count(5)? {
            if levels.insert(reader.u32()?, reader.u8()?).is_some() {
                return Err(DecodeError::Bad("bucket depth: it is there twice"));
            }
        }
        Ok(Self {
            slots,
            proof: SaltProof {
                commitments,
                opening,
                levels,
            },
        })
    }
}
