//! A chain that somebody else builds: takes mini-blocks and blocks as records, checks them, applies their
//! diffs.
//!
//! ```text
//!   records ─ read (any core) ─▶ Sound ─ order ─ roots (any core) ─ against our state ─▶ StateStore.commit, RecentBlocks
//!             decode, digests,           numbers,  transactions,      who may sign, code,
//!             signatures, gas            times     receipts           re-execution (if asked for)
//! ```
//!
//! Nothing changes before everything is checked: what is refused leaves no trace. What was applied already
//! is passed over. As with the builder, nothing is visible before it is durable. One caller at a time; the
//! lock is the [`Follower`]'s. No sockets and no peers here: who sent what is Python's.

mod apply;
mod bad_data;
mod block;
mod cursor;
mod metrics;
mod mini;
mod reexecute;
mod sequencer;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;

pub(crate) use apply::Follower;
#[cfg(test)]
pub(crate) use bad_data::Kind;
pub(crate) use bad_data::{BadData, FollowError};

/// How much a follower makes sure of by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VerifyMode {
    /// Signatures, order, digests and roots of what it is given. That diffs and state roots are right is
    /// for provers to say.
    #[default]
    Proofs,
    /// Also checks against the state commitment each block's state root.
    Roots,
    /// Also executes every transaction, and compares results and diffs before it applies them.
    Reexecute,
}

impl std::str::FromStr for VerifyMode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "proofs" => Ok(Self::Proofs),
            "roots" => Ok(Self::Roots),
            "reexecute" => Ok(Self::Reexecute),
            _ => Err(format!(
                "unknown mode {name:?}; known are proofs, roots, reexecute"
            )),
        }
    }
}
