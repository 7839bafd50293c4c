//! Threads for what takes longer than a glance: calls, estimates, log searches. One bounded queue.
//!
//! Connections take turns, whatever each has in its lane. As many jobs run as there are seats. A job that has had its seat
//! for a while gives it up when others wait ([`Seat::give_way`]), and queues in its lane for the next; meanwhile its thread
//! sleeps, and another one, started if need be, runs who comes.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// Jobs that wait at most; more are refused.
const MAX_WAITING: usize = 8_192;
/// Bytes of their parameters at most.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Jobs that sleep in the middle at most; the others keep their seats.
const MAX_RESTING: usize = 32;
/// How long a job keeps its seat while others wait.
const SLICE: Duration = Duration::from_millis(50);
/// How long a stop waits for jobs that don't look whether they are to end.
const STOP_PATIENCE: Duration = Duration::from_millis(500);
/// Jobs come after everything that keeps the chain going: the builder above all.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

type Job = Box<dyn FnOnce(Arc<Seat>) + Send>;

/// What a connection has queued.
enum Entry {
    Fresh { job: Job, bytes: usize },
    Resumed(Arc<Resting>),
}

/// A job that sleeps until it has a seat again.
#[derive(Default)]
struct Resting {
    may_resume: AtomicBool,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    lanes: HashMap<u64, VecDeque<Entry>>,
    /// Connections with something in their lanes, in the order of their turns.
    order: VecDeque<u64>,
    waiting: usize,
    waiting_bytes: usize,
    /// Jobs that have a seat and no thread yet.
    ready: VecDeque<(Job, u64)>,
    free_seats: usize,
    resting: usize,
    idle: usize,
    threads: usize,
    started: usize,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    ended: Condvar,
}

/// Threads, parked when there is nothing to do.
pub(super) struct Workers {
    shared: Arc<Shared>,
}

/// The right of a job to run.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    connection: u64,
    since: Mutex<Instant>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seat")
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// Runs `seats` jobs at a time.
    pub(super) fn start(seats: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                free_seats: seats,
                ..Queue::default()
            }),
            arrived: Condvar::new(),
            ended: Condvar::new(),
        });
        for _ in 0..seats {
            shared.clone().start_thread(&mut shared.queue.lock())?;
        }
        Ok(Self { shared })
    }

    /// Whether a job with so many bytes of parameters may be queued; callers refuse their clients when it may not.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let queue = self.shared.queue.lock();
        queue.waiting < MAX_WAITING
            && queue.waiting_bytes.saturating_add(bytes) <= MAX_WAITING_BYTES
    }

    /// Queues a job of a connection; drops it if the workers have stopped.
    pub(super) fn run(
        &self,
        connection: u64,
        bytes: usize,
        job: impl FnOnce(Arc<Seat>) + Send + 'static,
    ) {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            drop(queue); // before the job, which answers as it is dropped
            return;
        }
        queue.waiting_bytes += bytes;
        let job = Box::new(job);
        queue.push(connection, Entry::Fresh { job, bytes });
        self.shared.seat_next(&mut queue, 0);
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.queue.lock().waiting
    }

    /// Drops what waits and ends the threads after their current jobs, which have been told to end. Doesn't wait for those
    /// that don't look.
    pub(super) fn stop(&self) {
        self.close();
        let deadline = Instant::now() + STOP_PATIENCE;
        let mut queue = self.shared.queue.lock();
        while queue.threads > 0 {
            let waited = self.shared.ended.wait_until(&mut queue, deadline);
            if waited.timed_out() {
                return;
            }
        }
    }

    fn close(&self) {
        let mut queue = self.shared.queue.lock();
        queue.closed = true;
        let lanes = std::mem::take(&mut queue.lanes);
        let ready = std::mem::take(&mut queue.ready);
        queue.order.clear();
        queue.waiting = 0;
        for entry in lanes.values().flatten() {
            if let Entry::Resumed(resting) = entry {
                resting.resume();
            }
        }
        self.shared.arrived.notify_all();
        // Jobs answer as they are dropped, which must not happen under the lock.
        drop(queue);
        drop((lanes, ready));
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.close();
    }
}

impl Resting {
    fn resume(&self) {
        self.may_resume.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}

impl Queue {
    fn push(&mut self, connection: u64, entry: Entry) {
        let lane = self.lanes.entry(connection).or_default();
        if lane.is_empty() {
            self.order.push_back(connection);
        }
        lane.push_back(entry);
        self.waiting += 1;
    }

    /// The first entry of the connection whose turn it is.
    fn pop(&mut self) -> Option<(u64, Entry)> {
        let connection = self.order.pop_front()?;
        let lane = self.lanes.get_mut(&connection)?;
        let entry = lane.pop_front()?;
        self.waiting -= 1;
        if lane.is_empty() {
            self.lanes.remove(&connection);
        } else {
            self.order.push_back(connection);
        }
        Some((connection, entry))
    }
}

impl Shared {
    /// Gives free seats to those whose turn it is. The caller itself takes so many jobs that have a seat.
    fn seat_next(self: &Arc<Self>, queue: &mut MutexGuard<'_, Queue>, taken: usize) {
        while queue.free_seats > 0 {
            let Some((connection, entry)) = queue.pop() else {
                return;
            };
            queue.free_seats -= 1;
            match entry {
                Entry::Resumed(resting) => resting.resume(),
                Entry::Fresh { job, bytes } => {
                    queue.waiting_bytes -= bytes;
                    queue.ready.push_back((job, connection));
                    let left = queue.ready.len().saturating_sub(taken);
                    if left > queue.idle {
                        // Should the system give no thread, one that ends its job takes this one.
                        let _ = self.clone().start_thread(queue);
                    } else if left > 0 {
                        self.arrived.notify_one();
                    }
                }
            }
        }
    }

