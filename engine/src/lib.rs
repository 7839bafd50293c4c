//! MegaETH state transition engine.

// Without Python's face nobody calls anything.
#![cfg_attr(not(feature = "python"), allow(dead_code, unused_imports))]

mod builder;
mod chain;
#[cfg(test)]
mod checked;
mod commitment;
mod engine;
mod evm;
#[cfg(test)]
mod floors;
mod follower;
mod forge;
mod fork;
#[cfg(any(test, feature = "harness"))]
mod harness;
mod memory;
mod metrics;
mod parallel;
mod pool;
#[cfg(feature = "python")]
mod python;
mod rpc;
#[cfg(test)]
mod shaky;
mod state_file;
mod wallet;
mod witness;

pub(crate) use megaeth_checker::{block, json, keys, replay, state, verify};
pub(crate) use megaeth_salt as salt;
