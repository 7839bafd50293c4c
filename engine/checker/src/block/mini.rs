//! The mini-block: what the sequencer seals every few milliseconds, and its encoding.

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, U256, b256, keccak256};
use alloy_rlp::{Decodable, Encodable};

use super::{
    diff::StateDiff,
    leadership::Leadership,
    rlp::{
        ENCODING_VERSION, RecordError, close_list, decode_record, decode_unless, encode_list,
        encode_unless, open_list, skip,
    },
    transaction::TxRecord,
};

/// A secp256k1 signature, as JSON shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MiniSignature {
    /// r.
    pub r: U256,
    /// s, in the lower half.
    pub s: U256,
    /// Parity of the nonce point's y.
    pub y_parity: bool,
}

impl MiniSignature {
    /// Appends r, s and the parity, as they stand in records.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.r.encode(out);
        self.s.encode(out);
        self.y_parity.encode(out);
    }

    /// r, s and v (27 or 28), as Ethereum's wallets write a signature in one piece.
    pub fn to_bytes(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(&self.r.to_be_bytes::<32>());
        bytes[32..64].copy_from_slice(&self.s.to_be_bytes::<32>());
        bytes[64] = 27 + u8::from(self.y_parity);
        bytes
    }

    /// Reads what [`MiniSignature::write`] wrote.
    pub(super) fn read(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        Ok(Self {
            r: U256::decode(buf)?,
            s: U256::decode(buf)?,
            y_parity: bool::decode(buf)?,
        })
    }
}

/// The digest of a diff that changes nothing: keccak-256 of its encoding, `c2 c0 c0`.
pub const EMPTY_DIFF_DIGEST: B256 =
    b256!("522717233b96e0a03d85f02f8127aa0e23ef2e0865c95bb7ac577ee3754875e4");

/// What a mini-block's content hashes to. The sequencer seals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// keccak-256 of the encoded state diff.
    pub diff: B256,
    /// BLAKE3 of the encoded list of transactions with senders and results.
    pub transactions: B256,
}

impl Digests {
    /// The digests of these encodings.
    pub fn of(transactions: &[u8], diff: &[u8]) -> Self {
        Self {
            diff: keccak256(diff),
            transactions: B256::from(*blake3::hash(transactions).as_bytes()),
        }
    }
}

/// So many items of a record come before the diff, not counting the version.
const BEFORE_DIFF: usize = 16;

/// A sealed mini-block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MiniBlock {
    /// Counted from 0 since genesis, never skipping.
    pub number: u64,
    /// The EVM block it is part of.
    pub block_number: u64,
    /// That block's timestamp in seconds.
    pub block_timestamp: u64,
    /// Its place in that block, from 0.
    pub index: u64,
    /// When it was sealed, in microseconds since 1970.
    pub timestamp_us: u64,
    /// Gas used by its transactions.
    pub gas_used: u64,
    /// Root of its transactions, as a block's would be.
    pub transactions_root: B256,
    /// Root of its receipts; their cumulative gas counts from the EVM block's start.
    pub receipts_root: B256,
    /// The sequencer's signature over [`MiniBlock::signing_hash`].
    pub signature: MiniSignature,
    /// The digest of `diff`.
    pub diff_digest: B256,
    /// The signature of the leader's key, or else the sequencer's, over [`MiniBlock::content_signing_hash`], which covers
    /// everything else in here.
    pub content_signature: MiniSignature,
    /// Its transactions with their results.
    pub txs: Vec<TxRecord>,
    /// What it changed. Index 0 also carries the block's pre-execution system calls.
    pub diff: StateDiff,
    /// Who led when it was sealed; nothing on a chain without standbys.
    pub leadership: Option<Leadership>,
}

