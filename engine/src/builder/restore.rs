//! Bringing a chain back from a snapshot and the log after it, before the builder starts.
//!
//! Everything that comes from disk is checked against what it claims: numbers follow each other, blocks
//! name their parents, and the state gives the roots that the headers carry.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};

use crate::{
    block::{BlockRecord, DecodeError, MiniBlock, PlainKey, PlainValue},
    chain::{Chain, Progress},
    commitment::{CommitError, Growth, History},
    salt::{
        table,
        types::{BucketId, BucketMeta},
    },
    state::WithdrawalsRoot,
};

/// Why what is on disk is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A record that isn't one.
    #[error(transparent)]
    Decode(#[from] DecodeError),
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
    /// SALT refuses it.
    #[error(transparent)]
    Commitment(#[from] CommitError),
    /// The builder runs already.
    #[error("the chain is already running")]
    Running,
}

impl From<table::StateError> for RestoreError {
    fn from(error: table::StateError) -> Self {
        CommitError::from(error).into()
    }
}

impl Chain {
    /// Lays a part of a snapshot over the genesis state.
    pub fn load_state(
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
    pub fn load_bucket(&self, bucket: BucketId, meta: BucketMeta) {
        self.capacities.load(bucket, meta);
    }

    /// Declares the state that was loaded to be the one at the end of this block.
    pub fn load_tip(&self, record: &[u8]) -> Result<(), RestoreError> {
        let block = Arc::new(BlockRecord::decode(record)?);
        let mut progress = self.progress.lock();
        let progress = progress.as_mut().ok_or(RestoreError::Running)?;
        let mut entries = Vec::new();
        self.world.for_each(|key, value| entries.push((key, value)));
        progress.followers.withdrawals = WithdrawalsRoot::load(&self.world);
        if self.committer.is_some() {
            let metas = self.capacities.all();
            let state = History::build(self.config.salt_data_buckets, &metas, &entries)?;
            check_root(state.root().into(), &block)?;
            *self.commitment.write() = History::new(state, block.header.number);
        }
        self.check_seal(&block)?;
        self.capacities.loaded(block.header.number);
        self.world.reset_to(block.header.number, block.next_mini());
        self.world.put_block_hash(block.header.number, block.hash);
        self.recent.reset(block.clone());
        progress.parent = block;
        progress.open.clear();
        Ok(())
    }

    /// That who is in office by the loaded state sealed the block: state and header that agree are not yet the
    /// chain's. A state that puts somebody else into office is found out by the next mini-block's signature.
    fn check_seal(&self, block: &BlockRecord) -> Result<(), RestoreError> {
        let expected = self.sequencer_in_office(block.header.timestamp);
        match block.sealer() {
            _ if block.header.number == 0 => Ok(()),
            Ok(sealer) if sealer == expected => Ok(()),
            other => Err(RestoreError::Seal {
                block: block.header.number,
                expected,
                actual: other.map_or_else(|error| error.to_string(), |sealer| sealer.to_string()),
            }),
        }
    }

    /// Takes the next mini-block of the log.
    pub fn load_mini(&self, record: &[u8]) -> Result<(), RestoreError> {
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
        self.world.commit(&mini.diff);
        self.recent.push_mini(mini.clone());
        self.feed_commitment(&mini);
        self.durable(mini.number, progress.parent.header.number);
        progress.open.push(mini);
        Ok(())
    }

    /// The root of the state at the newest sealed block, as loading has computed and checked it. Only while
    /// nothing runs yet.
    pub fn state_root(&self) -> Result<B256, RestoreError> {
        if self.committer.is_none() {
            return Err(CommitError::Off.into());
        }
        let progress = self.progress.lock();
        let progress = progress.as_ref().ok_or(RestoreError::Running)?;
        Ok(progress.parent.header.state_root)
    }

    /// Takes the block that the mini-blocks since the last one close into.
    pub fn load_block(&self, record: &[u8]) -> Result<(), RestoreError> {
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
        if let Some(closed) = self.close_commitment(header.number)? {
            check_root(closed.root, &block)?;
        }
        let growth = Growth::decode_all(&block.commitment)?;
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

fn check_root(actual: B256, block: &BlockRecord) -> Result<(), RestoreError> {
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
