//! Raw bytes to a transaction: exactly one encoding is accepted.

use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use op_alloy_consensus::OpTxEnvelope;

use super::Rejection;

const BLOB: u8 = 0x03;
const DEPOSIT: u8 = 0x7e;
/// Legacy transactions begin with an RLP list, every typed one with its type below this.
const FIRST_LIST_BYTE: u8 = 0xc0;

/// Decodes an EIP-2718 transaction of a type that clients may send. Refuses truncated, trailing and
/// non-canonical bytes.
pub(crate) fn decode(raw: &[u8]) -> Result<OpTxEnvelope, Rejection> {
    match raw {
        [] | [0..=0x7f] => return Err(Rejection::TooShort),
        [BLOB, ..] => {
            return Err(Rejection::TypeNotSupported(
                "MegaETH has no blob transactions",
            ));
        }
        [DEPOSIT, ..] => return Err(Rejection::TypeNotSupported("deposits come from L1 only")),
        [0x01 | 0x02 | 0x04 | FIRST_LIST_BYTE.., ..] => {}
        [unknown, ..] => return Err(Rejection::UnknownType(*unknown)),
    }
    let transaction = OpTxEnvelope::decode_2718_exact(raw)
        .map_err(|reason| Rejection::Malformed(reason.to_string()))?;
    // The decoder is strict already; this keeps the promise should it ever forgive something.
    if transaction.encode_2718_len() != raw.len() || transaction.encoded_2718() != raw {
        return Err(Rejection::Malformed("non-canonical encoding".into()));
    }
    Ok(transaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::testing::{self, SignedDraft};
    use alloy_primitives::hex;

    fn valid() -> Vec<Vec<u8>> {
        [0, 1, 2, 4]
            .map(|kind| {
                testing::raw(&SignedDraft {
                    kind,
                    ..SignedDraft::default()
                })
            })
            .to_vec()
    }

    #[test]
    fn each_type_that_clients_may_send_is_read() {
        for raw in valid() {
            assert!(decode(&raw).is_ok(), "{}", hex::encode(raw));
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        for raw in valid() {
            for end in 0..raw.len() {
                assert!(decode(&raw[..end]).is_err(), "{}", hex::encode(&raw[..end]));
            }
        }
    }

    #[test]
    fn trailing_bytes_are_refused() {
        for mut raw in valid() {
            raw.push(0);
            assert!(matches!(decode(&raw), Err(Rejection::Malformed(_))));
        }
    }

    #[test]
    fn a_non_canonical_integer_is_refused() {
        // The nonce 0x80 (zero) written as the byte 0x00.
        let raw = testing::raw(&SignedDraft {
            kind: 0,
            ..SignedDraft::default()
        });
        let start = if raw[0] > 0xf7 {
            1 + usize::from(raw[0] - 0xf7)
        } else {
            1
        };
        let mut changed = raw.clone();
        assert_eq!(changed[start], 0x80);
        changed[start] = 0x00;
        assert!(matches!(decode(&changed), Err(Rejection::Malformed(_))));
    }

    #[test]
    fn nothing_and_a_bare_type_are_too_short() {
        assert_eq!(decode(&[]).err(), Some(Rejection::TooShort));
        assert_eq!(decode(&[2]).err(), Some(Rejection::TooShort));
    }

    #[test]
    fn blobs_deposits_and_unknown_types_are_not_supported() {
        for kind in [0x03, 0x7e, 0x05, 0x00, 0x80] {
            let refused = decode(&[kind, 0xc0]).err();
            let expected = matches!(
                refused,
                Some(Rejection::TypeNotSupported(_) | Rejection::UnknownType(_))
            );
            assert!(expected, "{kind:#x}: {refused:?}");
        }
    }
}
