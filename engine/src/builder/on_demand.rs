//! Blocks that are closed because somebody asks for them, not because their time is over.
//!
//! * `Automine`: every transaction closes its mini-block and its block.
//! * `Manual`: transactions wait until blocks are asked for.
//!
//! In both an intervention is executed at once, in a mini-block of its own, and its block stays open for what comes next. A
//! block is opened when there is something for it, so that its timestamp is that moment's. One that was opened before somebody
//! set the clock is closed before anything else gets in.

use std::time::Duration;

use super::{
    open::OpenBlock,
    thread::{Halted, Round, Run},
};
use crate::chain::{MiningMode, WantedBlocks};

/// How long a transaction may take at least before the rest of its batch goes back to the pool: nothing is due.
const PATIENCE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Builds when there is something to do, until time closes blocks again or building is to end. `open`: the block that
    /// was open when that began.
    pub(super) fn build_on_demand(&mut self, mut open: Option<OpenBlock>) -> Result<Round, Halted> {
        let mining = &self.shared.chain.mining;
        loop {
            if self.shared.stop.is_set() {
                return Ok(Round::Stop);
            }
            let mode = mining.mode();
            if mode == MiningMode::Continuous {
                if let Some(block) = open.take() {
                    self.close_early(block)?;
                }
                return Ok(Round::BlockDone);
            }
            let done = self.force_one(&mut open, mode)?
                || self.close_wanted(&mut open)?
                || (mode == MiningMode::Automine && self.mine_one(&mut open)?);
            if !done {
                self.shared.source.wait_for(mode == MiningMode::Automine);
            }
        }
    }

    /// Executes a deposit, if one may be; an intervention's block stays open.
    fn force_one(
        &mut self,
        open: &mut Option<OpenBlock>,
        mode: MiningMode,
    ) -> Result<bool, Halted> {
        let deposits = &self.shared.chain.deposits;
        let next = match mode {
            MiningMode::Manual => deposits.pop_intervention(),
            _ => deposits.pop(),
        };
        let Some(deposit) = next else {
            return Ok(false);
        };
        let stays = deposit.is_intervention();
        let mut block = self.block_at_hand(open)?;
        self.deposits_wait = false;
        let now_us = self.clock.now_us();
        self.execute_this_deposit(&mut block, deposit, now_us)?;
        if stays {
            if block.has_open_transactions() {
                let now_us = self.clock.now_us();
                self.seal(&mut block, now_us)?;
            }
            *open = Some(block);
        } else if block.has_open_transactions() {
            self.close_early(block)?;
        } else {
            *open = Some(block);
        }
        // Without room it waits for the next block, which this makes.
        if self.deposits_wait
            && let Some(full) = open.take()
        {
            self.close_early(full)?;
        }
        Ok(true)
    }

    /// Includes the best transaction that is ready in a block of its own.
    fn mine_one(&mut self, open: &mut Option<OpenBlock>) -> Result<bool, Halted> {
        if self.shared.source.best_rank() == 0 {
            return Ok(false);
        }
        let mut block = self.block_at_hand(open)?;
        let deadline_us = self.clock.now_us() + PATIENCE.as_micros() as u64;
        let taken = self.execute_batch(&mut block, deadline_us, 1)?;
        if block.has_open_transactions() {
            self.close_early(block)?;
        } else if block.mini_count() > 0 {
            *open = Some(block);
        }
        // Else nothing came of it: the next one is opened at its own time.
        Ok(taken)
    }

    /// Closes the blocks that were asked for first, with everything that is ready in the first of them.
    fn close_wanted(&mut self, open: &mut Option<OpenBlock>) -> Result<bool, Halted> {
        let Some(wanted) = self.shared.chain.mining.take_wanted() else {
            return Ok(false);
        };
        self.close_all(open, &wanted, wanted.count)?;
        Ok(true)
    }

    /// Closes `count` blocks and tells who wanted them. A block that is open is the first of them, unless it would be the
    /// only one and is to be later: it has its time already.
    fn close_all(
        &mut self,
        open: &mut Option<OpenBlock>,
        wanted: &WantedBlocks,
        count: u64,
    ) -> Result<(), Halted> {
        let mining = &self.shared.chain.mining;
        // Intervals that the first block was to be later.
        let mut owed = u64::from(wanted.pauses_first);
        for index in 0..count {
            if self.shared.stop.is_set() {
                return Ok(());
            }
            let counts = open.is_some() && !mining.is_time_set_anew() && count > 1;
            if let Some(interval_s) = wanted.interval_s {
                if index > 0 {
                    let parent = self.progress.parent.header.timestamp;
                    let later = interval_s.saturating_mul(1 + std::mem::take(&mut owed));
                    mining.set_next_timestamp(parent.saturating_add(later));
                } else if owed > 0 && !counts {
                    let parent = self.progress.parent.header.timestamp;
                    // Where blocks were many they are ahead of the clock.
                    mining.catch_up_with(open.as_ref().map_or(parent, OpenBlock::timestamp));
                    mining.increase_time(interval_s);
                    owed = 0;
                }
            }
            let mut block = self.block_at_hand(open)?;
            self.fill_up(&mut block)?;
            self.close_early(block)?;
        }
        // Nobody may wait for it any more.
        let _ = wanted.closed.send(self.progress.parent.header.number);
        Ok(())
    }

    /// The blocks that were asked for while time closes them; the one that was open has just been closed. `counts`: as the
    /// first of them, unless something waited for that one and was left out.
    pub(super) fn close_wanted_early(&mut self, counts: bool) -> Result<(), Halted> {
        let mining = &self.shared.chain.mining;
        let mut first = counts && self.shared.source.best_rank() == 0;
        while let Some(wanted) = mining.take_wanted() {
            let counts = first && !wanted.pauses_first;
            let left = wanted.count.saturating_sub(u64::from(counts));
            self.close_all(&mut None, &wanted, left)?;
            first = false;
        }
        // The next one need not wait for its second.
        mining.catch_up_with(self.progress.parent.header.timestamp + 1);
        Ok(())
    }

    /// Executes everything that is ready, as far as the block has room.
    fn fill_up(&mut self, block: &mut OpenBlock) -> Result<(), Halted> {
        self.deposits_wait = false;
        loop {
            let now_us = self.clock.now_us();
            let deadline_us = now_us + PATIENCE.as_micros() as u64;
            if !self.execute_deposit(block, now_us)?
                && !self.execute_batch(block, deadline_us, usize::MAX)?
            {
                return Ok(());
            }
        }
    }

    /// The block that is open, or one that is opened now.
    fn block_at_hand(&mut self, open: &mut Option<OpenBlock>) -> Result<OpenBlock, Halted> {
        let mining = &self.shared.chain.mining;
        if let Some(block) = open.take() {
            if !mining.is_time_set_anew() {
                return Ok(block);
            }
            self.close_early(block)?;
        }
        self.open_now()
    }
}
