//! What the transactions of a batch have written so far, by key and transaction.

use alloy_primitives::{B256, U256, map::HashMap};
use parking_lot::{Mutex, RwLock};
use revm::bytecode::Bytecode;

use super::reader::Stop;
use crate::{
    block::{PlainKey, PlainValue},
    state::StateError,
};

/// Shards keep threads out of each other's way.
const SHARDS: usize = 64;

/// What one transaction did to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// It stands there now.
    Value(PlainValue),
    /// An account got this much.
    Credit(U256),
}

#[derive(Clone, Copy, Debug)]
enum Version {
    Written(Write),
    /// It will probably be written again.
    Estimate,
}

type Versions = Vec<(usize, Version)>;

/// Versions of keys, for transactions to read what those before them have written.
#[derive(Debug)]
pub(super) struct Memory {
    shards: Vec<Mutex<HashMap<PlainKey, Versions>>>,
    codes: RwLock<HashMap<B256, Bytecode>>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            codes: RwLock::default(),
        }
    }

    /// What transaction `reader` sees under a key, given what stood there before the batch.
    pub(super) fn read(
        &self,
        key: &PlainKey,
        reader: usize,
        before: impl FnOnce() -> Result<PlainValue, StateError>,
    ) -> Result<PlainValue, Stop> {
        let mut credit = U256::ZERO;
        let mut written = None;
        {
            let shard = self.shard(key).lock();
            let versions = shard.get(key).map_or(&[][..], Vec::as_slice);
            let end = versions.partition_point(|(writer, _)| *writer < reader);
            for (writer, version) in versions[..end].iter().rev() {
                match version {
                    Version::Estimate => return Err(Stop::Blocked(*writer)),
                    Version::Written(Write::Credit(amount)) => {
                        credit = credit.saturating_add(*amount);
                    }
                    Version::Written(Write::Value(value)) => {
                        written = Some(*value);
                        break;
                    }
                }
            }
        }
        let value = match written {
            Some(value) => value,
            None => before().map_err(|_| Stop::NeedsOrder)?,
        };
        if credit.is_zero() {
            return Ok(value);
        }
        let mut account = value.as_account().unwrap_or_default();
        account.balance = account.balance.saturating_add(credit);
        Ok(PlainValue::Account(account))
    }

    /// Puts what `writer` has written in the place of what it had written before.
    pub(super) fn publish(
        &self,
        writer: usize,
        before: &[PlainKey],
        writes: &[(PlainKey, Write)],
    ) -> Vec<PlainKey> {
        let keys: Vec<PlainKey> = writes.iter().map(|(key, _)| *key).collect();
        for (key, write) in writes {
            self.put(key, writer, Version::Written(*write));
        }
        for key in before.iter().filter(|key| !keys.contains(key)) {
            self.forget(key, writer);
        }
        keys
    }

    /// What `writer` wrote will be written again.
    pub(super) fn mark_estimates(&self, writer: usize, written: &[PlainKey]) {
        for key in written {
            self.put(key, writer, Version::Estimate);
        }
    }

    pub(super) fn put_code(&self, hash: B256, code: &Bytecode) {
        self.codes.write().insert(hash, code.clone());
    }

    pub(super) fn code(&self, hash: &B256) -> Option<Bytecode> {
        self.codes.read().get(hash).cloned()
    }

    fn put(&self, key: &PlainKey, writer: usize, version: Version) {
        let mut shard = self.shard(key).lock();
        let versions = shard.entry(*key).or_default();
        match versions.binary_search_by_key(&writer, |(writer, _)| *writer) {
            Ok(at) => versions[at].1 = version,
            Err(at) => versions.insert(at, (writer, version)),
        }
    }

    fn forget(&self, key: &PlainKey, writer: usize) {
        if let Some(versions) = self.shard(key).lock().get_mut(key) {
            versions.retain(|(other, _)| *other != writer);
        }
    }

    fn shard(&self, key: &PlainKey) -> &Mutex<HashMap<PlainKey, Versions>> {
        let tail = key.slot.map_or(0, |slot| slot[31] ^ slot[0]);
        &self.shards[usize::from(key.address[19] ^ tail) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;
    use crate::block::PlainAccount;

    const KEY: PlainKey = PlainKey::account(Address::repeat_byte(1));

    fn account(balance: u64) -> PlainValue {
        PlainValue::Account(PlainAccount {
            balance: U256::from(balance),
            ..PlainAccount::default()
        })
    }

    #[test]
    fn a_transaction_sees_the_newest_version_before_its_own() {
        let memory = Memory::new();
        memory.publish(3, &[], &[(KEY, Write::Value(account(30)))]);
        memory.publish(1, &[], &[(KEY, Write::Value(account(10)))]);
        let seen = |reader| memory.read(&KEY, reader, || Ok(account(0)));
        assert_eq!(seen(1), Ok(account(0)));
        assert_eq!(seen(2), Ok(account(10)));
        assert_eq!(seen(3), Ok(account(10)));
        assert_eq!(seen(4), Ok(account(30)));
    }

    #[test]
    fn credits_add_up_on_what_stands_below_them() {
        let memory = Memory::new();
        for writer in [1, 2, 4] {
            memory.publish(writer, &[], &[(KEY, Write::Credit(U256::from(writer)))]);
        }
        assert_eq!(memory.read(&KEY, 9, || Ok(account(5))), Ok(account(12)));
        let absent = || Ok(PlainValue::Absent);
        assert_eq!(memory.read(&KEY, 2, absent), Ok(account(1)));
        memory.publish(3, &[], &[(KEY, Write::Value(account(100)))]);
        assert_eq!(memory.read(&KEY, 9, || Ok(account(5))), Ok(account(104)));
    }

    #[test]
    fn an_estimate_names_whom_to_wait_for_until_it_is_written_again() {
        let memory = Memory::new();
        let written = memory.publish(1, &[], &[(KEY, Write::Value(account(1)))]);
        memory.mark_estimates(1, &written);
        let before = || Ok(account(0));
        assert_eq!(memory.read(&KEY, 5, before), Err(Stop::Blocked(1)));
        memory.publish(1, &written, &[]);
        assert_eq!(memory.read(&KEY, 5, before), Ok(account(0)));
    }
}
