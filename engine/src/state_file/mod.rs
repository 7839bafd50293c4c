//! State files: a chain's accounts outside it.
//!
//! ```text
//!   StateDump  ── AccountSet, part by part ──> anvil's JSON, or pieces        (a view that stands still)
//!   anvil's JSON, or pieces ──> AccountSet, checked ──> what differs ──> pieces, each for one intervention
//! ```
//!
//! A piece is an [`AccountSet`] that is small enough for one intervention, as bytes. Not responsible for files and how
//! they are compressed, nor for transactions: that is Python's.

mod anvil;
mod contents;
mod dump;
#[cfg(test)]
mod tests;

pub(crate) use anvil::{read_anvil, write_anvil};
pub(crate) use contents::{PieceSize, differing, pieces, read_pieces};
pub(crate) use dump::StateDump;
