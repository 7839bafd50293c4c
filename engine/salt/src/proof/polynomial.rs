//! Polynomials given by their values at 0, 1, ..., 255: what a committed vector stands for.

use std::sync::LazyLock;

use ark_ff::batch_inversion;

use crate::group::Fr;
use crate::node::{ONE, ZERO};
use crate::types::WIDTH;

/// A polynomial's values at 0 to 255.
pub type Values = [Fr; WIDTH];

struct Domain {
    /// The derivative, at each place, of the polynomial that vanishes on the domain.
    weights: Vec<Fr>,
    inverse_weights: Vec<Fr>,
    /// `1 / k` for k from 1 to 255; the first is unused.
    inverses: Vec<Fr>,
}

static DOMAIN: LazyLock<Domain> = LazyLock::new(|| {
    let places: Vec<Fr> = (0..WIDTH as u64).map(Fr::from).collect();
    let weights: Vec<Fr> = places
        .iter()
        .map(|place| {
            places
                .iter()
                .filter(|other| *other != place)
                .map(|other| *place - other)
                .product()
        })
        .collect();
    let mut inverse_weights = weights.clone();
    batch_inversion(&mut inverse_weights);
    let mut inverses = places;
    batch_inversion(&mut inverses);
    Domain {
        weights,
        inverse_weights,
        inverses,
    }
});

/// The quotient of `f(X) - f(place)` by `X - place`.
pub fn divide_at(f: &Values, place: u8) -> Values {
    let domain = &*DOMAIN;
    let place = usize::from(place);
    let mut quotient = [ZERO; WIDTH];
    let mut at_place = ZERO;
    for (other, value) in f.iter().enumerate() {
        if other == place {
            continue;
        }
        let distance = domain.inverses[other.abs_diff(place)];
        let difference = *value - f[place];
        quotient[other] = if other > place {
            difference * distance
        } else {
            -difference * distance
        };
        at_place -= domain.inverse_weights[other] * quotient[other];
    }
    quotient[place] = at_place * domain.weights[place];
    quotient
}

/// The factors by which the values add up to the polynomial's value at `point`; `None` when the point
/// is one of 0 to 255.
pub fn coefficients_at(point: &Fr) -> Option<Values> {
    let distances: Vec<Fr> = (0..WIDTH as u64)
        .map(|place| *point - Fr::from(place))
        .collect();
    let vanishing: Fr = distances.iter().product();
    if vanishing == ZERO {
        return None;
    }
    let mut denominators: Vec<Fr> = distances
        .iter()
        .zip(&DOMAIN.weights)
        .map(|(distance, weight)| *distance * weight)
        .collect();
    batch_inversion(&mut denominators);
    let mut coefficients = [ZERO; WIDTH];
    for (coefficient, inverse) in coefficients.iter_mut().zip(denominators) {
        *coefficient = vanishing * inverse;
    }
    Some(coefficients)
}

/// The sum of products.
pub fn inner_product(a: &[Fr], b: &[Fr]) -> Fr {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

/// 1, `base`, `base^2`, ...
pub fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(ONE), move |power| Some(*power * base))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `3 + 5 X + 7 X^2`.
    fn sample(point: Fr) -> Fr {
        Fr::from(3u64) + point * (Fr::from(5u64) + point * Fr::from(7u64))
    }

    fn values(f: impl Fn(Fr) -> Fr) -> Values {
        std::array::from_fn(|place| f(Fr::from(place as u64)))
    }

    #[test]
    fn values_determine_the_polynomial_everywhere() {
        let point = Fr::from(1_000_003u64);
        let coefficients = coefficients_at(&point).unwrap();
        assert_eq!(inner_product(&values(sample), &coefficients), sample(point));
        assert!(coefficients_at(&Fr::from(255u64)).is_none());
    }

    #[test]
    fn a_quotient_times_its_divisor_is_the_difference() {
        for place in [0, 1, 100, 255] {
            // (f(X) - f(z)) / (X - z) = 5 + 7 (X + z)
            let z = Fr::from(u64::from(place));
            let expected = values(|x| Fr::from(5u64) + Fr::from(7u64) * (x + z));
            assert_eq!(divide_at(&values(sample), place), expected, "place {place}");
        }
    }
}
