//! The recovery workers: raw bytes in, admission out, in the order of arrival.
//!
//! Who sends one transaction at a time has it examined on its own thread: there is nothing to share out.
//!
//! Threads: as many workers as configured, parked when there is nothing to do. Queue: one, bounded by
//! number and bytes; when it is full, senders are told at once. Workers take more at a time the longer
//! the queue is, and finish examining in any order; a turnstile puts what they found back in the order
//! of arrival before the pool sees it. Between two transactions some make way for the builder.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use alloy_consensus::{Transaction as _, constants::EIP7702_TX_TYPE_ID};
use alloy_primitives::{B256, Bytes};
use parking_lot::{Condvar, Mutex};

use super::{AdmissionRules, Pool, PoolTx, Rejection};
use crate::metrics::Histogram;

/// Transactions that wait for recovery at most.
const MAX_WAITING: usize = 65_536;
/// Bytes of them at most.
const MAX_WAITING_BYTES: usize = 128 * 1024 * 1024;
/// A worker takes this many at once at most.
const MAX_CHUNK: usize = 64;
/// So many workers make way for the builder and for the state commitment, which it waits for.
const MAKING_WAY: usize = 2;

/// What came of a submitted transaction.
pub(crate) type IntakeOutcome = Result<B256, Rejection>;
/// Called with what came of it, exactly once, from any thread, perhaps before `submit` returns.
pub(crate) type Reply = Box<dyn FnOnce(IntakeOutcome) + Send>;
type Examined = (Result<PoolTx, Rejection>, Reply);

struct Waiting {
    raw: Bytes,
    reply: Reply,
    since: Instant,
}

/// What the workers' stages take, for each transaction.
#[derive(Debug, Default)]
pub(crate) struct IntakeMetrics {
    /// Until a worker takes it.
    pub wait: Histogram,
    /// Decoding, and recovering the sender.
    pub recover: Histogram,
    /// Into the pool.
    pub admit: Histogram,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Number of the next chunk that a worker takes.
    next_chunk: u64,
    idle_workers: usize,
    closed: bool,
}

impl Queue {
    /// The number of a chunk that is taken now.
    const fn take_number(&mut self) -> u64 {
        let number = self.next_chunk;
        self.next_chunk += 1;
        number
    }
}

/// Whether more than the sender is to be recovered (EIP-7702).
fn has_many_signatures(raw: &[u8]) -> bool {
    raw.first() == Some(&EIP7702_TX_TYPE_ID)
}

/// Lets chunks through in the order of their numbers.
#[derive(Default)]
struct Turnstile {
    next: u64,
    early: BTreeMap<u64, Vec<Examined>>,
}

struct Shared {
    rules: AdmissionRules,
    pool: Arc<Pool>,
    workers: usize,
    queue: Mutex<Queue>,
    arrived: Condvar,
    turnstile: Mutex<Turnstile>,
    metrics: IntakeMetrics,
}

/// The door to the pool for raw transactions.
pub(crate) struct Intake {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Intake {
    /// How many can wait for recovery.
    pub(crate) const CAPACITY: usize = MAX_WAITING;

