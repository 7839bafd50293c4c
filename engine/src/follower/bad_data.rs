//! Why a record is refused.

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It isn't a record, or not in its one form.
    Malformed,
    /// It is larger than any record may be.
    Size,
    /// It isn't what comes next: number, index, time.
    Order,
    /// It follows another parent than ours.
    Parent,
    /// The mini-block's signature isn't the sequencer's.
    Signature,
    /// The seal isn't the sequencer's, or not over this content.
    Seal,
    /// A root, a bloom or a sum isn't that of the content.
    Roots,
    /// The diff isn't what its digest says, lacks code, or isn't what execution gives.
    Diff,
    /// A field of the header that the chain's rules fix is another.
    Header,
    /// Executing the transactions gives other results.
    Execution,
    /// The sequencer signed two different things for one place; both records are evidence.
    Equivocation,
}

impl Kind {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Size => "size",
            Self::Order => "order",
            Self::Parent => "parent",
            Self::Signature => "signature",
            Self::Seal => "seal",
            Self::Roots => "roots",
            Self::Diff => "diff",
            Self::Header => "header",
            Self::Execution => "execution",
            Self::Equivocation => "equivocation",
        }
    }
}

/// A record that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct BadData {
    /// What is wrong.
    pub kind: Kind,
    /// The same in words, with the numbers.
    pub reason: String,
    /// For an equivocation our record and the other one.
    pub evidence: Vec<Vec<u8>>,
}

impl BadData {
    /// Something that isn't a record.
    pub(crate) fn malformed(reason: &str) -> Self {
        Self::new(Kind::Malformed, reason)
    }

    pub(super) fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            evidence: Vec::new(),
        }
    }
}

/// Why a record was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FollowError {
    /// The record's fault.
    #[error(transparent)]
    Bad(#[from] BadData),
    /// This node's own.
    #[error("{0}")]
    Failed(String),
}

/// Refuses unless `expected` and `actual` are the same.
pub(super) fn same<T: PartialEq + std::fmt::Display>(
    kind: Kind,
    what: &str,
    expected: T,
    actual: T,
) -> Result<(), BadData> {
    if expected == actual {
        return Ok(());
    }
    Err(BadData::new(
        kind,
        format!("{what}: expected {expected}, found {actual}"),
    ))
}
