//! Banderwagon: the prime-order group in which SALT commits.
//!
//! Its elements are pairs of points `(x, y)` and `(-x, -y)` of the Bandersnatch curve for which
//! `1 - a x^2` is a square. Encodings choose the member whose `y` is the larger of `y` and `-y`.
//! The curve and its fields come from arkworks; the quotient, its encodings and its map into the
//! scalar field are here. Nothing is constant-time: SALT has no secrets.

use ark_ec::CurveGroup;
use ark_ec::twisted_edwards::TECurveConfig;
use ark_ed_on_bls12_381_bandersnatch::{BandersnatchConfig, EdwardsAffine};
use ark_ff::{AdditiveGroup, BigInteger, Field, One, PrimeField, Zero, batch_inversion};

pub use ark_ed_on_bls12_381_bandersnatch::{EdwardsProjective as Sum, Fq, Fr};

use super::square_root::{is_square, square_root};

/// A group element in affine coordinates: what trie nodes are made of.
///
/// Either member of the pair may be held; compare with `==`, which knows the quotient.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Affine x.
    pub x: Fq,
    /// Affine y, never zero.
    pub y: Fq,
}

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.x * other.y == other.x * self.y
    }
}

impl Eq for Point {}

impl Point {
    /// Length of the compressed form.
    pub const COMPRESSED: usize = 32;
    /// Length of the uncompressed form.
    pub const UNCOMPRESSED: usize = 64;

    /// The neutral element.
    pub fn identity() -> Self {
        Self {
            x: Fq::ZERO,
            y: Fq::one(),
        }
    }

    /// The generator of Bandersnatch's prime-order subgroup.
    pub fn generator() -> Self {
        let EdwardsAffine { x, y } = BandersnatchConfig::GENERATOR;
        Self { x, y }
    }

    /// Ready to be added to.
    pub fn to_sum(self) -> Sum {
        Sum::new_unchecked(self.x, self.y, self.x * self.y, Fq::one())
    }

    /// The arkworks form.
    pub const fn to_affine(self) -> EdwardsAffine {
        EdwardsAffine::new_unchecked(self.x, self.y)
    }

    /// Normalises one sum. Use [`normalize`] for many.
    pub fn from_sum(sum: &Sum) -> Self {
        let EdwardsAffine { x, y } = sum.into_affine();
        Self { x, y }
    }

    /// Maps into the scalar field: `x / y` as an integer, modulo the group's order.
    pub fn to_scalar(self) -> Fr {
        // `y` is never zero in the group; zero in, zero out.
        scalar_of_base(self.x * self.y.inverse().unwrap_or_default())
    }

    /// The member of the pair that encodings use.
    fn canonical(self) -> Self {
        if is_positive(&self.y) {
            self
        } else {
            Self {
                x: -self.x,
                y: -self.y,
            }
        }
    }

    /// 32 bytes: x, big-endian, of the member whose y is positive.
    pub fn compress(self) -> [u8; Self::COMPRESSED] {
        let mut bytes = base_to_le(&self.canonical().x);
        bytes.reverse();
        bytes
    }

    /// Reads the compressed form; `None` unless it is canonical and names an element of the group.
    pub fn decompress(bytes: &[u8; Self::COMPRESSED]) -> Option<Self> {
        decompress([bytes])?.pop()
    }

    /// 64 bytes: x and y, little-endian, of the member whose y is positive.
    pub fn to_bytes(self) -> [u8; Self::UNCOMPRESSED] {
        let Self { x, y } = self.canonical();
        let mut bytes = [0; Self::UNCOMPRESSED];
        bytes[..32].copy_from_slice(&base_to_le(&x));
        bytes[32..].copy_from_slice(&base_to_le(&y));
        bytes
    }

    /// Reads [`to_bytes`](Self::to_bytes)'s form and checks that it is on the curve.
    ///
    /// The subgroup is not checked: this is for the node's own records. What comes from others is
    /// compressed.
    pub fn from_trusted_bytes(bytes: &[u8; Self::UNCOMPRESSED]) -> Option<Self> {
        let (x, y) = bytes.split_first_chunk::<32>()?;
        let point = Self {
            x: base_from_le(x)?,
            y: base_from_le(y.first_chunk()?)?,
        };
        (!point.y.is_zero() && point.to_affine().is_on_curve()).then_some(point)
    }
}

/// The x coordinate that compressed bytes name.
fn base_from_be(bytes: &[u8; 32]) -> Option<Fq> {
    let mut little = *bytes;
    little.reverse();
    base_from_le(&little)
}

