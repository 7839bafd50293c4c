//! The follower itself: one record after the other, each checked against our state and then applied.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, keccak256};
use parking_lot::Mutex;
use rayon::prelude::*;

use super::{
    VerifyMode,
    bad_data::{BadData, FollowError, Kind, same},
    block::{self, SealedRecord},
    cursor::{Cursor, ItemPlace},
    metrics::{FollowerMetrics, count, timed},
    mini::{self, Sound},
    reexecute::Reexecution,
    sequencer,
};
use crate::{
    block::{BlockRecord, BlockRoots, Leaves, MiniBlock, is_block_record},
    chain::{Chain, HeaderRoots, Progress, RestoreError, Sealed, SharedBlock, take_progress},
    commitment::{BucketResize, Closed, Closing, CommitError},
    state::{BlockUndo, Change},
};

/// What became of a record: applied, or nothing, because it was there already.
pub(super) type Applied = Option<Sealed>;

/// What became of several.
#[derive(Debug)]
pub(crate) struct AppliedBatch {
    /// Of those up to the first that was refused.
    pub applied: Vec<Applied>,
    /// Why the next one was refused.
    pub refusal: Option<FollowError>,
}

/// Follows a chain that somebody else builds.
pub(crate) struct Follower {
    chain: Arc<Chain>,
    mode: VerifyMode,
    /// Nothing once it has given up its place.
    standing: Mutex<Option<FollowState>>,
    metrics: FollowerMetrics,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Where the chain stands.
struct FollowState {
    parent: SharedBlock,
    /// The open block's mini-blocks.
    open: Vec<Arc<MiniBlock>>,
    sums: BlockRoots,
    /// Who signs the open block, once it has a mini-block.
    sequencer: Option<Address>,
    followers: HeaderRoots,
    reexecution: Option<Reexecution>,
}

/// A record that is sound by itself.
enum Item {
    Mini(Sound),
    Block(SealedRecord),
}

impl Item {
    fn read(record: &[u8]) -> Result<Self, BadData> {
        match is_block_record(record) {
            true => block::read(record).map(Self::Block),
            false => mini::read(record).map(Self::Mini),
        }
    }
}

/// An item with its place, and its leaves if it is a mini-block that comes next.
type Placed = (Item, ItemPlace, Leaves);

impl Follower {
    /// Follows from where the chain stands. Nothing else may build on it any more.
    pub(crate) fn new(chain: Arc<Chain>, mode: VerifyMode) -> Result<Self, RestoreError> {
        if mode >= VerifyMode::Roots && chain.committer.is_none() {
            return Err(CommitError::Off.into());
        }
        let progress = take_progress(&chain)?;
        let mut sums = BlockRoots::default();
        let mut sequencer = None;
        for mini in &progress.open {
            let leaves = mini::leaves_of(mini, sums.gas())
                .map_err(|error| RestoreError::Gap(error.to_string()))?;
            sums.add(&leaves);
            sequencer = mini.signer().ok();
        }
        Ok(Self {
            chain,
            mode,
            standing: Mutex::new(Some(FollowState {
                parent: progress.parent,
                open: progress.open,
                sums,
                sequencer,
                followers: progress.followers,
                reexecution: None,
            })),
            metrics: FollowerMetrics::default(),
        })
    }

    /// Follows no further, when what is being applied is done: where it stands is the chain's again, for the next one to
    /// go on from.
    pub(crate) fn release(&self) {
        if let Some(standing) = self.standing.lock().take() {
            *self.chain.progress.lock() = Some(Progress {
                parent: standing.parent,
                open: standing.open,
                followers: standing.followers,
                nodes: None,
            });
        }
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> &FollowerMetrics {
        &self.metrics
    }

    /// Takes the next record, a mini-block's or a block's.
    #[cfg(test)]
    pub(crate) fn apply(&self, record: &[u8]) -> Result<Applied, FollowError> {
        let mut batch = self.apply_many(&[record]);
        match batch.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(batch.applied.pop().flatten()),
        }
    }

    /// Takes records in the order of the log, until one is refused. What doesn't depend on the state is
    /// checked on all cores.
    pub(crate) fn apply_many(&self, records: &[&[u8]]) -> AppliedBatch {
        let mut batch = AppliedBatch {
            applied: Vec::with_capacity(records.len()),
            refusal: None,
        };
        let mut standing = self.standing.lock();
        let Some(standing) = standing.as_mut() else {
            let reason = "the chain is followed no more";
            batch.refusal = Some(FollowError::Failed(reason.into()));
            return batch;
        };
        // A single core goes through one record at a time, which its caches still hold from one step to the next.
        let together = match rayon::current_num_threads() {
            1 => 1,
            _ => records.len().max(1),
        };
        for records in records.chunks(together) {
            batch.refusal = self.take_some(standing, records, &mut batch.applied);
            if batch.refusal.is_some() {
                count(&self.metrics.refused, 1);
                break;
            }
        }
        batch
    }

