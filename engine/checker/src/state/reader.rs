//! The one way to read state, and the one adapter that lets revm read it.
//!
//! A reader may not know a place: that is an error of its own kind, never an absent account and never a zero. It
//! answers at once; whoever can wait asks again later.

use std::{
    cell::RefCell,
    ops::{Deref, DerefMut},
};

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::{
    Database, DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker,
    state::AccountInfo,
};

use crate::block::{PlainAccount, PlainKey, PlainValue, RecordError};

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// An account, or one of its slots.
    Key(PlainKey),
    /// Code, by its hash.
    Code(B256),
    /// A block's hash, by its number.
    BlockHash(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(PlainKey {
                address,
                slot: Some(slot),
            }) => write!(f, "slot {slot} of {address}"),
            Self::Key(key) => write!(f, "the account {}", key.address),
            Self::Code(hash) => write!(f, "the code with hash {hash}"),
            Self::BlockHash(number) => write!(f, "the hash of block {number}"),
        }
    }
}

/// Why state can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// What is there isn't known; asked again later, it may be.
    #[error("{0} is not known")]
    Unknown(Place),
    /// An account names code that nobody has.
    #[error("the code with hash {0} is missing")]
    MissingCode(B256),
    /// It is the state of a block that was rolled back meanwhile.
    #[error("the chain was rolled back to before this state")]
    RolledBack,
    /// What changed since that state was pruned meanwhile.
    #[error("the history that this state is read through was pruned meanwhile")]
    Pruned,
    /// The archive gave a value that isn't one.
    #[error("the archive is damaged: {0}")]
    BadArchive(#[from] RecordError),
    /// The reader failed.
    #[error("the state can't be read: {0}")]
    Failed(String),
}

impl DBErrorMarker for StateError {}

/// Reads one state, which doesn't change while it is read.
pub trait StateReader {
    /// An account; `None` if it is known not to exist.
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError>;

    /// A storage slot.
    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError>;

    /// Code by its hash.
    fn code(&self, hash: B256) -> Result<Bytecode, StateError>;

    /// A block's hash; zero if it is too old.
    fn block_hash(&self, number: u64) -> Result<B256, StateError>;

    /// What stands under a key.
    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        match key.slot {
            Some(slot) => Ok(PlainValue::from_slot(self.slot(key.address, slot.into())?)),
            None => {
                let account = self.account(key.address)?;
                Ok(account.map_or(PlainValue::Absent, PlainValue::Account))
            }
        }
    }
}

impl<R: StateReader + ?Sized> StateReader for &R {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        (**self).account(address)
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        (**self).slot(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        (**self).code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        (**self).block_hash(number)
    }
}

/// A reader as revm's database. Remembers that a read failed: who runs inside a transaction may make something else of
/// the error than an error.
#[derive(Debug, Default)]
pub struct Adapter<R> {
    reader: R,
    failure: RefCell<Option<StateError>>,
}

impl<R> Adapter<R> {
    /// Nothing read yet.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            failure: RefCell::default(),
        }
    }

    /// Why a read failed since this was asked last, if one did: what came of it counts for nothing.
    pub fn take_failure(&self) -> Option<StateError> {
        self.failure.take()
    }

    fn noted<T>(&self, read: Result<T, StateError>) -> Result<T, StateError> {
        if let Err(error) = &read {
            self.failure.replace(Some(error.clone()));
        }
        read
    }
}

impl<R> Deref for Adapter<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.reader
    }
}

impl<R> DerefMut for Adapter<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.reader
    }
}

impl<R: StateReader> DatabaseRef for Adapter<R> {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let account = self.noted(self.reader.account(address))?;
        Ok(account.map(account_info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, StateError> {
        if hash.is_zero() || hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        self.noted(self.reader.code(hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.noted(self.reader.slot(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        self.noted(self.reader.block_hash(number))
    }
}

impl<R: StateReader> Database for Adapter<R> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        self.basic_ref(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, StateError> {
        self.code_by_hash_ref(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.storage_ref(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        self.block_hash_ref(number)
    }
}

/// An account as revm takes it.
fn account_info(account: PlainAccount) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: account.code_hash,
        code: None,
    }
}
