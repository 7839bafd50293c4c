//! One short argument that many committed vectors have the claimed values at the claimed places.
//!
//! The claims are folded with powers of a challenge into one polynomial, whose value at a second
//! challenge an inner product argument opens in eight halvings. The layout of the transcript and of
//! the 576 bytes is the network's.

use rayon::prelude::*;

use super::polynomial::{Values, coefficients_at, divide_at, inner_product, powers};
use super::transcript::Transcript;
use crate::crs::CRS;
use crate::fixed_base::Tables;
use crate::group::{
    Fr, Point, Sum, decompress, multiply_sum, normalize, same_element, scalar_from_le, scalar_to_le,
};
use crate::node::{ONE, ZERO};
use crate::types::WIDTH;
use ark_ff::{Field, Zero, batch_inversion};

/// Halvings of a vector of 256.
const ROUNDS: usize = 8;

/// What is claimed of one commitment: values at some places, in rising order.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The committed vector.
    pub commitment: Point,
    /// Places and their values.
    pub values: Vec<(u8, Fr)>,
}

/// A committed vector of which the prover opens some places.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The commitment to `vector`.
    pub commitment: Point,
    /// All 256 values.
    pub vector: Box<Values>,
    /// Which of them are opened, in rising order.
    pub places: Vec<u8>,
}

/// The argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiPointProof {
    /// Commitment to the folded quotient.
    quotient: Point,
    left: [Point; ROUNDS],
    right: [Point; ROUNDS],
    last: Fr,
}

/// Says every claim, and draws the challenge that folds them.
fn fold_challenge<'a>(
    transcript: &mut Transcript,
    claims: impl Iterator<Item = (Point, &'a [(u8, Fr)])>,
) -> Fr {
    transcript.separate(b"multiproof");
    for (commitment, values) in claims {
        let compressed = commitment.compress();
        for (place, value) in values {
            transcript.compressed_point(b"C", &compressed);
            transcript.scalar(b"z", &Fr::from(u64::from(*place)));
            transcript.scalar(b"y", value);
        }
    }
    transcript.challenge(b"r")
}

/// `1 / (point - place)` for every place; `None` when the point is a place.
fn inverse_distances(point: &Fr) -> Option<Vec<Fr>> {
    let mut distances: Vec<Fr> = (0..WIDTH as u64)
        .map(|place| *point - Fr::from(place))
        .collect();
    if distances.contains(&ZERO) {
        return None;
    }
    batch_inversion(&mut distances);
    Some(distances)
}

impl MultiPointProof {
    /// Length of the encoding.
    pub const LENGTH: usize = (2 + 2 * ROUNDS) * 32;

