//! The open mini-block's changes over the newest state; the builder's database.
//!
//! Belongs to the builder's thread alone. Transactions' outcomes are laid into it one by one; sealing
//! takes them out as a [`StateDiff`].

use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256,
    map::{HashMap, HashSet},
};
use revm::{
    Database, DatabaseRef as _,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};

use super::{
    StateError,
    view::{Tip, account_info},
    world::World,
};
use crate::block::{PlainAccount, PlainKey, PlainValue, StateDiff};

/// Changes that aren't committed yet, over the world's newest state.
#[derive(Debug)]
pub struct Overlay {
    tip: Tip,
    accounts: HashMap<Address, Option<PlainAccount>>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytecode>,
}

impl Overlay {
    /// No changes yet.
    pub fn new(world: World) -> Self {
        Self {
            tip: Tip(world),
            accounts: HashMap::default(),
            slots: HashMap::default(),
            codes: HashMap::default(),
        }
    }

    /// An account as it is now.
    pub fn account(&self, address: Address) -> Option<PlainAccount> {
        match self.accounts.get(&address) {
            Some(account) => *account,
            None => self.tip.0.tip_account(address),
        }
    }

    /// Lays the outcome of a transaction or system call over what is here.
    pub fn apply(&mut self, state: &EvmState) {
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            // Only accounts created in the same transaction are ever destroyed (EIP-6780), so no
            // older storage has to be wiped.
            if account.is_selfdestructed() {
                self.accounts.insert(*address, None);
                continue;
            }
            let info = &account.info;
            if let Some(code) = &info.code
                && info.code_hash != KECCAK256_EMPTY
                && !self.codes.contains_key(&info.code_hash)
                && self.tip.0.code(&info.code_hash).is_none()
            {
                self.codes.insert(info.code_hash, code.clone());
            }
            let plain = PlainAccount {
                nonce: info.nonce,
                balance: info.balance,
                code_hash: info.code_hash,
            };
            self.accounts
                .insert(*address, (!plain.is_empty()).then_some(plain));
            for (slot, value) in account.changed_storage_slots() {
                self.slots.insert((*address, *slot), value.present_value);
            }
        }
    }

    /// Takes out everything that differs from the committed state, in canonical order.
    pub fn take_diff(&mut self) -> StateDiff {
        let accounts = self.accounts.drain().map(|(address, account)| {
            (
                PlainKey::account(address),
                account.map_or(PlainValue::Absent, PlainValue::Account),
            )
        });
        let slots = self.slots.drain().map(|((address, slot), value)| {
            (PlainKey::slot(address, slot), PlainValue::from_slot(value))
        });
        let world = &self.tip.0;
        let mut entries: Vec<_> = accounts
            .chain(slots)
            .filter(|(key, value)| world.tip(key) != *value)
            .collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        let mut codes: Vec<(B256, Bytes)> = self
            .codes
            .drain()
            .map(|(hash, code)| (hash, code.original_bytes()))
            .collect();
        if !codes.is_empty() {
            // Code that was made and lost again within the mini-block belongs to nobody.
            let named: HashSet<B256> = entries
                .iter()
                .filter_map(|(_, value)| Some(value.as_account()?.code_hash))
                .collect();
            codes.retain(|(hash, _)| named.contains(hash));
        }
        codes.sort_unstable_by_key(|(hash, _)| *hash);
        StateDiff {
            entries,
            codes: codes.into_iter().map(|(_, code)| code).collect(),
        }
    }
}

impl Database for Overlay {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.account(address).map(account_info))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, StateError> {
        match self.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.tip.code_by_hash_ref(hash),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        match self.slots.get(&(address, slot)) {
            Some(value) => Ok(*value),
            None => Ok(self.tip.0.tip(&PlainKey::slot(address, slot)).as_slot()),
        }
    }

    fn block_hash(&mut self, block: u64) -> Result<B256, StateError> {
        self.tip.block_hash_ref(block)
    }
}
