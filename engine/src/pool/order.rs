//! Which ready transaction comes first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// How ready transactions are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// By effective priority fee, then by arrival.
    #[default]
    Priority,
    /// By arrival.
    Fifo,
}

/// A place in the order: smaller is earlier. Arrival numbers are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    tip: Reverse<u128>,
    arrival: u64,
}

impl Order {
    pub(super) const fn place(self, tip: u128, arrival: u64) -> Place {
        let tip = match self {
            Self::Priority => tip,
            Self::Fifo => 0,
        };
        Place {
            tip: Reverse(tip),
            arrival,
        }
    }
}

/// The first untaken transaction of each sender that can be executed now.
#[derive(Debug, Default)]
pub(super) struct Ready(BTreeMap<Place, Address>);

impl Ready {
    pub(super) fn insert(&mut self, place: Place, sender: Address) {
        self.0.insert(place, sender);
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.0.remove(&place);
    }

    pub(super) fn pop(&mut self) -> Option<Address> {
        self.0.pop_first().map(|(_, sender)| sender)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
