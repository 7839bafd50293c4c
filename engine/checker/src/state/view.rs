//! A version of the state that stands still while others write.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, address};
use revm::{bytecode::Bytecode, primitives::KECCAK_EMPTY};

use super::{
    Archive, StateError, StateReader,
    world::{Pin, StateStore, Version},
};
use crate::block::{PlainAccount, PlainKey, PlainValue};

/// EIP-2935's contract, which keeps the hashes of the last 8191 blocks in the state itself.
const HISTORY_CONTRACT: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
const HISTORY_WINDOW: u64 = 8191;

/// A pinned version, readable from any thread. Look-ups wait for the writer at most for one entry.
pub struct View {
    world: StateStore,
    pin: Pin,
    /// For blocks older than memory: where values changed since are found, and the block.
    archived: Option<(Arc<dyn Archive>, u64)>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("version", &self.version())
            .field(
                "archived_block",
                &self.archived.as_ref().map(|(_, block)| block),
            )
            .finish()
    }
}

impl View {
    /// A view of a version that memory retains.
    pub fn new(world: StateStore, pin: Pin) -> Self {
        Self {
            world,
            pin,
            archived: None,
        }
    }

    /// A view of the end of `block`, older than what memory retains: `pin` holds the oldest retained
    /// version, and the archive knows what changed between.
    pub fn archived(world: StateStore, pin: Pin, archive: Arc<dyn Archive>, block: u64) -> Self {
        Self {
            world,
            pin,
            archived: Some((archive, block)),
        }
    }

    /// The version, or for archived views the oldest retained one that they build upon.
    pub fn version(&self) -> Version {
        self.pin.version()
    }
}

impl StateReader for View {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        if hash == KECCAK_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let archived = || {
            let (archive, _) = self.archived.as_ref()?;
            Some(Bytecode::new_raw(archive.code(&hash)?.into()))
        };
        match self.world.code(&hash).or_else(archived) {
            Some(code) => Ok(code),
            None => self.world.code_below(hash),
        }
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        let known = self.world.block_hash(number);
        self.pin.check()?;
        match known {
            Some(hash) => Ok(hash),
            None => {
                let slot = U256::from(number % HISTORY_WINDOW);
                Ok(self.slot(HISTORY_CONTRACT, slot)?.into())
            }
        }
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        if let Some((archive, block)) = &self.archived
            && let Some(bytes) = archive.value_at(&key.to_bytes(), *block)
        {
            self.pin.check()?;
            return Ok(PlainValue::from_bytes(&bytes)?);
        }
        self.world.value_at(key, &self.pin)
    }
}

/// The newest state, visible or not. Only the writer sees it stand still.
#[derive(Clone, Debug)]
pub struct Latest(pub StateStore);

impl StateReader for Latest {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match self.0.code(&hash) {
            Some(code) => Ok(code),
            None => self.0.code_below(hash),
        }
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        match self.0.block_hash(number) {
            Some(hash) => Ok(hash),
            None => {
                let slot = U256::from(number % HISTORY_WINDOW);
                Ok(self.slot(HISTORY_CONTRACT, slot)?.into())
            }
        }
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        self.0.read(key)
    }
}