    /// Takes records step by step, all of them through each step; returns why one was refused.
    fn take_some(
        &self,
        standing: &mut FollowState,
        records: &[&[u8]],
        applied: &mut Vec<Applied>,
    ) -> Option<FollowError> {
        let (items, mut bad) = timed(&self.metrics.read_ns, || {
            until_bad(records.to_vec(), Item::read)
        });
        let (items, bad_place) = standing.place(&self.chain, items);
        bad = bad_place.or(bad);
        let (items, bad_roots) = timed(&self.metrics.roots_ns, || {
            until_bad(items, |(item, place)| {
                let leaves = match (&item, place) {
                    (Item::Mini(sound), ItemPlace::Next { gas_before }) => {
                        mini::check_roots(&sound.mini, gas_before)?
                    }
                    _ => Leaves::default(),
                };
                Ok((item, place, leaves))
            })
        });
        bad = bad_roots.or(bad);
        for (item, record) in items.into_iter().zip(records) {
            match self.take(standing, item, record) {
                Ok(one) => applied.push(one),
                Err(error) => return Some(error),
            }
        }
        bad.map(FollowError::Bad)
    }

    fn take(
        &self,
        standing: &mut FollowState,
        item: Placed,
        record: &[u8],
    ) -> Result<Applied, FollowError> {
        match item {
            (Item::Mini(sound), ItemPlace::Known, _) => self.known_mini(&sound, record),
            (Item::Block(sealed), ItemPlace::Known, _) => self.known_block(&sealed, record),
            (Item::Mini(sound), ItemPlace::Next { .. }, leaves) => {
                self.take_mini(standing, sound, &leaves).map(Some)
            }
            (Item::Block(sealed), ItemPlace::Next { .. }, _) => {
                self.take_block(standing, sealed).map(Some)
            }
        }
    }

    // --- what is there already --------------------------------------------------------------

    fn known_mini(&self, sound: &Sound, record: &[u8]) -> Result<Applied, FollowError> {
        let number = sound.mini.number;
        let ours = match self.chain.recent.sealed_mini(number) {
            Some(mini) if *mini == *sound.mini => return self.passed_over(),
            Some(mini) => mini.encode(),
            None => match self.chain.archive.mini(number) {
                Some(ours) if ours == record => return self.passed_over(),
                Some(ours) => ours,
                // Pruned: there is nothing to compare with.
                None => return self.passed_over(),
            },
        };
        let signer = MiniBlock::decode(&ours).map(|mini| mini.signer());
        let theirs = sound.signer.clone()?;
        let both = signer == Ok(Ok(theirs));
        let place = format!("mini-block {number}");
        let sealer = sound.mini.sealer(theirs);
        let sealed = sound.mini.leadership == self.chain.leaders.of(number)
            && sound.content_signer == Ok(sealer);
        contradiction(&place, both && sealed, Kind::Signature, ours, record)
    }

    fn known_block(&self, sealed: &SealedRecord, record: &[u8]) -> Result<Applied, FollowError> {
        let number = sealed.block.header.number;
        let ours = match self.chain.recent.sealed_block(number) {
            _ if number == self.chain.first_block() => self.chain.genesis.encode(),
            Some(block) => block.encode(),
            None => match self.chain.archive.block(number) {
                Some(ours) => ours,
                None => return self.passed_over(),
            },
        };
        if ours == record {
            return self.passed_over();
        }
        let content_signer = BlockRecord::decode(&ours).map(|block| block.content_signer());
        let both = content_signer == Ok(Ok(sealed.content_signer.clone()?));
        contradiction(&format!("block {number}"), both, Kind::Seal, ours, record)
    }

    fn passed_over(&self) -> Result<Applied, FollowError> {
        count(&self.metrics.known, 1);
        Ok(None)
    }

    // --- what comes next --------------------------------------------------------------------