    /// Commitments to the quotient, to the left and to the right halves, and the last scalar.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let points = [&self.quotient]
            .into_iter()
            .chain(&self.left)
            .chain(&self.right);
        let scalars = points
            .map(|point| point.compress())
            .chain([scalar_to_le(&self.last)]);
        for (chunk, part) in bytes.chunks_exact_mut(32).zip(scalars) {
            chunk.copy_from_slice(&part);
        }
        bytes
    }

    /// Reads [`encode`](Self::encode)'s form, checking every element.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let (parts, _) = bytes.as_chunks::<32>();
        let points = decompress(&parts[..=2 * ROUNDS])?;
        let mut proof = Self {
            quotient: points[0],
            left: [Point::identity(); ROUNDS],
            right: [Point::identity(); ROUNDS],
            last: scalar_from_le(parts.last()?)?,
        };
        proof.left.copy_from_slice(&points[1..=ROUNDS]);
        proof.right.copy_from_slice(&points[1 + ROUNDS..]);
        Some(proof)
    }

    /// Proves the openings.
    ///
    /// Each vector must be what its commitment commits to; otherwise the proof does not verify.
    pub fn prove(mut transcript: Transcript, openings: &[Opening]) -> Self {
        let claims: Vec<Vec<(u8, Fr)>> = openings
            .iter()
            .map(|opening| {
                let value = |place: &u8| (*place, opening.vector[usize::from(*place)]);
                opening.places.iter().map(value).collect()
            })
            .collect();
        let r = fold_challenge(
            &mut transcript,
            openings
                .iter()
                .zip(&claims)
                .map(|(opening, claim)| (opening.commitment, &claim[..])),
        );
        let by_place = fold_by_place(openings, r);

        let quotient = by_place
            .par_iter()
            .map(|(place, folded)| divide_at(folded, *place))
            .reduce(
                || [ZERO; WIDTH],
                |a, b| std::array::from_fn(|i| a[i] + b[i]),
            );
        let quotient_point = Point::from_sum(&Tables::shared().commit(&quotient));
        transcript.point(b"D", &quotient_point);
        let t = transcript.challenge(b"t");
        // A hash that names one of 256 places does not happen; the proof would not verify.
        let distances = inverse_distances(&t).unwrap_or_else(|| vec![ZERO; WIDTH]);

        let mut remainder = [ZERO; WIDTH];
        for (place, folded) in &by_place {
            for (sum, value) in remainder.iter_mut().zip(folded.iter()) {
                *sum += distances[usize::from(*place)] * value;
            }
        }
        let remainder_sum = Tables::shared().commit(&remainder);
        transcript.point(b"E", &Point::from_sum(&remainder_sum));

        let opened: Values = std::array::from_fn(|i| remainder[i] - quotient[i]);
        let commitment = Point::from_sum(&(remainder_sum - quotient_point.to_sum()));
        let (left, right, last) = prove_inner_product(&mut transcript, opened, &commitment, &t);
        Self {
            quotient: quotient_point,
            left,
            right,
            last,
        }
    }

    /// Whether the claims hold of their commitments.
    pub fn verify(&self, mut transcript: Transcript, claims: &[Claim]) -> bool {
        let r = fold_challenge(
            &mut transcript,
            claims
                .iter()
                .map(|claim| (claim.commitment, &claim.values[..])),
        );
        transcript.point(b"D", &self.quotient);
        let t = transcript.challenge(b"t");
        let Some(distances) = inverse_distances(&t) else {
            return false;
        };

        // E = sum of r^i C_i / (t - z_i), and its value at t without the quotient's.
        let mut power = powers(r);
        let mut value_at_t = ZERO;
        let mut scalars = Vec::with_capacity(claims.len());
        for claim in claims {
            let mut scalar = ZERO;
            for ((place, value), power) in claim.values.iter().zip(&mut power) {
                let weight = power * distances[usize::from(*place)];
                scalar += weight;
                value_at_t += weight * value;
            }
            scalars.push(scalar);
        }
        let points: Vec<Point> = claims.iter().map(|claim| claim.commitment).collect();
        let remainder = parallel_multiply_sum(&points, &scalars);
        transcript.point(b"E", &Point::from_sum(&remainder));

        let commitment = Point::from_sum(&(remainder - self.quotient.to_sum()));
        self.verify_inner_product(&mut transcript, &commitment, &t, &value_at_t)
    }

    fn verify_inner_product(
        &self,
        transcript: &mut Transcript,
        commitment: &Point,
        point: &Fr,
        value: &Fr,
    ) -> bool {
        let Some(coefficients) = coefficients_at(point) else {
            return false;
        };
        let w = inner_product_challenge(transcript, commitment, point, value);
        let mut challenges = Vec::with_capacity(ROUNDS);
        for (left, right) in self.left.iter().zip(&self.right) {
            transcript.point(b"L", left);
            transcript.point(b"R", right);
            challenges.push(transcript.challenge(b"x"));
        }
        let mut inverses = challenges.clone();
        batch_inversion(&mut inverses);

        // What each generator was multiplied by in the foldings: bit k from the top picks round k.
        let mut factors = vec![ONE];
        for inverse in &inverses {
            factors = factors
                .iter()
                .flat_map(|factor| [*factor, *factor * inverse])
                .collect();
        }
        let folded_coefficient = inner_product(&coefficients, &factors);

        let points: Vec<Point> = self
            .left
            .iter()
            .chain(&self.right)
            .chain([commitment, &CRS.q])
            .chain(&CRS.generators)
            .copied()
            .collect();
        let scalars: Vec<Fr> = challenges
            .into_iter()
            .chain(inverses)
            .chain([ONE, w * (*value - self.last * folded_coefficient)])
            .chain(factors.iter().map(|factor| -self.last * factor))
            .collect();
        same_element(&parallel_multiply_sum(&points, &scalars), &Sum::zero())
    }
}

/// Adds up the vectors opened at each place, each with its power of `r`.
fn fold_by_place(openings: &[Opening], r: Fr) -> Vec<(u8, Box<Values>)> {
    let mut power = powers(r);
    let mut weights: Vec<Vec<(usize, Fr)>> = vec![Vec::new(); WIDTH];
    for (at, opening) in openings.iter().enumerate() {
        for (place, power) in opening.places.iter().zip(&mut power) {
            weights[usize::from(*place)].push((at, power));
        }
    }
    let fold = |weights: &Vec<(usize, Fr)>| {
        let mut folded = Box::new([ZERO; WIDTH]);
        for (at, weight) in weights {
            for (sum, value) in folded.iter_mut().zip(openings[*at].vector.iter()) {
                *sum += *weight * value;
            }
        }
        folded
    };
    weights
        .par_iter()
        .enumerate()
        .filter(|(_, weights)| !weights.is_empty())
        .map(|(place, weights)| (place as u8, fold(weights)))
        .collect()
}

fn inner_product_challenge(
    transcript: &mut Transcript,
    commitment: &Point,
    point: &Fr,
    value: &Fr,
) -> Fr {
    transcript.separate(b"ipa");
    transcript.point(b"C", commitment);
    transcript.scalar(b"input point", point);
    transcript.scalar(b"output point", value);
    transcript.challenge(b"w")
}

