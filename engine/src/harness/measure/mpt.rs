//! The Ethereum trie's side of the comparison: this crate's storage trie, all in memory, on one thread.
//!
//! A real node would have to read every touched node from disk first, or from a cache of what may be
//! terabytes; that is left out. What it would write is counted as a store keyed by paths does.

use std::time::Instant;

use super::{Batches, Measured, Slot, Workload, repetitions, resident};
use crate::salt::storage_trie::{StorageTrie, TrieError, Written};

/// Fills a trie with `held` slots, then makes batches of each size.
pub(crate) fn measure(held: usize, sizes: &[usize]) -> Result<Measured, TrieError> {
    let mut work = Workload::new(held);
    let mut trie = StorageTrie::default();
    let before = resident();
    for slots in work.filling() {
        change(&mut trie, &slots)?;
    }
    let memory = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let mut batches = Vec::new();
    for size in sizes {
        let mut all = Batches {
            size: *size,
            threads: 1,
            ..Batches::default()
        };
        for _ in 0..repetitions(*size) {
            let slots = work.batch(*size);
            let start = Instant::now();
            let written = change(&mut trie, &slots)?;
            all.seconds += start.elapsed().as_secs_f64();
            all.keys += slots.len();
            all.nodes += written.nodes;
            all.bytes_written += written.bytes;
        }
        batches.push(all);
    }
    Ok(Measured {
        held,
        memory,
        batches,
    })
}

fn change(trie: &mut StorageTrie, slots: &[Slot]) -> Result<Written, TrieError> {
    for slot in slots {
        trie.set(&slot.slot, &slot.value)?;
    }
    Ok(trie.commit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_change_touches_the_path_to_its_leaf() {
        let measured = measure(1_000, &[1]).unwrap();
        let batches = measured.batches[0];
        let per_key = batches.nodes as f64 / batches.keys as f64;
        // 16^3 = 4096: about three branches and the leaf, in a trie that grows to 21,000 slots.
        assert!((4.0..6.0).contains(&per_key), "{per_key}");
    }
}