    fn take_mini(
        &self,
        standing: &mut FollowState,
        sound: Sound,
        leaves: &Leaves,
    ) -> Result<Sealed, FollowError> {
        let mini = sound.mini;
        let sequencer = match standing.sequencer {
            Some(sequencer) => sequencer,
            None => {
                sequencer::of(&self.chain, &standing.parent, &mini).map_err(FollowError::Failed)?
            }
        };
        let at = |what: &str| format!("mini-block {}: {what}", mini.number);
        same(Kind::Signature, &at("signer"), sequencer, sound.signer?)?;
        mini::check_leadership(&mini, self.chain.leaders.of(mini.number))?;
        same(
            Kind::Seal,
            &at("content_signer"),
            mini.sealer(sequencer),
            sound.content_signer?,
        )?;
        self.learn_before(&mini)?;
        self.check_codes(&mini)?;
        if self.mode == VerifyMode::Reexecute {
            timed(&self.metrics.execution_ns, || {
                self.reexecute(standing, &mini)
            })?;
        }
        // From here on nothing fails.
        timed(&self.metrics.commit_ns, || {
            self.chain.world.commit(&mini.diff);
            self.chain.recent.push_mini(mini.clone());
            self.chain.feed_commitment(&mini);
        });
        timed(&self.metrics.sums_ns, || standing.sums.add(leaves));
        standing.sequencer = Some(sequencer);
        standing.open.push(mini.clone());
        count(&self.metrics.minis, 1);
        count(&self.metrics.transactions, mini.txs.len() as u64);
        count(&self.metrics.keys, mini.diff.entries.len() as u64);
        Ok(Sealed::Mini(mini))
    }

    /// Over another chain's state: asks for what the mini-block's keys held before, where nobody here has read that yet.
    fn learn_before(&self, mini: &MiniBlock) -> Result<(), FollowError> {
        let world = &self.chain.world;
        if world.is_whole() {
            return Ok(());
        }
        let keys = || mini.diff.entries.iter().map(|(key, _)| key);
        // All of it at once, before anything is waited for.
        let _ = keys().filter(|key| world.read(key).is_err()).count();
        let learnt = keys().try_for_each(|key| world.learn(key).map(drop));
        learnt.map_err(|error| FollowError::Failed(error.to_string()))
    }

    /// That all code which accounts are given is known, and no other code comes along.
    fn check_codes(&self, mini: &MiniBlock) -> Result<(), BadData> {
        let bad = |reason: String| {
            let reason = format!("mini-block {}, state diff: {reason}", mini.number);
            Err(BadData::new(Kind::Diff, reason))
        };
        let named = || {
            let accounts = mini.diff.entries.iter();
            accounts.filter_map(|(key, value)| Some((key, value.as_account()?.code_hash)))
        };
        let brought: Vec<_> = mini.diff.codes.iter().map(keccak256).collect();
        for (key, hash) in named() {
            if hash != KECCAK256_EMPTY
                && !brought.contains(&hash)
                && self.chain.world.read_code(hash).is_err()
            {
                return bad(format!("the code {hash} of {} is missing", key.address));
            }
        }
        match brought
            .iter()
            .find(|hash| !named().any(|(_, named)| named == **hash))
        {
            Some(hash) => bad(format!("no account has the code {hash}")),
            None => Ok(()),
        }
    }

    fn reexecute(
        &self,
        standing: &mut FollowState,
        mini: &Arc<MiniBlock>,
    ) -> Result<(), FollowError> {
        let reexecution = match standing.reexecution.take() {
            Some(running) => running,
            None => {
                let timestamp = mini.block_timestamp;
                let begun = Reexecution::begin(&self.chain, &standing.parent, timestamp)?;
                // After a restart or a refusal: what the block has so far runs first.
                for mini in &standing.open {
                    begun.check(mini)?;
                }
                begun
            }
        };
        reexecution.check(mini)?;
        standing.reexecution = Some(reexecution);
        Ok(())
    }

    fn take_block(
        &self,
        standing: &mut FollowState,
        sealed: SealedRecord,
    ) -> Result<Sealed, FollowError> {
        timed(&self.metrics.close_ns, || self.close(standing, sealed))
    }