/// Shows the value at `point` of the polynomial with these values.
///
/// The generators are never folded: `factors` remembers what each would have been multiplied by, so
/// that the precomputed tables serve every round.
fn prove_inner_product(
    transcript: &mut Transcript,
    vector: Values,
    commitment: &Point,
    point: &Fr,
) -> ([Point; ROUNDS], [Point; ROUNDS], Fr) {
    let tables = Tables::shared();
    let mut a = vector.to_vec();
    // The caller drew a point outside the domain.
    let mut b = coefficients_at(point).unwrap_or([ZERO; WIDTH]).to_vec();
    let w = inner_product_challenge(transcript, commitment, point, &inner_product(&a, &b));
    let q = CRS.q.to_sum() * w;

    let mut left = [Point::identity(); ROUNDS];
    let mut right = [Point::identity(); ROUNDS];
    let mut factors = vec![ONE; WIDTH];
    for round in 0..ROUNDS {
        let half = a.len() / 2;
        let (a_left, a_right) = a.split_at(half);
        let (b_left, b_right) = b.split_at(half);
        // Generator i has been folded into place `i % a.len()`.
        let over = |values: &[Fr], other: &[Fr], upper: bool| {
            let mut sum = q * inner_product(values, other);
            for (index, factor) in (0..=u8::MAX).zip(&factors) {
                let place = usize::from(index) % (2 * half);
                if (place >= half) == upper {
                    tables.add_product(&mut sum, index, &(values[place % half] * factor));
                }
            }
            sum
        };
        let (l, r) = rayon::join(
            || over(a_right, b_left, false),
            || over(a_left, b_right, true),
        );
        let halves = normalize(&[l, r]);
        (left[round], right[round]) = (halves[0], halves[1]);
        transcript.point(b"L", &left[round]);
        transcript.point(b"R", &right[round]);

        let x = transcript.challenge(b"x");
        // A challenge of zero would need a preimage of zero under SHA-256.
        let x_inverse = x.inverse().unwrap_or(ONE);
        for (index, factor) in factors.iter_mut().enumerate() {
            if index % (2 * half) >= half {
                *factor *= x_inverse;
            }
        }
        a = a_left
            .iter()
            .zip(a_right)
            .map(|(l, r)| *l + x * r)
            .collect();
        b = b_left
            .iter()
            .zip(b_right)
            .map(|(l, r)| *l + x_inverse * r)
            .collect();
    }
    (left, right, a[0])
}

fn parallel_multiply_sum(points: &[Point], scalars: &[Fr]) -> Sum {
    const SERIAL: usize = 256;
    let chunk = points
        .len()
        .div_ceil(rayon::current_num_threads())
        .max(SERIAL);
    points
        .par_chunks(chunk)
        .zip(scalars.par_chunks(chunk))
        .map(|(points, scalars)| multiply_sum(points, scalars))
        .reduce(Sum::zero, |a, b| a + b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn opening(seed: u64, places: &[u8]) -> Opening {
        let vector: Box<Values> = Box::new(std::array::from_fn(|place| {
            Fr::from((place as u64 + 1) * seed % 977)
        }));
        let commitment = Point::from_sum(&multiply_sum(&CRS.generators, &vector[..]));
        Opening {
            commitment,
            vector,
            places: places.to_vec(),
        }
    }

    fn claims(openings: &[Opening]) -> Vec<Claim> {
        openings
            .iter()
            .map(|opening| Claim {
                commitment: opening.commitment,
                values: opening
                    .places
                    .iter()
                    .map(|place| (*place, opening.vector[usize::from(*place)]))
                    .collect(),
            })
            .collect()
    }

    #[test]
    fn what_is_committed_can_be_proven() {
        let openings = [
            opening(3, &[0]),
            opening(5, &[0, 7, 255]),
            opening(11, &[128]),
        ];
        let proof = MultiPointProof::prove(Transcript::new(b"st"), &openings);
        assert!(proof.verify(Transcript::new(b"st"), &claims(&openings)));
        assert_eq!(MultiPointProof::decode(&proof.encode()).unwrap(), proof);
    }

    #[test]
    fn nothing_else_can() {
        let openings = [opening(3, &[0]), opening(5, &[0, 7])];
        let proof = MultiPointProof::prove(Transcript::new(b"st"), &openings);
        let honest = claims(&openings);

        let mut wrong_value = honest.clone();
        wrong_value[1].values[1].1 += ONE;
        assert!(!proof.verify(Transcript::new(b"st"), &wrong_value));

        let mut wrong_place = honest.clone();
        wrong_place[0].values[0].0 = 1;
        assert!(!proof.verify(Transcript::new(b"st"), &wrong_place));

        let mut wrong_commitment = honest.clone();
        wrong_commitment[0].commitment = Point::generator();
        assert!(!proof.verify(Transcript::new(b"st"), &wrong_commitment));

        assert!(!proof.verify(Transcript::new(b"other"), &honest));
        for byte in [0, 40, 300, 570] {
            let mut bytes = proof.encode();
            bytes[byte] ^= 1;
            let accepted = MultiPointProof::decode(&bytes)
                .is_some_and(|proof| proof.verify(Transcript::new(b"st"), &honest));
            assert!(!accepted, "byte {byte} changed");
        }
    }
}
