//! The environments that the chain's configuration gives to its blocks.

use alloy_primitives::B256;

use super::{BlockRef, ChainConfig};
use crate::{block::prev_randao, evm::BlockContext};

impl ChainConfig {
    /// What block `number`, opened at `timestamp` upon the block with `parent_hash`, gives its transactions.
    pub(crate) fn block_context(
        &self,
        number: u64,
        timestamp: u64,
        parent_hash: B256,
    ) -> BlockContext {
        BlockContext {
            number,
            timestamp,
            parent_hash,
            prev_randao: prev_randao(parent_hash, number),
            gas_limit: self.gas_limit,
            base_fee: self.base_fee,
            coinbase: self.coinbase,
            parent_beacon_root: Some(B256::ZERO),
        }
    }

    /// What the block that a state belongs to gives to calls: they run as if inside it.
    pub(crate) fn context_at(&self, anchor: &BlockRef) -> BlockContext {
        self.block_context(anchor.number, anchor.timestamp, anchor.parent_hash)
    }
}
