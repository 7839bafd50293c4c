//! Who leads a chain that has standbys.

use alloy_primitives::Address;
use alloy_rlp::{Decodable, Encodable};

/// A time of leading: nobody else has its term, and what is sealed in it is sealed by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// From 1; every leadership has a higher one than those before it.
    pub term: u64,
    /// The address of the leader's key.
    pub key: Address,
}

impl Leadership {
    /// Appends term and key, as they stand in records and in what is sealed.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.term.encode(out);
        self.key.encode(out);
    }

    /// Reads what [`Leadership::write`] wrote.
    pub(super) fn read(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        Ok(Self {
            term: u64::decode(buf)?,
            key: Address::decode(buf)?,
        })
    }
}

impl std::fmt::Display for Leadership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "term {} of {}", self.term, self.key)
    }
}
