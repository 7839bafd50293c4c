//! The state that a forked chain began with: another chain's at one block, asked for when it is read.
//!
//! ```text
//!   StateStore ── not written here ──▶ ForkState ── known ──▶ value
//!                                          │ unknown: `Unknown` at once, or a wait (`LowerState::wait_for`)
//!                                          ▼
//!                            Desk: questions in JSON-RPC ──▶ Python, which asks the remote and keeps its answers
//!                              ▲                                            │
//!                              └──────────────── answers ───────────────────┘
//! ```
//!
//! Nothing here opens a socket or a file, and nothing here waits but who has said that it may.

mod answers;
mod desk;
mod known;
mod state;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

pub(crate) use desk::RemoteError;
pub(crate) use state::ForkState;

/// Where a chain was forked: the last block that it has in common with the remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForkPoint {
    /// The remote's chain id.
    pub chain_id: u64,
    /// The block's number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}
