//! The chain as all threads see it.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use alloy_consensus::{
    Header,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH},
};
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes};
use mega_evm::MegaHardforkConfig;
use parking_lot::{Mutex, RwLock};

use super::{
    config::{ChainConfig, ConfigError},
    console::Console,
    leaders::Leaders,
    listeners::Listeners,
    mining::Mining,
    recent::{RecentBlocks, SharedBlock, TxPlace},
    verified::Verified,
};
use crate::{
    block::{BlockRecord, MiniBlock, PlainKey, PlainValue, REQUESTS_HASH, prev_randao},
    commitment::{
        Capacities, Closing, CommitError, Committer, HistoricalCommitment, History, RootNodes,
        Witnesses,
    },
    evm::{BucketCapacities, native::NativeTable},
    fork::ForkState,
    keys::Key,
    pool::DepositQueue,
    salt::{
        bucket_table::SaltError, group::Point, node::NodeId, state::SaltState, types::BucketMeta,
    },
    state::{Archive, StateStore, View, WithdrawalsRoot, genesis_diff},
};

/// Why there is no state for a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ViewError {
    /// No such block.
    #[error("unknown block")]
    UnknownBlock,
    /// A hash that no block has.
    #[error("header not found")]
    UnknownHash(B256),
    /// The archive gave a block that isn't one.
    #[error("the archive is damaged: {0}")]
    BadArchive(String),
    /// Of a time before this node's log.
    #[error(
        "this node has no history before block {0}: it began with a snapshot of it, or has pruned what was before; \
         ask one that keeps more"
    )]
    BeforeHistory(u64),
}

/// The block that a state belongs to, as a call over it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRef {
    /// The block's number.
    pub number: u64,
    /// Its timestamp in seconds.
    pub timestamp: u64,
    /// Its parent's hash.
    pub parent_hash: B256,
    /// The newest mini-block within, if the state is one of a mini-block.
    pub mini: Option<u64>,
}

/// Configuration, state, recent blocks, and who waits.
pub(crate) struct Chain {
    /// The configuration.
    pub config: ChainConfig,
    /// The hardforks that the configuration's spec stands for.
    pub hardforks: MegaHardforkConfig,
    /// The key that signs mini-blocks.
    pub sequencer: Key,
    /// The key that signs Mega System Transactions, where the registry names its address.
    pub system: Key,
    /// Who led, and as whom this node builds.
    pub leaders: Leaders,
    /// The state.
    pub world: StateStore,
    /// The newest blocks.
    pub recent: RecentBlocks,
    /// Everything older.
    pub archive: Arc<dyn Archive>,
    /// Who hears of what becomes visible.
    pub listeners: Listeners,
    /// How far the chain is verified.
    pub verified: Verified,
    /// The first block: number 0, or the one after the fork.
    pub genesis: SharedBlock,
    /// What lies before a fork.
    pub fork: Option<Arc<ForkState>>,
    /// The newest state under SALT, and the way back.
    pub commitment: Arc<RwLock<History>>,
    /// A second state for proofs of what is older than that way back.
    pub past: HistoricalCommitment,
    /// Block witnesses that were asked for.
    pub witnesses: Witnesses,
    /// Root nodes of the withdrawals' storage trie that went into them.
    pub withdrawals_nodes: RootNodes,
    /// Keeps it up; nothing where the commitment isn't followed.
    pub(crate) committer: Option<Committer>,
    /// The capacities of SALT's buckets.
    pub capacities: Capacities,
    /// Contracts that run natively.
    pub native: Arc<NativeTable>,
    /// Deposits that wait for the builder.
    pub deposits: DepositQueue,
    /// How blocks come about, and what time they tell.
    pub mining: Mining,
    /// What met the console, for who shows what contracts told it.
    pub console: Console,
    /// Where building stands; the builder takes it while it runs.
    pub(crate) progress: Mutex<Option<Progress>>,
}

