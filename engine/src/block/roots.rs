//! Roots and bloom of transactions and receipts, in OP Isthmus' encoding.

use alloy_eips::Encodable2718;
use alloy_primitives::{B256, Bloom, Log};
use alloy_trie::{HashBuilder, Nibbles, root::ordered_trie_root_with_encoder};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxType};

use super::{rlp::DecodeError, transaction::TxRecord};

/// The version that deposit receipts carry since Canyon.
const DEPOSIT_RECEIPT_VERSION: u64 = 1;

/// The receipt of `tx`, given the block's gas used up to and with it.
pub fn receipt_envelope(
    tx: &TxRecord,
    cumulative_gas_used: u64,
) -> Result<OpReceiptEnvelope, DecodeError> {
    let tx_type = transaction_type(&tx.raw)?;
    let is_deposit = tx_type == OpTxType::Deposit;
    Ok(OpReceiptEnvelope::from_parts(
        tx.result.success,
        cumulative_gas_used,
        &tx.result.logs,
        tx_type,
        if is_deposit {
            tx.result.deposit_nonce
        } else {
            None
        },
        is_deposit.then_some(DEPOSIT_RECEIPT_VERSION),
    ))
}

/// The root of `txs` as transactions.
pub fn transactions_root(txs: &[TxRecord]) -> B256 {
    ordered_trie_root_with_encoder(txs, |tx, out| out.extend_from_slice(&tx.raw))
}

/// The root of the receipts of `txs`; `gas_before` is the block's gas used before the first.
pub fn receipts_root(txs: &[TxRecord], gas_before: u64) -> Result<B256, DecodeError> {
    let mut cumulative = gas_before;
    let mut encoded = Vec::with_capacity(txs.len());
    for tx in txs {
        cumulative += tx.result.gas_used;
        encoded.push(receipt_envelope(tx, cumulative)?.encoded_2718());
    }
    Ok(ordered_trie_root_with_encoder(&encoded, |receipt, out| {
        out.extend_from_slice(receipt)
    }))
}

/// The root of an ordered list that grows at its end, as a block's transactions and receipts do.
///
/// The trie wants its leaves in the order of the keys' bytes. The keys are RLP numbers, so the order is
/// 1..=127, 0, 128...: only the first item has to wait.
#[derive(Clone, Debug, Default)]
pub struct OrderedRoot {
    builder: HashBuilder,
    count: usize,
    first: Option<Vec<u8>>,
}

impl OrderedRoot {
    /// Adds an item's encoding at the end.
    pub fn push(&mut self, item: &[u8]) {
        match self.count {
            0 => self.first = Some(item.to_vec()),
            index => {
                if index == 128 {
                    self.settle_first();
                }
                self.add(index, item);
            }
        }
        self.count += 1;
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The root of all items.
    pub fn finish(mut self) -> B256 {
        self.settle_first();
        self.builder.root()
    }

    fn settle_first(&mut self) {
        if let Some(first) = self.first.take() {
            self.add(0, &first);
        }
    }

    fn add(&mut self, index: usize, item: &[u8]) {
        self.builder
            .add_leaf(Nibbles::unpack(alloy_rlp::encode_fixed_size(&index)), item);
    }
}

/// The bloom of all logs.
pub fn logs_bloom<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Bloom {
    alloy_primitives::logs_bloom(logs)
}

fn transaction_type(raw: &[u8]) -> Result<OpTxType, DecodeError> {
    match raw.first() {
        Some(first) if *first >= 0xc0 => Ok(OpTxType::Legacy),
        Some(first) => OpTxType::try_from(*first)
            .map_err(|_| DecodeError::new(format!("unknown transaction type {first:#x}"))),
        None => Err(DecodeError::new("an empty transaction")),
    }
}
