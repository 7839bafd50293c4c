//! The newest blocks and mini-blocks, decoded, found by number and hash.
//!
//! The builder adds what it seals; readers see it once it is durable. Whole blocks leave at the other
//! end when there are too many of them, or too many mini-blocks or transactions in them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy_primitives::{B256, map::HashMap};
use parking_lot::RwLock;

use crate::block::{BlockOffset, BlockRecord, MiniBlock};

/// Transactions kept in memory at most, but never less than the newest block's.
const MAX_TRANSACTIONS: usize = 200_000;

/// Mini-blocks kept in memory at most: a chain that nobody uses seals them too, and each takes about a
/// kilobyte.
const MAX_MINI_BLOCKS: usize = 20_000;

/// A sealed block, shared.
pub(crate) type SharedBlock = Arc<BlockRecord>;

/// Where a transaction is.
#[derive(Clone, Debug)]
pub(crate) struct TxPlace {
    /// The mini-block.
    pub mini: Arc<MiniBlock>,
    /// The transaction's index in the mini-block.
    pub index: usize,
}

#[derive(Default)]
struct Window {
    minis: VecDeque<Arc<MiniBlock>>,
    /// What its EVM block holds before each of `minis`, so that a receipt needs no walk.
    offsets: VecDeque<BlockOffset>,
    /// The number of the first one in `minis`.
    first_mini: u64,
    blocks: VecDeque<SharedBlock>,
    /// How many transactions the chain holds up to the end of each of `blocks`, where that is known.
    tx_totals: VecDeque<Option<u64>>,
    block_numbers: HashMap<B256, u64>,
    txs: HashMap<B256, (u64, u32)>,
}

/// The window. Numbers of what is visible are atomics, so that asking them locks nothing.
pub(crate) struct RecentBlocks {
    window: RwLock<Window>,
    /// Visible mini-blocks, as a count: the newest visible one is this less one.
    visible_minis: AtomicU64,
    visible_block: AtomicU64,
    keep_blocks: usize,
}

impl std::fmt::Debug for RecentBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecentBlocks")
            .field("visible_minis", &self.visible_minis)
            .field("visible_block", &self.visible_block)
            .finish_non_exhaustive()
    }
}

impl RecentBlocks {
    /// A window that begins with genesis, which is visible at once.
    pub(crate) fn new(genesis: SharedBlock, keep_blocks: usize) -> Self {
        let recent = Self {
            window: RwLock::default(),
            visible_minis: AtomicU64::new(0),
            visible_block: AtomicU64::new(0),
            keep_blocks: keep_blocks.max(2),
        };
        recent.reset(genesis, Some(0));
        recent
    }

    /// Begins anew with a block, up to whose end the chain holds so many transactions, if that is known.
    pub(crate) fn reset(&self, block: SharedBlock, tx_total: Option<u64>) {
        let mut window = self.window.write();
        *window = Window {
            first_mini: block.next_mini(),
            ..Default::default()
        };
        self.visible_minis
            .store(block.next_mini(), Ordering::Release);
        self.visible_block
            .store(block.header.number, Ordering::Release);
        window.block_numbers.insert(block.hash, block.header.number);
        window.blocks.push_back(block);
        window.tx_totals.push_back(tx_total);
    }

    /// Forgets everything after a block, which is the newest again; up to its end the chain holds so many transactions, if
    /// that is known.
    pub(crate) fn rewind(&self, block: SharedBlock, tx_total: Option<u64>) {
        let mut window = self.window.write();
        let first = window.blocks.front();
        if first.is_none_or(|first| first.header.number > block.header.number) {
            drop(window);
            return self.reset(block, tx_total);
        }
        window.drop_after(&block);
        self.visible_minis
            .store(block.next_mini(), Ordering::Release);
        self.visible_block
            .store(block.header.number, Ordering::Release);
    }

    /// Adds a sealed mini-block; its number must follow the last one's.
    pub(crate) fn push_mini(&self, mini: Arc<MiniBlock>) {
        let mut window = self.window.write();
        debug_assert_eq!(mini.number, window.first_mini + window.minis.len() as u64);
        for (index, tx) in mini.txs.iter().enumerate() {
            window.txs.insert(tx.hash, (mini.number, index as u32));
        }
        let offset = match (mini.index, window.minis.back(), window.offsets.back()) {
            (0, _, _) | (_, None, _) | (_, _, None) => BlockOffset::default(),
            (_, Some(last), Some(before)) => before.after_mini(last),
        };
        window.offsets.push_back(offset);
        window.minis.push_back(mini);
    }

    /// Adds a sealed block, and lets the oldest go.
    pub(crate) fn push_block(&self, block: SharedBlock) {
        let mut window = self.window.write();
        let before = window.tx_totals.back().copied().flatten();
        let total = before.map(|before| before + window.transactions_of(&block));
        window.tx_totals.push_back(total);
        window.block_numbers.insert(block.hash, block.header.number);
        window.blocks.push_back(block);
        // Only what is durable may leave: until then memory is the only place that has it.
        let visible = self.visible_block();
        while window.blocks.len() > 2
            && window.blocks[0].header.number < visible
            && (window.blocks.len() > self.keep_blocks
                || window.minis.len() > MAX_MINI_BLOCKS
                || window.txs.len() > MAX_TRANSACTIONS)
        {
            window.drop_oldest();
        }
    }

