//! Receipts in OP Isthmus' encoding, and the blooms of their logs.

use std::cell::RefCell;

use alloy_primitives::{Address, B256, Bloom, Log, keccak256};
use alloy_rlp::Encodable;
use op_alloy_consensus::OpTxType;

use super::{
    rlp::{RecordError, encode_list},
    transaction::TxRecord,
};

/// The version that deposit receipts carry since Canyon.
const DEPOSIT_RECEIPT_VERSION: u64 = 1;

/// The encoded receipt of `tx`, given the block's gas used up to and with it, and the bloom of its logs.
pub fn encode_receipt(
    tx: &TxRecord,
    cumulative_gas_used: u64,
    bloom: &Bloom,
) -> Result<Vec<u8>, RecordError> {
    let tx_type = transaction_type(&tx.raw)?;
    let result = &tx.result;
    let logs_length: usize = result.logs.iter().map(Encodable::length).sum();
    let mut out = Vec::with_capacity(320 + logs_length);
    if tx_type != OpTxType::Legacy {
        out.push(tx_type.into());
    }
    encode_list(&mut out, |out| {
        result.success.encode(out);
        cumulative_gas_used.encode(out);
        bloom.encode(out);
        encode_list(out, |out| {
            result.logs.iter().for_each(|log| log.encode(out))
        });
        if tx_type == OpTxType::Deposit {
            if let Some(nonce) = result.deposit_nonce {
                nonce.encode(out);
            }
            DEPOSIT_RECEIPT_VERSION.encode(out);
        }
    });
    Ok(out)
}

fn transaction_type(raw: &[u8]) -> Result<OpTxType, RecordError> {
    match raw.first() {
        Some(first) if *first >= 0xc0 => Ok(OpTxType::Legacy),
        Some(first) => OpTxType::try_from(*first)
            .map_err(|_| RecordError::new(format!("unknown transaction type {first:#x}"))),
        None => Err(RecordError::new("an empty transaction")),
    }
}

/// The bloom of all logs.
pub fn logs_bloom<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Bloom {
    HASHED.with_borrow_mut(|hashed| {
        let mut bloom = Bloom::ZERO;
        for log in logs {
            bloom.m3_2048_hashed(&hashed.of_address(&log.address));
            for topic in log.topics() {
                bloom.m3_2048_hashed(&hashed.of_topic(topic));
            }
        }
        bloom
    })
}

thread_local! {
    static HASHED: RefCell<Hashed> = RefCell::new(Hashed {
        places: vec![Place::default(); PLACES],
    });
}

/// A power of two: 160 KiB for each thread that makes receipts.
const PLACES: usize = 4096;

/// Hashes of addresses and topics, which mostly have come up before. Each has one place, where the newest
/// stays.
struct Hashed {
    places: Vec<Place>,
}

#[derive(Clone, Default)]
struct Place {
    /// A topic, or an address behind zeros.
    word: B256,
    /// How many bytes of the word count; none while the place is free.
    length: u8,
    /// The beginning of the hash: all that a bloom looks at.
    hash: [u8; 6],
}

impl Hashed {
    fn of_address(&mut self, address: &Address) -> B256 {
        self.of(address.into_word(), address.as_slice())
    }

    fn of_topic(&mut self, topic: &B256) -> B256 {
        self.of(*topic, topic.as_slice())
    }

    /// The beginning of the hash of `bytes`, which `word` ends with.
    fn of(&mut self, word: B256, bytes: &[u8]) -> B256 {
        let place = &mut self.places[place_of(&word)];
        if place.word != word || usize::from(place.length) != bytes.len() {
            let mut hash = [0; 6];
            hash.copy_from_slice(&keccak256(bytes)[..6]);
            *place = Place {
                word,
                length: bytes.len() as u8,
                hash,
            };
        }
        let mut hash = B256::ZERO;
        hash[..6].copy_from_slice(&place.hash);
        hash
    }
}

/// Addresses and hashes differ in their last bytes, small numbers as well.
fn place_of(word: &B256) -> usize {
    let mut tail = [0; 8];
    tail.copy_from_slice(&word[24..]);
    let spread = u64::from_le_bytes(tail).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread >> (u64::BITS - PLACES.ilog2())) as usize
}
