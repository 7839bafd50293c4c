//! MegaETH state transition engine.

pub mod keys;
#[cfg(feature = "python")]
mod python;
pub mod rpc;
pub mod salt;
pub mod wallet;
