#![allow(clippy::unwrap_used)]

use alloy_primitives::{U256, keccak256};
use proptest::prelude::*;

use super::*;
use crate::keys::Key;

fn order() -> U256 {
    SECP256K1_HALF_ORDER * U256::from(2) + U256::ONE
}

fn key(nth: u8) -> Key {
    Key::new(&B256::repeat_byte(nth + 1)).unwrap()
}

/// Right claims: the `nth` is of key `nth % keys`.
fn honest(count: usize, keys: usize) -> Vec<SignatureClaim> {
    let claim = |nth: usize| {
        let key = key((nth % keys) as u8);
        let digest = keccak256(nth.to_be_bytes());
        SignatureClaim {
            digest,
            signature: key.sign(&digest),
            signer: key.address(),
        }
    };
    (0..count).map(claim).collect()
}

fn one_by_one(claims: &[SignatureClaim]) -> Vec<Result<Address, KeyError>> {
    let each = |claim: &SignatureClaim| recover(&claim.digest, &claim.signature);
    claims.iter().map(each).collect()
}

/// Whether the claims were found to hold together; whatever comes of it, each signer is the recovered one.
fn together(claims: &[SignatureClaim]) -> bool {
    assert_eq!(recover_claimed(claims), one_by_one(claims));
    hold(claims)
}

#[test]
fn right_claims_are_found_right_together() {
    for (count, keys) in [(17, 1), (18, 2), (100, 1), (100, 3), (100, 40), (400, 20)] {
        assert!(together(&honest(count, keys)), "{count} by {keys}");
    }
}

#[test]
fn few_claims_are_recovered_one_by_one() {
    for (count, keys) in [(0, 1), (1, 1), (16, 1), (100, 90)] {
        assert!(!together(&honest(count, keys)), "{count} by {keys}");
    }
}

type Tampering = fn(&mut SignatureClaim);

/// What makes a right claim a wrong one, or no signature at all.
const TAMPERINGS: &[(&str, Tampering)] = &[
    ("another digest", |claim| claim.digest.0[31] ^= 1),
    ("another signer", |claim| claim.signer = key(0xf0).address()),
    ("the other parity", |claim| {
        with(claim, |r, s, v| (r, s, !v))
    }),
    ("mirrored", |claim| {
        with(claim, |r, s, v| (r, order() - s, !v))
    }),
    ("mirrored, parity kept", |claim| {
        with(claim, |r, s, v| (r, order() - s, v))
    }),
    ("r + 1", |claim| {
        with(claim, |r, s, v| (r + U256::ONE, s, v))
    }),
    ("s + 1", |claim| {
        with(claim, |r, s, v| (r, s + U256::ONE, v))
    }),
    ("r is zero", |claim| {
        with(claim, |_, s, v| (U256::ZERO, s, v))
    }),
    ("s is zero", |claim| {
        with(claim, |r, _, v| (r, U256::ZERO, v))
    }),
    ("both are zero", |claim| {
        with(claim, |_, _, v| (U256::ZERO, U256::ZERO, v))
    }),
    ("r is the order", |claim| {
        with(claim, |_, s, v| (order(), s, v))
    }),
    ("r is the order less one", |claim| {
        with(claim, |_, s, v| (order() - U256::ONE, s, v))
    }),
    ("r is beyond the order", |claim| {
        with(claim, |r, s, v| (r.wrapping_add(order()), s, v))
    }),
    ("r is everything", |claim| {
        with(claim, |_, s, v| (U256::MAX, s, v))
    }),
    ("r is no point's", |claim| {
        with(claim, |_, s, v| (U256::from(5), s, v))
    }),
    ("s is the order", |claim| {
        with(claim, |r, _, v| (r, order(), v))
    }),
    ("s is half the order", |claim| {
        with(claim, |r, _, v| (r, SECP256K1_HALF_ORDER, v))
    }),
    ("s is just above", |claim| {
        with(claim, |r, _, v| (r, SECP256K1_HALF_ORDER + U256::ONE, v))
    }),
    ("the generator's", |claim| {
        let x = ProjectivePoint::GENERATOR.to_affine();
        let x = k256::elliptic_curve::point::AffineCoordinates::x(&x);
        with(claim, |_, _, v| (U256::from_be_slice(&x), U256::ONE, v));
    }),
];

fn with(claim: &mut SignatureClaim, change: impl FnOnce(U256, U256, bool) -> (U256, U256, bool)) {
    let old = claim.signature;
    let (r, s, v) = change(old.r(), old.s(), old.v());
    claim.signature = Signature::new(r, s, v);
}

#[test]
fn one_wrong_claim_among_right_ones_is_found_wherever_it_stands() {
    let honest = honest(60, 3);
    for (what, tamper) in TAMPERINGS {
        for nth in [0, 1, 3, 30, 59] {
            let mut claims = honest.clone();
            tamper(&mut claims[nth]);
            let claim = claims[nth];
            let is_right = recover(&claim.digest, &claim.signature) == Ok(claim.signer);
            assert!(!is_right, "{what}");
            assert!(!together(&claims), "{what} at {nth}");
        }
    }
}

#[test]
fn wrong_claims_do_not_make_up_for_each_other() {
    let honest = honest(40, 1);
    // The sums of all digests, of all nonces' points and of all s stay what they were.
    let mut swapped = honest.clone();
    (swapped[5].digest, swapped[6].digest) = (honest[6].digest, honest[5].digest);
    assert!(!together(&swapped));
    let mut swapped = honest.clone();
    (swapped[5].signature, swapped[6].signature) = (honest[6].signature, honest[5].signature);
    assert!(!together(&swapped));
    let mut mirrored = honest.clone();
    for nth in [5, 6] {
        with(&mut mirrored[nth], |r, s, v| (r, s, !v));
    }
    assert!(!together(&mirrored));
    // The same signature twice is right twice.
    let mut twice = honest;
    twice[5] = twice[6];
    assert!(together(&twice));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn signers_are_those_that_recovery_finds(
        count in 0_usize..80,
        keys in 1_usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..TAMPERINGS.len()), 0..3),
    ) {
        let mut claims = honest(count, keys);
        for (at, tampering) in changes {
            if !claims.is_empty() {
                (TAMPERINGS[tampering].1)(at.get_mut(&mut claims));
            }
        }
        let found = recover_claimed(&claims);
        prop_assert_eq!(&found, &one_by_one(&claims));
        let right = found.iter().zip(&claims).all(|(found, claim)| *found == Ok(claim.signer));
        prop_assert!(right || !hold(&claims));
    }
}
