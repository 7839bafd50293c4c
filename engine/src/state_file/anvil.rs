//! Anvil's form: `{"accounts": {address: {"nonce", "balance", "code", "storage"}}, ...}`, of which nothing but the accounts
//! is read.
//!
//! Numbers may be JSON numbers, decimal strings or hex strings; what an account doesn't say is zero.

use std::fmt;

use alloy_primitives::{Address, Bytes, U256, hex};
use megaeth_checker::evm::{AccountEntry, AccountSet, EntryCode};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};

use super::contents::{Accounts, FileError};
use crate::json;

/// The accounts of a file.
pub(crate) fn read_anvil(text: &[u8]) -> Result<AccountSet, FileError> {
    let mut accounts = Accounts::default();
    let mut document = serde_json::Deserializer::from_slice(text);
    let read = Document(&mut accounts).deserialize(&mut document);
    read.and_then(|()| document.end())
        .map_err(|error| FileError::Json(error.to_string()))?;
    accounts.checked()
}

/// Appends the members of `accounts`, the first after a comma unless it `is_first`.
pub(crate) fn write_anvil(out: &mut Vec<u8>, set: &AccountSet, is_first: bool) {
    for (index, account) in set.accounts.iter().enumerate() {
        if index > 0 || !is_first {
            out.push(b',');
        }
        json::data(out, account.address.as_slice());
        out.extend_from_slice(b":{\"nonce\":");
        json::number(out, account.nonce);
        out.extend_from_slice(b",\"balance\":");
        json::quantity_u256(out, &account.balance);
        out.extend_from_slice(b",\"code\":");
        match account.code {
            EntryCode::At(place) => json::data(out, &set.codes[place]),
            EntryCode::Empty | EntryCode::Stays => json::data(out, &[]),
        }
        out.extend_from_slice(b",\"storage\":{");
        for (index, (slot, value)) in account.slots.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::data(out, &slot.to_be_bytes::<32>());
            out.push(b':');
            json::data(out, &value.to_be_bytes::<32>());
        }
        out.extend_from_slice(b"}}");
    }
}

struct Document<'a>(&'a mut Accounts);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the accounts of a state")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name != "accounts" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if std::mem::replace(&mut found, true) {
                return Err(A::Error::duplicate_field("accounts"));
            }
            map.next_value_seed(Members(&mut *self.0))?;
        }
        match found {
            true => Ok(()),
            false => Err(A::Error::missing_field("accounts")),
        }
    }
}

struct Members<'a>(&'a mut Accounts);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("accounts by address")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let address: Address = name
                .parse()
                .map_err(|_| A::Error::custom(format_args!("{name:?} is no address")))?;
            let member: Member = map
                .next_value()
                .map_err(|error| A::Error::custom(format_args!("account {address}: {error}")))?;
            let code = self.0.code(member.code.0);
            self.0.push(AccountEntry {
                address,
                nonce: member.nonce.0,
                balance: member.balance.0,
                code,
                slots: member.storage.0,
            });
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Member {
    nonce: Number<u64>,
    balance: Number<U256>,
    code: Code,
    storage: Slots,
}

#[derive(Default)]
struct Number<T>(T);

impl<'de, T: TryFrom<U256>> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(NumberVisitor)?;
        T::try_from(number)
            .map(Self)
            .map_err(|_| D::Error::custom(format_args!("{number} is too large")))
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = U256;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, decimal or hexadecimal")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<U256, E> {
        Ok(U256::from(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<U256, E> {
        match text.strip_prefix("0x") {
            Some(digits) => word(digits),
            None => U256::from_str_radix(text, 10).ok(),
        }
        .filter(|_| !text.is_empty())
        .ok_or_else(|| E::custom(format_args!("{text:?} is no number of at most 256 bits")))
    }
}

/// A number in hexadecimal digits; none are zero.
fn word(digits: &str) -> Option<U256> {
    if digits.len() > 64 {
        return None;
    }
    let mut word = [0; 32];
    for (place, digit) in (64 - digits.len()..).zip(digits.chars()) {
        let value = u8::try_from(digit.to_digit(16)?).ok()?;
        word[place / 2] |= value << (4 * (1 - place % 2));
    }
    Some(U256::from_be_bytes(word))
}

#[derive(Default)]
struct Code(Bytes);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodeVisitor).map(Self)
    }
}

struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("code in hexadecimal")
    }

    fn visit_unit<E: Error>(self) -> Result<Bytes, E> {
        Ok(Bytes::new())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        hex::decode(text)
            .map(Bytes::from)
            .map_err(|error| E::custom(format_args!("its code is none: {error}")))
    }
}

#[derive(Default)]
struct Slots(Vec<(U256, U256)>);

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SlotsVisitor).map(Self)
    }
}

struct SlotsVisitor;

impl<'de> Visitor<'de> for SlotsVisitor {
    type Value = Vec<(U256, U256)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("slots with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut slots = Vec::new();
        while let Some((slot, value)) = map.next_entry::<Word, Word>()? {
            slots.push((slot.0, value.0));
        }
        Ok(slots)
    }
}

struct Word(U256);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordVisitor).map(Self)
    }
}

struct WordVisitor;

impl Visitor<'_> for WordVisitor {
    type Value = U256;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("up to 32 bytes in hexadecimal")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<U256, E> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        word(digits).filter(|_| !digits.is_empty()).ok_or_else(|| {
            E::custom(format_args!(
                "{text:?} is not up to 32 bytes in hexadecimal"
            ))
        })
    }
}
