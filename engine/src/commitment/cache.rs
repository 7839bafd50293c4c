//! Witnesses that were made, for the next who asks: several provers ask for the same.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::B256;
use parking_lot::Mutex;

/// Bytes kept at most.
const MAX_BYTES: usize = 16 << 20;

/// The newest witnesses as answers, by block hash.
#[derive(Debug, Default)]
pub struct Witnesses(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: VecDeque<(B256, Arc<[u8]>)>,
    bytes: usize,
}

impl Witnesses {
    /// An answer given before.
    pub fn get(&self, hash: &B256) -> Option<Arc<[u8]>> {
        let kept = self.0.lock();
        let found = kept.answers.iter().find(|(of, _)| of == hash);
        found.map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer; the oldest go.
    pub fn put(&self, hash: B256, answer: Arc<[u8]>) {
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
