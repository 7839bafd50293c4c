//! The state commitment: what a header's `stateRoot` binds.
//!
//! Until SALT takes its place the commitment is homomorphic, in the manner of LtHash: every entry is
//! stretched by BLAKE3 to 1024 numbers of 16 bits, the state is the sum of its entries lane by lane
//! modulo 2^16, and the root is the BLAKE3 hash of the sum. Changing an entry takes the old one off and
//! adds the new one; order doesn't matter, and nothing of the rest of the state is touched.

use alloy_primitives::{B256, Bytes};
use rayon::prelude::*;

use crate::block::{DecodeError, PlainKey, PlainValue};

/// One key's change over a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: PlainKey,
    /// Its value before the block.
    pub old: PlainValue,
    /// Its value after the block.
    pub new: PlainValue,
}

/// Something that follows the state block by block and gives it a root.
pub trait Commitment: Send {
    /// Takes the changes of a block, sorted by key, each key once.
    fn update(&mut self, changes: &[Change]);
    /// The root of the state as it is now.
    fn root(&mut self) -> B256;
    /// What must be kept beside a snapshot so that [`Commitment::decode`] needn't read the whole state;
    /// empty if it always reads it.
    fn encode(&self) -> Bytes;
    /// Continues from what [`Commitment::encode`] gave.
    fn decode(&mut self, bytes: &[u8]) -> Result<(), DecodeError>;
}

const LANES: usize = 1024;

/// Below this many changes one thread is faster than several.
const PARALLEL_FROM: usize = 512;

type Lanes = [u16; LANES];

/// The sum of all entries' stretched hashes.
#[derive(Clone)]
pub struct LatticeHash {
    lanes: Box<Lanes>,
}

impl std::fmt::Debug for LatticeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatticeHash").finish_non_exhaustive()
    }
}

impl Default for LatticeHash {
    fn default() -> Self {
        Self {
            lanes: Box::new([0; LANES]),
        }
    }
}

impl LatticeHash {
    /// Takes changes one after the other.
    fn fold(&mut self, changes: &[Change]) {
        let mut stretched = [0; 2 * LANES];
        for Change { key, old, new } in changes {
            self.combine(key, old, &mut stretched, u16::wrapping_sub);
            self.combine(key, new, &mut stretched, u16::wrapping_add);
        }
    }

    /// Adds an entry to the sum, or takes it off.
    fn combine(
        &mut self,
        key: &PlainKey,
        value: &PlainValue,
        stretched: &mut [u8; 2 * LANES],
        operation: fn(u16, u16) -> u16,
    ) {
        if *value == PlainValue::Absent {
            return;
        }
        // The lengths of keys and values tell accounts, accounts with code and slots apart.
        let mut entry = key.to_bytes();
        value.write(&mut entry);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&entry);
        hasher.finalize_xof().fill(stretched);
        for (lane, bytes) in self.lanes.iter_mut().zip(stretched.chunks_exact(2)) {
            *lane = operation(*lane, u16::from_le_bytes([bytes[0], bytes[1]]));
        }
    }

    /// The sum of two sums.
    fn plus(mut self, other: &Self) -> Self {
        for (lane, more) in self.lanes.iter_mut().zip(other.lanes.iter()) {
            *lane = lane.wrapping_add(*more);
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.lanes
            .iter()
            .flat_map(|lane| lane.to_le_bytes())
            .collect()
    }
}

impl Commitment for LatticeHash {
    fn update(&mut self, changes: &[Change]) {
        if changes.len() < PARALLEL_FROM {
            return self.fold(changes);
        }
        let sum = changes
            .par_chunks(PARALLEL_FROM / 2)
            .map(|chunk| {
                let mut part = Self::default();
                part.fold(chunk);
                part
            })
            .reduce(Self::default, |left, right| left.plus(&right));
        *self = std::mem::take(self).plus(&sum);
    }

    fn root(&mut self) -> B256 {
        B256::from(*blake3::hash(&self.bytes()).as_bytes())
    }

    fn encode(&self) -> Bytes {
        self.bytes().into()
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if bytes.len() != 2 * LANES {
            return Err(DecodeError::new("a lattice hash has 2048 bytes"));
        }
        for (lane, bytes) in self.lanes.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([bytes[0], bytes[1]]);
        }
        Ok(())
    }
}
