//! How many senders a second this machine recovers from signatures: what no node on it can exceed.

use std::time::{Duration, Instant};

use alloy_primitives::{B256, Signature, keccak256};

use crate::keys::{Key, KeyError, recover};

/// Different signatures; they take turns, so that nothing is remembered from one to the next.
const SIGNATURES: u64 = 256;

/// Recoveries per second of some threads together, over about `span`.
pub(crate) fn per_second(threads: usize, span: Duration) -> Result<f64, KeyError> {
    let key = Key::new(&B256::repeat_byte(0x42))?;
    let signed: Vec<(B256, Signature)> = (0..SIGNATURES)
        .map(|number| {
            let digest = keccak256(number.to_be_bytes());
            (digest, key.sign(&digest))
        })
        .collect();
    let began = Instant::now();
    let recovered = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| scope.spawn(|| recover_for(&signed, began + span)))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(Err(KeyError::InvalidSignature)))
            .sum::<Result<u64, KeyError>>()
    })?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(recovered as f64 / began.elapsed().as_secs_f64())
}

fn recover_for(signed: &[(B256, Signature)], until: Instant) -> Result<u64, KeyError> {
    let mut recovered = 0;
    loop {
        for (digest, signature) in signed {
            std::hint::black_box(recover(digest, signature)?);
        }
        recovered += signed.len() as u64;
        if Instant::now() >= until {
            return Ok(recovered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_recovers() {
        for threads in [1, 2] {
            let found = per_second(threads, Duration::from_millis(1));
            assert!(found.is_ok_and(|rate| rate > 0.0));
        }
    }
}