    /// Makes everything up to this mini-block and this block visible; returns the mini-blocks that
    /// became so.
    pub(crate) fn set_visible(&self, mini: u64, block: u64) -> Vec<Arc<MiniBlock>> {
        let window = self.window.read();
        let end = (mini + 1).min(window.first_mini + window.minis.len() as u64);
        let start = self.visible_minis.fetch_max(end, Ordering::AcqRel);
        let newest = window.blocks.back().map_or(0, |last| last.header.number);
        self.visible_block
            .fetch_max(block.min(newest), Ordering::AcqRel);
        (start..end)
            .filter_map(|number| window.mini(number))
            .collect()
    }

    /// How many mini-blocks are visible; the newest has this number less one.
    pub(crate) fn visible_minis(&self) -> u64 {
        self.visible_minis.load(Ordering::Acquire)
    }

    /// The newest visible sealed block's number.
    pub(crate) fn visible_block(&self) -> u64 {
        self.visible_block.load(Ordering::Acquire)
    }

    /// The newest visible mini-block, if it is in the window.
    pub(crate) fn newest_mini(&self) -> Option<Arc<MiniBlock>> {
        self.visible_minis()
            .checked_sub(1)
            .and_then(|number| self.mini(number))
    }

    /// A visible mini-block, if it is in the window.
    pub(crate) fn mini(&self, number: u64) -> Option<Arc<MiniBlock>> {
        if number >= self.visible_minis() {
            return None;
        }
        self.window.read().mini(number)
    }

    /// A mini-block, visible or not. For who follows the chain.
    pub(crate) fn sealed_mini(&self, number: u64) -> Option<Arc<MiniBlock>> {
        self.window.read().mini(number)
    }

    /// What its EVM block holds before a mini-block, if that is in the window.
    pub(crate) fn offset(&self, number: u64) -> Option<BlockOffset> {
        let window = self.window.read();
        let index = usize::try_from(number.checked_sub(window.first_mini)?).ok()?;
        window.offsets.get(index).copied()
    }

    /// A visible sealed block, if it is in the window.
    pub(crate) fn block(&self, number: u64) -> Option<SharedBlock> {
        if number > self.visible_block() {
            return None;
        }
        self.window.read().block(number)
    }

    /// How many transactions the chain holds up to the end of a block, if that is known and the block in the window.
    pub(crate) fn tx_total(&self, number: u64) -> Option<u64> {
        let window = self.window.read();
        let first = window.blocks.front()?.header.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        window.tx_totals.get(index).copied().flatten()
    }

    /// A block, visible or not. For the builder.
    pub(crate) fn sealed_block(&self, number: u64) -> Option<SharedBlock> {
        self.window.read().block(number)
    }

    /// The number of a visible sealed block, if it is in the window.
    pub(crate) fn block_number(&self, hash: &B256) -> Option<u64> {
        let number = self.window.read().block_numbers.get(hash).copied()?;
        (number <= self.visible_block()).then_some(number)
    }

    /// Where a visible transaction is, if it is in the window.
    pub(crate) fn transaction(&self, hash: &B256) -> Option<TxPlace> {
        let window = self.window.read();
        let (number, index) = window.txs.get(hash).copied()?;
        if number >= self.visible_minis() {
            return None;
        }
        Some(TxPlace {
            mini: window.mini(number)?,
            index: index as usize,
        })
    }
}

impl Window {
    fn mini(&self, number: u64) -> Option<Arc<MiniBlock>> {
        let index = usize::try_from(number.checked_sub(self.first_mini)?).ok()?;
        self.minis.get(index).cloned()
    }

    fn block(&self, number: u64) -> Option<SharedBlock> {
        let first = self.blocks.front()?.header.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        self.blocks.get(index).cloned()
    }

    /// How many transactions a block holds whose mini-blocks are all here.
    fn transactions_of(&self, block: &BlockRecord) -> u64 {
        let minis = (block.first_mini..block.next_mini()).filter_map(|number| self.mini(number));
        minis.map(|mini| mini.txs.len() as u64).sum()
    }

    fn drop_after(&mut self, block: &BlockRecord) {
        let (number, minis) = (block.header.number, block.next_mini());
        let later = |last: &SharedBlock| last.header.number > number;
        while self.blocks.back().is_some_and(later)
            && let Some(last) = self.blocks.pop_back()
        {
            self.tx_totals.pop_back();
            self.block_numbers.remove(&last.hash);
        }
        let later = |mini: &Arc<MiniBlock>| mini.number >= minis;
        while self.minis.back().is_some_and(later)
            && let Some(mini) = self.minis.pop_back()
        {
            self.offsets.pop_back();
            for tx in &mini.txs {
                self.txs.remove(&tx.hash);
            }
        }
    }

    fn drop_oldest(&mut self) {
        let Some(block) = self.blocks.pop_front() else {
            return;
        };
        self.tx_totals.pop_front();
        self.block_numbers.remove(&block.hash);
        while self.first_mini < block.next_mini() {
            let Some(mini) = self.minis.pop_front() else {
                return;
            };
            self.offsets.pop_front();
            self.first_mini += 1;
            for tx in &mini.txs {
                self.txs.remove(&tx.hash);
            }
        }
    }
}
