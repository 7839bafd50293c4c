//! Multiplying the 256 generators quickly: signed fixed windows over precomputed multiples.
//!
//! Every change of state costs a few products `scalar * G[i]`. A scalar is folded to at most half the
//! group's order, cut into windows, and each window's digit picks a ready multiple; the rest is
//! additions. Wider windows mean fewer additions and a larger table:
//!
//! | window bits | additions | table |
//! |---|---|---|
//! | 4 | 63 | 12 MiB |
//! | 5 | 51 | 19 MiB |
//! | 6 | 42 | 31 MiB |
//! | 7 (default) | 36 | 55 MiB |
//! | 8 | 32 | 95 MiB |
//! | 10 | 26 | 300 MiB |
//! | 12 | 21 | 1 GiB |

use std::hint::black_box;
use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use ark_ec::twisted_edwards::TECurveConfig;
use ark_ed_on_bls12_381_bandersnatch::BandersnatchConfig;
use ark_ff::{AdditiveGroup, BigInt, BigInteger, PrimeField, Zero};
use rayon::{ThreadPoolBuilder, prelude::*};

use super::crs::CRS;
use super::group::{Fq, Fr, Point, Sum, normalize};
use super::types::WIDTH;

/// Window width unless the node is told otherwise.
pub const DEFAULT_WINDOW_BITS: u32 = 7;
/// Bits of half the group's order, to which scalars are folded.
pub(super) const SCALAR_BITS: u32 = 252;
const MIN_WINDOW_BITS: u32 = 4;
const MAX_WINDOW_BITS: u32 = 12;
const MAX_WINDOWS: usize = SCALAR_BITS.div_ceil(MIN_WINDOW_BITS) as usize;

/// A multiple of a generator, ready to be added: affine coordinates and `d * x * y`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multiple {
    x: Fq,
    y: Fq,
    dt: Fq,
}

impl Multiple {
    pub(super) fn new(point: Point) -> Self {
        Self {
            x: point.x,
            y: point.y,
            dt: BandersnatchConfig::COEFF_D * point.x * point.y,
        }
    }

    /// Adds this multiple, or its negative, to `sum`: 8 field products.
    ///
    /// Extended twisted Edwards coordinates with `a = -5` (Hisil, Wong, Carter, Dawson 2008). No sum of
    /// group elements meets the formula's exceptions.
    pub(super) fn add_to(&self, negative: bool, sum: &mut Sum) {
        let (x, dt) = if negative {
            (-self.x, -self.dt)
        } else {
            (self.x, self.dt)
        };
        let a = sum.x * x;
        let b = sum.y * self.y;
        let c = sum.t * dt;
        let e = (sum.x + sum.y) * (x + self.y) - a - b;
        let f = sum.z - c;
        let g = sum.z + c;
        let h = b + a + a.double().double();
        sum.x = e * f;
        sum.y = g * h;
        sum.t = e * h;
        sum.z = f * g;
    }
}

/// The generators' precomputed multiples.
#[derive(Debug)]
pub struct Tables {
    window_bits: u32,
    windows: usize,
    /// Multiples kept of each generator.
    stride: usize,
    multiples: Vec<Multiple>,
}

static SHARED: OnceLock<Tables> = OnceLock::new();
/// From so many products on, tables are made at once: waiting for them takes less than doing without.
const WORTH_WAITING: usize = 65_536;
/// An update of so many products is a busy chain's: some 30 keys in one block.
const BUSY: usize = 128;
/// The update that is the so-manieth busy one has tables made by a thread of their own, for those that follow. The
/// first may be the genesis.
const WORTH_BUILDING: usize = 2;
static BUSY_UPDATES: AtomicUsize = AtomicUsize::new(0);

