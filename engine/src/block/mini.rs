//! The mini-block: what the sequencer seals every few milliseconds, and its encoding.

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, U256};
use alloy_rlp::{Decodable, Encodable};

use super::{
    diff::StateDiff,
    rlp::{
        DecodeError, ENCODING_VERSION, close_list, decode_option, decode_record, encode_list,
        encode_option, open_list,
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
    /// Its transactions with their results.
    pub txs: Vec<TxRecord>,
    /// What it changed. Index 0 also carries the block's pre-execution system calls.
    pub diff: StateDiff,
}

fn compact_root(root: &B256) -> Option<&B256> {
    (*root != EMPTY_ROOT_HASH).then_some(root)
}

impl MiniBlock {
    /// The record's bytes: `[version, number, block number, block timestamp, index, timestamp, gas,
    /// transactions root, receipts root, r, s, parity, [transactions], diff]`, where the root of
    /// nothing is left empty.
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
            encode_option(compact_root(&self.transactions_root), out);
            encode_option(compact_root(&self.receipts_root), out);
            self.signature.r.encode(out);
            self.signature.s.encode(out);
            self.signature.y_parity.encode(out);
            encode_list(out, |out| self.txs.iter().for_each(|tx| tx.encode(out)));
            self.diff.encode(out);
        });
        out
    }

    /// Reads a record, refusing anything that [`MiniBlock::encode`] wouldn't have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_record(bytes, "the mini-block", |buf| {
            let number = u64::decode(buf)?;
            let block_number = u64::decode(buf)?;
            let block_timestamp = u64::decode(buf)?;
            let index = u64::decode(buf)?;
            let timestamp_us = u64::decode(buf)?;
            let gas_used = u64::decode(buf)?;
            let transactions_root = decode_option(buf)?.unwrap_or(EMPTY_ROOT_HASH);
            let receipts_root = decode_option(buf)?.unwrap_or(EMPTY_ROOT_HASH);
            let signature = MiniSignature {
                r: U256::decode(buf)?,
                s: U256::decode(buf)?,
                y_parity: bool::decode(buf)?,
            };
            let mut list = open_list(buf)?;
            let mut txs = Vec::new();
            while !list.is_empty() {
                txs.push(TxRecord::decode(&mut list)?);
            }
            close_list(list)?;
            let diff = StateDiff::decode(buf)?;
            Ok(Self {
                number,
                block_number,
                block_timestamp,
                index,
                timestamp_us,
                gas_used,
                transactions_root,
                receipts_root,
                signature,
                txs,
                diff,
            })
        })
    }
}
