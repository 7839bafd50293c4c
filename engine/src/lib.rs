//! MegaETH state transition engine.

pub mod rpc;
pub mod salt;