    fn close(
        &self,
        standing: &mut FollowState,
        sealed: SealedRecord,
    ) -> Result<Sealed, FollowError> {
        let block = sealed.block;
        let header = &block.header;
        let content_signer = sealed.content_signer?;
        if let Some(sequencer) = standing.sequencer {
            let what = format!("block {}: content_signer", header.number);
            same(Kind::Seal, &what, sequencer, content_signer)?;
        }
        let changes = self.chain.world.open_changes();
        let timestamp = standing
            .open
            .first()
            .map_or(header.timestamp, |mini| mini.block_timestamp);
        let growth = BucketResize::decode_all(&block.commitment)
            .map_err(|error| BadData::new(Kind::Malformed, error.to_string()))?;
        let withdrawals = &mut standing.followers.withdrawals;
        withdrawals.update(&changes);
        let withdrawals_root = withdrawals.root();
        let config = &self.chain.config;
        let checked = block::check(&standing.sums, header, config, timestamp, withdrawals_root);
        let checked = checked.map_err(FollowError::from);
        let nodes = match checked.and_then(|()| self.check_state(&block)) {
            Ok(nodes) => nodes,
            Err(error) => {
                withdrawals.update(&reversed(&changes));
                return Err(error);
            }
        };
        // From here on nothing fails.
        self.chain.world.seal_block(header.number);
        self.chain.capacities.grow(header.number, &growth);
        self.chain.world.put_block_hash(header.number, block.hash);
        self.chain.recent.push_block(block.clone());
        standing.parent = block.clone();
        standing.open.clear();
        standing.sums = BlockRoots::default();
        standing.sequencer = None;
        standing.reexecution = None;
        count(&self.metrics.blocks, 1);
        let undo: BlockUndo = changes
            .iter()
            .map(|change| (change.key, change.old))
            .collect();
        Ok(Sealed::Block {
            record: block,
            undo,
            nodes,
        })
    }

    /// Closes the block in the commitment, if that is kept up, and compares the root. Comes last: only a
    /// block that is refused here is taken back. Returns the nodes that it changed, to be kept.
    fn check_state(&self, block: &BlockRecord) -> Result<Bytes, FollowError> {
        let number = block.header.number;
        let closing = self.chain.close_commitment(number);
        let closed = closing.and_then(|closing| closing.map(Closing::wait).transpose());
        let closed = closed.map_err(|error| FollowError::Failed(error.to_string()))?;
        let Some(closed) = closed else {
            return Ok(Bytes::new());
        };
        if self.mode >= VerifyMode::Roots
            && let Err(error) = compare(&closed, block)
        {
            self.chain.reopen_commitment();
            return Err(error.into());
        }
        Ok(closed.nodes)
    }
}

/// That a block says what closing it gave.
fn compare(closed: &Closed, block: &BlockRecord) -> Result<(), BadData> {
    let at = |what: &str| format!("block {}: {what}", block.header.number);
    let expected = block.header.state_root;
    same(Kind::Roots, &at("state root"), closed.root, expected)?;
    match BucketResize::encode_all(&closed.growth) == block.commitment {
        true => Ok(()),
        false => Err(BadData::new(Kind::Roots, at("other buckets grew"))),
    }
}

impl FollowState {
    /// Gives every item its place, up to the first that is out of order.
    fn place(&self, chain: &Chain, items: Vec<Item>) -> (Vec<(Item, ItemPlace)>, Option<BadData>) {
        let mut cursor = Cursor::new(&self.parent, &self.open, chain.config.block_time_ms);
        let mut placed = Vec::with_capacity(items.len());
        for item in items {
            let place = match &item {
                Item::Mini(sound) => cursor.take_mini(&sound.mini),
                Item::Block(sealed) => cursor.take_block(&sealed.block),
            };
            match place {
                Ok(place) => placed.push((item, place)),
                Err(error) => return (placed, Some(error)),
            }
        }
        (placed, None)
    }
}

/// Two different records for one place.
fn contradiction(
    place: &str,
    both_signed: bool,
    otherwise: Kind,
    ours: Vec<u8>,
    theirs: &[u8],
) -> Result<Applied, FollowError> {
    let mut bad = match both_signed {
        true => BadData::new(
            Kind::Equivocation,
            format!("the sequencer has signed two different things as {place}"),
        ),
        false => BadData::new(
            otherwise,
            format!("{place} is another here, and not the sequencer's"),
        ),
    };
    if both_signed {
        bad.evidence = vec![ours, theirs.to_vec()];
    }
    Err(bad.into())
}

fn reversed(changes: &[Change]) -> Vec<Change> {
    changes
        .iter()
        .map(|change| Change {
            key: change.key,
            old: change.new,
            new: change.old,
        })
        .collect()
}

/// Does `work` on every item, on all cores if there are several; what comes before the first failure, and
/// the failure.
fn until_bad<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, BadData> + Send + Sync,
) -> (Vec<R>, Option<BadData>) {
    let results: Vec<_> = match items.len() {
        // Waking other threads takes longer than a mini-block lasts.
        ..2 => items.into_iter().map(work).collect(),
        _ => items.into_par_iter().map(work).collect(),
    };
    let mut done = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(one) => done.push(one),
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}
