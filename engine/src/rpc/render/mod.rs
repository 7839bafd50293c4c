//! JSON of what the chain holds: one renderer for each kind of thing, used by every method and
//! every subscription that shows it.
//!
//! They write straight into a byte buffer, as receipts and transactions are rendered in bulk.

pub(crate) mod block;
pub(crate) mod diff;
pub(crate) mod log;
pub(crate) mod mini;
pub(crate) mod receipt;
pub(crate) mod transaction;

use alloy_primitives::{B256, b256};

pub(crate) use crate::block::BlockOffset;
pub(crate) use crate::json;

/// What receipts and logs give as block hash before their EVM block is sealed.
pub(crate) const UNSEALED_HASH: B256 =
    b256!("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");

/// Where a mini-block stands: what all its transactions have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MiniPlace {
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

impl MiniPlace {
    /// The block hash that receipts and logs show.
    pub(crate) fn shown_hash(&self) -> B256 {
        self.block_hash.unwrap_or(UNSEALED_HASH)
    }
}
