//! A second state beside the one that follows the chain: of a block that the layers in memory do not reach.
//!
//! SALT's layout depends on nothing but the plain state and the buckets' capacities. So a block's state is
//! reached from another's by giving every key that changed between the value it had. Who asks for one old
//! block mostly asks for its neighbours next, so the state is kept until nobody has asked for a while.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    block::{PlainKey, PlainValue},
    salt::{
        bucket_table::SaltError,
        state::SaltState,
        types::{BucketId, BucketMeta},
    },
};

/// For how long nobody must have asked before the memory is given back.
const PATIENCE: Duration = Duration::from_secs(60);

/// The second state, while somebody needs one.
#[derive(Debug, Default)]
pub(crate) struct HistoricalCommitment(Mutex<Option<PastState>>);

impl HistoricalCommitment {
    /// Gives the memory back if nobody has asked for a while. Never waits.
    pub(crate) fn rest(&self) {
        if let Some(mut past) = self.0.try_lock()
            && past.as_ref().is_some_and(PastState::is_forgotten)
        {
            *past = None;
        }
    }

    /// Gives the memory back: what it is of may not be the chain's any more.
    pub(crate) fn forget(&self) {
        *self.0.lock() = None;
    }

    /// The state for as long as it is led and read; who takes it out puts another in.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<PastState>> {
        self.0.lock()
    }
}

/// A state at the end of a block.
#[derive(Debug)]
pub(crate) struct PastState {
    state: SaltState,
    block: u64,
    used: Instant,
}

/// What differs between two blocks, as it is at the second.
pub(crate) struct Between {
    pub(crate) values: BTreeMap<PlainKey, PlainValue>,
    pub(crate) metas: BTreeMap<BucketId, BucketMeta>,
}

impl PastState {
    /// `state` is that at the end of `block`.
    pub(crate) fn new(state: SaltState, block: u64) -> Self {
        let used = Instant::now();
        Self { state, block, used }
    }

    pub(crate) fn state(&self) -> &SaltState {
        &self.state
    }

    pub(crate) fn block(&self) -> u64 {
        self.block
    }

    /// Somebody asks for it.
    pub(crate) fn touch(&mut self) {
        self.used = Instant::now();
    }

    /// Leads the state to the end of `block`. After an error it is of no block.
    pub(crate) fn lead(&mut self, block: u64, between: Between) -> Result<(), SaltError> {
        let encoded: Vec<(Vec<u8>, Vec<u8>)> = between
            .values
            .iter()
            .map(|(key, value)| (key.to_bytes(), value.to_bytes()))
            .collect();
        let changes = encoded.iter().map(|(key, value)| (&key[..], &value[..]));
        let update = self.state.update(changes)?;
        self.state.apply(&update);
        for (bucket, meta) in between.metas {
            let update = self.state.lay_out(bucket, meta)?;
            self.state.apply(&update);
        }
        self.block = block;
        Ok(())
    }

    fn is_forgotten(&self) -> bool {
        self.used.elapsed() > PATIENCE
    }
}