/// Reads many compressed elements with one inversion; `None` if any is wrong.
pub fn decompress<'a>(
    encoded: impl IntoIterator<Item = &'a [u8; Point::COMPRESSED]>,
) -> Option<Vec<Point>> {
    let xs: Vec<Fq> = encoded
        .into_iter()
        .map(base_from_be)
        .collect::<Option<_>>()?;
    points_at(&xs).into_iter().collect()
}

/// For each x the element whose positive member has it, if there is one.
pub(super) fn points_at(xs: &[Fq]) -> Vec<Option<Point>> {
    // y^2 = (1 - a x^2) / (1 - d x^2)
    let squares: Vec<Fq> = xs.iter().map(|x| x.square()).collect();
    let mut inverses: Vec<Fq> = squares
        .iter()
        .map(|square| Fq::one() - BandersnatchConfig::COEFF_D * square)
        .collect();
    batch_inversion(&mut inverses);
    let point = |((x, square), inverse): ((&Fq, &Fq), &Fq)| {
        let numerator = Fq::one() - BandersnatchConfig::COEFF_A * square;
        // A denominator of zero stays zero, and zero is no square here.
        let y = square_root(&(numerator * inverse))?;
        // In the quotient the numerator itself is a square too.
        is_square(&numerator).then(|| Point {
            x: *x,
            y: if is_positive(&y) { y } else { -y },
        })
    };
    xs.iter().zip(&squares).zip(&inverses).map(point).collect()
}

/// Of `y` and `-y`, the larger integer counts as positive.
fn is_positive(y: &Fq) -> bool {
    y.into_bigint() > (-*y).into_bigint()
}

fn base_to_le(value: &Fq) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(value.into_bigint().0) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_le_bytes(*chunk);
    }
    limbs
}

fn base_from_le(bytes: &[u8; 32]) -> Option<Fq> {
    Fq::from_bigint(ark_ff::BigInt(limbs(bytes)))
}

