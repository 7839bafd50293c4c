//! The witness that ties a header's `withdrawalsRoot` to its parent's.
//!
//! It is the storage root before the block, with the trie nodes that the block's changes touch. The root's
//! own node is always among them, for checkers begin there even if there is no change; only the trie of no
//! storage has none.

use super::codec::{DecodeError, Reader, put_bytes, put_count};
use super::storage_trie::{StorageTrie, TrieError};

/// Part of the storage trie of the contract that the root is of (`L2ToL1MessagePasser`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MptWitness {
    /// The storage root before the block: the parent header's `withdrawalsRoot`.
    pub storage_root: [u8; 32],
    /// The encoded nodes.
    pub nodes: Vec<Vec<u8>>,
}

impl MptWitness {
    /// The witness for changes, slot and new word, both big-endian, of a whole trie.
    pub fn create(
        trie: &mut StorageTrie,
        changes: &[([u8; 32], [u8; 32])],
    ) -> Result<Self, TrieError> {
        Ok(Self {
            storage_root: trie.root(),
            nodes: trie.witness(changes)?,
        })
    }

    /// The storage root after changes; zero words remove their slots.
    ///
    /// A list without nodes suffices where nothing changes: the root stays what it is. Every node is found by its hash from the root down, so nothing false can enter. The caller
    /// compares [`storage_root`](Self::storage_root) with the parent's header.
    pub fn root_after(&self, changes: &[([u8; 32], [u8; 32])]) -> Result<[u8; 32], TrieError> {
        let mut trie = self.trie()?;
        for (slot, word) in changes {
            trie.set(slot, word)?;
        }
        Ok(trie.root())
    }

    /// The trie as far as the witness tells.
    pub fn trie(&self) -> Result<StorageTrie, TrieError> {
        StorageTrie::from_nodes(self.storage_root, self.nodes.iter().map(Vec::as_slice))
    }

    /// Writes the network's encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, &self.storage_root);
        put_count(&mut out, self.nodes.len());
        for node in &self.nodes {
            put_bytes(&mut out, node);
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
        let storage_root = reader.hash()?;
        let mut nodes = Vec::new();
        for _ in 0..reader.count(8)? {
            nodes.push(reader.bytes()?.to_vec());
        }
        Ok(Self {
            storage_root,
            nodes,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_travels_and_leads_to_the_new_root() {
        let mut trie = StorageTrie::default();
        for number in 0..50 {
            trie.set(&[number; 32], &[1; 32]).unwrap();
        }
        let changes = [([3; 32], [0; 32]), ([77; 32], [5; 32])];
        let witness = MptWitness::create(&mut trie, &changes).unwrap();
        let witness = MptWitness::decode(&witness.encode()).unwrap();
        for (slot, word) in &changes {
            trie.set(slot, word).unwrap();
        }
        assert_eq!(witness.root_after(&changes).unwrap(), trie.root());
        assert_ne!(witness.root_after(&[]).unwrap(), trie.root());
    }
}