/// Where building stands between blocks and, after a restart, within one.
pub(crate) struct Progress {
    /// The last sealed block.
    pub(crate) parent: SharedBlock,
    /// The sealed mini-blocks of the block that is open.
    pub(crate) open: Vec<Arc<MiniBlock>>,
    pub(crate) followers: HeaderRoots,
    /// The state commitment's nodes of a snapshot that is being loaded, over those of genesis.
    pub(crate) nodes: Option<BTreeMap<NodeId, Point>>,
}

/// What follows the state block by block to give the header its roots.
pub(crate) struct HeaderRoots {
    pub(crate) withdrawals: WithdrawalsRoot,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

impl Chain {
    /// A chain at genesis.
    pub(crate) fn new(config: ChainConfig, archive: Arc<dyn Archive>) -> Result<Self, ConfigError> {
        let fork = config.genesis.fork.map(ForkState::new).map(Arc::new);
        let world = match fork.clone() {
            Some(fork) => StateStore::over(fork, config.history_blocks),
            None => StateStore::new(config.history_blocks),
        };
        Self::in_world(config, archive, world, fork)
    }

    /// A chain at genesis over another state, which holds what genesis doesn't name.
    #[cfg(test)]
    pub(crate) fn over(
        config: ChainConfig,
        archive: Arc<dyn Archive>,
        base: crate::state::Base,
    ) -> Result<Self, ConfigError> {
        let world = StateStore::over(base, config.history_blocks);
        Self::in_world(config, archive, world, None)
    }

    fn in_world(
        config: ChainConfig,
        archive: Arc<dyn Archive>,
        world: StateStore,
        fork: Option<Arc<ForkState>>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let diff = genesis_diff(&config.genesis.alloc);
        diff.codes
            .iter()
            .for_each(|code| world.load_code(code.clone()));
        world.load(diff.entries.iter().copied());
        let state = genesis_commitment(&config, &diff.entries).map_err(CommitError::from)?;
        let state_root = B256::from(state.root());
        let capacities = Capacities::new(config.salt_data_buckets);
        for (bucket, meta) in state.metas() {
            capacities.load(bucket, meta);
        }
        let first = fork.as_ref().map_or(0, |fork| fork.point.number + 1);
        let commitment = Arc::new(RwLock::new(History::new(state, first)));
        let committer = match config.follow_commitment {
            true => Some(Committer::start(
                commitment.clone(),
                config.block_time_ms * 1000,
            )?),
            false => None,
        };
        let mut followers = HeaderRoots {
            withdrawals: WithdrawalsRoot::load(&world),
        };
        let header = genesis_header(&config, state_root, followers.withdrawals.root());
        let genesis = BlockRecord::new(header, 0, 0, Bytes::new());
        world.reset_to(first, 0);
        world.put_block_hash(first, genesis.hash);
        let genesis = Arc::new(genesis);
        let progress = Progress {
            parent: genesis.clone(),
            open: Vec::new(),
            followers,
            nodes: None,
        };
        Ok(Self {
            hardforks: config.hardforks()?,
            sequencer: config.sequencer()?,
            system: config.system()?,
            leaders: Leaders::default(),
            world,
            recent: RecentBlocks::new(genesis.clone(), config.history_blocks),
            deposits: DepositQueue::default(),
            console: Console::default(),
            mining: Mining::new(config.mining, config.block_time_ms * 1000),
            commitment,
            committer,
            past: HistoricalCommitment::default(),
            witnesses: Witnesses::default(),
            withdrawals_nodes: RootNodes::default(),
            capacities,
            native: Arc::new(NativeTable::new(config.spec_id()?)),
            archive,
            listeners: Listeners::default(),
            verified: Verified::new(config.quorum > 0),
            genesis,
            fork,
            progress: Mutex::new(Some(progress)),
            config,
        })
    }

    /// Everything up to this mini-block and this block is on disk: makes it visible and tells
    /// who listens.
    pub(crate) fn durable(&self, mini: u64, block: u64) {
        self.world.set_visible(mini + 1);
        let minis = self.recent.set_visible(mini, block);
        self.listeners.notify(&minis);
        self.mining.show(block);
        self.console.show();
    }

    /// The state that a block tag, number or hash stands for, pinned.
    pub(crate) fn view_at(&self, id: BlockId) -> Result<View, ViewError> {
        Ok(self.view_with_anchor(id)?.0)
    }

