//! Making way for the builder: a thread that recovers senders gives it its core when a mini-block is due.
//!
//! Recovering takes all the processor time that there is, and the system lets whoever has a core keep it for
//! milliseconds. One thread makes way, between two transactions, and no longer than it must.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Nobody makes way longer for one moment: a transaction may take any time.
const PATIENCE: Duration = Duration::from_millis(20);
/// Nothing is due.
const NEVER: u64 = u64::MAX;

/// When the builder wants a core.
#[derive(Debug)]
pub(super) struct Way {
    since: Instant,
    /// Nanoseconds after `since`.
    due: AtomicU64,
    /// The moment that somebody has made way for.
    made: Mutex<u64>,
    passed: Condvar,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            due: AtomicU64::new(NEVER),
            made: Mutex::new(NEVER),
            passed: Condvar::new(),
        }
    }
}

impl Way {
    /// The builder will want a core at this moment; what was due before is done.
    pub(super) fn due(&self, moment: Instant) {
        let after = moment.saturating_duration_since(self.since);
        let due = u64::try_from(after.as_nanos()).unwrap_or(NEVER);
        self.due.store(due, Ordering::Relaxed);
        // Whoever has seen the old moment waits by now.
        drop(self.made.lock());
        self.passed.notify_all();
    }

    /// Waits if the builder's moment has come and nobody else makes way for it.
    pub(super) fn make(&self) {
        let due = self.due.load(Ordering::Relaxed);
        if due == NEVER || self.since.elapsed().as_nanos() < u128::from(due) {
            return;
        }
        let Some(mut made) = self.made.try_lock() else {
            return;
        };
        if *made == due {
            return;
        }
        *made = due;
        let patience = Instant::now() + PATIENCE;
        while self.due.load(Ordering::Relaxed) == due {
            if self.passed.wait_until(&mut made, patience).timed_out() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    #[test]
    fn one_thread_makes_way_until_the_builder_says_when_it_is_due_next() {
        let way = Arc::new(Way::default());
        way.make();
        way.due(Instant::now() + Duration::from_secs(3_600));
        way.make();
        way.due(Instant::now());
        let (sender, receiver) = mpsc::channel();
        let threads = [0, 1].map(|_| {
            let (way, sender) = (way.clone(), sender.clone());
            std::thread::spawn(move || {
                way.make();
                sender.send(()).unwrap_or(());
            })
        });
        // One of them goes on at once.
        assert_eq!(receiver.recv(), Ok(()));
        way.due(Instant::now() + Duration::from_secs(3_600));
        assert_eq!(receiver.recv(), Ok(()));
        for thread in threads {
            assert!(thread.join().is_ok());
        }
    }

    #[test]
    fn nobody_makes_way_twice_for_the_same_moment() {
        let way = Way::default();
        way.due(Instant::now());
        // Ends by itself, though the builder never goes on.
        way.make();
        let due = way.due.load(Ordering::Relaxed);
        assert_eq!(*way.made.lock(), due);
        way.make();
    }
}
