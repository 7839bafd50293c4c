//! Who sent a transaction, as far as its own bytes prove it.

use alloy_consensus::{SignableTransaction, Signed};
use alloy_primitives::{Address, B256, Signature};
use op_alloy_consensus::OpTxEnvelope;

use crate::keys::{self, KeyError};

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
        let (signature, digest) = match envelope {
            OpTxEnvelope::Deposit(deposit) => return Ok(Self::Known(deposit.from)),
            OpTxEnvelope::Legacy(signed) => {
                let signature = signed.signature();
                if signature.r().is_zero() && signature.s().is_zero() {
                    return Ok(Self::Unsigned);
                }
                signed_by(signed)
            }
            OpTxEnvelope::Eip2930(signed) => signed_by(signed),
            OpTxEnvelope::Eip1559(signed) => signed_by(signed),
            OpTxEnvelope::Eip7702(signed) => signed_by(signed),
        };
        keys::recover(&digest, signature).map(Self::Known)
    }
}

fn signed_by<T: SignableTransaction<Signature>>(signed: &Signed<T>) -> (&Signature, B256) {
    (signed.signature(), signed.signature_hash())
}
