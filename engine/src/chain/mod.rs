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
mod config;
mod recent;
mod shared;
mod waiters;

pub use archive::{Archive, EmptyArchive};
pub use config::{ChainConfig, ConfigError, Genesis, PoolConfig};
pub use recent::{Recent, SharedBlock, TxPlace};
pub use shared::{Anchor, Chain, ViewError};
pub(crate) use shared::{Followers, Progress};
pub use waiters::{DurableListener, Waiters};
