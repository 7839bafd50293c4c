//! SALT, MegaETH's authenticated key-value store, byte-compatible with the real chain's.
//!
//! Responsible for where a key lives, what a state's root is, and proving or checking parts of it.
//! Not responsible for execution, for storage, or for anything of the node: nothing here opens a file, and the crate
//! depends on no other of this workspace. The format in words is `docs/salt.md`.

#![forbid(unsafe_code)]

pub mod bucket_table;
pub mod codec;
pub mod combs;
pub mod crs;
pub mod fixed_base;
pub mod group;
pub mod hasher;
pub mod node;
pub mod node_rows;
pub mod proof;
pub mod ranges;
mod square_root;
pub mod state;
pub mod stateless;
pub mod storage_trie;
pub mod trie;
pub mod types;
pub mod withdrawals;
pub mod witness;

#[cfg(test)]
mod real_chain;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod state_tests;
