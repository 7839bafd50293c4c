//! Taking back what stands after a mini-block, so that the chain goes on from there as if it had never been.
//!
//! First everything is read and nothing changed ([`Chain::plan_rewind`]), then everything is changed and nothing can be
//! refused any more ([`Chain::rewind`]). The state goes to the end of the last block that stays as a whole; the
//! mini-blocks of the next one that stay are laid over it, as after a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use alloy_primitives::{B256, keccak256};

use super::{
    recent::SharedBlock,
    restore::{RestoreError, check_root},
    shared::{Chain, Progress, ViewError},
};
use crate::{
    block::{BlockRecord, MiniBlock, PlainKey, RecordError},
    commitment::{BlockEnd, BucketResize},
    state::{Change, StateError, StateReader as _},
};

/// Values and transactions that can be taken back at once: what the log forgets of them is written in one batch.
const MAX_ITEMS: usize = 4_000_000;
/// Mini-blocks that are read at a time.
const PART: u64 = 4_096;

/// Why the chain stays as it stands.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RewindError {
    /// There is no such place.
    #[error("there are no {wanted} mini-blocks, but {there}")]
    Beyond {
        /// How many were to stay.
        wanted: u64,
        /// How many there are.
        there: u64,
    },
    /// What of the state then came from the remote can't be told any more from what was written here.
    #[error("a forked chain can be taken back as far as block {oldest}, not to block {wanted}")]
    BeforeReach {
        /// The block whose state was wanted.
        wanted: u64,
        /// The first one whose state can be had.
        oldest: u64,
    },
    /// Too much would have to be written at once.
    #[error("more than {MAX_ITEMS} values and transactions would have to be taken back at once")]
    TooMuch,
    /// What was there then isn't known.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Likewise.
    #[error(transparent)]
    State(#[from] StateError),
    /// A record that isn't one.
    #[error(transparent)]
    Decode(#[from] RecordError),
    /// Something runs, or has run since the plan was made.
    #[error("the chain does not stand still")]
    Running,
}

/// What is to be taken back. Good for the chain as it stood when it was made.
#[derive(Debug)]
pub(crate) struct RewindPlan {
    /// How many mini-blocks there are.
    before: u64,
    /// How many stay.
    pub minis: u64,
    /// The last block that stays.
    pub block: SharedBlock,
    /// When the last mini-block that stays was sealed, in microseconds; `None`: none stays.
    clock_us: Option<u64>,
    /// The mini-blocks after it that stay.
    open: Vec<Arc<MiniBlock>>,
    /// Values and buckets at that block's end, as far as they have changed since.
    pub end: BlockEnd,
    /// Codes that came since.
    pub codes: Vec<B256>,
    /// The transactions that go.
    pub txs: Vec<B256>,
    /// Number and block of the mini-blocks after that block that have transactions, also of those that stay.
    pub busy: Vec<(u64, u64)>,
    /// The blocks that go, with the keys that each has changed.
    pub blocks: Vec<(SharedBlock, BTreeSet<PlainKey>)>,
}

impl Chain {
    /// Finds out what it takes to have `minis` mini-blocks and no more.
    pub(crate) fn plan_rewind(&self, minis: u64) -> Result<RewindPlan, RewindError> {
        let there = self.recent.visible_minis();
        if there != self.world.version() {
            return Err(RewindError::Running);
        }
        if minis > there {
            let wanted = minis;
            return Err(RewindError::Beyond { wanted, there });
        }
        // Memory may still have what the log has forgotten: a log can't end before it begins.
        if let Some(begin) = self.archive.begins_after()
            && minis <= begin.mini + 1
        {
            return Err(ViewError::BeforeHistory(begin.block).into());
        }
        let last = self.last_mini(minis)?;
        let block = self.last_whole_block(minis, last.as_deref())?;
        self.check_reach(block.header.number)?;
        let gone = self.gone_since(&block, minis, there)?;
        let view = self.view_of_block(block.header.number)?;
        let values = gone
            .keys
            .values()
            .flatten()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|key| Ok((*key, view.value(key)?)))
            .collect::<Result<Vec<_>, StateError>>()?;
        let blocks = self.blocks(block.header.number + 1..=self.recent.visible_block())?;
        let mut buckets = BTreeMap::new();
        for sealed in blocks.iter().rev() {
            let resized = BucketResize::decode_all(&sealed.commitment)?;
            buckets.extend(resized.iter().map(|resize| (resize.bucket, resize.old)));
        }
        let Gone {
            mut keys,
            open,
            codes,
            txs,
            busy,
        } = gone;
        let with_keys = |sealed: SharedBlock| {
            let of_block = keys.remove(&sealed.header.number).unwrap_or_default();
            (sealed, of_block)
        };
        Ok(RewindPlan {
            before: there,
            minis,
            end: BlockEnd {
                block: block.header.number,
                values,
                buckets,
            },
            blocks: blocks.into_iter().map(with_keys).collect(),
            block,
            clock_us: last.map(|mini| mini.timestamp_us),
            open,
            codes,
            txs,
            busy,
        })
    }

    /// What the mini-blocks after a block have done, of which those before `minis` stay. The log may be long: it is read
    /// part by part.
    fn gone_since(&self, block: &BlockRecord, minis: u64, there: u64) -> Result<Gone, RewindError> {
        let mut gone = Gone::default();
        let mut items = 0;
        let mut next = block.next_mini();
        while next < there {
            let end = there.min(next + PART);
            for mini in self.minis(next..end)? {
                items += mini.diff.entries.len() + mini.txs.len();
                if items > MAX_ITEMS {
                    return Err(RewindError::TooMuch);
                }
                gone.add(&mini, mini.number < minis);
            }
            next = end;
        }
        Ok(gone)
    }

    /// Takes back what was planned, while nothing runs. After an error the chain is good for nothing.
    pub(crate) fn rewind(&self, plan: &RewindPlan) -> Result<(), RestoreError> {
        let mut progress = self.progress.lock();
        let progress = progress.as_mut().ok_or(RestoreError::Running)?;
        if self.world.version() != plan.before || self.recent.visible_minis() != plan.before {
            return Err(RestoreError::Running);
        }
        let (block, number) = (&plan.block, plan.block.header.number);
        if let Some(committer) = &self.committer {
            check_root(committer.rewind(plan.end.clone())?, block)?;
        }
        self.past.forget();
        self.console.forget();
        self.capacities.rewind(number, &plan.end.buckets);
        self.world
            .rewind(number, block.next_mini(), &plan.end.values, &plan.codes);
        self.recent
            .rewind(block.clone(), self.archive.tx_total(number));
        self.verified.rewind(number);
        self.mining.rewind(number, plan.clock_us);
        progress.go_back(plan);
        for mini in &plan.open {
            self.world.commit(&mini.diff);
            self.recent.push_mini(mini.clone());
            self.load_commitment(mini);
        }
        self.world.set_visible(plan.minis);
        if let Some(last) = plan.minis.checked_sub(1) {
            self.recent.set_visible(last, number);
        }
        Ok(())
    }

    /// That the commitment gets to the end of a block by what it keeps: over a forked chain its values then are not all
    /// those that the state had.
    fn check_reach(&self, wanted: u64) -> Result<(), RewindError> {
        let oldest = self.commitment.read().oldest();
        match self.fork.is_some() && wanted < oldest {
            true => Err(RewindError::BeforeReach { wanted, oldest }),
            false => Ok(()),
        }
    }

    /// The last of so many mini-blocks.
    fn last_mini(&self, minis: u64) -> Result<Option<Arc<MiniBlock>>, RewindError> {
        let Some(last) = minis.checked_sub(1) else {
            return Ok(None);
        };
        let mini = self.mini(last)?.ok_or_else(|| self.missing_mini(last))?;
        Ok(Some(mini))
    }

    /// The last sealed block of a chain with so many mini-blocks.
    fn last_whole_block(
        &self,
        minis: u64,
        last: Option<&MiniBlock>,
    ) -> Result<SharedBlock, RewindError> {
        let Some(mini) = last else {
            return Ok(self.genesis.clone());
        };
        let sealed = |number| self.block(number);
        match sealed(mini.block_number)? {
            Some(block) if block.next_mini() == minis => Ok(block),
            _ => {
                let before = mini.block_number.saturating_sub(1);
                Ok(sealed(before)?.ok_or(ViewError::UnknownBlock)?)
            }
        }
    }
}

