//! Making way for the builder: threads that recover senders give it their cores when a mini-block is due.
//!
//! Recovering takes all the processor time that there is, and the system lets whoever has a core keep it for
//! milliseconds. So threads make way between two transactions, until the builder says that it is done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Nobody makes way longer after a moment: a transaction may take any time.
const PATIENCE: Duration = Duration::from_millis(20);
/// Nothing is due.
const NEVER: u64 = u64::MAX;

/// When the builder wants a core.
#[derive(Debug)]
pub(super) struct YieldGate {
    since: Instant,
    /// Nanoseconds after `since`.
    due: AtomicU64,
    waiting: Mutex<()>,
    passed: Condvar,
}

impl Default for YieldGate {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            due: AtomicU64::new(NEVER),
            waiting: Mutex::default(),
            passed: Condvar::new(),
        }
    }
}

impl YieldGate {
    /// The builder will want a core at this moment; what was due before is done.
    pub(super) fn due(&self, moment: Instant) {
        let after = moment.saturating_duration_since(self.since);
        let due = u64::try_from(after.as_nanos()).unwrap_or(NEVER);
        self.due.store(due, Ordering::Relaxed);
        // Whoever has seen the old moment waits by now.
        drop(self.waiting.lock());
        self.passed.notify_all();
    }

    /// Waits if the builder's moment has come, until it is done.
    pub(super) fn make(&self) {
        let due = self.due.load(Ordering::Relaxed);
        let late = self.since.elapsed().checked_sub(Duration::from_nanos(due));
        let Some(patience) = late.and_then(|late| PATIENCE.checked_sub(late)) else {
            return;
        };
        let patience = Instant::now() + patience;
        let mut waiting = self.waiting.lock();
        while self.due.load(Ordering::Relaxed) == due {
            if self.passed.wait_until(&mut waiting, patience).timed_out() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn threads_make_way_until_the_builder_says_when_it_is_due_next() {
        let way = Arc::new(YieldGate::default());
        let moment = Instant::now();
        way.due(moment);
        let due = way.due.load(Ordering::Relaxed);
        let threads = [0, 1].map(|_| {
            let way = way.clone();
            std::thread::spawn(move || {
                way.make();
                // Whoever goes on earlier would take the builder's core.
                way.due.load(Ordering::Relaxed) != due || moment.elapsed() >= PATIENCE
            })
        });
        way.due(moment + Duration::from_secs(3_600));
        for thread in threads {
            assert_eq!(thread.join().ok(), Some(true));
        }
    }

    #[test]
    fn nobody_makes_way_for_ever_but_until_patience_ends() {
        let way = YieldGate::default();
        let moment = Instant::now();
        way.due(moment);
        // The builder never goes on.
        way.make();
        assert!(moment.elapsed() >= PATIENCE);
    }
}
