//! What met the console's account, for who shows what contracts told it.
//!
//! ```text
//!   builder, simulations ── note ──▶ queue, bounded ── next, once it is visible ──▶ executed again, with a listener
//! ```
//!
//! Whoever executes only says which transactions met the account, which costs nothing where none did. What they told is
//! found out later, on the thread that asks.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::evm::console::Heard;

/// Jobs that wait at most.
const MAX_JOBS: usize = 256;
/// What simulations that wait keep in memory at most, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// What a simulation tells, or told until it failed, and why it did.
pub(crate) type Again = Box<dyn FnOnce() -> (Heard, Option<String>) + Send>;

/// What is to be executed again.
pub(crate) enum Job {
    /// Transactions of a mini-block.
    Transactions {
        /// The mini-block's number.
        mini: u64,
        /// Their indices within it, ascending.
        indices: Vec<usize>,
    },
    /// A call that changed nothing.
    Simulation {
        /// The method that it is of.
        method: &'static str,
        /// What it keeps in memory: the state that it read, and what was overridden of it.
        bytes: usize,
        /// Executes it again.
        again: Again,
    },
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transactions { mini, indices } => f
                .debug_struct("Transactions")
                .field("mini", mini)
                .field("indices", indices)
                .finish(),
            Self::Simulation { method, .. } => f.debug_tuple("Simulation").field(method).finish(),
        }
    }
}

impl Job {
    /// How many executions it is about.
    fn size(&self) -> u64 {
        match self {
            Self::Transactions { indices, .. } => indices.len() as u64,
            Self::Simulation { .. } => 1,
        }
    }

    /// What it keeps in memory.
    fn bytes(&self) -> usize {
        match self {
            Self::Transactions { .. } => 0,
            Self::Simulation { bytes, .. } => *bytes,
        }
    }

    /// Whether it can be done while so many mini-blocks are visible.
    fn is_due(&self, visible_minis: u64) -> bool {
        match self {
            Self::Transactions { mini, .. } => *mini < visible_minis,
            Self::Simulation { .. } => true,
        }
    }
}

/// What there is to do next.
#[derive(Debug, Default)]
pub(crate) struct Next {
    /// Nothing: the time was out.
    pub(crate) job: Option<Job>,
    /// Executions whose jobs found no place since the last time.
    pub(crate) lost: u64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Console {
    is_heard: AtomicBool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    lost: u64,
    is_closed: bool,
}

impl Console {
    /// Whether anybody listens. Nobody does at first.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Begins or ends listening. What waits when it ends is forgotten.
    pub(crate) fn listen(&self, on: bool) {
        self.is_heard.store(on, Ordering::Relaxed);
        if !on {
            self.forget();
        }
    }

    /// Nothing waits any more: what was executed is wanted by nobody, or is about to be taken back.
    pub(super) fn forget(&self) {
        let mut queue = self.queue.lock();
        queue.jobs.clear();
        queue.lost = 0;
    }

    /// Something to execute again, if anybody listens.
    pub(crate) fn note(&self, job: Job) {
        let mut queue = self.queue.lock();
        if !self.is_heard() || queue.is_closed {
            return;
        }
        let held: usize = queue.jobs.iter().map(Job::bytes).sum();
        match queue.jobs.len() < MAX_JOBS && held + job.bytes() <= MAX_BYTES {
            true => queue.jobs.push_back(job),
            false => queue.lost += job.size(),
        }
        self.changed.notify_all();
    }

    /// More mini-blocks may be visible.
    pub(super) fn show(&self) {
        if !self.queue.lock().jobs.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Waits for what is to be done next; `None` when nothing will be any more.
    pub(crate) fn next(&self, timeout: Duration, visible_minis: impl Fn() -> u64) -> Option<Next> {
        let deadline = Instant::now() + timeout;
        let mut queue = self.queue.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            let is_due = queue
                .jobs
                .front()
                .is_some_and(|job| job.is_due(visible_minis()));
            if is_due || self.changed.wait_until(&mut queue, deadline).timed_out() {
                let job = is_due.then(|| queue.jobs.pop_front()).flatten();
                let lost = std::mem::take(&mut queue.lost);
                return (!queue.is_closed).then_some(Next { job, lost });
            }
        }
    }

    /// Nobody will listen any more.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        // Simulations hold the chain, which holds this.
        queue.jobs.clear();
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transactions(mini: u64) -> Job {
        Job::Transactions {
            mini,
            indices: vec![0, 2],
        }
    }

    fn mini(next: Option<Next>) -> Option<u64> {
        match next?.job? {
            Job::Transactions { mini, .. } => Some(mini),
            Job::Simulation { .. } => None,
        }
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let console = Console::default();
        console.note(transactions(0));
        console.listen(true);
        assert!(console.next(Duration::ZERO, || 1).unwrap().job.is_none());
        console.note(transactions(0));
        console.listen(false);
        console.listen(true);
        assert!(console.next(Duration::ZERO, || 1).unwrap().job.is_none());
    }

    #[test]
    fn a_mini_block_waits_until_it_is_visible_and_keeps_its_place() {
        let console = Console::default();
        console.listen(true);
        console.note(transactions(5));
        console.note(transactions(6));
        assert!(console.next(Duration::ZERO, || 5).unwrap().job.is_none());
        assert_eq!(mini(console.next(Duration::ZERO, || 7)), Some(5));
        assert_eq!(mini(console.next(Duration::ZERO, || 7)), Some(6));
    }

    #[test]
    fn what_finds_no_place_is_counted_and_told_once() {
        let console = Console::default();
        console.listen(true);
        for number in 0..MAX_JOBS as u64 + 3 {
            console.note(transactions(number));
        }
        let next = console.next(Duration::ZERO, || u64::MAX).unwrap();
        assert_eq!((next.lost, mini(Some(next))), (6, Some(0)));
        assert_eq!(console.next(Duration::ZERO, || u64::MAX).unwrap().lost, 0);
    }

    #[test]
    fn what_waits_is_bounded_in_memory() {
        let console = Console::default();
        console.listen(true);
        for bytes in [MAX_BYTES / 2, MAX_BYTES, MAX_BYTES / 2, 1] {
            let again = Box::new(|| (Heard::default(), None));
            console.note(Job::Simulation {
                method: "eth_call",
                bytes,
                again,
            });
        }
        let heard: Vec<Next> =
            std::iter::repeat_with(|| console.next(Duration::ZERO, || 0).unwrap())
                .take_while(|next| next.job.is_some())
                .collect();
        assert_eq!((heard.len(), heard[0].lost), (2, 2));
    }

    #[test]
    fn who_waits_hears_of_the_end() {
        let console = Console::default();
        console.listen(true);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| console.next(Duration::from_secs(60), || 0).is_none());
            console.close();
            assert!(waiting.join().unwrap());
        });
        assert!(console.next(Duration::ZERO, || 0).is_none());
    }
}