impl MiniBlock {
    /// The record's bytes: `[version, number, block number, block timestamp, index, timestamp, gas,
    /// transactions root, receipts root, r, s, parity, diff digest, seal's r, s, parity,
    /// [transactions], diff]`, where the root and the digest of nothing are left empty. On a chain with standbys `term,
    /// leader's address` come last.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160 + self.txs.len() * 512 + self.diff.entries.len() * 96);
        encode_list(&mut out, |out| {
            ENCODING_VERSION.encode(out);
            for number in [
                self.number,
                self.block_number,
                self.block_timestamp,
                self.index,
                self.timestamp_us,
                self.gas_used,
            ] {
                number.encode(out);
            }
            encode_unless(&self.transactions_root, &EMPTY_ROOT_HASH, out);
            encode_unless(&self.receipts_root, &EMPTY_ROOT_HASH, out);
            self.signature.write(out);
            encode_unless(&self.diff_digest, &EMPTY_DIFF_DIGEST, out);
            self.content_signature.write(out);
            self.encode_transactions(out);
            self.diff.encode(out);
            if let Some(leadership) = &self.leadership {
                leadership.write(out);
            }
        });
        out
    }

    fn encode_transactions(&self, out: &mut Vec<u8>) {
        encode_list(out, |out| self.txs.iter().for_each(|tx| tx.encode(out)));
    }

    /// What its content hashes to.
    pub fn digests(&self) -> Digests {
        let mut transactions = Vec::with_capacity(16 + self.txs.len() * 512);
        self.encode_transactions(&mut transactions);
        let mut diff = Vec::with_capacity(64 + self.diff.entries.len() * 96);
        self.diff.encode(&mut diff);
        Digests::of(&transactions, &diff)
    }

    /// Reads a record, refusing anything that [`MiniBlock::encode`] wouldn't have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        Self::read(bytes, |_, _| ()).map(|(mini, ())| mini)
    }

    /// Likewise, with the digests of the bytes as they stand in the record.
    pub fn decode_with_digests(bytes: &[u8]) -> Result<(Self, Digests), RecordError> {
        Self::read(bytes, Digests::of)
    }

    /// Reads what a record changes, and leaves its transactions alone.
    pub fn decode_diff(bytes: &[u8]) -> Result<StateDiff, RecordError> {
        decode_record(bytes, "the mini-block", |buf| {
            for _ in 0..BEFORE_DIFF {
                skip(buf)?;
            }
            let diff = StateDiff::decode(buf)?;
            read_leadership(buf)?;
            Ok(diff)
        })
    }

    /// Reads a record, and gives `note` the encoded transactions and the encoded diff.
    fn read<T>(
        bytes: &[u8],
        note: impl FnOnce(&[u8], &[u8]) -> T,
    ) -> Result<(Self, T), RecordError> {
        decode_record(bytes, "the mini-block", |buf| {
            let number = u64::decode(buf)?;
            let block_number = u64::decode(buf)?;
            let block_timestamp = u64::decode(buf)?;
            let index = u64::decode(buf)?;
            let timestamp_us = u64::decode(buf)?;
            let gas_used = u64::decode(buf)?;
            let transactions_root = decode_unless(buf, EMPTY_ROOT_HASH)?;
            let receipts_root = decode_unless(buf, EMPTY_ROOT_HASH)?;
            let signature = MiniSignature::read(buf)?;
            let diff_digest = decode_unless(buf, EMPTY_DIFF_DIGEST)?;
            let content_signature = MiniSignature::read(buf)?;
            let content = *buf;
            let mut list = open_list(buf)?;
            let mut txs = Vec::new();
            while !list.is_empty() {
                txs.push(TxRecord::decode(&mut list)?);
            }
            close_list(list)?;
            let (transactions, encoded_diff) = content.split_at(content.len() - buf.len());
            let diff = StateDiff::decode(buf)?;
            let encoded_diff = &encoded_diff[..encoded_diff.len() - buf.len()];
            let leadership = read_leadership(buf)?;
            let noted = note(transactions, encoded_diff);
            let mini = Self {
                number,
                block_number,
                block_timestamp,
                index,
                timestamp_us,
                gas_used,
                transactions_root,
                receipts_root,
                signature,
                diff_digest,
                content_signature,
                txs,
                diff,
                leadership,
            };
            Ok((mini, noted))
        })
    }
}

/// Reads what may stand at a record's end.
fn read_leadership(buf: &mut &[u8]) -> alloy_rlp::Result<Option<Leadership>> {
    match buf.is_empty() {
        true => Ok(None),
        false => Leadership::read(buf).map(Some),
    }
}
