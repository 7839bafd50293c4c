//! What went into witnesses, for the next who asks: several provers ask for the same, and most blocks leave
//! the withdrawals alone.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::B256;
use parking_lot::Mutex;

/// Bytes of witnesses kept at most.
const MAX_BYTES: usize = 16 << 20;

/// Root nodes kept at most, of half a kilobyte each: who catches up asks for old blocks beside new ones.
const MAX_ROOT_NODES: usize = 64;

/// The newest witnesses as answers, by block hash.
#[derive(Debug, Default)]
pub(crate) struct Witnesses(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: VecDeque<(B256, Arc<[u8]>)>,
    bytes: usize,
}

impl Witnesses {
    /// An answer given before.
    pub(crate) fn get(&self, hash: &B256) -> Option<Arc<[u8]>> {
        let kept = self.0.lock();
        let found = kept.answers.iter().find(|(of, _)| of == hash);
        found.map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer; the oldest go.
    pub(crate) fn put(&self, hash: B256, answer: Arc<[u8]>) {
        let mut kept = self.0.lock();
        kept.bytes += answer.len();
        kept.answers.push_back((hash, answer));
        while kept.bytes > MAX_BYTES
            && let Some((_, oldest)) = kept.answers.pop_front()
        {
            kept.bytes -= oldest.len();
        }
    }
}

/// Root nodes of the withdrawals' storage trie, by their hashes. A hash stands for one node only, so that
/// what is kept is never out of date.
#[derive(Debug, Default)]
pub(crate) struct RootNodes(Mutex<VecDeque<(B256, Vec<u8>)>>);

impl RootNodes {
    /// The node with this hash, if it is kept.
    pub(crate) fn get(&self, root: &B256) -> Option<Vec<u8>> {
        let kept = self.0.lock();
        let found = kept.iter().find(|(of, _)| of == root);
        found.map(|(_, node)| node.clone())
    }

    /// Keeps a node; the oldest goes.
    pub(crate) fn put(&self, root: B256, node: Vec<u8>) {
        let mut kept = self.0.lock();
        if kept.iter().any(|(of, _)| *of == root) {
            return;
        }
        kept.push_back((root, node));
        if kept.len() > MAX_ROOT_NODES {
            kept.pop_front();
        }
    }
}
