//! How the pipeline tells how it is doing: durations in buckets, cheap to note from any thread.
//!
//! Each stage keeps its own [`Histogram`]; [`crate::engine::Engine::pipeline`] collects them. Nothing here knows what
//! is measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Buckets per doubling: a value is known to an eighth of itself.
const STEPS: u64 = 8;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Longer durations (about 70 s) count as this long.
const LONGEST_NS: u64 = (1 << 36) - 1;
const BUCKETS: usize = bucket(LONGEST_NS) + 1;

/// Durations since the start, by size. Never reset: who wants a window subtracts two snapshots.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
    max_ns: AtomicU64,
}

/// A histogram at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Snapshot {
    /// How many durations.
    pub count: u64,
    /// All together.
    pub sum_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// Upper bound in nanoseconds (inclusive) and number, for every bucket that holds any; in order.
    pub buckets: Vec<(u64, u64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            sum_ns: AtomicU64::new(0),
            max_ns: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Notes one duration.
    pub(crate) fn note(&self, took: Duration) {
        self.note_each(took, 1);
    }

    /// Notes that `count` things took `took` together, each an equal share.
    pub(crate) fn note_shared(&self, took: Duration, count: usize) {
        if let Ok(parts) = u32::try_from(count)
            && parts > 0
        {
            self.note_each(took / parts, u64::from(parts));
        }
    }

    fn note_each(&self, took: Duration, count: u64) {
        let ns = u64::try_from(took.as_nanos()).map_or(LONGEST_NS, |ns| ns.min(LONGEST_NS));
        if let Some(bucket) = self.buckets.get(bucket(ns)) {
            bucket.fetch_add(count, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(ns * count, Ordering::Relaxed);
        self.max_ns.fetch_max(ns, Ordering::Relaxed);
    }

    /// What was noted so far.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let buckets: Vec<_> = self
            .buckets
            .iter()
            .enumerate()
            .map(|(index, bucket)| (upper_bound(index), bucket.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        Snapshot {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum_ns: self.sum_ns.load(Ordering::Relaxed),
            max_ns: self.max_ns.load(Ordering::Relaxed),
            buckets,
        }
    }
}

/// Where a duration is counted: the first values have a bucket each, then each doubling has [`STEPS`].
const fn bucket(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let doubling = ns.ilog2() - STEP_BITS;
    ((doubling as u64 + 1) * STEPS + (ns >> doubling) - STEPS) as usize
}

/// The largest duration that is counted in a bucket.
const fn upper_bound(bucket: usize) -> u64 {
    let (doubling, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if doubling == 0 {
        step
    } else {
        ((STEPS + step + 1) << (doubling - 1)) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_within_an_eighth_of_itself() {
        let mut before = None;
        for bits in 0..36 {
            for ns in [
                1_u64 << bits,
                (1 << bits) + (1 << bits) / 3,
                (2 << bits) - 1,
            ] {
                let (bound, index) = (upper_bound(bucket(ns)), bucket(ns));
                assert!(ns <= bound && bound - ns <= ns / STEPS, "{ns}: {bound}");
                assert!(before <= Some(index), "{ns}");
                before = Some(index);
            }
        }
        assert_eq!(before, Some(BUCKETS - 1));
    }

    #[test]
    fn a_snapshot_adds_up() {
        let histogram = Histogram::default();
        histogram.note(Duration::from_nanos(5));
        histogram.note_shared(Duration::from_micros(300), 3);
        histogram.note_shared(Duration::from_micros(300), 0);
        histogram.note(Duration::from_secs(1_000));
        let snapshot = histogram.snapshot();
        assert_eq!((snapshot.count, snapshot.max_ns), (5, LONGEST_NS));
        assert_eq!(snapshot.sum_ns, 5 + 300_000 + LONGEST_NS);
        let counts: Vec<_> = snapshot.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 3, 1]);
    }
}
