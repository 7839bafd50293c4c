//! The database of an execution ahead of its turn: what it sees, and a list of what it has seen.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;

use super::batch::Batch;
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{Place, StateError, StateReader},
};

/// What was read under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// This value.
    Exactly(PlainValue),
    /// An account without code of which only matters whether it exists: it gets something.
    Payee { exists: bool },
}

impl Seen {
    /// Whether `now` would have been read likewise.
    pub(super) fn holds(&self, now: &PlainValue) -> bool {
        match self {
            Self::Exactly(value) => value == now,
            Self::Payee { exists } => match now.as_account() {
                Some(account) => *exists && !account.has_code(),
                None => !*exists,
            },
        }
    }
}

/// Why an execution can't go on ahead of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// That transaction of the batch has to write first.
    Blocked(usize),
    /// It depends on its place in the order, or on state that can't be read: the builder's matter.
    NeedsOrder,
}

/// An account that was read, and as what.
pub(super) type Read = (Address, Option<PlainAccount>);

/// What transaction `index` of a batch reads.
#[derive(Debug, Default)]
pub(super) struct SpeculativeReader {
    batch: Option<Arc<Batch>>,
    index: usize,
    /// Who is paid by a plain transfer.
    payee: Option<Address>,
    /// What was read, without the accounts that earn fees.
    reads: RefCell<Vec<(PlainKey, Seen)>>,
    /// The accounts that fees were added to, as they were read: fees come last, the coinbase's first.
    earners: RefCell<Vec<Read>>,
    /// What the payee was read as.
    paid: Cell<Option<Read>>,
    stopped: Cell<Option<Stop>>,
}

/// What was read by one execution.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) seen: Vec<(PlainKey, Seen)>,
    pub(super) earners: Vec<Read>,
    pub(super) paid: Option<Read>,
}

impl SpeculativeReader {
    /// Turns to another transaction. `payee` is the recipient if the transaction can do nothing but pay
    /// it, should it have no code.
    pub(super) fn begin(&mut self, batch: &Arc<Batch>, index: usize, payee: Option<Address>) {
        self.batch = Some(batch.clone());
        self.index = index;
        self.payee = payee;
        self.reads.get_mut().clear();
        self.earners.get_mut().clear();
        self.paid.set(None);
        self.stopped.set(None);
    }

    /// Lets go of the batch.
    pub(super) fn end(&mut self) {
        self.batch = None;
    }

    /// Why the execution could not go on, if it could not.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }

    /// What the execution has read.
    pub(super) fn take(&mut self) -> Reads {
        Reads {
            seen: self.reads.take(),
            earners: self.earners.take(),
            paid: self.paid.take(),
        }
    }

    /// Ends the execution. For revm the place is unknown; why, is told apart.
    fn stop(&self, why: Stop, key: PlainKey) -> StateError {
        self.stopped.set(self.stopped.get().or(Some(why)));
        StateError::Unknown(Place::Key(key))
    }

    fn batch(&self) -> Result<&Arc<Batch>, StateError> {
        let none = || StateError::Failed("nothing is executed".to_owned());
        self.batch.as_ref().ok_or_else(none)
    }

    fn read(&self, key: PlainKey) -> Result<PlainValue, StateError> {
        let found = self.batch()?.read(&key, self.index);
        found.map_err(|why| self.stop(why, key))
    }

    fn note(&self, key: PlainKey, seen: Seen) {
        self.reads.borrow_mut().push((key, seen));
    }

    /// An account that earns fees. The coinbase's comes first, so whoever comes to another one without
    /// having come to the coinbase isn't there to pay fees. Whether the coinbase itself was looked at,
    /// mega-evm knows.
    fn earner(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        let batch = self.batch()?;
        let mut earners = self.earners.borrow_mut();
        if earners.is_empty() && address != batch.rules.coinbase() {
            return Err(self.stop(Stop::NeedsOrder, PlainKey::account(address)));
        }
        let account = batch.frozen.account(address)?;
        if !earners.iter().any(|(known, _)| *known == address) {
            earners.push((address, account));
        }
        Ok(account)
    }
}

impl StateReader for SpeculativeReader {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        let rules = &self.batch()?.rules;
        let key = PlainKey::account(address);
        if rules.is_system(address) {
            return Err(self.stop(Stop::NeedsOrder, key));
        }
        if rules.earns_fees(address) {
            return self.earner(address);
        }
        let account = self.read(key)?.as_account();
        let exists = account.is_some();
        if self.payee == Some(address) && !account.is_some_and(|account| account.has_code()) {
            self.paid.set(Some((address, account)));
            self.note(key, Seen::Payee { exists });
        } else {
            let value = account.map_or(PlainValue::Absent, PlainValue::Account);
            self.note(key, Seen::Exactly(value));
        }
        Ok(account)
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let key = PlainKey::slot(address, slot);
        let value = self.read(key)?;
        self.note(key, Seen::Exactly(value));
        Ok(value.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        let batch = self.batch()?;
        let code = batch.code(hash)?;
        if let Bytecode::Eip7702(delegation) = &code {
            let target = delegation.delegated_address;
            if batch.rules.earns_fees(target) || batch.rules.is_system(target) {
                return Err(self.stop(Stop::NeedsOrder, PlainKey::account(target)));
            }
        }
        Ok(code)
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        self.batch()?.frozen.block_hash(number)
    }
}
