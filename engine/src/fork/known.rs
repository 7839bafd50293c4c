//! What is known of the remote's state: bounded, the oldest goes first. The answers themselves are kept on disk.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
};

use alloy_primitives::{Address, B256};
use revm::bytecode::Bytecode;

use crate::{
    block::{PlainKey, PlainValue},
    state::Place,
};

/// Accounts and slots: some 25 MB.
const MAX_VALUES: usize = 200_000;
/// Bytes of code.
const MAX_CODE_BYTES: usize = 64 << 20;
/// Hashes of blocks.
const MAX_HASHES: usize = 8192;

/// Values up to a limit of weight.
#[derive(Debug)]
struct Bounded<K, V> {
    values: HashMap<K, (V, usize)>,
    order: VecDeque<K>,
    weight: usize,
    limit: usize,
}

impl<K: Hash + Eq + Copy, V> Bounded<K, V> {
    fn new(limit: usize) -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
            weight: 0,
            limit,
        }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(value, _)| value)
    }

    fn put(&mut self, key: K, value: V, weight: usize) {
        match self.values.insert(key, (value, weight)) {
            Some((_, before)) => self.weight -= before,
            None => self.order.push_back(key),
        }
        self.weight += weight;
        // The newest stays whatever it weighs: somebody waits for it.
        while self.weight > self.limit && self.order.len() > 1 {
            let gone = self.order.pop_front();
            let gone = gone.and_then(|key| self.values.remove(&key));
            self.weight -= gone.map_or(0, |(_, weight)| weight);
        }
    }
}

/// A place's answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Learnt {
    /// An account with its code, if it has any.
    Account(PlainValue, Option<(B256, Bytecode)>),
    /// A slot.
    Slot(PlainValue),
    /// Code.
    Code(B256, Bytecode),
    /// A block's hash.
    Hash(u64, B256),
}

/// All of it.
#[derive(Debug)]
pub(super) struct Known {
    values: Bounded<PlainKey, PlainValue>,
    codes: Bounded<B256, Bytecode>,
    /// An account that has this code, to ask for it again.
    homes: HashMap<B256, Address>,
    hashes: BTreeMap<u64, B256>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            values: Bounded::new(MAX_VALUES),
            codes: Bounded::new(MAX_CODE_BYTES),
            homes: HashMap::new(),
            hashes: BTreeMap::new(),
        }
    }
}

impl Known {
    pub(super) fn value(&self, key: &PlainKey) -> Option<PlainValue> {
        self.values.get(key).copied()
    }

    pub(super) fn code(&self, hash: &B256) -> Option<Bytecode> {
        self.codes.get(hash).cloned()
    }

    pub(super) fn block_hash(&self, number: u64) -> Option<B256> {
        self.hashes.get(&number).copied()
    }

    /// An account that has this code.
    pub(super) fn home(&self, hash: &B256) -> Option<Address> {
        self.homes.get(hash).copied()
    }

    pub(super) fn has(&self, place: &Place) -> bool {
        match place {
            Place::Key(key) => self.value(key).is_some(),
            Place::Code(hash) => self.codes.get(hash).is_some(),
            Place::BlockHash(number) => self.block_hash(*number).is_some(),
        }
    }

    /// Files what the remote has said of a place.
    pub(super) fn learn(&mut self, place: Place, learnt: Learnt) {
        match (place, learnt) {
            (Place::Key(key), Learnt::Account(value, code)) => {
                self.values.put(key, value, 1);
                if let Some((hash, code)) = code {
                    self.homes.insert(hash, key.address);
                    self.keep_code(hash, code);
                }
            }
            (Place::Key(key), Learnt::Slot(value)) => self.values.put(key, value, 1),
            (_, Learnt::Code(hash, code)) => self.keep_code(hash, code),
            (_, Learnt::Hash(number, hash)) => {
                self.hashes.insert(number, hash);
                while self.hashes.len() > MAX_HASHES {
                    self.hashes.pop_first();
                }
            }
            _ => {}
        }
    }

    fn keep_code(&mut self, hash: B256, code: Bytecode) {
        let weight = code.original_byte_slice().len();
        self.codes.put(hash, code, weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_the_newest_stays_whatever_it_weighs() {
        let mut bounded = Bounded::new(10);
        bounded.put(1, 'a', 4);
        bounded.put(2, 'b', 4);
        bounded.put(1, 'c', 5);
        assert_eq!((bounded.get(&1), bounded.get(&2)), (Some(&'c'), Some(&'b')));
        bounded.put(3, 'd', 2);
        assert_eq!((bounded.get(&1), bounded.get(&2)), (None, Some(&'b')));
        bounded.put(4, 'e', 100);
        assert_eq!((bounded.get(&3), bounded.get(&4)), (None, Some(&'e')));
        assert_eq!(bounded.weight, 100);
    }
}
