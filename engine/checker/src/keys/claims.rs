//! Many signatures at once, each with a claim of who made it.
//!
//! A signature `(r, s)` with the nonce's point `R` over a digest `z` is key `P`'s exactly if `s R = z G + r P`: recovery
//! solves that for `P`. Once a signer's key is known, because one of its signatures has been recovered, the others need
//! not be solved, only checked, and equations can be checked together. With a coefficient `a` for each, which
//! nobody can foresee who makes the signatures,
//!
//! ```text
//!   sum of a R  =  (sum of a z/s) G  +  for each key, (sum of a r/s) P
//! ```
//!
//! holds if all equations hold, and if one does not, then with a probability of 2^-128. If it does not hold, every
//! signature is recovered by itself, so that what is said of each is what recovery says of it.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Signature};
use k256::{
    AffinePoint, EncodedPoint, FieldBytes, ProjectivePoint, Scalar, U256,
    elliptic_curve::{
        PrimeField,
        ops::{BatchInvert, Reduce},
        point::DecompressPoint,
        sec1::FromEncodedPoint,
    },
};
use rayon::prelude::*;
use secp256k1::PublicKey;

use super::{KeyError, SECP256K1_HALF_ORDER, address_from_public, recover, recover_public, sums};

/// Fewer equations than these are checked sooner one by one.
const LEAST_TOGETHER: usize = 16;

/// A signature, and who is said to have made it.
#[derive(Clone, Copy, Debug)]
pub struct SignatureClaim {
    /// What was signed.
    pub digest: B256,
    /// The signature.
    pub signature: Signature,
    /// Who is said to have signed.
    pub signer: Address,
}

/// Who made each signature: what [`recover`] says of it, whatever is claimed. Claims that hold are found to hold in less
/// time. Uses rayon's threads.
pub fn recover_claimed(claims: &[SignatureClaim]) -> Vec<Result<Address, KeyError>> {
    if hold(claims) {
        return claims.iter().map(|claim| Ok(claim.signer)).collect();
    }
    let each = |claim: &SignatureClaim| recover(&claim.digest, &claim.signature);
    claims.par_iter().map(each).collect()
}

/// Whether all claims hold, as far as that is found out in less time than by recovering each.
fn hold(claims: &[SignatureClaim]) -> bool {
    let mut first_of: HashMap<Address, usize> = HashMap::new();
    let mut firsts = Vec::new();
    let mut rest = Vec::with_capacity(claims.len());
    for claim in claims {
        let key = *first_of.entry(claim.signer).or_insert(firsts.len());
        if key == firsts.len() {
            firsts.push(claim);
        } else {
            rest.push((claim, key));
        }
    }
    if rest.len() < LEAST_TOGETHER {
        return false;
    }
    let keys: Option<Vec<PublicKey>> = firsts.into_par_iter().map(key_of).collect();
    keys.is_some_and(|keys| balance(&rest, &keys).unwrap_or(false))
}

/// The key that made a signature, if its account is the one that is claimed.
fn key_of(claim: &SignatureClaim) -> Option<PublicKey> {
    let key = recover_public(&claim.digest, &claim.signature).ok()?;
    (address_from_public(&key) == claim.signer).then_some(key)
}

/// A signature's part of the equation.
struct Equation {
    /// The nonce's point.
    nonce: AffinePoint,
    digest: Scalar,
    r: Scalar,
    s: Scalar,
}

impl Equation {
    /// Nothing for what recovery refuses: numbers out of range, the malleable form, no such point.
    fn of(claim: &SignatureClaim) -> Option<Self> {
        let signature = &claim.signature;
        if signature.s() > SECP256K1_HALF_ORDER {
            return None;
        }
        let r = FieldBytes::from(signature.r().to_be_bytes::<32>());
        let s = FieldBytes::from(signature.s().to_be_bytes::<32>());
        let number = |bytes: FieldBytes| {
            let number = Option::<Scalar>::from(Scalar::from_repr(bytes))?;
            (number != Scalar::ZERO).then_some(number)
        };
        let nonce = AffinePoint::decompress(&r, u8::from(signature.v()).into());
        Some(Self {
            nonce: Option::from(nonce)?,
            digest: <Scalar as Reduce<U256>>::reduce_bytes(&claim.digest.0.into()),
            r: number(r)?,
            s: number(s)?,
        })
    }
}

/// Whether the equations, each with its key's place in `keys`, hold together. Nothing if one of them is none.
fn balance(claims: &[(&SignatureClaim, usize)], keys: &[PublicKey]) -> Option<bool> {
    let equations = claims.par_iter().map(|(claim, _)| Equation::of(claim));
    let equations = equations.collect::<Option<Vec<_>>>()?;
    let coefficients = coefficients(claims, keys);
    let inverses: Vec<Scalar> = equations.iter().map(|equation| equation.s).collect();
    let inverses: Option<Vec<Scalar>> = Option::from(Scalar::batch_invert(&inverses[..]));
    let mut of_generator = Scalar::ZERO;
    let mut of_keys = vec![Scalar::ZERO; keys.len()];
    for (((equation, inverse), coefficient), (_, key)) in equations
        .iter()
        .zip(inverses?)
        .zip(&coefficients)
        .zip(claims)
    {
        let share = Scalar::from(*coefficient) * inverse;
        of_generator += share * equation.digest;
        of_keys[*key] += share * equation.r;
    }
    let nonces = equations.iter().map(|equation| equation.nonce);
    let left = sums::of_halves(&nonces.zip(coefficients).collect::<Vec<_>>());
    let points: Option<Vec<AffinePoint>> = keys.iter().map(point).collect();
    let right = sums::of_scalars(&points?.into_iter().zip(of_keys).collect::<Vec<_>>());
    Some(left == right + ProjectivePoint::GENERATOR * of_generator)
}

fn point(key: &PublicKey) -> Option<AffinePoint> {
    let bytes = EncodedPoint::from_bytes(key.serialize_uncompressed()).ok()?;
    Option::from(AffinePoint::from_encoded_point(&bytes))
}

/// A number for each equation. It hangs on all of them: whoever changes one changes every number.
fn coefficients(claims: &[(&SignatureClaim, usize)], keys: &[PublicKey]) -> Vec<u128> {
    let mut hasher = blake3::Hasher::new_derive_key("megaeth 2026 signatures checked together");
    hasher.update(&(keys.len() as u64).to_le_bytes());
    for key in keys {
        hasher.update(&key.serialize());
    }
    for (claim, key) in claims {
        let SignatureClaim {
            digest, signature, ..
        } = claim;
        hasher.update(&(*key as u64).to_le_bytes());
        hasher.update(digest.as_slice());
        hasher.update(&signature.as_bytes());
    }
    let mut numbers = hasher.finalize_xof();
    let mut next = || {
        let mut bytes = [0; 16];
        numbers.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    };
    claims.iter().map(|_| next()).collect()
}

#[cfg(test)]
mod tests;