/// A scalar as 32 little-endian bytes.
pub fn scalar_to_le(value: &Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(value.into_bigint().0) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

/// Reads a scalar; `None` unless it is below the group's order.
pub fn scalar_from_le(bytes: &[u8; 32]) -> Option<Fr> {
    Fr::from_bigint(ark_ff::BigInt(limbs(bytes)))
}

/// Any 32 little-endian bytes as a scalar, modulo the group's order.
pub fn scalar_from_le_reduced(bytes: &[u8; 32]) -> Fr {
    reduce(limbs(bytes))
}

/// An integer below `2^256` modulo the group's order, which is a little under `2^253`.
fn reduce(limbs: [u64; 4]) -> Fr {
    let mut integer = ark_ff::BigInt(limbs);
    while integer >= Fr::MODULUS {
        integer.sub_with_borrow(&Fr::MODULUS);
    }
    // Below the modulus by now.
    Fr::from_bigint(integer).unwrap_or_default()
}

fn scalar_of_base(base: Fq) -> Fr {
    reduce(base.into_bigint().0)
}

/// Maps many elements into the scalar field with one inversion.
pub fn to_scalars(points: &[Point]) -> Vec<Fr> {
    let mut inverses: Vec<Fq> = points.iter().map(|point| point.y).collect();
    batch_inversion(&mut inverses);
    points
        .iter()
        .zip(inverses)
        .map(|(point, inverse)| scalar_of_base(point.x * inverse))
        .collect()
}

/// Brings many sums into affine coordinates with one inversion.
pub fn normalize(sums: &[Sum]) -> Vec<Point> {
    let mut inverses: Vec<Fq> = sums.iter().map(|sum| sum.z).collect();
    batch_inversion(&mut inverses);
    sums.iter()
        .zip(inverses)
        .map(|(sum, inverse)| Point {
            x: sum.x * inverse,
            y: sum.y * inverse,
        })
        .collect()
}

/// The sum of `scalar * point` over all pairs.
pub fn multiply_sum(points: &[Point], scalars: &[Fr]) -> Sum {
    use ark_ec::VariableBaseMSM;
    let bases: Vec<EdwardsAffine> = points.iter().map(|point| point.to_affine()).collect();
    // The shorter of the two decides; callers give equal lengths.
    let length = bases.len().min(scalars.len());
    Sum::msm_unchecked(&bases[..length], &scalars[..length])
}

/// Whether two sums are the same element of the quotient.
pub fn same_element(a: &Sum, b: &Sum) -> bool {
    a.x * b.y == b.x * a.y
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same group member written with the other pair of coordinates.
    fn twin(point: Point) -> Point {
        Point {
            x: -point.x,
            y: -point.y,
        }
    }

    #[test]
    fn doublings_of_the_generator_compress_to_the_published_vectors() {
        let expected = [
            "4a2c7486fd924882bf02c6908de395122843e3e05264d7991e18e7985dad51e9",
            "43aa74ef706605705989e8fd38df46873b7eae5921fbed115ac9d937399ce4d5",
            "5e5f550494159f38aa54d2ed7f11a7e93e4968617990445cc93ac8e59808c126",
            "0e7e3748db7c5c999a7bcd93d71d671f1f40090423792266f94cb27ca43fce5c",
            "14ddaa48820cb6523b9ae5fe9fe257cbbd1f3d598a28e670a40da5d1159d864a",
        ];
        let mut sum = Point::generator().to_sum();
        for vector in expected {
            assert_eq!(hex(&Point::from_sum(&sum).compress()), vector);
            sum.double_in_place();
        }
    }

    #[test]
    fn the_generator_maps_to_the_published_scalar() {
        assert_eq!(
            hex(&scalar_to_le(&Point::generator().to_scalar())),
            "d1e7de2aaea9603d5bc6c208d319596376556ecd8336671ba7670c2139772d14"
        );
    }

    #[test]
    fn both_members_of_a_pair_are_one_element() {
        let point = Point::generator();
        assert_eq!(point, twin(point));
        assert_eq!(point.compress(), twin(point).compress());
        assert_eq!(point.to_bytes(), twin(point).to_bytes());
        assert_eq!(point.to_scalar(), twin(point).to_scalar());
        assert_ne!(point, Point::identity());
    }

    #[test]
    fn encodings_come_back() {
        for multiple in 1..50u64 {
            let point = Point::from_sum(&(Point::generator().to_sum() * Fr::from(multiple)));
            assert_eq!(Point::decompress(&point.compress()).unwrap(), point);
            assert_eq!(Point::from_trusted_bytes(&point.to_bytes()).unwrap(), point);
        }
        let identity = Point::identity();
        assert_eq!(Point::decompress(&identity.compress()).unwrap(), identity);
    }

    #[test]
    fn bytes_outside_the_group_are_refused() {
        assert!(Point::decompress(&[0xff; 32]).is_none(), "above the field");
        let refused = (1..=64u8)
            .filter(|last| {
                let mut bytes = [0; 32];
                bytes[31] = *last;
                Point::decompress(&bytes).is_none()
            })
            .count();
        assert!(
            (16..60).contains(&refused),
            "about three quarters are not in the group: {refused}"
        );
        let mut off_curve = Point::generator().to_bytes();
        off_curve[0] ^= 1;
        assert!(Point::from_trusted_bytes(&off_curve).is_none());
    }

    #[test]
    fn an_element_of_the_larger_curve_group_is_refused() {
        // Generator plus a point of order two at infinity lies on the curve, outside the quotient.
        let generator = Point::generator();
        let root = (BandersnatchConfig::COEFF_D / BandersnatchConfig::COEFF_A)
            .sqrt()
            .unwrap();
        let infinity = Sum::new_unchecked(root, Fq::ZERO, Fq::one(), Fq::ZERO);
        let outside = Point::from_sum(&(infinity + generator.to_sum()));
        assert!(outside.to_affine().is_on_curve());
        assert!(Point::decompress(&outside.compress()).is_none());
    }

    #[test]
    fn batches_agree_with_single_conversions() {
        let sums: Vec<Sum> = (1..20u64)
            .map(|k| Point::generator().to_sum() * Fr::from(k * k))
            .collect();
        let points = normalize(&sums);
        for (point, sum) in points.iter().zip(&sums) {
            assert_eq!(*point, Point::from_sum(sum));
        }
        let scalars = to_scalars(&points);
        assert_eq!(
            scalars,
            points
                .iter()
                .map(|point| point.to_scalar())
                .collect::<Vec<_>>()
        );
        let expected: Sum = sums
            .iter()
            .zip(&scalars)
            .map(|(sum, scalar)| *sum * scalar)
            .sum();
        assert!(same_element(&multiply_sum(&points, &scalars), &expected));
    }

    #[test]
    fn wide_integers_are_reduced() {
        use ark_ff::PrimeField;
        for bytes in [[0; 32], [1; 32], [0xff; 32], [0x74; 32]] {
            assert_eq!(
                scalar_from_le_reduced(&bytes),
                Fr::from_le_bytes_mod_order(&bytes)
            );
        }
        assert!(scalar_from_le(&[0xff; 32]).is_none());
        let scalar = Fr::from(12_345u64);
        assert_eq!(scalar_from_le(&scalar_to_le(&scalar)).unwrap(), scalar);
    }
}
