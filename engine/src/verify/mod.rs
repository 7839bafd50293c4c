//! Checks a block by executing it again, from nothing but its input.
//!
//! ```text
//! chain --input::build--> BlockInput --encode--> bytes --verify--> Report
//!                                                  \--> Witness (state) + Replay (mega-evm's own
//!                                                       block executor) --checks--> first differences
//! ```
//!
//! Execution here is mega-evm's `MegaBlockExecutor` with the plain interpreter, not the builder's way
//! through the same library, so that a fault in the builder is caught and not repeated. The state
//! comes from the input alone: whatever is not in it can't be read. Whether the input's state is
//! indeed the parent's is told by SALT's witness, which comes with it as long as the sequencer can make
//! it.

mod checks;
mod input;
mod replay;
mod report;
pub mod stateless;
#[cfg(test)]
mod tests;
mod witness;

pub use input::{BlockInput, record, rules_of};
pub use replay::{Cache, Effect, Replay, ReplayError, Rules, cache};
pub use report::{Check, Claim, Difference, Effort, Report};
pub use witness::{Recorded, Recorder, Unknown, Witness};

use crate::block::DecodeError;

/// Verifies an encoded [`BlockInput`]. The error is for bytes that are none; a block that is wrong
/// gives a report that says so.
pub fn verify(block_input: &[u8]) -> Result<Report, DecodeError> {
    Ok(checks::check(&BlockInput::decode(block_input)?))
}
