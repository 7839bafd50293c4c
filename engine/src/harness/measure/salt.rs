//! SALT's side of the comparison.

use std::time::Instant;

use rayon::ThreadPoolBuilder;

use super::{Batches, Measured, Slot, Workload, repetitions, resident};
use crate::salt::{
    bucket_table::SaltError,
    fixed_base::Tables,
    state::{SaltState, Update},
};

const CONTRACT: [u8; 20] = [0x5a; 20];

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaltMeasureError {
    /// The state refused a batch.
    #[error(transparent)]
    State(#[from] SaltError),
    /// The threads can't be started.
    #[error(transparent)]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Fills a state with `held` slots, then makes batches of each size on each number of threads.
pub(crate) fn measure(
    held: usize,
    sizes: &[usize],
    threads: &[usize],
) -> Result<Measured, SaltMeasureError> {
    let pools = threads
        .iter()
        .map(|count| ThreadPoolBuilder::new().num_threads(*count).build())
        .collect::<Result<Vec<_>, _>>()?;
    Tables::shared();
    let mut work = Workload::new(held);
    let mut state = SaltState::default();
    let before = resident();
    for slots in work.filling() {
        change(&mut state, &keyed(&slots))?;
    }
    let memory = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let mut batches = Vec::new();
    for size in sizes {
        for (pool, threads) in pools.iter().zip(threads) {
            let mut all = Batches {
                size: *size,
                threads: *threads,
                ..Batches::default()
            };
            for _ in 0..repetitions(*size) {
                let slots = keyed(&work.batch(*size));
                let start = Instant::now();
                let update = pool.install(|| change(&mut state, &slots))?;
                all.seconds += start.elapsed().as_secs_f64();
                all.keys += slots.len();
                all.products += update.trie.products;
                all.nodes += update.trie.nodes.len();
                all.bytes_written += update.kept_bytes() + size_of_val(&slots[..]);
            }
            batches.push(all);
        }
    }
    Ok(Measured {
        held,
        memory,
        batches,
    })
}

type Keyed = ([u8; 52], [u8; 32]);

/// The plain keys of slots.
fn keyed(slots: &[Slot]) -> Vec<Keyed> {
    let key = |slot: &Slot| {
        let mut key = [0; 52];
        key[..20].copy_from_slice(&CONTRACT);
        key[20..].copy_from_slice(&slot.slot);
        (key, slot.value)
    };
    slots.iter().map(key).collect()
}

fn change(state: &mut SaltState, slots: &[Keyed]) -> Result<Update, SaltError> {
    let update = state.update(slots.iter().map(|(key, value)| (&key[..], &value[..])))?;
    state.apply(&update);
    Ok(update)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shares_the_upper_levels_on_any_number_of_threads() {
        let measured = measure(1_000, &[5_000], &[1, 2]).unwrap();
        assert_eq!(measured.batches.len(), 2);
        for batches in &measured.batches {
            assert_eq!(batches.keys, 20_000);
            let per_key = batches.products as f64 / batches.keys as f64;
            assert!((3.0..3.2).contains(&per_key), "{per_key}");
        }
    }
}
