//! The EVM block's record: its header, OP Isthmus style, and where its mini-blocks are.

use std::ops::Range;

use alloy_consensus::{Header, constants::EMPTY_ROOT_HASH};
use alloy_primitives::{Address, B256, Bytes, address, b256, keccak256};
use alloy_rlp::{Decodable, Encodable};

use super::mini::MiniSignature;
use super::rlp::{ENCODING_VERSION, RecordError, decode_record, encode_list};

/// SHA-256 of nothing: a block's requests hash, as OP chains have no requests (EIP-7685).
pub const REQUESTS_HASH: B256 =
    b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// L2ToL1MessagePasser: Isthmus puts its storage root into the header's withdrawals root.
pub const WITHDRAWALS_ADDRESS: Address = address!("4200000000000000000000000000000000000016");

/// A sealed EVM block without its transactions; they are in its mini-blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    /// The header.
    pub header: Header,
    /// The header's hash; not written, found again on reading.
    pub hash: B256,
    /// The number of its first mini-block.
    pub first_mini: u64,
    /// How many mini-blocks it has; genesis has none.
    pub mini_count: u64,
    /// The buckets of the state commitment that grew (`commitment::BucketResize`), mostly none: who has the plain
    /// state needs nothing else to find the root.
    pub commitment: Bytes,
    /// The sequencer's signature over [`BlockRecord::content_signing_hash`]; genesis has none.
    pub content_signature: MiniSignature,
}

impl BlockRecord {
    /// A record of `header`, hashed and not sealed yet.
    pub fn new(header: Header, first_mini: u64, mini_count: u64, commitment: Bytes) -> Self {
        let hash = header.hash_slow();
        Self {
            header,
            hash,
            first_mini,
            mini_count,
            commitment,
            content_signature: MiniSignature::default(),
        }
    }

    /// The number of the mini-block behind this block's last.
    pub fn next_mini(&self) -> u64 {
        self.first_mini + self.mini_count
    }

    /// The mini-blocks that may change the state. Without transactions only the first does, by what every
    /// block begins with.
    pub fn minis_with_changes(&self) -> Range<u64> {
        let is_empty = self.header.transactions_root == EMPTY_ROOT_HASH;
        let count = if is_empty {
            self.mini_count.min(1)
        } else {
            self.mini_count
        };
        self.first_mini..self.first_mini + count
    }

    /// The record's bytes: `[version, header, first mini-block, count, commitment, seal's r, s,
    /// parity]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(768);
        encode_list(&mut out, |out| {
            ENCODING_VERSION.encode(out);
            self.header.encode(out);
            self.first_mini.encode(out);
            self.mini_count.encode(out);
            self.commitment.encode(out);
            self.content_signature.write(out);
        });
        out
    }

    /// Reads a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        decode_record(bytes, "the block", |buf| {
            let header = Header::decode(buf)?;
            let first_mini = u64::decode(buf)?;
            let mini_count = u64::decode(buf)?;
            let commitment = Bytes::decode(buf)?;
            let content_signature = MiniSignature::read(buf)?;
            Ok(Self {
                content_signature,
                ..Self::new(header, first_mini, mini_count, commitment)
            })
        })
    }
}

/// Whether a record claims to be a block's: its second item is a list, a mini-block's is a number. Looks
/// at nothing else.
pub fn is_block_record(record: &[u8]) -> bool {
    let mut rest = record;
    alloy_rlp::Header::decode(&mut rest).is_ok_and(|list| list.list)
        && rest.get(1).is_some_and(|first| *first >= 0xc0)
}

/// The block's `mixHash`: keccak-256 of the parent's hash and the number. Known to all, so not random;
/// a devnet has no beacon chain to ask.
pub fn prev_randao(parent_hash: B256, number: u64) -> B256 {
    let mut bytes = [0; 40];
    bytes[..32].copy_from_slice(parent_hash.as_slice());
    bytes[32..].copy_from_slice(&number.to_be_bytes());
    keccak256(bytes)
}
