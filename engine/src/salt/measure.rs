//! What state updates cost, for the benchmark: the same work on any machine, timed.

use std::time::Instant;

use super::state::SaltState;
use super::tables::Tables;

/// One batch of new keys put into an empty state.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Measurement {
    /// Keys in the batch.
    pub keys: usize,
    /// Threads that could work.
    pub threads: usize,
    /// Wall-clock time to lay out the keys and compute the root.
    pub seconds: f64,
    /// Products of a scalar and a generator.
    pub products: usize,
    /// Trie nodes that changed.
    pub nodes: usize,
    /// Bytes to be kept, beside the keys and values themselves.
    pub bytes_written: usize,
    /// Bytes that the state takes afterwards.
    pub memory: usize,
}

/// Puts `keys` accounts into an empty state with at most `threads` threads; `None` if they cannot be
/// started.
pub fn insert(keys: usize, threads: usize) -> Option<Measurement> {
    let batch: Vec<([u8; 20], [u8; 40])> = (0..keys as u64).map(account).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .ok()?;
    Tables::shared();
    let mut state = SaltState::default();
    let start = Instant::now();
    let update = pool
        .install(|| state.update(batch.iter().map(|(key, value)| (&key[..], &value[..]))))
        .ok()?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes_written = update.encode().len();
    state.apply(&update);
    Some(Measurement {
        keys,
        threads,
        seconds,
        products: update.trie.products,
        nodes: update.trie.nodes.len(),
        bytes_written,
        memory: state.memory(),
    })
}

/// An account whose address looks random and is always the same.
fn account(number: u64) -> ([u8; 20], [u8; 40]) {
    let mut address = [0; 20];
    address.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..20]);
    let mut value = [0; 40];
    value[32..].copy_from_slice(&(number + 1).to_be_bytes());
    (address, value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shares_the_upper_levels() {
        let measured = insert(5_000, 2).unwrap();
        let per_key = measured.products as f64 / measured.keys as f64;
        assert!((3.0..3.2).contains(&per_key), "{per_key}");
        assert_eq!(insert(5_000, 1).unwrap().products, measured.products);
    }
}
