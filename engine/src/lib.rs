//! MegaETH state transition engine.

pub mod block;
pub mod builder;
pub mod chain;
pub mod commitment;
pub mod engine;
pub mod evm;
pub mod falsify;
#[cfg(test)]
mod floors;
pub mod follower;
#[cfg(any(test, feature = "harness"))]
pub mod harness;
mod json;
pub mod keys;
pub mod memory;
pub mod metrics;
pub mod parallel;
pub mod pool;
#[cfg(feature = "python")]
mod python;
#[cfg(test)]
#[path = "../salt/src/recorded.rs"]
mod recorded;
pub mod replay;
pub mod rpc;
pub mod state;
pub mod verify;
pub mod wallet;
pub mod witness;

pub(crate) use megaeth_salt as salt;
