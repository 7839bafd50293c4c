//! What a transaction in the pool waits for, in words.

use std::fmt;

/// Why the builder has put a transaction off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deferral {
    /// The block had no room: which limit was met, with its numbers.
    Full(String),
    /// What it reads of the state can't be read yet.
    Unread(String),
}

/// What a transaction waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nobody has sent all nonces before its own.
    NonceGap {
        /// The first that is missing.
        missing: u64,
        /// How many more are missing.
        more: u64,
    },
    /// It was put off, or one of its sender's that comes before it.
    PutOff(Deferral),
    /// Its turn.
    Turn,
    /// The builder has it.
    Taken,
}

/// A transaction's place in the pool, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// What for.
    pub cause: Cause,
    /// How many come before it; those behind a gap have no place.
    pub before: usize,
}

impl Waiting {
    /// The cause in a word, for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.cause {
            Cause::NonceGap { .. } => "nonce",
            Cause::PutOff(Deferral::Full(_)) => "limit",
            Cause::PutOff(Deferral::Unread(_)) => "state",
            Cause::Turn | Cause::Taken => "turn",
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::NonceGap { missing, more: 0 } => {
                return write!(f, "waits for nonce {missing}, which nobody has sent");
            }
            Cause::NonceGap { missing, more } => {
                return write!(
                    f,
                    "waits for nonce {missing} and {more} more, which nobody has sent"
                );
            }
            Cause::PutOff(Deferral::Full(limit)) => {
                write!(f, "waits for another block, as {limit}")?
            }
            Cause::PutOff(Deferral::Unread(why)) => write!(f, "waits for state, as {why}")?,
            Cause::Turn => f.write_str("waits for its turn")?,
            Cause::Taken => return f.write_str("is being executed"),
        }
        write!(f, "; {} before it", self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(cause: Cause) -> (&'static str, String) {
        let waiting = Waiting { cause, before: 7 };
        (waiting.kind(), waiting.to_string())
    }

    #[test]
    fn every_cause_has_its_kind_and_its_sentence() {
        let gap = |more| said(Cause::NonceGap { missing: 3, more });
        assert_eq!(
            gap(0),
            (
                "nonce",
                "waits for nonce 3, which nobody has sent".to_owned()
            )
        );
        assert_eq!(
            gap(2).1,
            "waits for nonce 3 and 2 more, which nobody has sent"
        );
        let full = Deferral::Full("block 5 has used 1000 of 1000 state growth".to_owned());
        let (kind, text) = said(Cause::PutOff(full));
        assert_eq!(kind, "limit");
        assert_eq!(
            text,
            "waits for another block, as block 5 has used 1000 of 1000 state growth; 7 before it"
        );
        let (kind, text) = said(Cause::PutOff(Deferral::Unread("nobody knows".to_owned())));
        assert_eq!(
            (kind, text.as_str()),
            ("state", "waits for state, as nobody knows; 7 before it")
        );
        assert_eq!(
            said(Cause::Turn),
            ("turn", "waits for its turn; 7 before it".to_owned())
        );
        assert_eq!(said(Cause::Taken), ("turn", "is being executed".to_owned()));
    }
}
