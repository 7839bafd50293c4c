//! JSON of what the chain holds: one renderer for each kind of thing, used by every method and
//! every subscription that shows it.
//!
//! They write straight into a byte buffer, as receipts and transactions are rendered in bulk.

pub mod block;
pub mod diff;
pub mod json;
pub mod log;
pub mod mini;
pub mod receipt;
pub mod transaction;
pub mod usage;

use alloy_primitives::{B256, b256};

/// What receipts and logs give as block hash before their EVM block is sealed.
pub const UNSEALED_HASH: B256 =
    b256!("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");

/// Where a mini-block stands: what all its transactions have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The EVM block's hash, once it is sealed.
    pub block_hash: Option<B256>,
    /// The EVM block's number.
    pub block_number: u64,
    /// The EVM block's timestamp, seconds.
    pub block_timestamp: u64,
    /// The EVM block's base fee, wei.
    pub base_fee: u64,
    /// The mini-block's number.
    pub mini_number: u64,
    /// When the mini-block was sealed, microseconds.
    pub mini_timestamp_us: u64,
}

impl Place {
    /// The block hash that receipts and logs show.
    pub fn shown_hash(&self) -> B256 {
        self.block_hash.unwrap_or(UNSEALED_HASH)
    }
}

/// Where a transaction stands in its EVM block: what came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offset {
    /// Transactions before it.
    pub transactions: u64,
    /// Logs before its first.
    pub logs: u64,
    /// Gas used before it.
    pub gas: u64,
}

impl Offset {
    /// The place behind `record`.
    #[must_use]
    pub fn after(self, record: &crate::block::TxRecord) -> Self {
        Self {
            transactions: self.transactions + 1,
            logs: self.logs + record.result.logs.len() as u64,
            gas: self.gas + record.result.gas_used,
        }
    }
}
