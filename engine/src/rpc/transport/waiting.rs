//! Those who wait for a receipt: answered when it is durable, when the pool drops the transaction, or
//! when their time is up. One timer thread for all of them, parked while nobody waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use alloy_primitives::{B256, map::HashMap};
use parking_lot::{Condvar, Mutex};

use super::reply::Reply;
use crate::pool::Pool;
use crate::rpc::Answer;
use crate::rpc::method::Patience;

/// Waiters at most; more are refused.
pub(super) const MAX_WAITERS: usize = 65_536;

#[derive(Debug)]
struct Waiter {
    patience: Patience,
    deadline: Instant,
    reply: Reply,
}

#[derive(Default)]
struct Inner {
    by_hash: HashMap<B256, Vec<Waiter>>,
    count: usize,
    /// Earliest first. Entries whose waiter has been answered are skipped when their time comes.
    deadlines: BinaryHeap<Reverse<(Instant, B256)>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    sooner: Condvar,
}

/// The waiters of one node.
pub(super) struct Waiting {
    shared: Arc<Shared>,
    timer: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

impl Waiting {
    /// Nobody waits; starts the timer. `pool`: where what is waited for is until then.
    pub(super) fn start(pool: Arc<Pool>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let timer = std::thread::Builder::new()
            .name("receipt-timer".into())
            .spawn({
                let shared = shared.clone();
                move || shared.watch(&pool)
            })?;
        Ok(Self {
            shared,
            timer: Mutex::new(Some(timer)),
        })
    }

    /// How many wait.
    pub(super) fn count(&self) -> usize {
        self.shared.inner.lock().count
    }

    /// Waits for `hash`. The caller must look afterwards whether it was durable already.
    pub(super) fn add(&self, hash: B256, patience: Patience, reply: Reply) {
        let deadline = Instant::now() + patience.timeout;
        let mut inner = self.shared.inner.lock();
        if inner.closed {
            return;
        }
        inner.by_hash.entry(hash).or_default().push(Waiter {
            patience,
            deadline,
            reply,
        });
        inner.count += 1;
        let earliest = inner
            .deadlines
            .peek()
            .is_none_or(|Reverse((first, _))| deadline < *first);
        inner.deadlines.push(Reverse((deadline, hash)));
        drop(inner);
        if earliest {
            self.shared.sooner.notify_one();
        }
    }

    /// Whether anyone waits at all: lets the caller skip looking at each transaction.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Answers everyone who waits for `hash`; `answer` is asked once, and only if someone does.
    pub(super) fn answer(&self, hash: &B256, answer: impl FnOnce() -> Answer) {
        let Some(waiters) = self.shared.inner.lock().take(hash) else {
            return;
        };
        let answer = answer();
        for waiter in waiters {
            waiter.reply.send(answer.clone());
        }
    }

    /// Tells everyone that the node stops.
    pub(super) fn stop(&self) {
        let waiters = {
            let mut inner = self.shared.inner.lock();
            inner.closed = true;
            inner.count = 0;
            inner.deadlines.clear();
            std::mem::take(&mut inner.by_hash)
        };
        drop(waiters);
        self.shared.sooner.notify_all();
        let timer = self.timer.lock().take();
        if let Some(timer) = timer {
            // The timer only locks and compares; it has nothing to report.
            let _ = timer.join();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Inner {
    fn take(&mut self, hash: &B256) -> Option<Vec<Waiter>> {
        let waiters = self.by_hash.remove(hash)?;
        self.count -= waiters.len();
        if self.count == 0 {
            self.deadlines.clear();
        }
        Some(waiters)
    }

    fn take_expired(&mut self, now: Instant) -> Vec<(B256, Waiter)> {
        let mut expired = Vec::new();
        while let Some(Reverse((deadline, hash))) = self.deadlines.peek().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop();
            let Some(waiters) = self.by_hash.get_mut(&hash) else {
                continue;
            };
            let before = expired.len();
            expired.extend(
                waiters
                    .extract_if(.., |w| w.deadline <= now)
                    .map(|w| (hash, w)),
            );
            self.count -= expired.len() - before;
            if waiters.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        expired
    }
}

impl Shared {
    fn watch(&self, pool: &Pool) {
        let mut inner = self.inner.lock();
        while !inner.closed {
            let expired = inner.take_expired(Instant::now());
            if !expired.is_empty() {
                parking_lot::MutexGuard::unlocked(&mut inner, || {
                    for (hash, waiter) in expired {
                        let Patience {
                            timeout, expired, ..
                        } = waiter.patience;
                        waiter.reply.send(Err(expired(pool, &hash, timeout)));
                    }
                });
                continue;
            }
            match inner
                .deadlines
                .peek()
                .map(|Reverse((deadline, _))| *deadline)
            {
                None => self.sooner.wait(&mut inner),
                Some(deadline) => {
                    self.sooner.wait_until(&mut inner, deadline);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{RpcError, testing::Devnet};
    use std::sync::mpsc::{self, Receiver};
    use std::time::Duration;

    const HASH: B256 = B256::repeat_byte(1);
    const LONG: Duration = Duration::from_secs(600);

    fn waiting() -> Waiting {
        match Waiting::start(Devnet::new().node.pool.clone()) {
            Ok(waiting) => waiting,
            Err(error) => panic!("{error}"),
        }
    }

    fn add(waiting: &Waiting, timeout: Duration) -> Receiver<Answer> {
        let (sender, receiver) = mpsc::channel();
        let reply = Reply::new(move |answer| sender.send(answer).unwrap_or(()));
        let patience = Patience {
            timeout,
            expired: |_, _, timeout| RpcError::server(format!("not within {timeout:?}")),
            refused: RpcError::from,
        };
        waiting.add(HASH, patience, reply);
        receiver
    }

    #[test]
    fn everyone_who_waits_for_a_transaction_is_answered() {
        let waiting = waiting();
        let receivers = [add(&waiting, LONG), add(&waiting, LONG)];
        waiting.answer(&B256::ZERO, || Ok(vec![0]));
        waiting.answer(&HASH, || Ok(vec![1]));
        for receiver in receivers {
            assert_eq!(receiver.recv(), Ok(Ok(vec![1])));
        }
        assert!(waiting.is_empty());
    }

    #[test]
    fn who_waited_long_enough_is_told_so_and_the_others_wait_on() {
        let waiting = waiting();
        let patient = add(&waiting, LONG);
        let hasty = add(&waiting, Duration::from_millis(1));
        let outcome = hasty.recv().unwrap_or_else(|_| Ok(vec![]));
        assert_eq!(
            outcome.map_err(|error| error.message),
            Err("not within 1ms".into())
        );
        assert_eq!(waiting.count(), 1);
        waiting.answer(&HASH, || Ok(vec![1]));
        assert_eq!(patient.recv(), Ok(Ok(vec![1])));
    }

    #[test]
    fn stopping_answers_everyone() {
        let waiting = waiting();
        let receivers = [add(&waiting, LONG), add(&waiting, LONG)];
        waiting.stop();
        let late = add(&waiting, LONG);
        for receiver in receivers.iter().chain([&late]) {
            let outcome = receiver.recv().unwrap_or_else(|_| Ok(vec![]));
            assert_eq!(
                outcome.map_err(|error| error.message),
                Err("the node is stopping".into())
            );
        }
    }
}