    /// Starts the workers.
    pub(crate) fn start(
        rules: AdmissionRules,
        pool: Arc<Pool>,
        workers: usize,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            rules,
            pool,
            workers,
            queue: Mutex::default(),
            arrived: Condvar::new(),
            turnstile: Mutex::default(),
            metrics: IntakeMetrics::default(),
        });
        let threads = (0..workers)
            .map(|index| {
                let shared = shared.clone();
                std::thread::Builder::new()
                    .name(format!("recover-{index}"))
                    .spawn(move || shared.work(index < MAKING_WAY))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Queues a raw transaction.
    pub(crate) fn submit(&self, raw: Bytes, reply: Reply) {
        self.submit_all([(raw, reply)]);
    }

    /// Examines a raw transaction on this thread, unless others wait for that or it takes long: for who sends one at a time
    /// and waits for each.
    pub(crate) fn submit_here(&self, raw: Bytes, reply: Reply) {
        let number = {
            let mut queue = self.shared.queue.lock();
            let waits = queue.closed || !queue.waiting.is_empty() || has_many_signatures(&raw);
            (!waits).then(|| queue.take_number())
        };
        match number {
            Some(number) => {
                let since = Instant::now();
                self.shared
                    .examine(number, vec![Waiting { raw, reply, since }], false);
            }
            None => self.submit(raw, reply),
        }
    }

    /// Queues many at once, in order.
    pub(crate) fn submit_all(&self, transactions: impl IntoIterator<Item = (Bytes, Reply)>) {
        let mut refused = Vec::new();
        let since = Instant::now();
        let mut queue = self.shared.queue.lock();
        for (raw, reply) in transactions {
            if queue.closed {
                refused.push((reply, Rejection::Stopping));
            } else if queue.waiting.len() >= MAX_WAITING
                || queue.bytes + raw.len() > MAX_WAITING_BYTES
            {
                refused.push((reply, Rejection::QueueFull));
            } else {
                queue.bytes += raw.len();
                queue.waiting.push_back(Waiting { raw, reply, since });
            }
        }
        let wake = queue.idle_workers > 0 && !queue.waiting.is_empty();
        drop(queue);
        if wake {
            // A worker that finds more than its share wakes the next one.
            self.shared.arrived.notify_one();
        }
        for (reply, rejection) in refused {
            reply(Err(rejection));
        }
    }

    /// How long its stages take.
    pub(crate) fn metrics(&self) -> &IntakeMetrics {
        &self.shared.metrics
    }

    /// How many wait for recovery.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue.lock().waiting.len()
    }

    /// Refuses what waits and what comes, and ends the workers.
    pub(crate) fn stop(&self) {
        let waiting = {
            let mut queue = self.shared.queue.lock();
            queue.closed = true;
            std::mem::take(&mut queue.waiting)
        };
        self.shared.arrived.notify_all();
        for waiting in waiting {
            (waiting.reply)(Err(Rejection::Stopping));
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // Workers catch panics; if one got out there is nothing left to save.
            let _ = thread.join();
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn work(&self, makes_way: bool) {
        while let Some((number, chunk)) = self.take_chunk() {
            self.examine(number, chunk, makes_way);
        }
    }

    /// Decodes, recovers senders, and admits when it is this chunk's turn.
    fn examine(&self, number: u64, chunk: Vec<Waiting>, makes_way: bool) {
        let began = Instant::now();
        for waiting in &chunk {
            self.metrics.wait.note(began.duration_since(waiting.since));
        }
        let examined: Vec<_> = chunk
            .into_iter()
            .map(|waiting| {
                if makes_way {
                    self.pool.make_way();
                }
                self.validate_stateless(waiting)
            })
            .collect();
        self.metrics
            .recover
            .note_shared(began.elapsed(), examined.len());
        self.pass(number, examined);
    }

    fn take_chunk(&self) -> Option<(u64, Vec<Waiting>)> {
        let mut queue = self.queue.lock();
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            queue.idle_workers += 1;
            self.arrived.wait(&mut queue);
            queue.idle_workers -= 1;
        }
        let share = queue
            .waiting
            .len()
            .div_ceil(self.workers.max(1))
            .min(MAX_CHUNK);
        let chunk: Vec<_> = queue.waiting.drain(..share).collect();
        queue.bytes -= chunk.iter().map(|waiting| waiting.raw.len()).sum::<usize>();
        let number = queue.take_number();
        if queue.idle_workers > 0 && !queue.waiting.is_empty() {
            self.arrived.notify_one();
        }
        Some((number, chunk))
    }

    fn validate_stateless(&self, waiting: Waiting) -> Examined {
        let Waiting { raw, reply, .. } = waiting;
        let validate_stateless = || {
            let mut tx = self.rules.validate_stateless(raw)?;
            if tx.envelope.authorization_list().is_some() {
                self.pool.prejudge(&tx)?;
                tx.recover_authorizations();
            }
            Ok(tx)
        };
        let examined =
            catch_unwind(AssertUnwindSafe(validate_stateless)).unwrap_or(Err(Rejection::Internal));
        (examined, reply)
    }

    /// Admits this chunk when its turn comes, and the ones that waited for it.
    fn pass(&self, number: u64, examined: Vec<Examined>) {
        let mut answers = Vec::new();
        {
            let mut turnstile = self.turnstile.lock();
            turnstile.early.insert(number, examined);
            loop {
                let next = turnstile.next;
                let Some(chunk) = turnstile.early.remove(&next) else {
                    break;
                };
                turnstile.next += 1;
                self.admit(chunk, &mut answers);
            }
        }
        for (reply, outcome) in answers {
            // A reply that panics must not cost the others theirs.
            let _ = catch_unwind(AssertUnwindSafe(|| reply(outcome)));
        }
    }

    fn admit(&self, chunk: Vec<Examined>, answers: &mut Vec<(Reply, IntakeOutcome)>) {
        let (mut txs, mut replies) = (Vec::new(), Vec::new());
        for (examined, reply) in chunk {
            match examined {
                Ok(tx) => {
                    txs.push(tx);
                    replies.push(reply);
                }
                Err(rejection) => answers.push((reply, Err(rejection))),
            }
        }
        let (began, count) = (Instant::now(), txs.len());
        let outcomes = self.pool.admit(txs);
        self.metrics.admit.note_shared(began.elapsed(), count);
        answers.extend(replies.into_iter().zip(outcomes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::testing::{self, RULES, Rich, SignedDraft};
    use crate::pool::{Limits, TxSource};
    use std::sync::mpsc;

    fn intake(workers: usize) -> (Arc<Pool>, Intake) {
        let pool = Arc::new(Pool::new(Limits::default(), Arc::new(Rich)));
        match Intake::start(RULES, pool.clone(), workers) {
            Ok(intake) => (pool, intake),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn admission_keeps_the_order_of_arrival_whatever_worker_was_quicker() {
        let (pool, intake) = intake(4);
        let drafts: Vec<SignedDraft> = (0..200)
            .map(|i| SignedDraft {
                key: (i % 20) as u8,
                nonce: i / 20,
                ..SignedDraft::default()
            })
            .collect();
        let (sender, receiver) = mpsc::channel();
        intake.submit_all(drafts.iter().map(|draft| {
            let sender = sender.clone();
            let reply = move |outcome| sender.send(outcome).unwrap_or(());
            (Bytes::from(testing::raw(draft)), Box::new(reply) as Reply)
        }));
        drop(sender);
        assert!(
            receiver
                .iter()
                .take(200)
                .all(|outcome: IntakeOutcome| outcome.is_ok())
        );
        let taken: Vec<_> = std::iter::from_fn(|| pool.next())
            .map(|tx| (tx.sender, tx.nonce))
            .collect();
        // All tips are equal, so what was ready from the start leaves as it arrived.
        let expected: Vec<_> = drafts[..20]
            .iter()
            .map(|draft| (testing::key(draft.key).address(), 0))
            .collect();
        assert_eq!(taken[..20], expected);
        assert_eq!(taken.len(), 200);
    }

    #[test]
    fn what_is_examined_here_is_admitted_in_the_order_of_arrival_as_well() {
        let (pool, intake) = intake(4);
        let drafts: Vec<SignedDraft> = (0..200)
            .map(|nonce| SignedDraft {
                nonce,
                ..SignedDraft::default()
            })
            .collect();
        let (sender, receiver) = mpsc::channel();
        for (index, draft) in drafts.iter().enumerate() {
            let sender = sender.clone();
            let reply = move |outcome| sender.send(outcome).unwrap_or(());
            let raw = Bytes::from(testing::raw(draft));
            match index % 3 {
                0 => intake.submit(raw, Box::new(reply)),
                _ => intake.submit_here(raw, Box::new(reply)),
            }
        }
        drop(sender);
        assert!(receiver.iter().all(|outcome| outcome.is_ok()));
        let taken: Vec<_> = std::iter::from_fn(|| pool.next())
            .map(|tx| tx.nonce)
            .collect();
        // One after the other: a sender's later transactions are ready when those before them are taken.
        assert_eq!(taken, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_examined_here_is_answered_as_by_the_workers() {
        let valid = testing::raw(&SignedDraft::default());
        for raw in [valid, Vec::new(), vec![0xc0], vec![3], vec![4]] {
            let [here, there] = [true, false].map(|is_here| {
                let (_, intake) = intake(1);
                let (sender, receiver) = mpsc::channel();
                let reply = move |outcome| sender.send(outcome).unwrap_or(());
                let (raw, reply) = (Bytes::from(raw.clone()), Box::new(reply));
                match is_here {
                    true => intake.submit_here(raw, reply),
                    false => intake.submit(raw, reply),
                }
                receiver.recv()
            });
            assert_eq!(here, there);
            assert!(here.is_ok());
        }
    }

    #[test]
    fn a_stopped_intake_refuses() {
        let (_, intake) = intake(1);
        intake.stop();
        let (sender, receiver) = mpsc::channel();
        let raw = testing::raw(&SignedDraft::default());
        let reply = move |outcome| sender.send(outcome).unwrap_or(());
        intake.submit(raw.into(), Box::new(reply));
        assert_eq!(receiver.recv(), Ok(Err(Rejection::Stopping)));
    }

    #[test]
    fn a_full_queue_refuses_at_once_instead_of_growing() {
        let (_, intake) = intake(0);
        let refused = Arc::new(Mutex::new(Vec::new()));
        intake.submit_all((0..=MAX_WAITING).map(|_| {
            let refused = refused.clone();
            let reply = move |outcome| refused.lock().push(outcome);
            (Bytes::new(), Box::new(reply) as Reply)
        }));
        assert_eq!(intake.waiting(), MAX_WAITING);
        assert_eq!(*refused.lock(), [Err(Rejection::QueueFull)]);
        let error = crate::rpc::RpcError::from(Rejection::QueueFull);
        assert_eq!(error.code, crate::rpc::error::code::LIMIT);
    }

    #[test]
    fn a_malformed_transaction_is_answered() {
        let (_, intake) = intake(2);
        let (sender, receiver) = mpsc::channel();
        let reply = move |outcome| sender.send(outcome).unwrap_or(());
        intake.submit(Bytes::new(), Box::new(reply));
        assert_eq!(receiver.recv(), Ok(Err(Rejection::TooShort)));
    }
}