impl Tables {
    /// The process's tables if they are there or `products` are so many that waiting for them pays; else there are
    /// [`combs`](super::combs).
    ///
    /// A node that idles changes a handful of keys per block: it never needs them, nor does its start
    /// wait for them.
    pub fn for_products(products: usize) -> Option<&'static Self> {
        if products >= WORTH_WAITING {
            return Some(Self::shared());
        }
        let tables = SHARED.get();
        if tables.is_none()
            && products >= BUSY
            && BUSY_UPDATES.fetch_add(1, Ordering::Relaxed) + 1 == WORTH_BUILDING
        {
            // Without a thread there is just no head start.
            drop(
                std::thread::Builder::new()
                    .name("salt-tables".to_owned())
                    .spawn(build_aside),
            );
        }
        tables
    }

    /// Whether the process's tables are there.
    pub fn are_made() -> bool {
        SHARED.get().is_some()
    }

    /// The process's tables, built at the first use.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::new(DEFAULT_WINDOW_BITS))
    }

    /// Computes tables for windows of `bits`, taken to the nearest of 4 to 12.
    pub fn new(bits: u32) -> Self {
        let window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        let windows = SCALAR_BITS.div_ceil(window_bits) as usize;
        let signed = 1 << (window_bits - 1);
        // The last window keeps its sign: it holds what the scalar has left, and a carry.
        let mut largest = half_order();
        largest >>= (windows as u32 - 1) * window_bits;
        let last = largest.0[0] as usize + 1;
        let stride = (windows - 1) * signed + last;

        let multiples = CRS
            .generators
            .par_iter()
            .flat_map_iter(|generator| {
                let mut sums = Vec::with_capacity(stride);
                let mut base = generator.to_sum();
                for window in 0..windows {
                    let mut multiple = base;
                    for _ in 0..if window + 1 < windows { signed } else { last } {
                        sums.push(multiple);
                        multiple += &base;
                    }
                    for _ in 0..window_bits {
                        base.double_in_place();
                    }
                }
                normalize(&sums).into_iter().map(Multiple::new)
            })
            .collect();
        Self {
            window_bits,
            windows,
            stride,
            multiples,
        }
    }

    /// Bytes held by the tables.
    pub const fn memory(&self) -> usize {
        self.multiples.len() * size_of::<Multiple>()
    }

    /// Adds `scalar * G[index]` to `sum`.
    pub fn add_product(&self, sum: &mut Sum, index: u8, scalar: &Fr) {
        let (negative, mut rest) = folded(scalar);
        let table = &self.multiples[usize::from(index) * self.stride..][..self.stride];
        let signed = 1usize << (self.window_bits - 1);

        let mut picks = [(0usize, false); MAX_WINDOWS];
        let mut picked = 0;
        let mut carry = 0;
        for window in 0..self.windows {
            let mut digit = (rest.0[0] & ((1 << self.window_bits) - 1)) as usize + carry;
            rest >>= self.window_bits;
            let mut sign = negative;
            carry = 0;
            if digit > signed && window + 1 < self.windows {
                digit = 2 * signed - digit;
                sign = !negative;
                carry = 1;
            }
            if digit > 0 {
                picks[picked] = (window * signed + digit - 1, sign);
                picked += 1;
            }
        }

        // Ask memory for all of them at once; the additions would ask one after another.
        let touched = picks[..picked].iter().fold(0, |mix, (at, _)| {
            let multiple = &table[*at];
            mix ^ multiple.x.0.0[0] ^ multiple.dt.0.0[3]
        });
        black_box(touched);

        for (at, sign) in &picks[..picked] {
            table[*at].add_to(*sign, sum);
        }
    }

    /// Commits to a whole vector.
    pub fn commit(&self, values: &[Fr; WIDTH]) -> Sum {
        let mut sum = Sum::zero();
        for (index, value) in (0..=u8::MAX).zip(values) {
            self.add_product(&mut sum, index, value);
        }
        sum
    }
}

/// Makes the shared tables without taking the threads that updates share.
fn build_aside() {
    if let Ok(pool) = ThreadPoolBuilder::new().num_threads(1).build() {
        pool.install(|| Tables::shared().memory());
    }
}

/// A scalar's distance from zero, and whether it lies below.
pub(super) fn folded(scalar: &Fr) -> (bool, BigInt<4>) {
    let above = scalar.into_bigint();
    if above > half_order() {
        (true, (-*scalar).into_bigint())
    } else {
        (false, above)
    }
}

fn half_order() -> BigInt<4> {
    let mut half = Fr::MODULUS;
    half.div2();
    half
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    pub(crate) fn scalars() -> Vec<Fr> {
        let mut scalars: Vec<Fr> = [0u64, 1, 2, 63, 64, 65, 127, 128, 129, 8191, 8192]
            .map(Fr::from)
            .to_vec();
        scalars.extend(scalars.clone().iter().map(|scalar| -*scalar));
        let half = Fr::from_bigint(half_order()).unwrap_or_default();
        scalars.extend([half, half + Fr::from(1u64), -half]);
        let mut power = Fr::from(0xdead_beefu64);
        for _ in 0..20 {
            power *= power + Fr::from(3u64);
            scalars.push(power);
        }
        scalars
    }
}

#[cfg(test)]
mod tests {
    use super::testing::scalars;
    use super::*;
    use crate::group::{multiply_sum, same_element};

    #[test]
    fn every_window_agrees_with_plain_multiplication() {
        for bits in [4, 5, 7, 8] {
            let tables = Tables::new(bits);
            for (place, scalar) in scalars().into_iter().enumerate() {
                let index = (place * 83 % WIDTH) as u8;
                let generator = CRS.generators[usize::from(index)];
                let mut sum = generator.to_sum();
                tables.add_product(&mut sum, index, &scalar);
                let expected = generator.to_sum() + generator.to_sum() * scalar;
                assert!(same_element(&sum, &expected), "{bits} bits, {scalar}");
            }
        }
    }

    #[test]
    fn a_commitment_is_the_sum_of_its_places() {
        let scalars = scalars();
        let mut values = [Fr::ZERO; WIDTH];
        for (value, scalar) in values.iter_mut().zip(scalars.iter().cycle()) {
            *value = *scalar;
        }
        let expected = multiply_sum(&CRS.generators, &values);
        assert!(same_element(&Tables::shared().commit(&values), &expected));
    }

    #[test]
    fn the_default_table_stays_within_its_budget() {
        assert!(Tables::new(DEFAULT_WINDOW_BITS).memory() <= 64 << 20);
    }
}
