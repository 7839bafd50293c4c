//! The memory that all requests may take together, and the parts of it that are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A call's memory is taken in steps of this, as it is looked at often.
pub(super) const STEP: usize = 1 << 20;
/// What each call takes without asking.
pub(super) const FREE_OF_CALL: usize = 64 << 10;
/// What each response takes without asking, and the unit in which more is taken.
pub(super) const PAGE: usize = 4 << 10;

/// Memory that all work may hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    /// So many bytes, of which nothing is taken.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            held: AtomicUsize::new(0),
        }
    }

    /// How much of it is taken.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let grown = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.most);
        let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
        self.held.fetch_update(set, fetch, grown).is_ok()
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Lease {
    /// Of nothing yet.
    pub(crate) fn none(budget: &Arc<Budget>) -> Self {
        Self {
            budget: budget.clone(),
            bytes: 0,
        }
    }

    /// Whether it is of nothing.
    pub(crate) fn is_none(&self) -> bool {
        self.bytes == 0
    }

    /// Makes it enough for a response of so many bytes, if there are as many.
    pub(crate) fn cover_response(&mut self, bytes: usize) -> bool {
        self.cover(bytes, PAGE, PAGE)
    }

    /// Makes it enough for a call that holds so many bytes, if there are as many.
    pub(crate) fn cover_call(&mut self, bytes: usize) -> bool {
        self.cover(bytes, FREE_OF_CALL, STEP)
    }

    fn cover(&mut self, bytes: usize, free: usize, unit: usize) -> bool {
        if bytes <= free {
            return true;
        }
        let wanted = bytes.div_ceil(unit).saturating_mul(unit);
        let more = wanted.saturating_sub(self.bytes);
        let granted = more == 0 || self.budget.take(more);
        if granted {
            self.bytes += more;
        }
        granted
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.held.fetch_sub(self.bytes, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_free_and_more_is_counted_in_pages_and_steps() {
        let budget = Arc::new(Budget::new(3 * STEP));
        let mut response = Lease::none(&budget);
        assert!(response.cover_response(PAGE) && response.is_none());
        assert!(response.cover_response(PAGE + 1));
        assert_eq!(budget.held(), 2 * PAGE);
        let mut call = Lease::none(&budget);
        assert!(call.cover_call(FREE_OF_CALL) && call.is_none());
        assert!(call.cover_call(FREE_OF_CALL + 1));
        assert_eq!(budget.held(), 2 * PAGE + STEP);
        assert!(call.cover_call(STEP), "it has that already");
        drop((response, call));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn what_is_not_there_is_not_granted_and_nothing_is_taken_for_it() {
        let budget = Arc::new(Budget::new(4 * PAGE));
        let mut lease = Lease::none(&budget);
        assert!(lease.cover_response(3 * PAGE));
        assert!(!lease.cover_response(4 * PAGE + 1));
        assert!(!Lease::none(&budget).cover_response(usize::MAX));
        assert_eq!(budget.held(), 3 * PAGE);
    }
}
