//! What execution changes, key by key, and in which part of the block.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY};
use revm::state::{AccountInfo, EvmState};

use super::ReplayError;
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{Change, StateReader},
};

/// What something changed, sorted by key, and the code that came with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Keys with old and new values.
    pub changes: Vec<Change>,
    /// Code of accounts that changed, by its hash.
    pub codes: BTreeMap<B256, Bytes>,
}

/// Follows what execution changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The newest value of each key that the block wrote.
    newest: BTreeMap<PlainKey, PlainValue>,
    /// The values before the part that is being executed, of the keys that it wrote.
    before: BTreeMap<PlainKey, PlainValue>,
    codes: HashMap<B256, Bytes>,
}

impl Changes {
    /// Takes what one transaction, or one system call, left.
    pub(super) fn apply<D: StateReader>(
        &mut self,
        state: &EvmState,
        source: &D,
    ) -> Result<(), ReplayError> {
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            let key = PlainKey::account(*address);
            if account.is_selfdestructed() {
                // EIP-6780: made in this very transaction, so that nothing of it was stored before.
                self.write(key, PlainValue::Absent, source)?;
                continue;
            }
            let info = &account.info;
            if let Some(code) = &info.code
                && info.code_hash != KECCAK256_EMPTY
            {
                self.codes.insert(info.code_hash, code.original_bytes());
            }
            self.write(key, plain(info), source)?;
            for (slot, value) in account.changed_storage_slots() {
                let key = PlainKey::slot(*address, *slot);
                self.write(key, PlainValue::from_slot(value.present_value), source)?;
            }
        }
        Ok(())
    }

    fn write<D: StateReader>(
        &mut self,
        key: PlainKey,
        value: PlainValue,
        source: &D,
    ) -> Result<(), ReplayError> {
        let old = match self.newest.get(&key) {
            Some(old) => *old,
            None => source.value(&key).map_err(ReplayError::of)?,
        };
        self.before.entry(key).or_insert(old);
        self.newest.insert(key, value);
        Ok(())
    }

    /// What changed since the last call.
    pub(super) fn take(&mut self) -> Effect {
        let mut effect = Effect::default();
        for (key, old) in std::mem::take(&mut self.before) {
            let new = self.newest.get(&key).copied().unwrap_or(old);
            if new == old {
                continue;
            }
            if let Some(account) = new.as_account()
                && old.as_account().map(|old| old.code_hash) != Some(account.code_hash)
                && let Some(code) = self.codes.get(&account.code_hash)
            {
                effect.codes.insert(account.code_hash, code.clone());
            }
            effect.changes.push(Change { key, old, new });
        }
        effect
    }
}

fn plain(info: &AccountInfo) -> PlainValue {
    PlainValue::from_account(PlainAccount {
        nonce: info.nonce,
        balance: info.balance,
        code_hash: info.code_hash,
    })
}
