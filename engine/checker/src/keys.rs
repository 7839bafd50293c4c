//! Keys, signatures and addresses over libsecp256k1. The only place that signs or recovers.

mod claims;
mod sums;

use alloy_consensus::Transaction as _;
use alloy_eips::eip7702::{RecoveredAuthority, RecoveredAuthorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use op_alloy_consensus::OpTxEnvelope;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey};

pub use claims::{SignatureClaim, recover_claimed};

/// Half of the curve's order: a greater `s` is the mirrored, malleable form (EIP-2).
pub const SECP256K1_HALF_ORDER: U256 = U256::from_limbs([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
]);

/// What can be wrong with a key or a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Zero, or not below the curve's order.
    #[error("invalid private key")]
    InvalidKey,
    /// `s` is in the upper half of the order.
    #[error("invalid signature: s is above half of the curve's order (EIP-2)")]
    HighS,
    /// No public key could have made this signature.
    #[error("invalid signature")]
    InvalidSignature,
}

/// A private key with its address.
#[derive(Debug, Clone)]
pub struct Key {
    secret: SecretKey,
    address: Address,
}

impl Key {
    /// Checks the key and derives its address.
    pub fn new(bytes: &B256) -> Result<Self, KeyError> {
        let secret = SecretKey::from_byte_array(bytes.0).map_err(|_| KeyError::InvalidKey)?;
        let address = address_from_public(&secret.public_key(SECP256K1));
        Ok(Self { secret, address })
    }

    /// The account of this key.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// A deterministic (RFC 6979), low-s signature.
    pub fn sign(&self, digest: &B256) -> Signature {
        let message = Message::from_digest(digest.0);
        let (recovery, rs) = SECP256K1
            .sign_ecdsa_recoverable(message, &self.secret)
            .serialize_compact();
        Signature::from_bytes_and_parity(&rs, i32::from(recovery) & 1 == 1)
    }
}

/// The account that signed `digest`. Refuses the malleable form.
pub fn recover(digest: &B256, signature: &Signature) -> Result<Address, KeyError> {
    recover_public(digest, signature).map(|public| address_from_public(&public))
}

fn recover_public(digest: &B256, signature: &Signature) -> Result<PublicKey, KeyError> {
    if signature.s() > SECP256K1_HALF_ORDER {
        return Err(KeyError::HighS);
    }
    let parity = if signature.v() {
        RecoveryId::One
    } else {
        RecoveryId::Zero
    };
    let mut compact = [0_u8; 64];
    compact[..32].copy_from_slice(&signature.r().to_be_bytes::<32>());
    compact[32..].copy_from_slice(&signature.s().to_be_bytes::<32>());
    RecoverableSignature::from_compact(&compact, parity)
        .and_then(|signature| SECP256K1.recover_ecdsa(Message::from_digest(digest.0), &signature))
        .map_err(|_| KeyError::InvalidSignature)
}

/// A transaction's authorizations (EIP-7702) with who signed each, if anybody.
pub fn recover_authorizations(envelope: &OpTxEnvelope) -> Vec<RecoveredAuthorization> {
    let signed = envelope.authorization_list().unwrap_or_default();
    signed.iter().map(recover_authorization).collect()
}

/// An authorization with who signed it, if anybody.
pub fn recover_authorization(signed: &SignedAuthorization) -> RecoveredAuthorization {
    let authority = signed
        .signature()
        .ok()
        .and_then(|signature| recover(&signed.signature_hash(), &signature).ok());
    RecoveredAuthorization::new_unchecked(
        signed.inner().clone(),
        authority.map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid),
    )
}

fn address_from_public(public: &PublicKey) -> Address {
    // The first byte only says "uncompressed".
    Address::from_slice(&keccak256(&public.serialize_uncompressed()[1..])[12..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_eips::eip7702::Authorization;

    #[test]
    fn authorizations_are_signed_by_whom_alloy_finds() {
        let key = Key::new(&B256::repeat_byte(7)).unwrap();
        let draft = Authorization {
            chain_id: U256::from(1),
            address: Address::repeat_byte(1),
            nonce: 3,
        };
        let signature = key.sign(&draft.signature_hash());
        let (r, s, parity) = (signature.r(), signature.s(), u8::from(signature.v()));
        let order = SECP256K1_HALF_ORDER * U256::from(2) + U256::from(1);
        let signed = |parity, r, s| SignedAuthorization::new_unchecked(draft.clone(), parity, r, s);
        for (authorization, is_signed) in [
            (signed(parity, r, s), true),
            (signed(1 - parity, r, s), true),
            (signed(parity, r, order - s), false),
            (signed(27, r, s), false),
            (signed(parity, U256::ZERO, s), false),
            (signed(parity, r, U256::ZERO), false),
            (signed(parity, U256::MAX, s), false),
        ] {
            let found = recover_authorization(&authorization);
            assert_eq!(found.authority().is_some(), is_signed);
            assert_eq!(found, authorization.into_recovered());
        }
        let own = recover_authorization(&signed(parity, r, s)).authority();
        assert_eq!(own, Some(key.address()));
    }
    use alloy_primitives::{address, b256};

    const ANVIL_0: B256 =
        b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

    fn key() -> Key {
        match Key::new(&ANVIL_0) {
            Ok(key) => key,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_known_key_has_its_known_address() {
        assert_eq!(
            key().address(),
            address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
        );
    }

    #[test]
    fn the_signer_is_recovered() {
        let digest = keccak256("message");
        let signature = key().sign(&digest);
        assert!(signature.s() <= SECP256K1_HALF_ORDER);
        assert_eq!(recover(&digest, &signature), Ok(key().address()));
        assert_ne!(
            recover(&keccak256("another"), &signature),
            Ok(key().address())
        );
    }

    #[test]
    fn the_malleable_form_is_refused() {
        let order = SECP256K1_HALF_ORDER * U256::from(2) + U256::ONE;
        let digest = keccak256("message");
        let signature = key().sign(&digest);
        let mirrored = Signature::new(signature.r(), order - signature.s(), !signature.v());
        assert_eq!(recover(&digest, &mirrored), Err(KeyError::HighS));
    }

    #[test]
    fn impossible_keys_and_signatures_are_refused() {
        assert!(matches!(Key::new(&B256::ZERO), Err(KeyError::InvalidKey)));
        assert!(matches!(
            Key::new(&B256::repeat_byte(0xff)),
            Err(KeyError::InvalidKey)
        ));
        let zero = Signature::new(U256::ZERO, U256::ZERO, false);
        assert_eq!(recover(&B256::ZERO, &zero), Err(KeyError::InvalidSignature));
    }
}
