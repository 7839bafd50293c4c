//! Look-ups that the reading methods share.
//!
//! Everything here works on pinned views and shared records: nothing waits for the builder.

use std::{ops::Range, sync::Arc};

use alloy_consensus::Header;
use alloy_eips::BlockId;
use alloy_primitives::{B256, Bytes, logs_bloom};

use super::Node;
use crate::rpc::{
    RpcError,
    render::{BlockOffset, MiniPlace, UNSEALED_HASH},
};
use crate::{
    block::{BlockRecord, MiniBlock, MiniSignature, REQUESTS_HASH, RecordError, prev_randao},
    chain::{BlockRef, OpenBlockView, SharedBlock, ViewError},
    state::{StateError, View},
};

/// JSON bytes, or why there are none.
pub(crate) type Answer = Result<Vec<u8>, RpcError>;

impl Node {
    /// The state that `id` means, pinned, and the block it belongs to.
    pub(crate) fn view(&self, id: BlockId) -> Result<(View, BlockRef), RpcError> {
        self.chain
            .view_with_anchor(id)
            .map_err(|error| unreadable(&error, id))
    }

    /// The sealed block that `id` means; `None` if there is none.
    pub(crate) fn sealed(&self, id: BlockId) -> Result<Option<SharedBlock>, RpcError> {
        match self.chain.resolve(id) {
            Ok(number) => self
                .chain
                .block(number)
                .map_err(|error| unreadable(&error, id)),
            Err(ViewError::UnknownBlock | ViewError::UnknownHash(_)) => Ok(None),
            Err(error) => Err(unreadable(&error, id)),
        }
    }

    /// The mini-blocks of a sealed block, in order.
    pub(crate) fn minis_of(&self, block: &BlockRecord) -> Result<Vec<Arc<MiniBlock>>, RpcError> {
        self.minis(block.first_mini..block.next_mini())
    }

    /// Mini-blocks that must be there.
    pub(crate) fn minis(&self, range: Range<u64>) -> Result<Vec<Arc<MiniBlock>>, RpcError> {
        let minis = self.chain.minis(range);
        minis.map_err(|error| of_log(&error))
    }

    /// The open EVM block with what it holds so far, if it is served as a block. What is known only when it is sealed is
    /// zero, and its hash is that of what is not sealed.
    pub(crate) fn open_block(&self) -> Result<Option<SharedBlock>, RpcError> {
        let config = &self.chain.config;
        if config.open_block == OpenBlockView::Null {
            return Ok(None);
        }
        let minis = self.open_minis()?;
        let Some(first) = minis.first() else {
            return Ok(None);
        };
        let parent = first.block_number.checked_sub(1);
        let parent = parent.and_then(|number| self.chain.world.block_hash(number));
        let parent_hash = parent.unwrap_or_default();
        let results = || minis.iter().flat_map(|mini| &mini.txs).map(|tx| &tx.result);
        let header = Header {
            parent_hash,
            beneficiary: config.coinbase,
            state_root: B256::ZERO,
            transactions_root: B256::ZERO,
            receipts_root: B256::ZERO,
            logs_bloom: logs_bloom(results().flat_map(|result| &result.logs)),
            number: first.block_number,
            gas_limit: config.gas_limit,
            gas_used: results().map(|result| result.gas_used).sum(),
            timestamp: first.block_timestamp,
            extra_data: config.extra_data.clone(),
            mix_hash: prev_randao(parent_hash, first.block_number),
            base_fee_per_gas: Some(config.base_fee),
            withdrawals_root: Some(B256::ZERO),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(REQUESTS_HASH),
            ..Header::default()
        };
        Ok(Some(Arc::new(BlockRecord {
            header,
            hash: UNSEALED_HASH,
            first_mini: first.number,
            mini_count: minis.len() as u64,
            commitment: Bytes::new(),
            content_signature: MiniSignature::default(),
        })))
    }

    /// The visible mini-blocks of the open EVM block, in order.
    pub(crate) fn open_minis(&self) -> Result<Vec<Arc<MiniBlock>>, RpcError> {
        let newest = self.chain.recent.newest_mini();
        match newest.filter(|mini| mini.block_number > self.chain.recent.visible_block()) {
            Some(newest) => self.minis(newest.number - newest.index..newest.number + 1),
            None => Ok(Vec::new()),
        }
    }

    /// A mini-block that must be there.
    pub(crate) fn mini(&self, number: u64) -> Result<Arc<MiniBlock>, RpcError> {
        self.find_mini(number)?
            .ok_or_else(|| of_log(&self.chain.missing_mini(number)))
    }

    /// A mini-block, if it is visible.
    pub(crate) fn find_mini(&self, number: u64) -> Result<Option<Arc<MiniBlock>>, RpcError> {
        self.chain.mini(number).map_err(|error| of_log(&error))
    }

    /// Where a mini-block stands.
    pub(crate) fn place_of(&self, mini: &MiniBlock) -> Result<MiniPlace, RpcError> {
        let block = self
            .chain
            .block(mini.block_number)
            .map_err(|error| of_log(&error))?;
        Ok(MiniPlace {
            block_hash: block.as_ref().map(|block| block.hash),
            block_number: mini.block_number,
            block_timestamp: mini.block_timestamp,
            base_fee: block
                .and_then(|block| block.header.base_fee_per_gas)
                .unwrap_or(self.chain.config.base_fee),
            mini_number: mini.number,
            mini_timestamp_us: mini.timestamp_us,
        })
    }

    /// What the EVM block holds before a mini-block.
    pub(crate) fn offset_of(&self, mini: &MiniBlock) -> Result<BlockOffset, RpcError> {
        if let Some(offset) = self.chain.recent.offset(mini.number) {
            return Ok(offset);
        }
        let mut offset = BlockOffset::default();
        for earlier in self.minis(mini.number - mini.index..mini.number)? {
            offset = offset.after_mini(&earlier);
        }
        Ok(offset)
    }
}

/// The error for a block that has no state, or none any more.
pub(crate) fn unreadable(error: &ViewError, id: BlockId) -> RpcError {
    match error {
        ViewError::UnknownBlock | ViewError::UnknownHash(_) => {
            RpcError::new(NOT_FOUND, format!("header not found: {}", shown(id)))
        }
        ViewError::BadArchive(_) | ViewError::BeforeHistory(_) => of_log(error),
    }
}

/// The error for something that the log should have.
fn of_log(error: &ViewError) -> RpcError {
    match error {
        ViewError::BeforeHistory(_) => RpcError::new(PRUNED, error.to_string()),
        _ => RpcError::internal(error.to_string()),
    }
}

/// The code for a block that does not exist.
pub(crate) const NOT_FOUND: i32 = -32001;

/// The code for history that a node does not keep, as Ethereum's clients give it (EIP-4444).
const PRUNED: i32 = 4444;

fn shown(id: BlockId) -> String {
    match id {
        BlockId::Hash(hash) => format!("block {:#x}", hash.block_hash),
        BlockId::Number(number) => match number.as_number() {
            Some(number) => format!("block {number}"),
            None => format!("block {number:?}").to_lowercase(),
        },
    }
}

/// The node's own records are damaged.
pub(crate) fn damaged(error: RecordError) -> RpcError {
    RpcError::internal(error.to_string())
}

/// The state can't be read.
pub(crate) fn state_error(error: StateError) -> RpcError {
    match error {
        StateError::Unknown(_) => RpcError::server(format!("{error}, try again later")),
        StateError::Pruned => RpcError::new(PRUNED, error.to_string()),
        error => RpcError::internal(error.to_string()),
    }
}