    /// Likewise, with the block it belongs to.
    pub(crate) fn view_with_anchor(&self, id: BlockId) -> Result<(View, BlockRef), ViewError> {
        if let BlockId::Number(BlockNumberOrTag::Number(number)) = id
            && number > self.recent.visible_block()
        {
            // The open block's state is that of its newest mini-block. Meanwhile it may have been sealed.
            let (view, anchor) = self.visible_view()?;
            if anchor.number == number {
                return Ok((view, anchor));
            }
        }
        match id {
            BlockId::Number(BlockNumberOrTag::Latest | BlockNumberOrTag::Pending) => {
                self.visible_view()
            }
            _ => {
                let number = self.resolve(id)?;
                let block = self.block(number)?.ok_or(ViewError::UnknownBlock)?;
                let anchor = BlockRef {
                    number,
                    timestamp: block.header.timestamp,
                    parent_hash: block.header.parent_hash,
                    mini: None,
                };
                Ok((self.view_of_block(number)?, anchor))
            }
        }
    }

    /// The block that a transaction gets into which is sent now, where `newest` is the newest block: another one, if that is
    /// closed already, or is closed before because somebody has set the clock.
    pub(crate) fn block_of_next(&self, newest: &BlockRef) -> Result<BlockRef, ViewError> {
        let parent_hash = match self.block(newest.number)? {
            Some(closed) => closed.hash,
            // What will be its hash nobody knows.
            None if self.mining.is_time_set_anew() => newest.parent_hash,
            None => return Ok(*newest),
        };
        Ok(BlockRef {
            number: newest.number + 1,
            timestamp: self.mining.next_timestamp(newest.timestamp),
            parent_hash,
            mini: None,
        })
    }

    /// The sealed block's number that a tag, number or hash stands for. `latest` and `pending` give the
    /// newest sealed block, which may be older than the newest mini-block; `safe` and `finalized` the
    /// newest verified one.
    pub(crate) fn resolve(&self, id: BlockId) -> Result<u64, ViewError> {
        let newest = self.recent.visible_block();
        match id {
            BlockId::Hash(hash) => self
                .block_number(&hash.block_hash)
                .ok_or(ViewError::UnknownHash(hash.block_hash)),
            BlockId::Number(BlockNumberOrTag::Earliest) => Ok(self.first_block()),
            BlockId::Number(BlockNumberOrTag::Number(number))
                if (self.first_block()..=newest).contains(&number) =>
            {
                Ok(number)
            }
            BlockId::Number(BlockNumberOrTag::Number(_)) => Err(ViewError::UnknownBlock),
            BlockId::Number(BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized) => {
                let verified = self.verified.height();
                Ok(verified.map_or(newest, |verified| verified.min(newest)))
            }
            BlockId::Number(_) => Ok(newest),
        }
    }

    /// The number of a visible sealed block.
    pub(crate) fn block_number(&self, hash: &B256) -> Option<u64> {
        if *hash == self.genesis.hash {
            return Some(self.first_block());
        }
        self.recent
            .block_number(hash)
            .or_else(|| self.archive.block_number(hash))
    }

    /// The number of the first block here.
    pub(crate) fn first_block(&self) -> u64 {
        self.genesis.header.number
    }

    /// A visible sealed block.
    pub(crate) fn block(&self, number: u64) -> Result<Option<SharedBlock>, ViewError> {
        if number == self.first_block() {
            return Ok(Some(self.genesis.clone()));
        }
        if number < self.first_block() || number > self.recent.visible_block() {
            return Ok(None);
        }
        if let Some(block) = self.recent.block(number) {
            return Ok(Some(block));
        }
        let Some(bytes) = self.archive.block(number) else {
            return match self.missing_block(number) {
                ViewError::BadArchive(_) => Ok(None),
                before => Err(before),
            };
        };
        let block = BlockRecord::decode(&bytes).map_err(damaged)?;
        Ok(Some(Arc::new(block)))
    }

