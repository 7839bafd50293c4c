//! Who led which part of the chain, where it has standbys, and as whom this node builds.

use parking_lot::RwLock;

use crate::block::{Leadership, MiniBlock};
use crate::keys::Key;

/// A part of the chain: from this mini-block on, up to where the next one begins.
pub(crate) type Led = (u64, Leadership);

/// Empty on a chain without standbys: then the sequencer itself seals.
#[derive(Debug, Default)]
pub(crate) struct Leaders {
    table: RwLock<Vec<Led>>,
    own: RwLock<Option<(u64, Key)>>,
}

impl Leaders {
    /// What is known now, in the place of what was known before.
    pub(crate) fn set(&self, mut table: Vec<Led>) {
        table.sort_by_key(|(first_mini, _)| *first_mini);
        *self.table.write() = table;
    }

    /// Who led when a mini-block was sealed, or shall have.
    pub(crate) fn of(&self, mini: u64) -> Option<Leadership> {
        let table = self.table.read();
        let after = table.partition_point(|(first_mini, _)| *first_mini <= mini);
        let (_, leadership) = table.get(after.checked_sub(1)?)?;
        Some(*leadership)
    }

    /// What this node builds it seals in this term, with this key.
    pub(crate) fn lead_as(&self, term: u64, key: Key) {
        *self.own.write() = Some((term, key));
    }

    /// Signs a mini-block of this node's, and seals it as who leads, or else as the sequencer.
    pub(crate) fn sign(&self, mini: &mut MiniBlock, sequencer: &Key) {
        let own = self.own.read();
        let Some((term, key)) = &*own else {
            mini.sign(sequencer);
            return;
        };
        mini.leadership = Some(Leadership {
            term: *term,
            key: key.address(),
        });
        mini.sign_header(sequencer);
        mini.sign_content(key);
    }
}
