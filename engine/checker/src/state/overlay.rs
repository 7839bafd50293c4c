//! The open mini-block's changes over the newest state; the builder's database.
//!
//! Belongs to the builder's thread alone. Transactions' outcomes are laid into it one by one; sealing
//! takes them out as a [`StateDiff`]. Other threads read it as it was at a moment: a [`Frozen`].

use std::sync::Arc;

use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256,
    map::{HashMap, HashSet},
};
use revm::{
    bytecode::Bytecode,
    state::{Account, EvmState},
};

use super::{StateError, StateReader, view::Latest, world::StateStore};
use crate::block::{PlainAccount, PlainKey, PlainValue, StateDiff};

/// Changes that aren't committed yet.
#[derive(Clone, Debug, Default)]
struct Layer {
    accounts: HashMap<Address, Option<PlainAccount>>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytecode>,
}

impl Layer {
    fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.slots.is_empty() && self.codes.is_empty()
    }

    /// Lays `newer` over this.
    fn extend(&mut self, newer: Self) {
        self.accounts.extend(newer.accounts);
        self.slots.extend(newer.slots);
        self.codes.extend(newer.codes);
    }
}

/// Changes that aren't committed yet, over the world's newest state.
#[derive(Debug)]
pub struct Overlay {
    /// What was there when it was last frozen.
    frozen: Frozen,
    /// What came since.
    fresh: Layer,
}

/// The open mini-block's state at a moment, readable from any thread until the next commit to the world.
#[derive(Clone, Debug)]
pub struct Frozen {
    layer: Arc<Layer>,
    tip: Latest,
}

impl StateReader for Frozen {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        match self.layer.accounts.get(&address) {
            Some(account) => Ok(*account),
            None => self.tip.account(address),
        }
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        match self.layer.slots.get(&(address, slot)) {
            Some(value) => Ok(*value),
            None => self.tip.slot(address, slot),
        }
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match self.layer.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.tip.code(hash),
        }
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        self.tip.block_hash(number)
    }
}

impl Frozen {
    fn has_code(&self, hash: &B256) -> bool {
        self.layer.codes.contains_key(hash) || self.tip.0.has_code(hash)
    }
}

/// What the outcome of a transaction or system call leaves under an account's own key and under those of
/// the slots that it changed; nothing for an account that it only read.
pub fn changes_of(
    address: Address,
    account: &Account,
) -> impl Iterator<Item = (PlainKey, PlainValue)> + '_ {
    let touched = account.is_touched();
    // Only accounts created in the same transaction are ever destroyed (EIP-6780), so no
    // older storage has to be wiped.
    let stays = touched && !account.is_selfdestructed();
    let own = touched.then(|| {
        let plain = PlainAccount {
            nonce: account.info.nonce,
            balance: account.info.balance,
            code_hash: account.info.code_hash,
        };
        let value = match stays {
            true => PlainValue::from_account(plain),
            false => PlainValue::Absent,
        };
        (PlainKey::account(address), value)
    });
    let slots = stays.then(|| account.changed_storage_slots());
    let slots = slots.into_iter().flatten().map(move |(slot, value)| {
        let value = PlainValue::from_slot(value.present_value);
        (PlainKey::slot(address, *slot), value)
    });
    own.into_iter().chain(slots)
}

/// The code that a transaction gave an account.
pub fn new_code_of(account: &Account) -> Option<(B256, &Bytecode)> {
    let info = &account.info;
    let lives = account.is_touched() && !account.is_selfdestructed();
    let code = info.code.as_ref().filter(|_| lives)?;
    (info.code_hash != KECCAK256_EMPTY).then_some((info.code_hash, code))
}

impl Overlay {
    /// No changes yet.
    pub fn new(world: StateStore) -> Self {
        let frozen = Frozen {
            layer: Arc::default(),
            tip: Latest(world),
        };
        Self {
            frozen,
            fresh: Layer::default(),
        }
    }

    /// The state as it is now, for other threads.
    pub fn freeze(&mut self) -> Frozen {
        let fresh = std::mem::take(&mut self.fresh);
        if !fresh.is_empty() {
            Arc::make_mut(&mut self.frozen.layer).extend(fresh);
        }
        self.frozen.clone()
    }

    /// Lays the outcome of a transaction or system call over what is here.
    pub fn apply(&mut self, state: &EvmState) {
        for (address, account) in state {
            if let Some((hash, code)) = new_code_of(account)
                && !self.fresh.codes.contains_key(&hash)
                && !self.frozen.has_code(&hash)
            {
                self.fresh.codes.insert(hash, code.clone());
            }
            for (key, value) in changes_of(*address, account) {
                match key.slot {
                    Some(slot) => {
                        let slot = (key.address, slot.into());
                        self.fresh.slots.insert(slot, value.as_slot());
                    }
                    None => {
                        self.fresh.accounts.insert(key.address, value.as_account());
                    }
                }
            }
        }
    }

    /// Takes out everything that differs from the committed state, in canonical order.
    pub fn take_diff(&mut self) -> StateDiff {
        let fresh = std::mem::take(&mut self.fresh);
        let older = std::mem::take(&mut self.frozen.layer);
        let layer = if older.is_empty() {
            fresh
        } else {
            // A thread that came too late may still read it.
            let mut all = Arc::unwrap_or_clone(older);
            all.extend(fresh);
            all
        };
        let accounts = layer.accounts.into_iter().map(|(address, account)| {
            (
                PlainKey::account(address),
                account.map_or(PlainValue::Absent, PlainValue::Account),
            )
        });
        let slots = layer.slots.into_iter().map(|((address, slot), value)| {
            (PlainKey::slot(address, slot), PlainValue::from_slot(value))
        });
        let world = &self.frozen.tip.0;
        let mut entries: Vec<_> = accounts
            .chain(slots)
            .filter(|(key, value)| world.tip(key) != *value)
            .collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        let mut codes: Vec<(B256, Bytes)> = layer
            .codes
            .into_iter()
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

impl StateReader for Overlay {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        match self.fresh.accounts.get(&address) {
            Some(account) => Ok(*account),
            None => self.frozen.account(address),
        }
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        match self.fresh.slots.get(&(address, slot)) {
            Some(value) => Ok(*value),
            None => self.frozen.slot(address, slot),
        }
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match self.fresh.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.frozen.code(hash),
        }
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        self.frozen.block_hash(number)
    }
}
