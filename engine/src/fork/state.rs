//! The remote's state at the block of the fork, as a state to write over.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, mpsc},
    time::{Duration, Instant},
};

use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_primitives::{Address, B256, U256};
use parking_lot::{Condvar, Mutex};
use revm::bytecode::Bytecode;

use super::{
    ForkPoint, answers,
    desk::{Desk, RemoteError},
    known::Known,
};
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{LowerState, Place, StateError, StateReader},
};

/// How long anybody waits for an answer; who asks the remote gives up before.
const PATIENCE: Duration = Duration::from_secs(180);

/// What came of asking once.
type Attempt = Arc<OnceLock<Result<(), RemoteError>>>;

#[derive(Default)]
struct Inner {
    known: Known,
    /// What is being asked.
    asked: HashMap<Place, Attempt>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    learnt: Condvar,
}

/// The state that the fork began with.
pub(crate) struct ForkState {
    /// Where.
    pub point: ForkPoint,
    /// Questions to the remote.
    pub desk: Desk,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for ForkState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForkState")
            .field("point", &self.point)
            .field("desk", &self.desk)
            .finish_non_exhaustive()
    }
}

impl ForkState {
    /// The state at this block, of which nothing is known.
    pub(crate) fn new(point: ForkPoint) -> Self {
        Self {
            point,
            desk: Desk::default(),
            shared: Arc::default(),
        }
    }

    /// The remote's own answer, in JSON. Waits for it.
    pub(crate) fn ask(&self, method: &str, params: &str) -> Result<Vec<u8>, RemoteError> {
        let (told, answer) = mpsc::channel();
        let call = (method.to_owned(), params.to_owned());
        self.desk.ask(vec![call], move |results| {
            // Whoever asked may have given up.
            let _ = told.send(results);
        });
        let results = answer.recv_timeout(PATIENCE).map_err(|_| too_late())?;
        Ok(results?.pop().unwrap_or_default())
    }

    /// Has a place asked for, unless it is being asked.
    fn want(&self, place: Place) -> Attempt {
        let mut inner = self.shared.inner.lock();
        if let Some(attempt) = inner.asked.get(&place) {
            return attempt.clone();
        }
        let attempt = Attempt::default();
        inner.asked.insert(place, attempt.clone());
        let home = match place {
            Place::Code(hash) => inner.known.home(&hash),
            _ => Some(Address::ZERO),
        };
        drop(inner);
        let (shared, told) = (self.shared.clone(), attempt.clone());
        match home {
            Some(home) => {
                let calls = answers::calls(place, self.point.number, home);
                self.desk.ask(calls, move |results| {
                    shared.take(place, &told, results.and_then(|r| answers::read(place, &r)));
                });
            }
            None => {
                let nobody = RemoteError::own(format!("no account is known that has {place}"));
                shared.take(place, &told, Err(nobody));
            }
        }
        attempt
    }

    /// What is known of a place; otherwise it is asked for.
    fn known<T>(&self, place: Place, find: impl Fn(&Known) -> Option<T>) -> Result<T, StateError> {
        if let Some(found) = find(&self.shared.inner.lock().known) {
            return Ok(found);
        }
        self.want(place);
        Err(StateError::Unknown(place))
    }
}

impl Shared {
    /// Files what came of asking for a place, and wakes who waits for it.
    fn take(
        &self,
        place: Place,
        attempt: &Attempt,
        learnt: Result<super::known::Learnt, RemoteError>,
    ) {
        let mut inner = self.inner.lock();
        inner.asked.remove(&place);
        let outcome = learnt.map(|learnt| inner.known.learn(place, learnt));
        // Nobody else sets it.
        let _ = attempt.set(outcome);
        drop(inner);
        self.learnt.notify_all();
    }
}

impl StateReader for ForkState {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        self.known(Place::Code(hash), |known| known.code(&hash))
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        if number == self.point.number {
            return Ok(self.point.hash);
        }
        self.known(Place::BlockHash(number), |known| known.block_hash(number))
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        // Rings that every block writes another slot of: a chain that went to the remote for what is overwritten
        // could not go on without it.
        let rings = [HISTORY_STORAGE_ADDRESS, BEACON_ROOTS_ADDRESS];
        if key.slot.is_some() && rings.contains(&key.address) {
            return Ok(PlainValue::Absent);
        }
        self.known(Place::Key(*key), |known| known.value(key))
    }
}

impl LowerState for ForkState {
    fn wait_for(&self, place: Place) -> Result<(), StateError> {
        if self.shared.inner.lock().known.has(&place) {
            return Ok(());
        }
        let attempt = self.want(place);
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.shared.inner.lock();
        while attempt.get().is_none() {
            let waited = self.shared.learnt.wait_until(&mut inner, deadline);
            if waited.timed_out() && attempt.get().is_none() {
                return Err(StateError::Failed(too_late().message));
            }
        }
        match attempt.get() {
            Some(Err(error)) => Err(StateError::Failed(error.message.clone())),
            _ => Ok(()),
        }
    }

    fn has_block(&self, number: u64) -> bool {
        number <= self.point.number
    }
}

fn too_late() -> RemoteError {
    RemoteError::own("the remote has not answered in time")
}
