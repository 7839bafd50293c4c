//! What all threads share: configuration, the world, recent blocks, and who listens.
//!
//! ```text
//!   builder ── sealed ──▶ Chain.recent ──▶ log thread (Python) ── durable(mini, block) ──▶ Chain
//!                                                             visible moves, listeners are told
//! ```
//!
//! Nothing is visible before it is durable: look-ups in `RecentBlocks` and views of "latest" stop at the
//! last acknowledged mini-block.

mod claim;
mod config;
pub(crate) mod console;
mod context;
mod leaders;
mod listeners;
mod mining;
mod recent;
mod registry;
mod restore;
mod rewind;
mod rules;
mod sealed;
mod sequencer_registry;
mod shared;
mod verified;

pub(crate) use config::{
    ChainConfig, ConfigError, Genesis, OpenBlockView, RpcLimits, default_sequencer_key,
};
pub(crate) use listeners::DurableListener;
pub(crate) use mining::{MiningMode, WantedBlocks};
pub(crate) use recent::{SharedBlock, TxPlace};
pub(crate) use restore::RestoreError;
pub(crate) use restore::take_progress;
pub(crate) use rewind::{RewindError, RewindPlan};
pub(crate) use sealed::Sealed;
pub(crate) use sequencer_registry::CURRENT_SEQUENCER;
pub(crate) use shared::genesis_commitment;
pub(crate) use shared::{BlockRef, Chain, ViewError};
pub(crate) use shared::{HeaderRoots, Progress};
pub(crate) use verified::Named;
