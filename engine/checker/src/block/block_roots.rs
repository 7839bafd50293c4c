//! What transactions add up to: roots, bloom and gas, of a mini-block and of its block.

use alloy_primitives::{B256, Bloom};

use super::{
    ordered::{Leaf, OrderedRoot},
    receipt::{encode_receipt, logs_bloom},
    rlp::RecordError,
    transaction::TxRecord,
};

/// From so many transactions on, transactions and receipts are worth two cores.
const PARALLEL_FROM: usize = 64;

/// Transactions and receipts of a mini-block, hashed once for its own roots and for its block's.
#[derive(Clone, Debug, Default)]
pub struct Leaves {
    transactions: Vec<Leaf>,
    receipts: Vec<Leaf>,
    bloom: Bloom,
    gas: u64,
}

impl Leaves {
    /// Those of `txs`; `gas_before` is the block's gas used before the first.
    pub fn of(txs: &[TxRecord], gas_before: u64) -> Result<Self, RecordError> {
        let transactions = || txs.iter().map(|tx| Leaf::new(tx.raw.clone())).collect();
        let receipts = || {
            let mut leaves = Self::default();
            leaves.receipts.reserve(txs.len());
            for tx in txs {
                leaves.push_receipt(tx, gas_before)?;
            }
            Ok::<_, RecordError>(leaves)
        };
        let (transactions, receipts) = match txs.len() {
            ..PARALLEL_FROM => (transactions(), receipts()),
            _ => rayon::join(transactions, receipts),
        };
        Ok(Self {
            transactions,
            ..receipts?
        })
    }

    /// Adds a transaction.
    pub fn push(&mut self, tx: &TxRecord, gas_before: u64) -> Result<(), RecordError> {
        self.push_receipt(tx, gas_before)?;
        self.transactions.push(Leaf::new(tx.raw.clone()));
        Ok(())
    }

    fn push_receipt(&mut self, tx: &TxRecord, gas_before: u64) -> Result<(), RecordError> {
        let gas = self.gas.saturating_add(tx.result.gas_used);
        let bloom = logs_bloom(&tx.result.logs);
        let receipt = encode_receipt(tx, gas_before.saturating_add(gas), &bloom)?;
        self.receipts.push(Leaf::new(receipt.into()));
        self.bloom |= bloom;
        self.gas = gas;
        Ok(())
    }

    /// The root of the transactions.
    pub fn transactions_root(&self) -> B256 {
        self.transactions.iter().collect::<OrderedRoot>().root()
    }

    /// The root of the receipts.
    pub fn receipts_root(&self) -> B256 {
        self.receipts.iter().collect::<OrderedRoot>().root()
    }

    /// Gas used.
    pub fn gas(&self) -> u64 {
        self.gas
    }
}

/// What a block's mini-blocks add up to, as they come.
#[derive(Clone, Debug, Default)]
pub struct BlockRoots {
    transactions: OrderedRoot,
    receipts: OrderedRoot,
    bloom: Bloom,
    gas: u64,
}

impl BlockRoots {
    /// Adds a mini-block.
    pub fn add(&mut self, leaves: &Leaves) {
        leaves
            .transactions
            .iter()
            .for_each(|leaf| self.transactions.push(leaf));
        leaves
            .receipts
            .iter()
            .for_each(|leaf| self.receipts.push(leaf));
        self.bloom |= leaves.bloom;
        self.gas = self.gas.saturating_add(leaves.gas);
    }

    /// The root of the transactions.
    pub fn transactions_root(&self) -> B256 {
        self.transactions.root()
    }

    /// The root of the receipts.
    pub fn receipts_root(&self) -> B256 {
        self.receipts.root()
    }

    /// The bloom of all logs.
    pub fn bloom(&self) -> &Bloom {
        &self.bloom
    }

    /// Gas used.
    pub fn gas(&self) -> u64 {
        self.gas
    }
}
