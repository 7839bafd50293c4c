//! Accounts, storage and code in memory.
//!
//! ```text
//!   builder ── Overlay (open mini-block) ── commit(diff) ──▶ World: sharded base + undo layers
//!                                                               ▲
//!   eth_call, receipts, verify ── View (pinned version) ────────┘   older: Archive
//! ```
//!
//! One thread writes ([`World::commit`]); any number read through [`View`]s that never change.

mod archive;
mod change;
mod genesis;
mod overlay;
mod view;
mod withdrawals;
mod world;

#[cfg(test)]
mod tests;

pub use archive::{Archive, Beginning, EmptyArchive};
pub use change::Change;
pub use genesis::{Alloc, GenesisAccount, genesis_diff};
pub use overlay::{Frozen, Overlay, changes_of, new_code_of};
pub(crate) use view::account_info;
pub use view::{Tip, View};
pub use withdrawals::WithdrawalsRoot;
pub use world::{BlockUndo, Pin, Version, World};

use revm::database_interface::DBErrorMarker;

/// What can go wrong when state is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// An account names code that nobody has.
    #[error("the code with hash {0} is missing")]
    MissingCode(alloy_primitives::B256),
    /// The archive gave a value that isn't one.
    #[error("the archive is damaged: {0}")]
    BadArchive(#[from] crate::block::DecodeError),
}

impl DBErrorMarker for StateError {}
