//! SALT, MegaETH's authenticated key-value store, byte-compatible with the real chain's.
//!
//! Responsible for where a key lives, what a state's root is, and proving or checking parts of it.
//! Not responsible for execution, for storage, or for anything of the node: nothing here opens a file
//! or depends on another module of this crate. The format in words is `docs/salt.md`.

pub mod hasher;
pub mod types;
