//! What a block did to one key.

use crate::block::{PlainKey, PlainValue};

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
