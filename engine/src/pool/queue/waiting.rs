//! What each transaction of the pool waits for, and how many come before it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use alloy_primitives::{B256, map::HashMap};

use super::super::order::Priority;
use super::super::waiting::{Cause, Deferral, Waiting};
use super::Pool;

/// One sender's transactions as they stand, by nonce.
#[derive(Debug)]
pub(super) struct Line {
    /// Without a gap before them, that the builder has.
    pub(super) taken: Vec<B256>,
    /// Without a gap before them, with their places had they no one before them.
    pub(super) pending: Vec<(B256, Priority)>,
    /// Behind a gap.
    pub(super) queued: Vec<(B256, u64)>,
    /// The first nonce that is missing.
    pub(super) end: u64,
    /// Why the first of `pending` was put off.
    pub(super) put_off: Option<Arc<Deferral>>,
}

impl Pool {
    /// What each transaction waits for, by hash.
    pub(crate) fn waiting(&self) -> HashMap<B256, Waiting> {
        let inner = self.inner.lock();
        let order = self.limits.order;
        let lines: Vec<Line> = inner
            .senders
            .values()
            .map(|sender| sender.line(order))
            .collect();
        drop(inner);
        let mut found = in_order(&lines);
        for line in &lines {
            found.extend(behind_gap(line));
        }
        found
    }
}

/// Those without a gap, as the builder would take them if nothing else came.
fn in_order(lines: &[Line]) -> HashMap<B256, Waiting> {
    let mut found = HashMap::default();
    for hash in lines.iter().flat_map(|line| &line.taken) {
        let (cause, before) = (Cause::Taken, found.len());
        found.insert(*hash, Waiting { cause, before });
    }
    let place = |line: usize, nth: usize| {
        let (_, place) = lines.get(line)?.pending.get(nth)?;
        Some(Reverse((*place, line, nth)))
    };
    let mut ready: BinaryHeap<_> = (0..lines.len()).filter_map(|line| place(line, 0)).collect();
    while let Some(Reverse((_, index, nth))) = ready.pop() {
        ready.extend(place(index, nth + 1));
        let line = &lines[index];
        let put_off = line.put_off.as_deref().cloned();
        let cause = put_off.map_or(Cause::Turn, Cause::PutOff);
        let before = found.len();
        found.insert(line.pending[nth].0, Waiting { cause, before });
    }
    found
}

fn behind_gap(line: &Line) -> impl Iterator<Item = (B256, Waiting)> {
    line.queued.iter().enumerate().map(|(nth, (hash, nonce))| {
        let lacking = nonce - line.end - nth as u64;
        let cause = Cause::NonceGap {
            missing: line.end,
            more: lacking.saturating_sub(1),
        };
        (*hash, Waiting { cause, before: 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::super::TxSource as _;
    use super::*;
    use crate::pool::testing::{self, RULES, Rich, SignedDraft};
    use crate::pool::{Limits, PoolTx};

    fn pool() -> Pool {
        Pool::new(Limits::default(), Arc::new(Rich))
    }

    fn admit(pool: &Pool, key: u8, nonce: u64, tip: u128) -> B256 {
        let draft = SignedDraft {
            key,
            nonce,
            tip,
            ..SignedDraft::default()
        };
        let tx: PoolTx = RULES
            .validate_stateless(testing::raw(&draft).into())
            .unwrap();
        pool.admit([tx]).remove(0).unwrap()
    }

    #[test]
    fn a_gap_names_the_first_nonce_that_is_missing_and_counts_the_others() {
        let pool = pool();
        admit(&pool, 0, 0, 0);
        let [second, fourth] = [2, 4].map(|nonce| admit(&pool, 0, nonce, 0));
        let waiting = pool.waiting();
        let gap = |missing, more| Cause::NonceGap { missing, more };
        assert_eq!(waiting[&second].cause, gap(1, 0));
        assert_eq!(waiting[&fourth].cause, gap(1, 1));
    }

    #[test]
    fn places_are_those_in_which_the_builder_takes_them() {
        let pool = pool();
        let cheap = admit(&pool, 0, 0, 0);
        let dear_behind_cheap = admit(&pool, 0, 1, 1_000_000);
        let middle = admit(&pool, 1, 0, 500_000);
        let behind_middle = admit(&pool, 1, 1, 0);
        let waiting = pool.waiting();
        let taken: Vec<B256> = std::iter::from_fn(|| pool.next())
            .map(|tx| tx.hash)
            .collect();
        assert_eq!(taken, [middle, cheap, dear_behind_cheap, behind_middle]);
        for (place, hash) in taken.iter().enumerate() {
            let (cause, before) = (Cause::Turn, place);
            assert_eq!(waiting[hash], Waiting { cause, before });
        }
        assert!(pool.waiting().values().all(|one| one.cause == Cause::Taken));
    }

    #[test]
    fn what_was_put_off_says_why_until_the_builder_takes_it() {
        let pool = pool();
        let (first, second) = (admit(&pool, 0, 0, 0), admit(&pool, 0, 1, 0));
        let other = admit(&pool, 1, 0, 0);
        let why = Deferral::Full("block 5 has used 1000 of 1000 state growth".to_owned());
        let taken = pool.next().unwrap();
        assert_eq!(taken.hash, first);
        pool.defer(&taken, why.clone());
        for _ in 0..2 {
            let waiting = pool.waiting();
            let put_off = Cause::PutOff(why.clone());
            assert_eq!(waiting[&first].cause, put_off);
            assert_eq!(waiting[&second].cause, put_off);
            assert_eq!(waiting[&other].cause, Cause::Turn);
            assert_eq!(waiting[&other].before, 2);
            pool.next_block();
        }
        assert_eq!(pool.next().map(|tx| tx.hash), Some(first));
        let waiting = pool.waiting();
        assert_eq!(waiting[&first].cause, Cause::Taken);
        assert_eq!(waiting[&second].cause, Cause::Turn);
    }
}
