//! Whether executing ahead has paid: what batches took, beside what they should have taken one by one.
//!
//! Kept by how long a batch's transactions take, as cheap ones and costly ones fare differently. Where nothing
//! was gained lately, nobody tries for a while; for longer each time, as long as nothing is gained. This sees
//! whatever stands in the way: conflicts, cores that others keep busy, transactions that are too cheap. Now and
//! then a batch begins one by one although there is something to gain: what that takes is what everything is
//! compared with.

use std::time::Duration;

/// A batch that was quicker by this factor has paid.
const PAID: f64 = 1.03;
/// Each new observation counts this much.
const WEIGHT: f64 = 1.0 / 4.0;
/// What is expected of durations that nobody has tried.
const HOPED: f64 = 1.2;
/// One of so many batches begins one by one, the first of all to begin with.
const CONTROL: u32 = 64;
/// Nobody tries for more batches than this.
const LONGEST_REST: u32 = 256;

/// How to go about a batch, judging from the last ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Advice {
    /// One by one.
    #[default]
    Rest,
    /// One by one for a moment, then ask again.
    Compare,
    /// Ahead.
    Try,
}

/// What has been observed for transactions of about one duration.
#[derive(Clone, Copy, Debug)]
struct Gain {
    /// How often as quick as one by one.
    factor: f64,
    /// How many batches are to pass before the next try.
    rest: u32,
    /// How many were, before the last one.
    rested: u32,
    /// How many tries there have been.
    tries: u32,
}

/// What has been observed, by the binary logarithm of a transaction's nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Gains([Gain; u64::BITS as usize]);

impl Default for Gains {
    fn default() -> Self {
        let hoped = Gain {
            factor: HOPED,
            rest: 0,
            rested: 0,
            tries: 0,
        };
        Self([hoped; u64::BITS as usize])
    }
}

impl Gains {
    /// How to go about a batch of transactions that take `each` nanoseconds.
    pub(super) fn advice(&mut self, each: f64) -> Advice {
        let gain = self.of(each);
        if gain.rest > 0 {
            gain.rest -= 1;
            return Advice::Rest;
        }
        gain.tries = gain.tries.wrapping_add(1);
        if gain.tries % CONTROL == 1 {
            Advice::Compare
        } else {
            Advice::Try
        }
    }

    /// A batch of such transactions, for which one thread would have needed `alone` nanoseconds, took this
    /// long.
    pub(super) fn tried(&mut self, each: f64, alone: f64, took: Duration) {
        let gain = self.of(each);
        let factor = alone / (took.as_nanos() as f64).max(1.0);
        gain.factor += (factor - gain.factor) * WEIGHT;
        if gain.factor >= PAID {
            gain.rested = 0;
        } else {
            gain.rested = (2 * gain.rested).clamp(1, LONGEST_REST);
            gain.rest = gain.rested;
        }
    }

    fn of(&mut self, each: f64) -> &mut Gain {
        &mut self.0[(each as u64).max(1).ilog2() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: f64 = 20_000.0;
    const ALONE: f64 = 1_000_000.0;

    /// How many of `batches` were tried when each try takes `took` nanoseconds.
    fn tried(gains: &mut Gains, batches: usize, took: u64) -> usize {
        (0..batches)
            .filter(|_| {
                let tries = gains.advice(EACH) == Advice::Try;
                if tries {
                    gains.tried(EACH, ALONE, Duration::from_nanos(took));
                }
                tries
            })
            .count()
    }

    #[test]
    fn what_pays_is_done_but_for_comparison() {
        let batches = 10 * CONTROL as usize;
        assert_eq!(tried(&mut Gains::default(), batches, 550_000), batches - 10);
    }

    #[test]
    fn what_does_not_pay_is_tried_ever_more_rarely_but_never_given_up() {
        let mut gains = Gains::default();
        assert!(tried(&mut gains, 1_000, 1_050_000) < 20);
        let later = tried(&mut gains, 100_000, 1_050_000);
        assert!((100_000 / 300..100_000 / 200).contains(&later), "{later}");
    }

    #[test]
    fn what_begins_to_pay_is_done_again() {
        let mut gains = Gains::default();
        tried(&mut gains, 1_000, 1_050_000);
        tried(&mut gains, 1_000, 550_000);
        let batches = 10 * CONTROL as usize;
        assert_eq!(tried(&mut gains, batches, 550_000), batches - 10);
    }

    #[test]
    fn durations_are_told_apart() {
        let mut gains = Gains::default();
        tried(&mut gains, 1_000, 2_000_000);
        assert_eq!(gains.advice(EACH), Advice::Rest);
        let advice = [(); 3].map(|()| gains.advice(100.0 * EACH));
        assert_eq!(advice, [Advice::Compare, Advice::Try, Advice::Try]);
    }
}
