//! Accounts, storage and code in memory.
//!
//! ```text
//!   builder ── Overlay (open mini-block) ── commit(diff) ──▶ StateStore: sharded base + undo layers
//!                                                               ▲
//!   eth_call, receipts, verify ── View (pinned version) ────────┘   older: Archive
//! ```
//!
//! Whoever reads does so through a [`StateReader`], which may not know a place; revm reads through its one [`Adapter`].
//!
//! One thread writes ([`StateStore::commit`]); any number read through [`View`]s that never change.

mod archive;
mod change;
mod genesis;
mod overlay;
mod reader;
mod view;
mod withdrawals;
mod world;

#[cfg(test)]
mod tests;

pub use archive::{Archive, Beginning, EmptyArchive};
pub use change::Change;
pub use genesis::{Alloc, GenesisAccount, genesis_diff};
pub use overlay::{Frozen, Overlay, changes_of, new_code_of};
pub use reader::{Adapter, Place, StateError, StateReader};
pub use view::{Latest, View};
pub use withdrawals::WithdrawalsRoot;
pub use world::{Base, BlockUndo, LowerState, Pin, StateStore, Version};
