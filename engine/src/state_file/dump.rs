//! A state as accounts, part by part, while the chain goes on.

use std::ops::RangeInclusive;

use alloy_primitives::Address;
use megaeth_checker::evm::{AccountEntry, AccountSet, EntryCode};

use super::contents::Accounts;
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::{StateError, StateReader, View},
};

/// Accounts and slots that one part holds, where addresses are as even as hashes are.
const PART_ENTRIES: usize = 250_000;
/// Parts are told by the first byte of the address.
const MOST_PARTS: usize = 256;

/// All accounts of a state that stands still, in the order of their addresses.
pub(crate) struct StateDump {
    view: View,
    parts: usize,
    next: usize,
}

impl StateDump {
    /// `entries`: about how many accounts and slots there are.
    pub(crate) fn new(view: View, entries: usize) -> Self {
        Self {
            view,
            parts: (entries / PART_ENTRIES + 1).min(MOST_PARTS),
            next: 0,
        }
    }

    /// The accounts that come next, if there are more.
    pub(crate) fn part(&mut self) -> Result<Option<AccountSet>, StateError> {
        while self.next < self.parts {
            let range = self.range(self.next);
            self.next += 1;
            let entries = self.view.entries(&range)?;
            if !entries.is_empty() {
                return self.accounts_of(entries).map(Some);
            }
        }
        Ok(None)
    }

    fn range(&self, part: usize) -> RangeInclusive<Address> {
        let begin = |part: usize| part * MOST_PARTS / self.parts;
        let (mut first, mut last) = (Address::ZERO, Address::repeat_byte(0xff));
        first[0] = byte(begin(part));
        last[0] = byte(begin(part + 1) - 1);
        first..=last
    }

    fn accounts_of(&self, entries: Vec<(PlainKey, PlainValue)>) -> Result<AccountSet, StateError> {
        let mut all = Accounts::default();
        let mut open: Option<AccountEntry> = None;
        for (key, value) in entries {
            if open
                .as_ref()
                .is_none_or(|entry| entry.address != key.address)
            {
                if let Some(done) = open.take() {
                    all.push(done);
                }
                // A slot may stand at an account that is not there.
                let account = value.as_account().unwrap_or_default();
                open = Some(self.entry(&mut all, key.address, account)?);
            }
            if let (Some(entry), Some(slot)) = (&mut open, key.slot) {
                entry.slots.push((slot.into(), value.as_slot()));
            }
        }
        if let Some(done) = open {
            all.push(done);
        }
        Ok(all.unchecked())
    }

    fn entry(
        &self,
        all: &mut Accounts,
        address: Address,
        account: PlainAccount,
    ) -> Result<AccountEntry, StateError> {
        let hash = account.code_hash;
        let code = match all.known(hash) {
            Some(known) => known,
            None if account.has_code() => all.code(self.view.code(hash)?.original_bytes()),
            None => EntryCode::Empty,
        };
        Ok(AccountEntry {
            address,
            nonce: account.nonce,
            balance: account.balance,
            code,
            slots: Vec::new(),
        })
    }
}

#[allow(clippy::cast_possible_truncation)] // Below 256.
fn byte(number: usize) -> u8 {
    number as u8
}
