//! The witness as a database and as the source of bucket capacities. What it does not speak of is
//! unknown, and reading it ends the block.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use mega_evm::BucketId;
use revm::bytecode::Bytecode;

use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    evm::{BucketCapacities, UnknownCapacity, chain_bucket},
    salt::{bucket_table, stateless::WitnessState},
    state::{Place, StateError, StateReader},
};

/// Something was read that was not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unknown {
    /// A state key.
    #[error("the state of {} was read, but {reason}", place(.key))]
    Key {
        /// The key.
        key: PlainKey,
        /// What the witness lacks.
        reason: bucket_table::SaltError,
    },
    /// Code.
    #[error("the code with hash {0} was run, but is not given")]
    Code(B256),
    /// A bucket's capacity.
    #[error("the capacity of bucket {0} was asked for, but {1}")]
    Capacity(BucketId, bucket_table::SaltError),
}

/// A key in words.
pub(super) fn place(key: &PlainKey) -> String {
    match key.slot {
        Some(slot) => format!("{}, slot {slot}", key.address),
        None => key.address.to_string(),
    }
}

/// The first thing that was read and not given, if any: execution turns errors into words.
pub(super) type Missing = Arc<OnceLock<Unknown>>;

/// All that may be read while a block is replayed.
#[derive(Debug)]
pub(super) struct Known {
    state: Arc<WitnessState>,
    missing: Missing,
    codes: HashMap<B256, Bytecode>,
    number: u64,
    parent_hash: B256,
}

impl Known {
    /// What is known before block `number`. Codes are found by the hashes that they have.
    pub(super) fn new(
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
}

fn note(missing: &Missing, unknown: Unknown) -> Unknown {
    missing.get_or_init(|| unknown.clone());
    unknown
}

impl StateReader for Known {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        let code = self.codes.get(&hash).cloned();
        code.ok_or_else(|| {
            note(&self.missing, Unknown::Code(hash));
            StateError::Unknown(Place::Code(hash))
        })
    }

    /// The parent's hash is in the header; older ones the chain keeps in its own state (EIP-2935).
    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        let window = HISTORY_SERVE_WINDOW as u64;
        match self.number.checked_sub(number) {
            Some(1) => Ok(self.parent_hash),
            Some(age) if (2..=window).contains(&age) => {
                let slot = U256::from(number % window);
                Ok(self.slot(HISTORY_STORAGE_ADDRESS, slot)?.into())
            }
            _ => Err(StateError::Unknown(Place::BlockHash(number))),
        }
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        let unknown = |reason| {
            note(&self.missing, Unknown::Key { key: *key, reason });
            StateError::Unknown(Place::Key(*key))
        };
        let bytes = self.state.get(&key.to_bytes()).map_err(unknown)?;
        match PlainValue::from_bytes(&bytes.unwrap_or_default()) {
            Ok(value) if value.fits(key) => Ok(value),
            _ => Err(StateError::Failed(format!(
                "the state of {} is not what state can be",
                place(key)
            ))),
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