    /// How many transactions the chain holds before a block; `None` where its log doesn't tell.
    pub(crate) fn tx_offset(&self, number: u64) -> Option<u64> {
        if number <= self.first_block() {
            return Some(0);
        }
        let parent = number - 1;
        self.recent
            .tx_total(parent)
            .or_else(|| self.archive.tx_total(parent))
    }

    /// A visible mini-block.
    pub(crate) fn mini(&self, number: u64) -> Result<Option<Arc<MiniBlock>>, ViewError> {
        if number >= self.recent.visible_minis() {
            return Ok(None);
        }
        if let Some(mini) = self.recent.mini(number) {
            return Ok(Some(mini));
        }
        let Some(bytes) = self.archive.mini(number) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(MiniBlock::decode(&bytes).map_err(damaged)?)))
    }

    /// The visible sealed blocks from one to another, in order; what comes after them isn't sealed yet.
    pub(crate) fn blocks(&self, range: RangeInclusive<u64>) -> Result<Vec<SharedBlock>, ViewError> {
        let last = self.recent.visible_block().min(*range.end());
        let mut blocks = Vec::new();
        let mut archived = VecDeque::new();
        for number in *range.start()..=last {
            if let Some(block) = self.recent.block(number) {
                archived.clear(); // what was read ahead begins elsewhere
                blocks.push(block);
                continue;
            }
            if number == self.first_block() {
                blocks.push(self.genesis.clone());
                continue;
            }
            if archived.is_empty() {
                archived.extend(self.archive.blocks(number, last));
            }
            let record = archived.pop_front();
            let record: Vec<u8> = record.ok_or_else(|| self.missing_block(number))?;
            blocks.push(Arc::new(BlockRecord::decode(&record).map_err(damaged)?));
        }
        Ok(blocks)
    }

    /// Visible mini-blocks, all of them.
    pub(crate) fn minis(&self, range: Range<u64>) -> Result<Vec<Arc<MiniBlock>>, ViewError> {
        let mut minis = Vec::new();
        let mut archived = VecDeque::new();
        for number in range.clone() {
            if let Some(mini) = self.recent.mini(number) {
                archived.clear();
                minis.push(mini);
                continue;
            }
            if archived.is_empty() && number < self.recent.visible_minis() {
                archived.extend(self.archive.minis(number, range.end - 1));
            }
            let record = archived.pop_front();
            let record: Vec<u8> = record.ok_or_else(|| self.missing_mini(number))?;
            minis.push(Arc::new(MiniBlock::decode(&record).map_err(damaged)?));
        }
        Ok(minis)
    }

    /// Where a visible transaction is.
    pub(crate) fn transaction(&self, hash: &B256) -> Result<Option<TxPlace>, ViewError> {
        if let Some(place) = self.recent.transaction(hash) {
            return Ok(Some(place));
        }
        let Some((number, index)) = self.archive.tx_location(hash) else {
            return Ok(None);
        };
        let place = self.mini(number)?.map(|mini| TxPlace {
            mini,
            index: index as usize,
        });
        Ok(place.filter(|place| place.index < place.mini.txs.len()))
    }

    /// The capacities of SALT's buckets at the end of the newest sealed block, which storage gas of the
    /// open block depends on.
    pub(crate) fn bucket_capacities(&self) -> Arc<dyn BucketCapacities> {
        Arc::new(self.capacities.clone())
    }

    /// The capacities at the end of a sealed block.
    pub(crate) fn capacities_at(&self, block: u64) -> Arc<dyn BucketCapacities> {
        self.capacities.at(block, self.archive.clone())
    }

    /// A mini-block was committed to the world: its changes go to the state commitment.
    pub(crate) fn feed_commitment(&self, mini: &Arc<MiniBlock>) {
        let Some(committer) = &self.committer else {
            return;
        };
        match self.mining.is_closing(mini.number) {
            true => committer.feed_last(mini),
            false => committer.feed(mini),
        }
    }

    /// Likewise, when loading.
    pub(crate) fn load_commitment(&self, mini: &Arc<MiniBlock>) {
        if let Some(committer) = &self.committer {
            committer.load(mini);
        }
    }

    /// All mini-blocks of `block` were fed: its root and the buckets that grew are asked for, if the
    /// commitment is followed.
    pub(crate) fn close_commitment(&self, block: u64) -> Result<Option<Closing>, CommitError> {
        self.past.rest();
        let committer = self.committer.as_ref();
        committer
            .map(|committer| committer.begin_close(block))
            .transpose()
    }

    /// The block that [`close_commitment`](Self::close_commitment) closed is not the chain's: what was
    /// folded in for it goes back.
    pub(crate) fn reopen_commitment(&self) {
        if let Some(committer) = &self.committer {
            committer.reopen();
        }
    }

    fn visible_view(&self) -> Result<(View, BlockRef), ViewError> {
        let view = View::new(self.world.clone(), self.world.pin_visible());
        let newest = view.version().checked_sub(1);
        let Some(mini) = newest
            .map(|number| self.mini(number))
            .transpose()?
            .flatten()
        else {
            let block = self
                .block(self.recent.visible_block())?
                .ok_or(ViewError::UnknownBlock)?;
            let anchor = BlockRef {
                number: block.header.number,
                timestamp: block.header.timestamp,
                parent_hash: block.header.parent_hash,
                mini: None,
            };
            return Ok((view, anchor));
        };
        let parent_hash = mini
            .block_number
            .checked_sub(1)
            .and_then(|parent| self.world.block_hash(parent))
            .unwrap_or_default();
        let anchor = BlockRef {
            number: mini.block_number,
            timestamp: mini.block_timestamp,
            parent_hash,
            mini: Some(mini.number),
        };
        Ok((view, anchor))
    }

    pub(super) fn view_of_block(&self, number: u64) -> Result<View, ViewError> {
        if let Some(pin) = self.world.pin_block(number) {
            return Ok(View::new(self.world.clone(), pin));
        }
        match self.archive.begins_after() {
            Some(begin) if number < begin.block => Err(ViewError::BeforeHistory(begin.block)),
            _ => {
                let (_, pin) = self.world.pin_oldest();
                let archive = self.archive.clone();
                Ok(View::archived(self.world.clone(), pin, archive, number))
            }
        }
    }

    /// Why a sealed block is not there.
    fn missing_block(&self, number: u64) -> ViewError {
        match self.archive.begins_after() {
            Some(begin) if number <= begin.block => ViewError::BeforeHistory(begin.block),
            _ => ViewError::BadArchive(format!("block {number} is missing")),
        }
    }

    /// Why a visible mini-block is not there.
    pub(crate) fn missing_mini(&self, number: u64) -> ViewError {
        match self.archive.begins_after() {
            Some(begin) if number <= begin.mini => ViewError::BeforeHistory(begin.block),
            _ => ViewError::BadArchive(format!("mini-block {number} is missing")),
        }
    }
}

