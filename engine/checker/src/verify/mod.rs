//! Checks blocks and proofs that come from somebody else, and says what was found.
//!
//! The check trusts nothing but a header: see [`stateless`].

mod report;
pub mod stateless;

pub use report::{Check, Difference, Effort, Report, TransitionClaim};
