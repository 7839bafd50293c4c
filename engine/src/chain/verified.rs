//! How far the chain is verified: by enough provers, which Python counts, or, where no provers are counted, as
//! stateless validators report.

use alloy_primitives::B256;
use parking_lot::Mutex;

/// A block by number and hash.
pub(crate) type Named = (u64, B256);

/// The heights. Both only ever rise, unless the chain is rolled back.
#[derive(Debug)]
pub(crate) struct Verified {
    /// By a quorum of provers; `None`: none are counted.
    counted: Mutex<Option<u64>>,
    reported: Mutex<Option<Named>>,
    /// Where this node's own validator began: what it reports lies behind. `None`: it has none.
    anchor: Mutex<Option<Named>>,
}

impl Verified {
    /// Nothing is verified yet; `awaited` tells whether anything will be.
    pub(crate) fn new(awaited: bool) -> Self {
        Self {
            counted: Mutex::new(awaited.then_some(0)),
            reported: Mutex::new(None),
            anchor: Mutex::new(None),
        }
    }

    /// Enough provers vouch for everything up to `block`.
    pub(crate) fn raise(&self, block: u64) {
        let mut counted = self.counted.lock();
        *counted = Some(counted.map_or(block, |before| before.max(block)));
    }

    /// Nothing after `block` is there any more.
    pub(crate) fn rewind(&self, block: u64) {
        let mut counted = self.counted.lock();
        *counted = counted.map(|counted| counted.min(block));
        let mut reported = self.reported.lock();
        *reported = reported.filter(|(number, _)| *number <= block);
    }

    /// The newest block that is verified; `None` if nobody verifies, and sealed is as good as it gets. A report is
    /// nobody's signed word: beside a quorum of provers it counts for nothing.
    pub(crate) fn height(&self) -> Option<u64> {
        let counted = *self.counted.lock();
        counted.or_else(|| self.reported().map(|(number, _)| number))
    }

    /// A validator says that it has checked everything up to `block`. Returns the newest such block.
    pub(crate) fn report(&self, block: Named) -> Named {
        let mut reported = self.reported.lock();
        let newest = reported.map_or(block, |before| before.max(block));
        *reported = Some(newest);
        newest
    }

    /// This node's own validator checks what lies behind `block`.
    pub(crate) fn begin_after(&self, block: Named) {
        *self.anchor.lock() = Some(block);
    }

    /// Behind which block this node's own validator has begun.
    pub(crate) fn anchor(&self) -> Option<Named> {
        *self.anchor.lock()
    }

    /// The newest block that a validator has reported.
    pub(crate) fn reported(&self) -> Option<Named> {
        *self.reported.lock()
    }
}
