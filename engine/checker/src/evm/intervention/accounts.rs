//! Many accounts as bytes: what `setAccounts` takes, and what our own state files are made of.
//!
//! ```text
//!   accounts = code count u32 | (length u32 | code)* | account*
//!   account  = address 20 | nonce u64 | balance | code u32 | slot count u32 | (slot | value)*
//!   balance, slot, value = length u8 | so many bytes of the number
//! ```
//!
//! All numbers are big-endian. An account's code is 0 for none, n for the n-th code, `u32::MAX` for the one that it has.

use alloy_primitives::{Address, Bytes, U256};

/// Codes with their numbers end before this.
const CODE_STAYS: u32 = u32::MAX;
const WORD: usize = 32;
const ADDRESS: usize = 20;
/// The least that an account takes, and a slot: who claims more of them than there are bytes is not believed.
const LEAST_ACCOUNT: usize = ADDRESS + 8 + 1 + 4 + 4;
const LEAST_SLOT: usize = 2;

/// Accounts to be written, as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSet {
    /// What accounts name as their code.
    pub codes: Vec<Bytes>,
    /// The accounts, in any order.
    pub accounts: Vec<AccountEntry>,
}

/// What an account shall be. Slots that are not named stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// Whose.
    pub address: Address,
    /// The nonce.
    pub nonce: u64,
    /// The balance, in wei.
    pub balance: U256,
    /// The code.
    pub code: EntryCode,
    /// Slots and their values.
    pub slots: Vec<(U256, U256)>,
}

/// An account's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryCode {
    /// None.
    Empty,
    /// The one at this place among the set's codes.
    At(usize),
    /// The one that it has.
    Stays,
}

/// Bytes that are no accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are no accounts: {0}")]
pub struct BadAccounts(&'static str);

impl AccountSet {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_count(&mut out, self.codes.len());
        for code in &self.codes {
            put_count(&mut out, code.len());
            out.extend_from_slice(code);
        }
        for account in &self.accounts {
            account.write(&mut out);
        }
        out
    }

    /// Reads the bytes, and nothing but them.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadAccounts> {
        let mut rest = Rest(bytes);
        let count = rest.count(4)?;
        let codes = (0..count)
            .map(|_| {
                let length = rest.count(1)?;
                Ok(Bytes::copy_from_slice(rest.take(length)?))
            })
            .collect::<Result<Vec<_>, BadAccounts>>()?;
        let mut accounts = Vec::with_capacity(rest.0.len() / LEAST_ACCOUNT);
        while !rest.0.is_empty() {
            accounts.push(AccountEntry::read(&mut rest, codes.len())?);
        }
        Ok(Self { codes, accounts })
    }
}

impl AccountEntry {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.address.as_slice());
        out.extend_from_slice(&self.nonce.to_be_bytes());
        put_number(out, &self.balance);
        match self.code {
            EntryCode::Empty => put_count(out, 0),
            EntryCode::At(index) => put_count(out, index + 1),
            EntryCode::Stays => out.extend_from_slice(&CODE_STAYS.to_be_bytes()),
        }
        put_count(out, self.slots.len());
        for (slot, value) in &self.slots {
            put_number(out, slot);
            put_number(out, value);
        }
    }

    fn read(rest: &mut Rest<'_>, codes: usize) -> Result<Self, BadAccounts> {
        let address = Address::from_slice(rest.take(ADDRESS)?);
        let nonce = u64::from_be_bytes(rest.array()?);
        let balance = rest.number()?;
        let code = match rest.u32()? {
            0 => EntryCode::Empty,
            CODE_STAYS => EntryCode::Stays,
            number if number as usize <= codes => EntryCode::At(number as usize - 1),
            _ => return Err(BadAccounts("an account's code is not there")),
        };
        let slots = (0..rest.count(LEAST_SLOT)?)
            .map(|_| Ok((rest.number()?, rest.number()?)))
            .collect::<Result<Vec<_>, BadAccounts>>()?;
        Ok(Self {
            address,
            nonce,
            balance,
            code,
            slots,
        })
    }
}

#[allow(clippy::cast_possible_truncation)] // Nobody holds four billion of anything here.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

fn put_number(out: &mut Vec<u8>, number: &U256) {
    let bytes = number.to_be_bytes::<WORD>();
    let first = WORD - number.byte_len();
    out.push((WORD - first) as u8);
    out.extend_from_slice(&bytes[first..]);
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BadAccounts> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(BadAccounts("they end too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadAccounts> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32, BadAccounts> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A number of things, each of which takes at least so many bytes.
    fn count(&mut self, each: usize) -> Result<usize, BadAccounts> {
        let count = self.u32()? as usize;
        match count <= self.0.len() / each {
            true => Ok(count),
            false => Err(BadAccounts("they end too early")),
        }
    }

    fn number(&mut self) -> Result<U256, BadAccounts> {
        let length = usize::from(self.take(1)?[0]);
        if length > WORD {
            return Err(BadAccounts("a number has more than 256 bits"));
        }
        Ok(U256::from_be_slice(self.take(length)?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn number() -> impl Strategy<Value = U256> {
        prop_oneof![
            Just(U256::ZERO),
            Just(U256::MAX),
            any::<u64>().prop_map(U256::from),
            any::<[u8; WORD]>().prop_map(U256::from_be_bytes),
        ]
    }

    fn entry() -> impl Strategy<Value = AccountEntry> {
        let code = prop_oneof![
            Just(EntryCode::Empty),
            Just(EntryCode::Stays),
            (0..3usize).prop_map(EntryCode::At)
        ];
        let slots = vec((number(), number()), 0..4);
        (any::<[u8; 20]>(), any::<u64>(), number(), code, slots).prop_map(
            |(address, nonce, balance, code, slots)| AccountEntry {
                address: address.into(),
                nonce,
                balance,
                code,
                slots,
            },
        )
    }

    fn set() -> impl Strategy<Value = AccountSet> {
        let codes = vec(vec(any::<u8>(), 0..50).prop_map(Bytes::from), 3);
        (codes, vec(entry(), 0..6)).prop_map(|(codes, accounts)| AccountSet { codes, accounts })
    }

    proptest! {
        #[test]
        fn accounts_come_back_as_they_were(set in set()) {
            prop_assert_eq!(AccountSet::decode(&set.encode()).unwrap(), set);
        }

        #[test]
        fn what_is_cut_short_is_no_set_or_a_smaller_one(set in set(), at in any::<prop::sample::Index>()) {
            let bytes = set.encode();
            let cut = at.index(bytes.len());
            if let Ok(less) = AccountSet::decode(&bytes[..cut]) {
                prop_assert!(less.accounts.len() < set.accounts.len());
            }
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_refused(bytes in vec(any::<u8>(), 0..200)) {
            let _ = AccountSet::decode(&bytes);
        }
    }

    #[test]
    fn a_count_that_nothing_stands_behind_takes_no_memory() {
        for bytes in [&[0xff; 4][..], &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 7][..]] {
            assert_eq!(
                AccountSet::decode(bytes),
                Err(BadAccounts("they end too early"))
            );
        }
    }
}
