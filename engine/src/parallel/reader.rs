//! The database of an execution ahead of its turn: what it sees, and a list of what it has seen.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use revm::{Database, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo};

use super::batch::Batch;
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{StateError, account_info},
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error("transaction {0} of the batch has to write first")]
    Blocked(usize),
    #[error("the transaction depends on its place in the order")]
    NeedsOrder,
    #[error(transparent)]
    State(#[from] StateError),
}

impl DBErrorMarker for ReadError {}

/// What transaction `index` of a batch reads.
#[derive(Debug, Default)]
pub(super) struct Reader {
    batch: Option<Arc<Batch>>,
    index: usize,
    /// Who is paid by a plain transfer.
    payee: Option<Address>,
    /// What was read, without the accounts that earn fees.
    pub(super) reads: Vec<(PlainKey, Seen)>,
    /// The accounts that fees were added to, as they were read: fees come last, the coinbase's first.
    pub(super) earners: Vec<(Address, Option<PlainAccount>)>,
    /// What the payee was read as.
    pub(super) paid: Option<(Address, Option<PlainAccount>)>,
}

impl Reader {
    /// Turns to another transaction. `payee` is the recipient if the transaction can do nothing but pay
    /// it, should it have no code.
    pub(super) fn begin(&mut self, batch: &Arc<Batch>, index: usize, payee: Option<Address>) {
        self.batch = Some(batch.clone());
        self.index = index;
        self.payee = payee;
        self.reads.clear();
        self.earners.clear();
        self.paid = None;
    }

    /// Lets go of the batch.
    pub(super) fn end(&mut self) {
        self.batch = None;
    }

    fn batch(&self) -> Result<&Arc<Batch>, ReadError> {
        self.batch.as_ref().ok_or(ReadError::NeedsOrder)
    }

    fn read(&mut self, key: PlainKey) -> Result<PlainValue, ReadError> {
        let found = self.batch()?.read(&key, self.index);
        found.map_err(ReadError::Blocked)
    }

    /// An account that earns fees. The coinbase's comes first, so whoever comes to another one without
    /// having come to the coinbase isn't there to pay fees. Whether the coinbase itself was looked at,
    /// mega-evm knows.
    fn earner(&mut self, address: Address) -> Result<Option<PlainAccount>, ReadError> {
        let batch = self.batch()?;
        if self.earners.is_empty() && address != batch.rules.coinbase() {
            return Err(ReadError::NeedsOrder);
        }
        let account = batch.frozen.account(address);
        if !self.earners.iter().any(|(known, _)| *known == address) {
            self.earners.push((address, account));
        }
        Ok(account)
    }
}

impl Database for Reader {
    type Error = ReadError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        let rules = &self.batch()?.rules;
        if rules.is_system(address) {
            return Err(ReadError::NeedsOrder);
        }
        if rules.earns_fees(address) {
            return Ok(self.earner(address)?.map(account_info));
        }
        let key = PlainKey::account(address);
        let account = self.read(key)?.as_account();
        let exists = account.is_some();
        if self.payee == Some(address) && !account.is_some_and(|account| account.has_code()) {
            self.paid = Some((address, account));
            self.reads.push((key, Seen::Payee { exists }));
        } else {
            let value = account.map_or(PlainValue::Absent, PlainValue::Account);
            self.reads.push((key, Seen::Exactly(value)));
        }
        Ok(account.map(account_info))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadError> {
        let batch = self.batch()?;
        let code = batch.code(hash)?;
        if let Bytecode::Eip7702(delegation) = &code {
            let target = delegation.delegated_address;
            if batch.rules.earns_fees(target) || batch.rules.is_system(target) {
                return Err(ReadError::NeedsOrder);
            }
        }
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError> {
        let key = PlainKey::slot(address, slot);
        let value = self.read(key)?;
        self.reads.push((key, Seen::Exactly(value)));
        Ok(value.as_slot())
    }

    fn block_hash(&mut self, block: u64) -> Result<B256, ReadError> {
        Ok(self.batch()?.frozen.block_hash(block)?)
    }
}