fn damaged(error: crate::block::RecordError) -> ViewError {
    ViewError::BadArchive(error.to_string())
}

/// SALT's state at genesis. Buckets that the configuration pretends crowded are enlarged from the start.
pub(crate) fn genesis_commitment(
    config: &ChainConfig,
    entries: &[(PlainKey, PlainValue)],
) -> Result<SaltState, SaltError> {
    let metas: Vec<_> = config
        .first_capacities()
        .into_iter()
        .map(|(bucket, capacity)| (bucket, BucketMeta { nonce: 0, capacity }))
        .collect();
    History::build(config.salt_data_buckets, &metas, entries)
}

fn genesis_header(config: &ChainConfig, state_root: B256, withdrawals_root: B256) -> Header {
    let fork = config.genesis.fork;
    Header {
        parent_hash: fork.map_or(B256::ZERO, |fork| fork.hash),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: config.coinbase,
        state_root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        number: fork.map_or(0, |fork| fork.number + 1),
        gas_limit: config.gas_limit,
        timestamp: config.genesis.timestamp,
        extra_data: config.extra_data.clone(),
        mix_hash: prev_randao(B256::ZERO, 0),
        base_fee_per_gas: Some(config.base_fee),
        withdrawals_root: Some(withdrawals_root),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(REQUESTS_HASH),
        ..Default::default()
    }
}
