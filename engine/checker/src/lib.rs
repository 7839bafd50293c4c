//! Checks what somebody else says of a MegaETH chain, and trusts nothing but a header.
//!
//! ```text
//!   verify          a block against its witness, a proof against a root
//!   replay          a block's transactions executed again, by the interpreter
//!   evm    state    mega-evm's environment; accounts, storage and code
//!   block           transactions, receipts, mini-blocks, blocks, diffs: one encoding of each
//!   keys   json     signatures; JSON as Ethereum writes it
//! ```
//!
//! Not responsible for making any of it: there is no node here, no pool, no builder, no server and no native code. The
//! crate of the node depends on this one, never the other way round.

#![forbid(unsafe_code)]

pub mod block;
pub mod evm;
pub mod json;
pub mod keys;
#[cfg(test)]
#[path = "../../salt/src/recorded.rs"]
mod recorded;
pub mod replay;
pub mod state;
pub mod verify;

pub(crate) use megaeth_salt as salt;