    fn start_thread(self: Arc<Self>, queue: &mut MutexGuard<'_, Queue>) -> std::io::Result<()> {
        let name = format!("rpc-{}", queue.started);
        let shared = self.clone();
        std::thread::Builder::new()
            .name(name)
            .spawn(move || shared.work())?;
        queue.started += 1;
        queue.threads += 1;
        Ok(())
    }

    fn work(self: Arc<Self>) {
        step_back();
        let mut queue = self.queue.lock();
        while !queue.closed {
            let Some((job, connection)) = queue.ready.pop_front() else {
                queue.idle += 1;
                self.arrived.wait(&mut queue);
                queue.idle -= 1;
                continue;
            };
            drop(queue);
            let seat = Arc::new(Seat {
                shared: self.clone(),
                connection,
                since: Mutex::new(Instant::now()),
            });
            // Handlers catch their own panics; this keeps the thread alive should a reply panic.
            let _ = catch_unwind(AssertUnwindSafe(|| job(seat)));
            queue = self.queue.lock();
            queue.free_seats += 1;
            self.seat_next(&mut queue, 1);
        }
        queue.threads -= 1;
        self.ended.notify_all();
    }
}

impl Seat {
    /// Lets those who wait go first, if this job has had its seat for a while. Returns when it has one again, or is to end.
    pub(crate) fn give_way(&self) {
        let mut since = self.since.lock();
        if since.elapsed() < SLICE {
            return;
        }
        let mut queue = self.shared.queue.lock();
        if queue.waiting > 0 && queue.resting < MAX_RESTING && !queue.closed {
            let resting = Arc::<Resting>::default();
            queue.push(self.connection, Entry::Resumed(resting.clone()));
            queue.resting += 1;
            queue.free_seats += 1;
            self.shared.seat_next(&mut queue, 0);
            while !resting.may_resume.load(Ordering::Acquire) {
                resting.wake.wait(&mut queue);
            }
            queue.resting -= 1;
        }
        *since = Instant::now();
    }
}

/// Lets the threads that keep the chain going run first.
fn step_back() {
    // On Linux this concerns the calling thread only. A system that refuses runs it as it is.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn workers(seats: usize) -> Workers {
        match Workers::start(seats) {
            Ok(workers) => workers,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_panicking_job_does_not_cost_the_thread() {
        let workers = workers(1);
        let (sender, receiver) = mpsc::channel();
        workers.run(1, 0, |_| panic!("on purpose"));
        workers.run(1, 0, move |_| sender.send(1).unwrap_or(()));
        assert_eq!(receiver.recv(), Ok(1));
    }

    #[test]
    fn a_stopped_pool_drops_its_jobs() {
        let workers = workers(1);
        workers.stop();
        let (sender, receiver) = mpsc::channel();
        workers.run(1, 0, move |_| sender.send(1).unwrap_or(()));
        assert!(receiver.recv().is_err());
    }

    #[test]
    fn a_stop_does_not_wait_for_a_job_that_goes_on() {
        let workers = workers(1);
        let (release, held) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        workers.run(1, 0, move |_| {
            begun.send(()).unwrap_or(());
            let _ = held.recv();
        });
        assert_eq!(begins.recv(), Ok(()));
        workers.stop();
        drop(release);
    }

    #[test]
    fn connections_take_turns() {
        let workers = workers(1);
        let (release, held) = mpsc::channel::<()>();
        workers.run(9, 0, move |_| {
            let _ = held.recv();
        });
        let (sender, receiver) = mpsc::channel();
        for (connection, nth) in [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (2, 1)] {
            let sender = sender.clone();
            workers.run(connection, 0, move |_| {
                sender.send((connection, nth)).unwrap_or(());
            });
        }
        drop((release, sender));
        let order: Vec<_> = receiver.iter().collect();
        assert_eq!(order, [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2)]);
    }

    #[test]
    fn long_jobs_make_way_for_short_ones_and_end_in_their_turn() {
        let workers = workers(1);
        let (asked, asks) = mpsc::channel();
        let (ended, ends) = mpsc::channel();
        for connection in 1..=3 {
            let (asked, ended) = (asked.clone(), ended.clone());
            workers.run(connection, 0, move |seat: Arc<Seat>| {
                // Goes on until a short job, which comes later, has run on the only seat.
                let (sender, receiver) = mpsc::channel::<()>();
                asked.send(sender).unwrap_or(());
                while receiver.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    seat.give_way();
                }
                ended.send(connection).unwrap_or(());
            });
        }
        for _ in 1..=3 {
            let sender: mpsc::Sender<()> = asks.recv().expect("all of them begin");
            workers.run(4, 0, move |_| drop(sender));
        }
        let mut all: Vec<_> = (1..=3).filter_map(|_| ends.recv().ok()).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    }

    #[test]
    fn what_waits_is_bounded_by_number_and_bytes() {
        let workers = workers(0);
        assert!(workers.has_room(MAX_WAITING_BYTES));
        workers.run(1, MAX_WAITING_BYTES, |_| ());
        assert!(!workers.has_room(1));
        for _ in 1..MAX_WAITING {
            workers.run(1, 0, |_| ());
        }
        assert!(!workers.has_room(0));
    }
}
