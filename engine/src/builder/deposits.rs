//! Deposits: transactions that the chain itself forces in, before anything from the pool.

use std::collections::VecDeque;

use alloy_consensus::Sealed;
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use op_alloy_consensus::{OpTxEnvelope, TxDeposit};
use parking_lot::Mutex;

/// A deposit as the queue keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Deposit {
    pub(crate) envelope: OpTxEnvelope,
    pub(crate) raw: Bytes,
    pub(crate) hash: B256,
    pub(crate) sender: Address,
}

/// Deposits that wait for the builder.
#[derive(Debug, Default)]
pub struct DepositQueue {
    waiting: Mutex<VecDeque<Deposit>>,
}

impl DepositQueue {
    /// Queues a deposit and returns its hash. Its source hash, which on the real chain names the L1 event
    /// that it comes from, is made from `salt`, which must differ from every other deposit's.
    pub fn push(&self, mut deposit: TxDeposit, salt: B256) -> B256 {
        deposit.source_hash = keccak256(salt);
        let sender = deposit.from;
        let hash = deposit.tx_hash();
        let envelope = OpTxEnvelope::Deposit(Sealed::new_unchecked(deposit, hash));
        let raw = envelope.encoded_2718().into();
        self.waiting.lock().push_back(Deposit {
            envelope,
            raw,
            hash,
            sender,
        });
        hash
    }

    pub(crate) fn pop(&self) -> Option<Deposit> {
        self.waiting.lock().pop_front()
    }

    pub(crate) fn push_front(&self, deposit: Deposit) {
        self.waiting.lock().push_front(deposit);
    }
}
