//! A version of the state that stands still while others write.

use std::{ops::RangeInclusive, sync::Arc};

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

/// A block's hash: from memory, from below, or from the contract that keeps them.
fn hash_of(world: &StateStore, state: &impl StateReader, number: u64) -> Result<B256, StateError> {
    if let Some(hash) = world.block_hash(number) {
        return Ok(hash);
    }
    if let Some(hash) = world.block_hash_below(number) {
        return hash;
    }
    let slot = U256::from(number % HISTORY_WINDOW);
    Ok(state.slot(HISTORY_CONTRACT, slot)?.into())
}

/// A pinned version, readable from any thread. Look-ups wait for the writer at most for one entry; over another state,
/// as long as it takes to find out what is there.
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

    /// Everything that stands under the keys of some accounts, in the order of the keys. Of a version that memory
    /// retains, and without what only a base below it has.
    pub fn entries(
        &self,
        accounts: &RangeInclusive<Address>,
    ) -> Result<Vec<(PlainKey, PlainValue)>, StateError> {
        debug_assert!(self.archived.is_none());
        let wanted = |key: &PlainKey| accounts.contains(&key.address);
        let keys = self.world.keys_at(self.pin.version(), wanted).into_iter();
        keys.map(|key| Ok((key, self.value(&key)?)))
            .filter(|entry| !matches!(entry, Ok((_, PlainValue::Absent))))
            .collect()
    }

    /// The keys that may have a value in it, of those that are `wanted`, in order; none if that can't be known: of a
    /// state older than memory, or over another state.
    pub fn keys(&self, wanted: impl Fn(&PlainKey) -> bool) -> Option<Vec<PlainKey>> {
        let is_known = self.archived.is_none() && self.world.is_whole();
        is_known.then(|| self.world.keys_at(self.version(), wanted))
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
            None => self.world.patiently(|| self.world.read_code(hash)),
        }
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        self.world.patiently(|| {
            let known = hash_of(&self.world, self, number);
            self.pin.check()?;
            known
        })
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        if let Some((archive, block)) = &self.archived
            && let Some(bytes) = archive.value_at(&key.to_bytes(), *block)?
        {
            self.pin.check()?;
            return Ok(PlainValue::from_bytes(&bytes)?);
        }
        self.world.patiently(|| self.world.value_at(key, &self.pin))
    }
}

/// The newest state, visible or not. Only the writer sees it stand still. Never waits: what isn't known is told.
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
        self.0.read_code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        hash_of(&self.0, self, number)
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        self.0.read(key)
    }
}