impl Progress {
    fn go_back(&mut self, plan: &RewindPlan) {
        let changes: Vec<_> = plan
            .end
            .values
            .iter()
            .map(|(key, value)| Change {
                key: *key,
                old: *value,
                new: *value,
            })
            .collect();
        self.followers.withdrawals.update(&changes);
        self.parent = plan.block.clone();
        self.open.clone_from(&plan.open);
        self.nodes = None;
    }
}

/// What mini-blocks have done.
#[derive(Default)]
struct Gone {
    /// Keys that each block has written.
    keys: BTreeMap<u64, BTreeSet<PlainKey>>,
    /// The mini-blocks that stay.
    open: Vec<Arc<MiniBlock>>,
    codes: Vec<B256>,
    txs: Vec<B256>,
    busy: Vec<(u64, u64)>,
}

impl Gone {
    fn add(&mut self, mini: &Arc<MiniBlock>, stays: bool) {
        let keys = self.keys.entry(mini.block_number).or_default();
        keys.extend(mini.diff.entries.iter().map(|(key, _)| *key));
        self.codes.extend(mini.diff.codes.iter().map(keccak256));
        if !mini.txs.is_empty() {
            self.busy.push((mini.number, mini.block_number));
        }
        match stays {
            true => self.open.push(mini.clone()),
            false => self.txs.extend(mini.txs.iter().map(|tx| tx.hash)),
        }
    }
}
