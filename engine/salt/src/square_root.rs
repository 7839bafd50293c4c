//! Square roots in the base field, twice as fast as the general algorithm: decompressing a witness's
//! commitments is mostly that.
//!
//! The field's multiplicative group has a subgroup of order `2^32`. There a square root is half a
//! discrete logarithm, which tables give eight bits at a time (Sarkar, "Computing Square Roots Faster
//! than the Tonelli-Shanks/Bernstein Algorithm", 2020).

use std::collections::HashMap;
use std::sync::LazyLock;

use ark_ed_on_bls12_381_bandersnatch::Fq;
use ark_ff::{BigInteger, FftField, Field, PrimeField, Zero};

/// The subgroup's order is 2 to this power.
const TWO_ADICITY: u32 = 32;
const WINDOW: usize = 256;

struct Tables {
    /// `g^(-i * 256^j)` for the subgroup's generator `g`.
    inverse_powers: [Vec<Fq>; 4],
    /// Logarithms to `g^(2^24)`, by the first limb.
    logarithms: HashMap<u64, u8>,
    /// `(t - 1) / 2`, where `2^32 t` is the order of the whole group, in digits of four bits from the top.
    exponent: Vec<u8>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let generator = Fq::TWO_ADIC_ROOT_OF_UNITY;
    let powers = |base: Fq| {
        std::iter::successors(Some(Fq::ONE), move |power| Some(*power * base)).take(WINDOW)
    };
    // A root of unity has an inverse.
    let inverse = generator.inverse().unwrap_or_default();
    let inverse_powers =
        std::array::from_fn(|place| powers(inverse.pow([1 << (8 * place)])).collect());
    let logarithms = powers(generator.pow([1 << 24]))
        .zip(0..=u8::MAX)
        .map(|(power, logarithm)| (power.0.0[0], logarithm))
        .collect();

    // The modulus is odd: shifting it by 33 gives (t - 1) / 2.
    let mut exponent = Fq::MODULUS;
    exponent >>= TWO_ADICITY + 1;
    let exponent = exponent
        .to_bytes_be()
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .skip_while(|digit| *digit == 0)
        .collect();
    Tables {
        inverse_powers,
        logarithms,
        exponent,
    }
});

/// `value` to the power of `(t - 1) / 2`.
fn reduce_to_subgroup(value: &Fq) -> Fq {
    let mut powers = [Fq::ONE; 16];
    for digit in 1..16 {
        powers[digit] = powers[digit - 1] * value;
    }
    let mut result = Fq::ONE;
    for (place, digit) in TABLES.exponent.iter().enumerate() {
        if place > 0 {
            for _ in 0..4 {
                result.square_in_place();
            }
        }
        result *= powers[usize::from(*digit)];
    }
    result
}

/// Whether a value is a square other than zero.
pub(crate) fn is_square(value: &Fq) -> bool {
    let half = reduce_to_subgroup(value);
    let mut power = half.square() * value;
    for _ in 1..TWO_ADICITY {
        power.square_in_place();
    }
    power == Fq::ONE
}

/// A square root; `None` for zero and for what is no square.
pub(crate) fn square_root(value: &Fq) -> Option<Fq> {
    if value.is_zero() {
        return None;
    }
    let half = reduce_to_subgroup(value);
    let root = half * value;
    // `root^2 = value * part`, and `part = g^logarithm`.
    let part = root * half;
    let mut raised = [part; 4];
    for place in 1..4 {
        raised[place] = raised[place - 1];
        for _ in 0..8 {
            raised[place].square_in_place();
        }
    }

    let tables = &*TABLES;
    let mut digits = [0u8; 4];
    for place in 0..4 {
        let mut power = raised[3 - place];
        for (known, digit) in digits[..place].iter().enumerate() {
            power *= tables.inverse_powers[3 - place + known][usize::from(*digit)];
        }
        digits[place] = *tables.logarithms.get(&power.0.0[0])?;
    }
    let logarithm = u32::from_le_bytes(digits);
    if logarithm % 2 == 1 {
        return None;
    }
    let halved = (logarithm / 2).to_le_bytes();
    let correction: Fq = halved
        .iter()
        .zip(&tables.inverse_powers)
        .map(|(digit, powers)| powers[usize::from(*digit)])
        .product();
    Some(root * correction)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_squares_are_those_of_the_general_algorithm() {
        let mut value = Fq::from(0x1234_5678_9abc_def1u64);
        let mut squares = 0;
        for _ in 0..300 {
            value = value * value + Fq::from(7u64);
            let root = square_root(&value);
            assert_eq!(root.is_some(), value.sqrt().is_some());
            assert_eq!(is_square(&value), root.is_some());
            if let Some(root) = root {
                assert_eq!(root.square(), value);
                squares += 1;
            }
        }
        assert!((100..200).contains(&squares));
    }

    #[test]
    fn the_subgroup_itself_has_its_roots() {
        let generator = Fq::TWO_ADIC_ROOT_OF_UNITY;
        for power in [
            0u64,
            1,
            2,
            254,
            255,
            256,
            65_536,
            0xffff_fffe,
            0xffff_ffff,
            0x1234_5678,
        ] {
            let value = generator.pow([power]);
            match square_root(&value) {
                Some(root) => assert_eq!((root.square(), power % 2), (value, 0)),
                None => assert_eq!(power % 2, 1),
            }
        }
        assert_eq!(square_root(&Fq::ONE).unwrap().square(), Fq::ONE);
        assert_eq!(square_root(&Fq::zero()), None);
        assert!(!is_square(&Fq::zero()));
    }
}
