//! MegaETH state transition engine.
