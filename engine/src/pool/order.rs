//! Which ready transaction comes first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// How ready transactions are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// By effective priority fee, then by arrival.
    #[default]
    Priority,
    /// By arrival.
    Fifo,
}

/// A place in the order: smaller is earlier. Arrival numbers are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Priority {
    tip: Reverse<u128>,
    arrival: u64,
}

impl Priority {
    /// Higher for better tips, never zero; arrival doesn't matter.
    pub(super) fn rank(self) -> u64 {
        let tip = u64::try_from(self.tip.0).unwrap_or(u64::MAX);
        tip.saturating_add(1)
    }
}

impl Order {
    pub(super) const fn place(self, tip: u128, arrival: u64) -> Priority {
        let tip = match self {
            Self::Priority => tip,
            Self::Fifo => 0,
        };
        Priority {
            tip: Reverse(tip),
            arrival,
        }
    }
}

/// The rank of the best that is ready, for those who don't want to wait for a lock.
#[derive(Debug, Clone, Default)]
pub(super) struct Best(Arc<AtomicU64>);

impl Best {
    /// Zero if nothing is ready.
    pub(super) fn rank(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The first untaken transaction of each sender that can be executed now.
#[derive(Debug, Default)]
pub(super) struct Ready {
    places: BTreeMap<Priority, Address>,
    best: Best,
}

impl Ready {
    pub(super) fn insert(&mut self, place: Priority, sender: Address) {
        self.places.insert(place, sender);
        self.tell();
    }

    pub(super) fn remove(&mut self, place: Priority) {
        self.places.remove(&place);
        self.tell();
    }

    pub(super) fn pop(&mut self) -> Option<Address> {
        let first = self.places.pop_first().map(|(_, sender)| sender);
        self.tell();
        first
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.tell();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What stays up to date with the best place.
    pub(super) fn best(&self) -> Best {
        self.best.clone()
    }

    fn tell(&self) {
        let first = self.places.first_key_value();
        let rank = first.map_or(0, |(place, _)| place.rank());
        self.best.0.store(rank, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_tip_comes_first_then_the_earlier_arrival() {
        let places = [(1, 1), (5, 3), (5, 2), (9, 4)].map(|(t, a)| Order::Priority.place(t, a));
        let mut sorted = places;
        sorted.sort();
        assert_eq!(sorted, [places[3], places[2], places[1], places[0]]);
    }

    #[test]
    fn fifo_ignores_tips() {
        assert!(Order::Fifo.place(0, 1) < Order::Fifo.place(1_000, 2));
    }
}
