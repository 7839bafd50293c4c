//! What provers vouch for: a block, the state's root before and after it, and what it changed.

use std::collections::BTreeMap;

use alloy_eips::BlockId;
use alloy_primitives::B256;

use super::shared::{Chain, ViewError};
use crate::{
    block::StateDiff,
    state::{StateError, StateReader as _, View},
};

/// A block's effect in four hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockClaim {
    /// The block's hash.
    pub block_hash: B256,
    /// Its parent's state root.
    pub parent_state_root: B256,
    /// Its own state root.
    pub state_root: B256,
    /// The digest of its net diff, see [`net_diff`].
    pub diff_digest: B256,
}

impl BlockClaim {
    /// The four hashes in order.
    pub(crate) fn to_bytes(self) -> [u8; 128] {
        let mut bytes = [0; 128];
        let hashes = [
            self.block_hash,
            self.parent_state_root,
            self.state_root,
            self.diff_digest,
        ];
        for (chunk, hash) in bytes.chunks_exact_mut(32).zip(hashes) {
            chunk.copy_from_slice(hash.as_slice());
        }
        bytes
    }
}

/// What a run of diffs changes in all: keys whose value at the end isn't the one `before` them. No code:
/// accounts name it by hash. The same however mini-blocks cut the block.
pub(super) fn net_diff<'a>(
    diffs: impl IntoIterator<Item = &'a StateDiff>,
    before: &View,
) -> Result<StateDiff, StateError> {
    let mut newest = BTreeMap::new();
    for diff in diffs {
        newest.extend(diff.entries.iter().copied());
    }
    let mut net = StateDiff::default();
    for (key, value) in newest {
        if before.value(&key)? != value {
            net.entries.push((key, value));
        }
    }
    Ok(net)
}

impl Chain {
    /// The claim of a visible sealed block; `None` if there is none, or if it is genesis.
    pub(crate) fn block_claim(&self, number: u64) -> Result<Option<BlockClaim>, ViewError> {
        let Some(parent) = number.checked_sub(1) else {
            return Ok(None);
        };
        let (Some(block), Some(parent)) = (self.block(number)?, self.block(parent)?) else {
            return Ok(None);
        };
        let before = self.view_at(BlockId::number(parent.header.number))?;
        let mut minis = Vec::new();
        for number in block.first_mini..block.next_mini() {
            let mini = self
                .mini(number)?
                .ok_or_else(|| self.missing_mini(number))?;
            minis.push(mini);
        }
        let net = net_diff(minis.iter().map(|mini| &mini.diff), &before)
            .map_err(|error| ViewError::BadArchive(error.to_string()))?;
        Ok(Some(BlockClaim {
            block_hash: block.hash,
            parent_state_root: parent.header.state_root,
            state_root: block.header.state_root,
            diff_digest: net.digest(),
        }))
    }
}
