//! What accounts and storage look like as plain keys and values.
//!
//! | | key | value |
//! |---|---|---|
//! | account | address, 20 bytes | nonce (u64) and balance (u256), 40 bytes; and the code hash, 72 bytes |
//! | storage | address and slot, 52 bytes | the word, 32 bytes |
//!
//! All numbers are big-endian. Empty accounts and zero words are not stored.

/// The key of an account.
pub const fn account_key(address: &[u8; 20]) -> [u8; 20] {
    *address
}

/// The key of a storage slot, its number big-endian.
pub fn storage_key(address: &[u8; 20], slot: &[u8; 32]) -> [u8; 52] {
    let mut key = [0; 52];
    key[..20].copy_from_slice(address);
    key[20..].copy_from_slice(slot);
    key
}

/// A stored account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Balance in wei, big-endian.
    pub balance: [u8; 32],
    /// Keccak hash of the code; `None` where there is no code.
    pub code_hash: Option<[u8; 32]>,
}

impl Account {
    /// 40 bytes, or 72 where there is code.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(72);
        bytes.extend_from_slice(&self.nonce.to_be_bytes());
        bytes.extend_from_slice(&self.balance);
        if let Some(hash) = &self.code_hash {
            bytes.extend_from_slice(hash);
        }
        bytes
    }

    /// Reads [`encode`](Self::encode)'s form; `None` for any other length.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = bytes.split_first_chunk::<8>()?;
        let (balance, rest) = rest.split_first_chunk::<32>()?;
        let code_hash = match rest.len() {
            0 => None,
            _ => Some(rest.try_into().ok()?),
        };
        Some(Self {
            nonce: u64::from_be_bytes(*nonce),
            balance: *balance,
            code_hash,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_account_with_code_is_longer_by_its_hash() {
        let mut account = Account {
            nonce: 7,
            balance: [3; 32],
            code_hash: None,
        };
        assert_eq!(account.encode().len(), 40);
        assert_eq!(Account::decode(&account.encode()).unwrap(), account);
        account.code_hash = Some([9; 32]);
        assert_eq!(account.encode().len(), 72);
        assert_eq!(Account::decode(&account.encode()).unwrap(), account);
    }

    #[test]
    fn other_lengths_are_not_accounts() {
        for length in [0, 39, 41, 71, 73] {
            assert_eq!(Account::decode(&vec![1; length]), None, "{length}");
        }
    }

    #[test]
    fn a_storage_key_is_the_address_and_then_the_slot() {
        let key = storage_key(&[1; 20], &[2; 32]);
        assert_eq!(key[..20], account_key(&[1; 20]));
        assert_eq!(key[20..], [2; 32]);
    }
}
