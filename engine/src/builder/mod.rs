//! The builder: the one thread that executes transactions and seals.
//!
//! ```text
//!   TxSource ─▶ Executor ─▶ OpenBlock ─▶ overlay ──seal──▶ StateStore.commit, RecentBlocks, Sealed::Mini ──▶ log
//!   deposits ─────────────────┘   every mini_block_time: a mini-block; every block_time: Sealed::Block
//! ```
//!
//! The thread owns the open block. It waits for transactions, deadlines or the log thread, whose channel
//! is bounded: when the disk is slow the builder waits, and nothing grows.

mod batch;
mod lateness;
mod limit_met;
mod on_demand;
mod open;
mod put_aside;
mod schedule;
mod system_tx;
mod thread;

#[cfg(test)]
pub(crate) mod generated;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "harness"))]
pub(crate) use batch::{Executor, Pace};
pub(crate) use lateness::Cause;
pub(crate) use open::{BuildError, OpenBlock, TxOutcome};
pub(crate) use thread::Builder;
