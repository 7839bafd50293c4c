//! What all threads share: configuration, the world, recent blocks, the archive seam, and who waits.
//!
//! ```text
//!   builder ── sealed ──▶ Chain.recent ──▶ log thread (Python) ── durable(mini, block) ──▶ Chain
//!                                                             visible moves, waiters are answered
//! ```
//!
//! Nothing is visible before it is durable: look-ups in [`Recent`] and views of "latest" stop at the
//! last acknowledged mini-block.

mod archive;
mod claim;
mod config;
mod office;
mod recent;
mod registry;
mod shared;
mod verified;
mod waiters;

pub use archive::{Archive, Beginning, EmptyArchive};
pub use claim::{BlockClaim, net_diff};
pub use config::{
    ChainConfig, ConfigError, Genesis, OpenBlock, PoolConfig, RpcLimits, default_sequencer_key,
};
pub(crate) use office::CURRENT_SEQUENCER;
pub use recent::{Recent, SharedBlock, TxPlace};
pub(crate) use shared::genesis_commitment;
pub use shared::{Anchor, Chain, ViewError};
pub(crate) use shared::{Followers, Progress};
pub use verified::{Named, Verified};
pub use waiters::{DurableListener, Waiters};
