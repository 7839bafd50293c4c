//! A version of the state that stands still while others write.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, address};
use revm::{DatabaseRef, bytecode::Bytecode, primitives::KECCAK_EMPTY, state::AccountInfo};

use super::{
    Archive, StateError,
    world::{Pin, Version, World},
};
use crate::block::{PlainAccount, PlainKey, PlainValue};

/// EIP-2935's contract, which keeps the hashes of the last 8191 blocks in the state itself.
const HISTORY_CONTRACT: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
const HISTORY_WINDOW: u64 = 8191;

/// A pinned version, readable from any thread. Look-ups wait for the writer at most for one entry.
pub struct View {
    world: World,
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
    pub fn new(world: World, pin: Pin) -> Self {
        Self {
            world,
            pin,
            archived: None,
        }
    }

    /// A view of the end of `block`, older than what memory retains: `pin` holds the oldest retained
    /// version, and the archive knows what changed between.
    pub fn archived(world: World, pin: Pin, archive: Arc<dyn Archive>, block: u64) -> Self {
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

    /// What stands under a key.
    pub fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        if let Some((archive, block)) = &self.archived
            && let Some(bytes) = archive.value_at(&key.to_bytes(), *block)
        {
            return Ok(PlainValue::from_bytes(&bytes)?);
        }
        Ok(self.world.value_at(key, self.pin.version()))
    }

    /// An account; `None` if it doesn't exist.
    pub fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    /// A storage slot.
    pub fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    /// Code by its hash.
    pub fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        if hash == KECCAK_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.world.code(&hash) {
            return Ok(code);
        }
        let archived = self
            .archived
            .as_ref()
            .and_then(|(archive, _)| archive.code(&hash));
        archived
            .map(|code| Bytecode::new_raw(code.into()))
            .ok_or(StateError::MissingCode(hash))
    }

    /// A block's hash; zero if it is too old.
    pub fn block_hash(&self, block: u64) -> Result<B256, StateError> {
        match self.world.block_hash(block) {
            Some(hash) => Ok(hash),
            None => Ok(B256::from(
                self.slot(HISTORY_CONTRACT, U256::from(block % HISTORY_WINDOW))?,
            )),
        }
    }
}

/// An account as revm wants it.
pub(crate) fn account_info(account: PlainAccount) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: account.code_hash,
        code: None,
    }
}

/// The newest state, visible or not, as revm reads it. Only the writer sees it stand still.
#[derive(Clone, Debug)]
pub struct Tip(pub World);

impl DatabaseRef for Tip {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.0.tip_account(address).map(account_info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, StateError> {
        if hash == KECCAK_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        self.0.code(&hash).ok_or(StateError::MissingCode(hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.0.tip(&PlainKey::slot(address, slot)).as_slot())
    }

    fn block_hash_ref(&self, block: u64) -> Result<B256, StateError> {
        match self.0.block_hash(block) {
            Some(hash) => Ok(hash),
            None => {
                let slot = U256::from(block % HISTORY_WINDOW);
                Ok(self
                    .0
                    .tip(&PlainKey::slot(HISTORY_CONTRACT, slot))
                    .as_slot()
                    .into())
            }
        }
    }
}

impl DatabaseRef for View {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.account(address)?.map(account_info))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, StateError> {
        self.code(hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.slot(address, slot)
    }

    fn block_hash_ref(&self, block: u64) -> Result<B256, StateError> {
        self.block_hash(block)
    }
}
