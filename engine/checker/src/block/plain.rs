//! Plain state keys and values, in SALT's byte layout.
//!
//! A key is 20 bytes (account) or 52 bytes (address, then slot, big-endian). An account's value is
//! 40 bytes (nonce u64, balance u256, big-endian), or 72 with the code hash behind when the account
//! has code; a slot's value is 32 bytes. Absent accounts and zero slots are empty bytes.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};

use super::rlp::RecordError;

/// What a piece of state is found under. The derived order is the order of the key's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlainKey {
    /// The account.
    pub address: Address,
    /// The storage slot; `None` for the account itself.
    pub slot: Option<B256>,
}

impl PlainKey {
    /// The key of an account.
    pub const fn account(address: Address) -> Self {
        Self {
            address,
            slot: None,
        }
    }

    /// The key of a storage slot.
    pub fn slot(address: Address, slot: U256) -> Self {
        Self {
            address,
            slot: Some(B256::from(slot)),
        }
    }

    /// The key's bytes: 20 for an account, 52 for a slot.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(52);
        bytes.extend_from_slice(self.address.as_slice());
        if let Some(slot) = self.slot {
            bytes.extend_from_slice(slot.as_slice());
        }
        bytes
    }

    /// Reads a key from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.len() {
            20 => Ok(Self {
                address: Address::from_slice(bytes),
                slot: None,
            }),
            52 => Ok(Self {
                address: Address::from_slice(&bytes[..20]),
                slot: Some(B256::from_slice(&bytes[20..])),
            }),
            n => Err(RecordError::new(format!(
                "a state key has 20 or 52 bytes, not {n}"
            ))),
        }
    }
}

/// An account as the state keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainAccount {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Balance in wei.
    pub balance: U256,
    /// Hash of the code; the hash of nothing for an account without code.
    pub code_hash: B256,
}

impl Default for PlainAccount {
    fn default() -> Self {
        Self {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK256_EMPTY,
        }
    }
}

impl PlainAccount {
    /// Whether the account is empty in the sense of EIP-161.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && !self.has_code()
    }

    /// Whether the account has code.
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK256_EMPTY && !self.code_hash.is_zero()
    }
}

/// What stands under a [`PlainKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PlainValue {
    /// No account, or a slot that is zero.
    #[default]
    Absent,
    /// An account.
    Account(PlainAccount),
    /// A slot that is not zero.
    Slot(U256),
}

impl PlainValue {
    /// An account's value; an empty account is absent (EIP-161).
    pub fn from_account(account: PlainAccount) -> Self {
        if account.is_empty() {
            Self::Absent
        } else {
            Self::Account(account)
        }
    }

    /// A slot's value; zero is absent.
    pub fn from_slot(value: U256) -> Self {
        if value.is_zero() {
            Self::Absent
        } else {
            Self::Slot(value)
        }
    }

    /// The account, if this is one.
    pub fn as_account(&self) -> Option<PlainAccount> {
        match self {
            Self::Account(account) => Some(*account),
            _ => None,
        }
    }

    /// The slot's value; zero if absent.
    pub fn as_slot(&self) -> U256 {
        match self {
            Self::Slot(value) => *value,
            _ => U256::ZERO,
        }
    }

    /// The value's bytes: none, 32, 40 or 72.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(72);
        self.write(&mut bytes);
        bytes
    }

    /// Appends the value's bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Absent => {}
            Self::Slot(value) => out.extend_from_slice(&value.to_be_bytes::<32>()),
            Self::Account(account) => {
                out.extend_from_slice(&account.nonce.to_be_bytes());
                out.extend_from_slice(&account.balance.to_be_bytes::<32>());
                if account.has_code() {
                    out.extend_from_slice(account.code_hash.as_slice());
                }
            }
        }
    }

    /// Reads a value from its bytes; their number tells what it is. Refuses what
    /// [`PlainValue::write`] wouldn't have written: zeros and empty accounts are absent.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let account = |code_hash| {
            let mut nonce = [0; 8];
            nonce.copy_from_slice(&bytes[..8]);
            let account = PlainAccount {
                nonce: u64::from_be_bytes(nonce),
                balance: U256::from_be_slice(&bytes[8..40]),
                code_hash,
            };
            if account.is_empty() || (bytes.len() == 72) != account.has_code() {
                return Err(RecordError::new("a state value is not in its one form"));
            }
            Ok(Self::Account(account))
        };
        match bytes.len() {
            0 => Ok(Self::Absent),
            32 => match U256::from_be_slice(bytes) {
                U256::ZERO => Err(RecordError::new("a state value is not in its one form")),
                value => Ok(Self::Slot(value)),
            },
            40 => account(KECCAK256_EMPTY),
            72 => account(B256::from_slice(&bytes[40..])),
            n => Err(RecordError::new(format!(
                "a state value has 0, 32, 40 or 72 bytes, not {n}"
            ))),
        }
    }

    /// Whether this value can stand under `key`.
    pub fn fits(&self, key: &PlainKey) -> bool {
        match self {
            Self::Absent => true,
            Self::Account(_) => key.slot.is_none(),
            Self::Slot(_) => key.slot.is_some(),
        }
    }
}
