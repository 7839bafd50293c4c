//! A part of a block as it was when it was executed: the state before it, and the block as its transactions see it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug},
    sync::Arc,
};

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;

use super::{Node, RpcError};
use crate::{
    block::{MiniBlock, PlainAccount, PlainKey, PlainValue},
    chain::SharedBlock,
    evm::BlockContext,
    replay::{Replay, ReplayError, cache},
    state::{StateError, StateReader, View},
};

/// The mini-blocks before `mini` in its block.
pub(super) fn earlier(node: &Node, mini: &MiniBlock) -> Result<Vec<Arc<MiniBlock>>, RpcError> {
    (mini.number - mini.index..mini.number)
        .map(|number| node.mini(number))
        .collect()
}

/// The block that a mini-block belongs to, as its transactions see it.
pub(super) fn context_of(
    node: &Node,
    mini: &MiniBlock,
    block: Option<&SharedBlock>,
) -> Result<BlockContext, RpcError> {
    if let Some(block) = block {
        return Ok(BlockContext::of(&block.header));
    }
    let parent = node.sealed(BlockId::number(mini.block_number - 1))?;
    let parent = parent.ok_or_else(|| RpcError::internal("a block without parent"))?;
    Ok(node
        .chain
        .config
        .block_context(mini.block_number, mini.block_timestamp, parent.hash))
}

/// The state before a part of a block: the parent's, and what came earlier in the block.
pub(super) struct Before {
    view: View,
    pub(super) newest: BTreeMap<PlainKey, PlainValue>,
    codes: BTreeMap<B256, Bytecode>,
}

impl Before {
    pub(super) fn new(
        node: &Node,
        block: u64,
        earlier: &[Arc<MiniBlock>],
    ) -> Result<Self, RpcError> {
        let parent = block
            .checked_sub(1)
            .ok_or_else(|| RpcError::internal("no parent"))?;
        let (view, _) = node.view(BlockId::number(parent))?;
        let mut newest = BTreeMap::new();
        let mut codes = BTreeMap::new();
        for mini in earlier {
            newest.extend(mini.diff.entries.iter().copied());
            for code in &mini.diff.codes {
                codes.insert(
                    alloy_primitives::keccak256(code),
                    Bytecode::new_raw(code.clone()),
                );
            }
        }
        Ok(Self {
            view,
            newest,
            codes,
        })
    }
}

impl Before {
    /// The state before the transaction at `index` of a block; after its last one at the index behind that, and none
    /// beyond.
    pub(super) fn transaction(
        node: &Node,
        block: &SharedBlock,
        index: u64,
    ) -> Result<Option<Self>, RpcError> {
        let number = block.header.number;
        if number == node.chain.first_block() {
            return Err(RpcError::server("genesis is not traceable"));
        }
        let minis = node.minis_of(block)?;
        let mut left = usize::try_from(index).unwrap_or(usize::MAX);
        let mut passed = 0;
        while let Some(mini) = minis.get(passed).filter(|mini| mini.txs.len() <= left) {
            left -= mini.txs.len();
            passed += 1;
        }
        if left > 0 && passed == minis.len() {
            return Ok(None);
        }
        let (earlier, rest) = minis.split_at(passed);
        let mut before = Self::new(node, number, earlier)?;
        if let (Some(mini), true) = (rest.first(), left > 0) {
            before.run(node, mini, block, left)?;
        }
        Ok(Some(before))
    }

    /// Lets so many of a mini-block's transactions take effect.
    fn run(
        &mut self,
        node: &Node,
        mini: &MiniBlock,
        block: &SharedBlock,
        count: usize,
    ) -> Result<(), RpcError> {
        let failed = |error: ReplayError| {
            RpcError::internal(format!("the block can't be executed again: {error}"))
        };
        let context = context_of(node, mini, Some(block))?;
        let rules = node.chain.rules(mini.block_number);
        let effect = {
            let mut cache = cache(&*self);
            let mut replay = Replay::begin(&*self, &mut cache, &rules, &context).map_err(failed)?;
            replay.until(&mini.txs, count).map_err(failed)?;
            replay.take_effect()
        };
        let changes = effect.changes.iter();
        self.newest
            .extend(changes.map(|change| (change.key, change.new)));
        let codes = effect.codes.into_iter();
        self.codes
            .extend(codes.map(|(hash, code)| (hash, Bytecode::new_raw(code))));
        Ok(())
    }

    /// The slots of a contract that may have a value; none if that can't be known.
    pub(super) fn slots_of(&self, address: Address) -> Option<BTreeSet<B256>> {
        let is_its = |key: &PlainKey| key.address == address;
        let keys = self.view.keys(is_its)?;
        let newest = self.newest.keys().copied().filter(is_its);
        Some(
            keys.into_iter()
                .chain(newest)
                .filter_map(|key| key.slot)
                .collect(),
        )
    }
}

impl Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Before")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

impl StateReader for Before {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match self.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.view.code(hash),
        }
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        self.view.block_hash(number)
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        match self.newest.get(key) {
            Some(value) => Ok(*value),
            None => self.view.value(key),
        }
    }
}
