//! The witness as a database and as the source of bucket capacities. What it does not speak of is
//! unknown, and reading it ends the block.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use mega_evm::BucketId;
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo,
};

use crate::{
    block::{PlainKey, PlainValue},
    evm::{BucketCapacities, UnknownCapacity, chain_bucket},
    salt::{stateless::WitnessState, table::StateError},
    state::account_info,
};

/// Something was read that was not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// A state key.
    #[error("the state of {} was read, but {reason}", place(.key))]
    Key {
        /// The key.
        key: PlainKey,
        /// What the witness lacks.
        reason: StateError,
    },
    /// The witness has bytes under a key that are no value for it.
    #[error("the state of {} is not what state can be", place(.0))]
    Malformed(PlainKey),
    /// Code.
    #[error("the code with hash {0} was run, but is not given")]
    Code(B256),
    /// A block's hash.
    #[error("the hash of block {0} was asked for, which no state holds")]
    BlockHash(u64),
    /// A bucket's capacity.
    #[error("the capacity of bucket {0} was asked for, but {1}")]
    Capacity(BucketId, StateError),
}

/// A key in words.
pub fn place(key: &PlainKey) -> String {
    match key.slot {
        Some(slot) => format!("{}, slot {slot}", key.address),
        None => key.address.to_string(),
    }
}

impl DBErrorMarker for Unknown {}

/// The first thing that was read and not given, if any: execution turns errors into words.
pub type Missing = Arc<OnceLock<Unknown>>;

/// All that may be read while a block is replayed.
#[derive(Debug)]
pub struct Known {
    state: Arc<WitnessState>,
    missing: Missing,
    codes: HashMap<B256, Bytecode>,
    number: u64,
    parent_hash: B256,
}

impl Known {
    /// What is known before block `number`. Codes are found by the hashes that they have.
    pub fn new(
        state: Arc<WitnessState>,
        codes: impl IntoIterator<Item = Bytes>,
        number: u64,
        parent_hash: B256,
        missing: Missing,
    ) -> Self {
        let codes = codes.into_iter();
        Self {
            state,
            missing,
            codes: codes
                .map(|code| (keccak256(&code), Bytecode::new_raw(code)))
                .collect(),
            number,
            parent_hash,
        }
    }

    fn value(&self, key: PlainKey) -> Result<PlainValue, Unknown> {
        let bytes = self
            .state
            .get(&key.to_bytes())
            .map_err(|reason| note(&self.missing, Unknown::Key { key, reason }))?
            .unwrap_or_default();
        match PlainValue::from_bytes(&bytes) {
            Ok(value) if value.fits(&key) => Ok(value),
            _ => Err(Unknown::Malformed(key)),
        }
    }
}

fn note(missing: &Missing, unknown: Unknown) -> Unknown {
    missing.get_or_init(|| unknown.clone());
    unknown
}

impl DatabaseRef for Known {
    type Error = Unknown;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Unknown> {
        let value = self.value(PlainKey::account(address))?;
        Ok(value.as_account().map(account_info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Unknown> {
        if hash.is_zero() || hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        let code = self.codes.get(&hash).cloned();
        code.ok_or_else(|| note(&self.missing, Unknown::Code(hash)))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Unknown> {
        Ok(self.value(PlainKey::slot(address, slot))?.as_slot())
    }

    /// The parent's hash is in the header; older ones the chain keeps in its own state (EIP-2935).
    fn block_hash_ref(&self, number: u64) -> Result<B256, Unknown> {
        let window = HISTORY_SERVE_WINDOW as u64;
        match self.number.checked_sub(number) {
            Some(1) => Ok(self.parent_hash),
            Some(age) if (2..=window).contains(&age) => {
                let slot = U256::from(number % window);
                Ok(self.storage_ref(HISTORY_STORAGE_ADDRESS, slot)?.into())
            }
            _ => Err(Unknown::BlockHash(number)),
        }
    }
}

/// The capacities of the parent's buckets.
#[derive(Clone, Debug)]
pub(super) struct WitnessCapacities {
    state: Arc<WitnessState>,
    data_buckets: u32,
    missing: Missing,
}

impl WitnessCapacities {
    /// The capacities that a witness tells, on a chain with so many data buckets.
    pub(super) fn new(state: Arc<WitnessState>, data_buckets: u32, missing: Missing) -> Self {
        Self {
            state,
            data_buckets,
            missing,
        }
    }
}

impl BucketCapacities for WitnessCapacities {
    fn capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity> {
        let bucket = chain_bucket(bucket, self.data_buckets);
        self.state.capacity(bucket).map_err(|reason| {
            let unknown = note(&self.missing, Unknown::Capacity(bucket, reason));
            UnknownCapacity(unknown.to_string())
        })
    }
}
