//! Sums of points of the curve, each times a number, by Pippenger's buckets. Not in constant time: nothing here is secret.

use k256::{AffinePoint, ProjectivePoint, Scalar};
use rayon::prelude::*;

/// Fewer products than these are made sooner one by one.
const LEAST_TOGETHER: usize = 12;

/// The sum of points times numbers of 128 bits.
pub(super) fn of_halves(terms: &[(AffinePoint, u128)]) -> ProjectivePoint {
    let words = |number: &u128| [*number as u64, (*number >> 64) as u64];
    let terms: Vec<_> = terms.iter().map(|(p, n)| (*p, words(n))).collect();
    in_buckets(&terms)
}

/// The sum of points times scalars.
pub(super) fn of_scalars(terms: &[(AffinePoint, Scalar)]) -> ProjectivePoint {
    if terms.len() < LEAST_TOGETHER {
        return terms
            .iter()
            .map(|(p, n)| ProjectivePoint::from(*p) * n)
            .sum();
    }
    let words = |scalar: &Scalar| {
        let bytes = scalar.to_bytes();
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(bytes.rchunks_exact(8)) {
            *word = bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        words
    };
    let terms: Vec<_> = terms.iter().map(|(p, n)| (*p, words(n))).collect();
    in_buckets(&terms)
}

/// The numbers are little-endian words.
fn in_buckets<const WORDS: usize>(terms: &[(AffinePoint, [u64; WORDS])]) -> ProjectivePoint {
    let bits = 64 * WORDS;
    // Of each window: an addition for each term, and two for each bucket.
    let cost = |width: &usize| bits.div_ceil(*width) * (terms.len() + (2 << width));
    let width = (2..=15).min_by_key(cost).unwrap_or(2);
    let windows: Vec<ProjectivePoint> = (0..bits.div_ceil(width))
        .into_par_iter()
        .map(|nth| window(terms, nth * width, width))
        .collect();
    windows
        .iter()
        .rev()
        .fold(ProjectivePoint::IDENTITY, |sum, window| {
            (0..width).fold(sum, |sum, _| sum.double()) + window
        })
}

/// The sum of the points, each times `width` bits of its number from bit `low` on.
fn window<const WORDS: usize>(
    terms: &[(AffinePoint, [u64; WORDS])],
    low: usize,
    width: usize,
) -> ProjectivePoint {
    let mut buckets = vec![ProjectivePoint::IDENTITY; (1 << width) - 1];
    for (point, number) in terms {
        if let Some(bucket) = digit(number, low, width).checked_sub(1) {
            buckets[bucket] += point;
        }
    }
    // The n-th bucket counts n times: it is part of n running sums.
    let (mut running, mut sum) = (ProjectivePoint::IDENTITY, ProjectivePoint::IDENTITY);
    for bucket in buckets.iter().rev() {
        running += bucket;
        sum += &running;
    }
    sum
}

/// `width` bits from bit `low` on.
fn digit(number: &[u64], low: usize, width: usize) -> usize {
    let (word, shift) = (low / 64, low % 64);
    let here = number.get(word).map_or(0, |word| word >> shift);
    let above = match shift {
        0 => 0,
        _ => number.get(word + 1).map_or(0, |word| word << (64 - shift)),
    };
    (here | above) as usize & ((1 << width) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_products() {
        for count in [0, 1, 2, 11, 12, 13, 40, 300] {
            let mut number = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
            let mut terms = Vec::new();
            for nth in 0..count {
                number = number
                    .wrapping_mul(0x2545_f491_4f6c_dd1d_u128 << 3 | 5)
                    .rotate_left(31);
                let edge = [0, 1, u128::MAX, 1 << 127, 1 << 64, u128::from(u64::MAX)];
                let factor = edge.get(nth).copied().unwrap_or(number);
                // The same point again, and its negative.
                let point = ProjectivePoint::GENERATOR * Scalar::from(nth as u64 / 3 + 1);
                let point = if nth % 3 == 2 { -point } else { point };
                terms.push((point.to_affine(), factor));
            }
            let one_by_one: ProjectivePoint = terms
                .iter()
                .map(|(point, number)| ProjectivePoint::from(*point) * Scalar::from(*number))
                .sum();
            assert_eq!(of_halves(&terms), one_by_one, "{count}");

            let wide = |number: u128| Scalar::from(number).square() - Scalar::ONE;
            let terms: Vec<_> = terms.iter().map(|(p, n)| (*p, wide(*n))).collect();
            let one_by_one: ProjectivePoint = terms
                .iter()
                .map(|(point, number)| ProjectivePoint::from(*point) * number)
                .sum();
            assert_eq!(of_scalars(&terms), one_by_one, "{count}");
        }
    }
}
