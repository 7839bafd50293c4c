//! The state that a chain begins with, from an alloc in geth's format.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, address, bytes, keccak256};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::block::{PlainAccount, PlainKey, PlainValue, StateDiff};

/// Accounts by address.
pub type Alloc = BTreeMap<Address, GenesisAccount>;

/// One account of an alloc. Numbers may be JSON numbers, decimal strings or hex strings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisAccount {
    /// Balance in wei.
    #[serde(default, deserialize_with = "flexible_u256")]
    pub balance: U256,
    /// The nonce.
    #[serde(default, deserialize_with = "flexible_u64")]
    pub nonce: u64,
    /// The code.
    #[serde(default)]
    pub code: Bytes,
    /// The storage.
    #[serde(default, deserialize_with = "flexible_storage")]
    pub storage: BTreeMap<U256, U256>,
}

/// Contracts that blocks call before their transactions, where the alloc doesn't have them itself:
/// EIP-2935 (block hashes) and EIP-4788 (beacon roots).
const BLOCK_HASHES: (Address, Bytes) = (
    address!("0000F90827F1C53a10cb7A02335B175320002935"),
    bytes!(
        "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
    ),
);
const BEACON_ROOTS: (Address, Bytes) = (
    address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02"),
    bytes!(
        "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
    ),
);

/// The genesis state as a diff from nothing.
pub fn genesis_diff(alloc: &Alloc) -> StateDiff {
    let mut accounts = alloc.clone();
    for (address, code) in [BLOCK_HASHES, BEACON_ROOTS] {
        accounts.entry(address).or_insert_with(|| GenesisAccount {
            nonce: 1,
            code,
            ..Default::default()
        });
    }
    let mut diff = StateDiff::default();
    let mut codes: BTreeMap<B256, Bytes> = BTreeMap::new();
    for (address, account) in &accounts {
        let code_hash = if account.code.is_empty() {
            KECCAK256_EMPTY
        } else {
            let hash = keccak256(&account.code);
            codes.insert(hash, account.code.clone());
            hash
        };
        let plain = PlainAccount {
            nonce: account.nonce,
            balance: account.balance,
            code_hash,
        };
        if !plain.is_empty() {
            diff.entries
                .push((PlainKey::account(*address), PlainValue::Account(plain)));
        }
        for (slot, value) in account.storage.iter().filter(|(_, value)| !value.is_zero()) {
            diff.entries
                .push((PlainKey::slot(*address, *slot), PlainValue::Slot(*value)));
        }
    }
    diff.codes = codes.into_values().collect();
    diff
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Integer(u64),
    Text(String),
}

impl Number {
    fn read<E: serde::de::Error>(self) -> Result<U256, E> {
        match self {
            Self::Integer(number) => Ok(U256::from(number)),
            Self::Text(text) => parse_u256(&text),
        }
    }
}

fn parse_u256<E: serde::de::Error>(text: &str) -> Result<U256, E> {
    let parsed = match text.strip_prefix("0x") {
        Some("") => Ok(U256::ZERO),
        Some(hex) => U256::from_str_radix(hex, 16),
        None => U256::from_str_radix(text, 10),
    };
    parsed.map_err(|_| E::custom(format!("{text:?} is not a number of at most 256 bits")))
}

fn flexible_u256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    Number::deserialize(deserializer)?.read()
}

fn flexible_u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number: U256 = Number::deserialize(deserializer)?.read()?;
    u64::try_from(number).map_err(|_| D::Error::custom(format!("{number} is above 64 bits")))
}

fn flexible_storage<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<U256, U256>, D::Error> {
    let hex = |text: &str| parse_u256(&format!("0x{}", text.strip_prefix("0x").unwrap_or(text)));
    BTreeMap::<String, String>::deserialize(deserializer)?
        .iter()
        .map(|(slot, value)| Ok((hex(slot)?, hex(value)?)))
        .collect()
}
