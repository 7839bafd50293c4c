//! Where something stands in its EVM block: what came before it.

use super::{MiniBlock, TxRecord};

/// What an EVM block holds before a transaction or a mini-block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockOffset {
    /// Transactions before it.
    pub transactions: u64,
    /// Logs before its first.
    pub logs: u64,
    /// Gas used before it.
    pub gas: u64,
}

impl BlockOffset {
    /// The place behind `record`.
    #[must_use]
    pub fn after(self, record: &TxRecord) -> Self {
        Self {
            transactions: self.transactions + 1,
            logs: self.logs + record.result.logs.len() as u64,
            gas: self.gas + record.result.gas_used,
        }
    }

    /// The place behind all of `mini`.
    #[must_use]
    pub fn after_mini(self, mini: &MiniBlock) -> Self {
        mini.txs.iter().fold(self, Self::after)
    }
}
