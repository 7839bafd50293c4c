//! Multiplying a generator while there are no tables: with a comb of it, which is soon made.
//!
//! A scalar, folded to at most half the group's order, is written in lines of 36 bits. The bits that then
//! stand one below the other pick a ready sum of multiples of the generator, column by column with a
//! doubling in between (Lim and Lee, "More Flexible Exponentiation with Precomputation", 1994).
//!
//! | for one product | doublings | additions |
//! |---|---|---|
//! | bit by bit | 252 | 126 |
//! | comb | 36 | 36 |
//! | [tables](super::fixed_base) of 7 bits | | 36 |
//!
//! A comb takes 12 KiB, and as long to make as one product bit by bit: it is made when its generator is
//! first needed, if [`make_some`] has not yet come to it.

use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, BigInteger, Zero};

use super::crs::CRS;
use super::fixed_base::{Multiple, SCALAR_BITS, Tables, folded};
use super::group::{Fr, Point, Sum, normalize};
use super::types::WIDTH;

const LINES: usize = 7;
const COLUMNS: usize = (SCALAR_BITS as usize).div_ceil(LINES);

/// By which lines have a bit in a column: the sum of the multiples that these bits stand for.
type Comb = Box<[Multiple]>;

static COMBS: [OnceLock<Comb>; WIDTH] = [const { OnceLock::new() }; WIDTH];

/// Adds `scalar * G[index]` to `sum`.
pub fn add_product(sum: &mut Sum, index: u8, scalar: &Fr) {
    let comb = comb(usize::from(index));
    let (negative, rest) = folded(scalar);
    let mut product = Sum::zero();
    for column in (0..COLUMNS).rev() {
        if !product.is_zero() {
            product.double_in_place();
        }
        let bits =
            (0..LINES).map(|line| usize::from(rest.get_bit(line * COLUMNS + column)) << line);
        match bits.sum() {
            0 => {}
            pick => comb[pick].add_to(negative, &mut product),
        }
    }
    *sum += product;
}

/// Makes so many of those that are still missing, unless there are tables by now.
pub fn make_some(count: usize) {
    if Tables::are_made() {
        return;
    }
    let missing = (0..WIDTH).filter(|index| COMBS[*index].get().is_none());
    missing.take(count).for_each(|index| {
        comb(index);
    });
}

fn comb(index: usize) -> &'static Comb {
    COMBS[index].get_or_init(|| of(CRS.generators[index]))
}

fn of(generator: Point) -> Comb {
    let mut sums = vec![Sum::zero()];
    let mut lowest = generator.to_sum();
    for line in 0..LINES {
        if line > 0 {
            (0..COLUMNS).for_each(|_| {
                lowest.double_in_place();
            });
        }
        sums.extend_from_within(..);
        let half = sums.len() / 2;
        sums[half..].iter_mut().for_each(|sum| *sum += lowest);
    }
    normalize(&sums).into_iter().map(Multiple::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed_base::testing::scalars;
    use crate::group::same_element;

    #[test]
    fn a_comb_agrees_with_plain_multiplication() {
        for (place, scalar) in scalars().into_iter().enumerate() {
            let index = (place * 83 % WIDTH) as u8;
            let generator = CRS.generators[usize::from(index)].to_sum();
            let mut sum = generator;
            add_product(&mut sum, index, &scalar);
            assert!(
                same_element(&sum, &(generator + generator * scalar)),
                "{scalar}"
            );
        }
    }

    #[test]
    fn some_are_made_at_a_time_until_tables_are() {
        for _ in 0..WIDTH.div_ceil(100) {
            make_some(100);
        }
        assert!(Tables::are_made() || COMBS.iter().all(|comb| comb.get().is_some()));
    }
}
