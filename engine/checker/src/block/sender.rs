//! Who sent a transaction, as far as its own bytes prove it.

use alloy_consensus::{SignableTransaction, Signed};
use alloy_primitives::{Address, B256, Signature};
use op_alloy_consensus::OpTxEnvelope;
use rayon::prelude::*;

use crate::keys::{self, KeyError, SignatureClaim};

/// Who sent a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Recovered from the signature, or part of the transaction itself.
    Known(Address),
    /// There is no signature: a system transaction, if it may be one.
    Unsigned,
}

impl Sender {
    /// The sender that the transaction itself proves.
    pub fn of(envelope: &OpTxEnvelope) -> Result<Self, KeyError> {
        match Proof::of(envelope) {
            Proof::Itself(sender) => Ok(sender),
            Proof::Signature(signature, digest) => {
                keys::recover(&digest, signature).map(Self::Known)
            }
        }
    }

    /// The senders of many transactions, as [`Sender::of`] finds them. With each comes who is said to have sent it: where
    /// that is right, it is found in less time.
    pub fn of_claimed(transactions: &[(&OpTxEnvelope, Address)]) -> Vec<Result<Self, KeyError>> {
        let proofs = transactions.par_iter().map(|(envelope, claimed)| {
            let signer = *claimed;
            match Proof::of(envelope) {
                Proof::Itself(sender) => Err(sender),
                Proof::Signature(signature, digest) => Ok(SignatureClaim {
                    digest,
                    signature: *signature,
                    signer,
                }),
            }
        });
        let proofs: Vec<Result<SignatureClaim, Self>> = proofs.collect();
        let claims: Vec<SignatureClaim> = proofs.iter().filter_map(|proof| proof.ok()).collect();
        let mut signers = keys::recover_claimed(&claims).into_iter();
        proofs
            .into_iter()
            .filter_map(|proof| match proof {
                Ok(_) => signers.next().map(|signer| signer.map(Self::Known)),
                Err(sender) => Some(Ok(sender)),
            })
            .collect()
    }
}

/// What shows a transaction's sender.
enum Proof<'a> {
    /// It says so itself, or says that there is none.
    Itself(Sender),
    /// A signature over a digest.
    Signature(&'a Signature, B256),
}

impl<'a> Proof<'a> {
    fn of(envelope: &'a OpTxEnvelope) -> Self {
        match envelope {
            OpTxEnvelope::Deposit(deposit) => Self::Itself(Sender::Known(deposit.from)),
            OpTxEnvelope::Legacy(signed) => {
                let signature = signed.signature();
                if signature.r().is_zero() && signature.s().is_zero() {
                    return Self::Itself(Sender::Unsigned);
                }
                Self::signed(signed)
            }
            OpTxEnvelope::Eip2930(signed) => Self::signed(signed),
            OpTxEnvelope::Eip1559(signed) => Self::signed(signed),
            OpTxEnvelope::Eip7702(signed) => Self::signed(signed),
        }
    }

    fn signed<T: SignableTransaction<Signature>>(signed: &'a Signed<T>) -> Self {
        Self::Signature(signed.signature(), signed.signature_hash())
    }
}
