//! The state commitment: what a header's `stateRoot` binds, and what can be proven under it.
//!
//! ```text
//!   builder ── each sealed mini-block ──▶ Committer's thread: Pending ──▶ SaltState (History)
//!           ── close ──▶ what is left, root ──▶ header                       ├──▶ proofs of recent blocks
//!                          └── grown buckets ──▶ Capacities ──▶ storage gas   ├── layers to go back
//!                                                                             └──▶ HistoricalCommitment: proofs of older ones
//! ```
//!
//! Responsible for following the state with SALT off the mini-block path. Not responsible for SALT
//! itself (`salt`), nor for the plain state (`state`), nor for what is proven to whom (`witness`).

mod cache;
mod capacities;
mod committer;
mod historical;
mod history;
mod pending;
mod resize;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use cache::{RootNodes, Witnesses};
pub(crate) use capacities::Capacities;
pub(crate) use committer::{Closed, Closing, CommitError, Committer};
pub(crate) use historical::HistoricalCommitment;
pub(crate) use historical::{Between, PastState};
pub(crate) use history::{BlockEnd, Entry, History, KnownUpdate};
pub(crate) use resize::{BucketResize, bucket_key};
