//! The state that a verification may read, and the recorder that collects it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo,
};

use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{StateError, View},
};

/// Something was read that the input does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// A state key.
    #[error("the block's input does not hold the state of {address:#x}{}", slot_name(.slot))]
    Key {
        /// The account.
        address: Address,
        /// The slot, unless it is the account itself.
        slot: Option<B256>,
    },
    /// Code.
    #[error("the block's input does not hold the code with hash {0:#x}")]
    Code(B256),
    /// A block's hash.
    #[error("the block's input does not hold the hash of block {0}")]
    BlockHash(u64),
}

fn slot_name(slot: &Option<B256>) -> String {
    slot.map(|slot| format!(", slot {slot:#x}"))
        .unwrap_or_default()
}

impl DBErrorMarker for Unknown {}

/// The recorded state. Reading anything else is an error, never a zero.
#[derive(Debug, Default)]
pub struct Witness {
    values: BTreeMap<PlainKey, PlainValue>,
    codes: HashMap<B256, Bytecode>,
    hashes: BTreeMap<u64, B256>,
}

impl Witness {
    /// A witness of these values, codes and block hashes.
    pub fn new(
        values: impl IntoIterator<Item = (PlainKey, PlainValue)>,
        codes: impl IntoIterator<Item = Bytes>,
        hashes: impl IntoIterator<Item = (u64, B256)>,
    ) -> Self {
        Self {
            values: values.into_iter().collect(),
            codes: codes
                .into_iter()
                .map(|code| (keccak256(&code), Bytecode::new_raw(code)))
                .collect(),
            hashes: hashes.into_iter().collect(),
        }
    }

    /// What stands under a key.
    pub fn value(&self, key: &PlainKey) -> Result<PlainValue, Unknown> {
        let unknown = || Unknown::Key {
            address: key.address,
            slot: key.slot,
        };
        self.values.get(key).copied().ok_or_else(unknown)
    }

    /// All recorded slots of an account.
    pub fn slots_of(&self, address: Address) -> impl Iterator<Item = (B256, U256)> {
        let first = PlainKey::account(address);
        self.values
            .range(first..)
            .take_while(move |(key, _)| key.address == address)
            .filter_map(|(key, value)| Some((key.slot?, value.as_slot())))
    }
}

/// An account as revm takes it.
pub(super) fn info(account: PlainAccount) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: account.code_hash,
        code: None,
    }
}

pub(super) fn is_no_code(hash: &B256) -> bool {
    hash.is_zero() || *hash == KECCAK256_EMPTY
}

impl DatabaseRef for Witness {
    type Error = Unknown;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Unknown> {
        Ok(self
            .value(&PlainKey::account(address))?
            .as_account()
            .map(info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Unknown> {
        if is_no_code(&hash) {
            return Ok(Bytecode::default());
        }
        self.codes.get(&hash).cloned().ok_or(Unknown::Code(hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Unknown> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Unknown> {
        self.hashes
            .get(&number)
            .copied()
            .ok_or(Unknown::BlockHash(number))
    }
}

/// Reads a view and remembers what was read.
#[derive(Debug)]
pub struct Recorder<'a> {
    view: &'a View,
    values: RefCell<BTreeMap<PlainKey, PlainValue>>,
    codes: RefCell<BTreeMap<B256, Bytes>>,
    hashes: RefCell<BTreeMap<u64, B256>>,
}

/// What was read, in canonical order.
#[derive(Debug)]
pub struct Recorded {
    pub(super) values: Vec<(PlainKey, PlainValue)>,
    pub(super) codes: Vec<Bytes>,
    pub(super) hashes: Vec<(u64, B256)>,
}

impl Recorded {
    /// The keys that were read.
    pub fn keys(&self) -> impl Iterator<Item = &PlainKey> {
        self.values.iter().map(|(key, _)| key)
    }
}

impl<'a> Recorder<'a> {
    /// Nothing read yet.
    pub fn new(view: &'a View) -> Self {
        Self {
            view,
            values: RefCell::default(),
            codes: RefCell::default(),
            hashes: RefCell::default(),
        }
    }

    /// Reads a key.
    pub fn value(&self, key: PlainKey) -> Result<PlainValue, StateError> {
        let value = self.view.value(&key)?;
        self.values.borrow_mut().insert(key, value);
        Ok(value)
    }

    /// Everything that was read.
    pub fn finish(self) -> Recorded {
        Recorded {
            values: self.values.into_inner().into_iter().collect(),
            codes: self.codes.into_inner().into_values().collect(),
            hashes: self.hashes.into_inner().into_iter().collect(),
        }
    }
}

impl DatabaseRef for Recorder<'_> {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self
            .value(PlainKey::account(address))?
            .as_account()
            .map(info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, StateError> {
        let code = self.view.code(hash)?;
        if !is_no_code(&hash) {
            self.codes.borrow_mut().insert(hash, code.original_bytes());
        }
        Ok(code)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(PlainKey::slot(address, slot))?.as_slot())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        let hash = self.view.block_hash(number)?;
        self.hashes.borrow_mut().insert(number, hash);
        // A stateless check knows the hash from the state (EIP-2935).
        let slot = U256::from(number % HISTORY_SERVE_WINDOW as u64);
        self.value(PlainKey::slot(HISTORY_STORAGE_ADDRESS, slot))?;
        Ok(hash)
    }
}
