//! The seam to what has left memory. Python implements it over LevelDB; tests use [`EmptyArchive`].

use alloy_primitives::B256;

use super::StateError;

/// Blocks, mini-blocks and values older than the window in memory. Called from any thread.
pub trait Archive: Send + Sync {
    /// The mini-block that a transaction is in, and its index there.
    fn tx_location(&self, hash: &B256) -> Option<(u64, u32)>;
    /// The number of the block with this hash.
    fn block_number(&self, hash: &B256) -> Option<u64>;
    /// A block's record.
    fn block(&self, number: u64) -> Option<Vec<u8>>;
    /// A mini-block's record.
    fn mini(&self, number: u64) -> Option<Vec<u8>>;
    /// The records of blocks from `first` to `last`, up to the first that isn't there.
    fn blocks(&self, first: u64, last: u64) -> Vec<Vec<u8>> {
        (first..=last)
            .map_while(|number| self.block(number))
            .collect()
    }
    /// Likewise of mini-blocks.
    fn minis(&self, first: u64, last: u64) -> Vec<Vec<u8>> {
        (first..=last)
            .map_while(|number| self.mini(number))
            .collect()
    }
    /// The value that a plain key had at the end of `block`, if a later archived block changed it;
    /// `None` if none did. Empty bytes: it was absent. An error if the log begins later by now.
    fn value_at(&self, key: &[u8], block: u64) -> Result<Option<Vec<u8>>, StateError>;
    /// How many transactions the chain holds up to the end of a block, where the log knows it.
    fn tx_total(&self, _block: u64) -> Option<u64> {
        None
    }
    /// Code by its hash.
    fn code(&self, hash: &B256) -> Option<Vec<u8>>;
    /// Where the log begins, if it does not begin with the chain.
    fn begins_after(&self) -> Option<Beginning> {
        None
    }
}

/// The end of what the log does not have: of a snapshot that a node began with, or of what was pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its last mini-block.
    pub mini: u64,
    /// Its last block, at whose end the state is known.
    pub block: u64,
}

/// Knows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyArchive;

impl Archive for EmptyArchive {
    fn tx_location(&self, _: &B256) -> Option<(u64, u32)> {
        None
    }

    fn block_number(&self, _: &B256) -> Option<u64> {
        None
    }

    fn block(&self, _: u64) -> Option<Vec<u8>> {
        None
    }

    fn mini(&self, _: u64) -> Option<Vec<u8>> {
        None
    }

    fn value_at(&self, _: &[u8], _: u64) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn code(&self, _: &B256) -> Option<Vec<u8>> {
        None
    }
}
