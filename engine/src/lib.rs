//! MegaETH state transition engine.

pub mod salt;
