//! What a node gives to those who check it: witnesses of blocks, proofs of state, and the chain's rules.
//!
//! ```text
//!   block ── executed again over the state before it ──▶ keys read and written (recorder)
//!         ── proven under the parent's root, from memory or by going back through the log (past) ──▶ witness
//! ```
//!
//! Not responsible for checking any of it: that is `verify`, which knows nothing of a chain.

mod block;
mod historical;
mod recorder;
mod rules;

#[cfg(test)]
mod tests;

pub(crate) use block::{WitnessError, block_witness, prove};
pub(crate) use rules::rules_json;
