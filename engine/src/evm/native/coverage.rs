//! Counts what a contract executes, for whoever decides which of its parts to compile.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often the instruction at each place of a contract's code was executed.
#[derive(Debug)]
pub(super) struct Coverage(Box<[AtomicU32]>);

impl Coverage {
    /// Nothing yet, of code of that length.
    pub(super) fn new(code_len: usize) -> Self {
        Self((0..code_len).map(|_| AtomicU32::new(0)).collect())
    }

    /// Counts an instruction. Threads that count the same one at a time may lose some.
    pub(super) fn count(&self, pc: usize) {
        if let Some(count) = self.0.get(pc) {
            let more = count.load(Ordering::Relaxed).saturating_add(1);
            count.store(more, Ordering::Relaxed);
        }
    }

    /// The counts, little-endian.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        counts.flat_map(u32::to_le_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lie_at_their_pc() {
        let coverage = Coverage::new(3);
        for pc in [2, 0, 2, 3] {
            coverage.count(pc);
        }
        assert_eq!(coverage.to_bytes(), [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
    }
}
