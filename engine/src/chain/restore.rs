//! Bringing a chain back from a snapshot and the log after it, before the builder starts.
//!
//! Everything that comes from disk is checked against what it claims: numbers follow each other, blocks
//! name their parents, and the state gives the roots that the headers carry.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes};

use super::{Chain, Progress};
use crate::{
    block::{BlockRecord, MiniBlock, PlainKey, PlainValue, RecordError},
    commitment::{BucketResize, CommitError, Entry, History, KnownUpdate},
    salt::{
        bucket_table,
        group::Point,
        node::NodeId,
        node_rows,
        state::SaltState,
        types::{BucketId, BucketMeta},
    },
    state::{StateError, WithdrawalsRoot},
};

/// Why what is on disk is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RestoreError {
    /// A record that isn't one.
    #[error(transparent)]
    Decode(#[from] RecordError),
    /// Records that don't follow each other.
    #[error("the chain log is not continuous: {0}")]
    Gap(String),
    /// The state isn't what the header says.
    #[error("block {block}: the state on disk has root {actual}, its header says {expected}")]
    StateRoot {
        /// The block.
        block: u64,
        /// What its header says.
        expected: B256,
        /// What the state gives.
        actual: B256,
    },
    /// A block that somebody else sealed.
    #[error("block {block}: the sequencer in office by the state is {expected}, not {actual}")]
    Seal {
        /// The block.
        block: u64,
        /// Who seals by the state.
        expected: Address,
        /// Who sealed, or why that can't be told.
        actual: String,
    },
    /// The snapshot doesn't say that a bucket has grown, which the state shows.
    #[error("the snapshot lacks SALT's bucket {bucket}, which has {capacity} slots at least")]
    Bucket {
        /// The bucket.
        bucket: BucketId,
        /// What the state asks for.
        capacity: u64,
    },
    /// The state can't be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// SALT refuses it.
    #[error(transparent)]
    Commitment(#[from] CommitError),
    /// The builder runs already.
    #[error("the chain is already running")]
    Running,
    /// The system gives no threads.
    #[error("a thread could not be started")]
    NoThread,
}

impl From<bucket_table::SaltError> for RestoreError {
    fn from(error: bucket_table::SaltError) -> Self {
        CommitError::from(error).into()
    }
}

impl Chain {
    /// Lays a part of a snapshot over the genesis state.
    pub(crate) fn load_state(
        &self,
        entries: impl IntoIterator<Item = (PlainKey, PlainValue)>,
        codes: impl IntoIterator<Item = Bytes>,
    ) {
        codes
            .into_iter()
            .for_each(|code| self.world.load_code(code));
        self.world.load(entries);
    }

    /// What the snapshot says of a bucket's metadata.
    pub(crate) fn load_bucket(&self, bucket: BucketId, meta: BucketMeta) {
        self.capacities.load(bucket, meta);
    }

    /// Lays nodes of the state commitment, as a snapshot has kept them, over those of genesis.
    pub(crate) fn load_nodes(&self, rows: &[u8]) -> Result<(), RestoreError> {
        let rows =
            node_rows::read_rows(rows).map_err(|error| RecordError::new(error.to_string()))?;
        let mut progress = self.progress.lock();
        let progress = progress.as_mut().ok_or(RestoreError::Running)?;
        let genesis = || self.commitment.read().state().nodes().collect();
        let nodes = progress.nodes.get_or_insert_with(genesis);
        for (node, point) in rows {
            match point {
                Some(point) => drop(nodes.insert(node, point)),
                None => drop(nodes.remove(&node)),
            }
        }
        Ok(())
    }

    /// Declares the state that was loaded to be the one at the end of this block. Returns whether the
    /// state commitment's nodes had to be computed, because they were not loaded or lead elsewhere.
    pub(crate) fn load_tip(&self, record: &[u8]) -> Result<bool, RestoreError> {
        let block = Arc::new(BlockRecord::decode(record)?);
        let mut progress = self.progress.lock();
        let progress = progress.as_mut().ok_or(RestoreError::Running)?;
        progress.followers.withdrawals = WithdrawalsRoot::load(&self.world);
        let nodes = progress.nodes.take();
        let mut computed = false;
        if self.committer.is_some() {
            let assembled = nodes.and_then(|nodes| self.assembled(nodes, &block));
            computed = assembled.is_none();
            let state = assembled.map_or_else(|| self.computed(&block), Ok)?;
            *self.commitment.write() = History::new(state, block.header.number);
        }
        self.check_seal(&block)?;
        self.capacities.loaded(block.header.number);
        self.world.reset_to(block.header.number, block.next_mini());
        self.world.put_block_hash(block.header.number, block.hash);
        let tx_total = self.archive.tx_total(block.header.number);
        self.recent.reset(block.clone(), tx_total);
        progress.parent = block;
        progress.open.clear();
        Ok(computed)
    }

    /// SALT's state of what is loaded, if the nodes lead to the block's root.
    fn assembled(&self, nodes: BTreeMap<NodeId, Point>, block: &BlockRecord) -> Option<SaltState> {
        let (metas, entries) = (self.capacities.all(), self.loaded());
        let state = History::assemble(self.config.salt_data_buckets, &metas, nodes, &entries);
        state
            .ok()
            .filter(|state| state.root() == block.header.state_root.0)
    }

    /// The same, all computed.
    fn computed(&self, block: &BlockRecord) -> Result<SaltState, RestoreError> {
        let (metas, entries) = (self.capacities.all(), self.loaded());
        let state = History::build(self.config.salt_data_buckets, &metas, &entries)?;
        check_root(state.root().into(), block)?;
        let metas_now = state.metas();
        let unsaid = metas_now.iter().find(|meta| !metas.contains(meta));
        match unsaid {
            None => Ok(state),
            Some((bucket, meta)) => Err(RestoreError::Bucket {
                bucket: *bucket,
                capacity: meta.capacity,
            }),
        }
    }

    fn loaded(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.world.for_each(|key, value| entries.push((key, value)));
        entries
    }

    /// That who is in office by the loaded state sealed the block: state and header that agree are not yet the
    /// chain's. A state that puts somebody else into office is found out by the next mini-block's signature.
    fn check_seal(&self, block: &BlockRecord) -> Result<(), RestoreError> {
        let expected = self.sequencer_in_office(block.header.timestamp)?;
        match block.content_signer() {
            _ if block.header.number == 0 => Ok(()),
            Ok(content_signer) if content_signer == expected => Ok(()),
            other => Err(RestoreError::Seal {
                block: block.header.number,
                expected,
                actual: other.map_or_else(
                    |error| error.to_string(),
                    |content_signer| content_signer.to_string(),
                ),
            }),
        }
    }

    /// Takes the next mini-block of the log.
    pub(crate) fn load_mini(&self, record: &[u8]) -> Result<(), RestoreError> {
        let mini = Arc::new(MiniBlock::decode(record)?);
        let mut progress = self.progress.lock();
        let progress = progress.as_mut().ok_or(RestoreError::Running)?;
        let index = progress.open.len() as u64;
        let expected = (
            progress.parent.next_mini() + index,
            progress.parent.header.number + 1,
            index,
        );
        if (mini.number, mini.block_number, mini.index) != expected {
            return Err(RestoreError::Gap(format!(
                "expected mini-block {} as number {} of block {}, found {} as number {} of block {}",
                expected.0, expected.2, expected.1, mini.number, mini.index, mini.block_number
            )));
        }
        // What its keys held before is asked for again where it came from below.
        for (key, _) in &mini.diff.entries {
            self.world.learn(key)?;
        }
        self.world.commit(&mini.diff);
        self.recent.push_mini(mini.clone());
        self.load_commitment(&mini);
        self.durable(mini.number, progress.parent.header.number);
        progress.open.push(mini);
        Ok(())
    }

    /// The root of the state at the newest sealed block, as loading has computed and checked it. Only while
    /// nothing runs yet.
    pub(crate) fn state_root(&self) -> Result<B256, RestoreError> {
        if self.committer.is_none() {
            return Err(CommitError::Off.into());
        }
        let progress = self.progress.lock();
        let progress = progress.as_ref().ok_or(RestoreError::Running)?;
        Ok(progress.parent.header.state_root)
    }

    /// Takes the block that the mini-blocks since the last one close into; `nodes` are the nodes of the
    /// state commitment that it changed, as they were kept, or nothing.
    pub(crate) fn load_block(&self, record: &[u8], nodes: &[u8]) -> Result<(), RestoreError> {
        let block = Arc::new(BlockRecord::decode(record)?);
        let mut progress = self.progress.lock();
        let progress = progress.as_mut().ok_or(RestoreError::Running)?;
        let header = &block.header;
        if header.number != progress.parent.header.number + 1
            || header.parent_hash != progress.parent.hash
            || block.first_mini != progress.parent.next_mini()
            || block.mini_count != progress.open.len() as u64
        {
            return Err(RestoreError::Gap(format!(
                "block {} with {} mini-blocks doesn't follow block {} and {} mini-blocks",
                header.number,
                block.mini_count,
                progress.parent.header.number,
                progress.open.len()
            )));
        }
        let undo = self.world.close_block(header.number);
        progress.followers.advance(&self.world, &undo);
        if let Some(committer) = &self.committer {
            let closed = committer.close_knowing(header.number, known(&block, nodes))?;
            check_root(closed.root, &block)?;
        }
        let growth = BucketResize::decode_all(&block.commitment)?;
        self.capacities.grow(header.number, &growth);
        self.world.put_block_hash(header.number, block.hash);
        self.recent.push_block(block.clone());
        if let Some(last) = block.next_mini().checked_sub(1) {
            self.durable(last, header.number);
        }
        progress.parent = block;
        progress.open.clear();
        Ok(())
    }
}

/// What an earlier run has kept of a block, if it can be read.
fn known(block: &BlockRecord, nodes: &[u8]) -> Option<KnownUpdate> {
    let rows = node_rows::read_rows(nodes)
        .ok()
        .filter(|rows| !rows.is_empty())?;
    Some(KnownUpdate {
        root: block.header.state_root.0,
        // Those that are gone go with the buckets that they belonged to.
        nodes: rows
            .into_iter()
            .filter_map(|(node, point)| Some((node, point?)))
            .collect(),
    })
}

pub(super) fn check_root(actual: B256, block: &BlockRecord) -> Result<(), RestoreError> {
    let expected = block.header.state_root;
    if actual == expected {
        return Ok(());
    }
    Err(RestoreError::StateRoot {
        block: block.header.number,
        expected,
        actual,
    })
}

/// Where building stands, for the builder to go on from.
pub(crate) fn take_progress(chain: &Chain) -> Result<Progress, RestoreError> {
    chain.progress.lock().take().ok_or(RestoreError::Running)
}
