//! What a follower counts, and where its time goes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Counters since the start. Times are nanoseconds of the calling thread; what other cores do meanwhile
/// isn't added up.
#[derive(Debug, Default)]
pub(crate) struct FollowerMetrics {
    /// Mini-blocks applied.
    pub minis: AtomicU64,
    /// Blocks applied.
    pub blocks: AtomicU64,
    /// Transactions in them.
    pub transactions: AtomicU64,
    /// Keys that their diffs set.
    pub keys: AtomicU64,
    /// Items that were there already.
    pub known: AtomicU64,
    /// Items refused.
    pub refused: AtomicU64,
    /// Decoding, digests, signatures.
    pub read_ns: AtomicU64,
    /// Receipts and their roots, transactions' roots.
    pub roots_ns: AtomicU64,
    /// Executing again.
    pub execution_ns: AtomicU64,
    /// Writing the state and the recent blocks.
    pub commit_ns: AtomicU64,
    /// The block's sums, as mini-blocks come.
    pub sums_ns: AtomicU64,
    /// Closing blocks.
    pub close_ns: AtomicU64,
}

impl FollowerMetrics {
    /// All counters by name.
    pub(crate) fn named(&self) -> [(&'static str, u64); 12] {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("follower_mini_blocks", value(&self.minis)),
            ("follower_blocks", value(&self.blocks)),
            ("follower_transactions", value(&self.transactions)),
            ("follower_keys", value(&self.keys)),
            ("follower_known", value(&self.known)),
            ("follower_refused", value(&self.refused)),
            ("follower_read_ns", value(&self.read_ns)),
            ("follower_roots_ns", value(&self.roots_ns)),
            ("follower_execution_ns", value(&self.execution_ns)),
            ("follower_commit_ns", value(&self.commit_ns)),
            ("follower_sums_ns", value(&self.sums_ns)),
            ("follower_close_ns", value(&self.close_ns)),
        ]
    }
}

pub(super) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Runs `work` and adds the time it took to `counter`.
pub(super) fn timed<T>(counter: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    count(counter, start.elapsed().as_nanos() as u64);
    result
}
