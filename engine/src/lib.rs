//! MegaETH state transition engine.

pub mod builder;
pub mod chain;
#[cfg(test)]
mod checked;
pub mod commitment;
pub mod engine;
pub mod evm;
pub mod falsify;
#[cfg(test)]
mod floors;
pub mod follower;
#[cfg(any(test, feature = "harness"))]
pub mod harness;
pub mod memory;
pub mod metrics;
pub mod parallel;
pub mod pool;
#[cfg(feature = "python")]
mod python;
pub mod rpc;
#[cfg(test)]
mod shaky;
pub mod wallet;
pub mod witness;

pub(crate) use megaeth_checker::{block, json, keys, replay, state, verify};
pub(crate) use megaeth_salt as salt;
