//! A state that can't always be read, for tests: some places are unknown for a while, some fail.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use alloy_primitives::{Address, B256, U256};
use parking_lot::Mutex;
use revm::bytecode::Bytecode;

use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{LowerState, Place, StateError, StateReader},
};

/// How a place can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nobody knows yet.
    Unknown,
    /// A slow source: so many times it isn't known yet, without a wait.
    Later(usize),
    /// Reading fails.
    Fails,
}

/// Values, and places with moods. Everything else is absent.
#[derive(Debug, Default)]
pub(crate) struct Shaky {
    values: BTreeMap<PlainKey, PlainValue>,
    codes: BTreeMap<B256, Bytecode>,
    moods: Mutex<BTreeMap<PlainKey, Mood>>,
    asked: AtomicUsize,
}

impl Shaky {
    /// A state of these values.
    pub(crate) fn new(values: impl IntoIterator<Item = (PlainKey, PlainValue)>) -> Self {
        Self {
            values: values.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Likewise with code.
    pub(crate) fn with_codes(mut self, codes: impl IntoIterator<Item = Bytecode>) -> Self {
        let codes = codes.into_iter().map(|code| (code.hash_slow(), code));
        self.codes = codes.collect();
        self
    }

    /// From now on.
    pub(crate) fn is(&self, key: PlainKey, mood: Mood) {
        self.moods.lock().insert(key, mood);
    }

    /// Everything can be read.
    pub(crate) fn calm(&self) {
        self.moods.lock().clear();
    }

    /// How many reads there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Nobody finds out what it doesn't know.
impl LowerState for Shaky {}

impl StateReader for Shaky {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        let code = self.codes.get(&hash).cloned();
        code.ok_or(StateError::Unknown(Place::Code(hash)))
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        Err(StateError::Unknown(Place::BlockHash(number)))
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut moods = self.moods.lock();
        match moods.get_mut(key) {
            Some(Mood::Fails) => Err(StateError::Failed("the source is gone".to_owned())),
            Some(Mood::Later(0)) | None => Ok(self.values.get(key).copied().unwrap_or_default()),
            Some(mood) => {
                if let Mood::Later(left) = mood {
                    *left -= 1;
                }
                Err(StateError::Unknown(Place::Key(*key)))
            }
        }
    }
}
