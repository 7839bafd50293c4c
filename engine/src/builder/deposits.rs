//! Deposits: transactions that the chain itself forces in, before anything from the pool.

use std::collections::VecDeque;

use alloy_consensus::Sealed;
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
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
    /// Queues a deposit and returns its hash. `salt` must differ from every other deposit's: it stands in
    /// for the L1 event that a real deposit comes from.
    pub fn push(
        &self,
        from: Address,
        to: TxKind,
        value: U256,
        gas_limit: u64,
        input: Bytes,
        mint: u128,
        salt: B256,
    ) -> B256 {
        let deposit = TxDeposit {
            source_hash: keccak256(salt),
            from,
            to,
            mint,
            value,
            gas_limit,
            is_system_transaction: false,
            input,
        };
        let hash = deposit.tx_hash();
        let envelope = OpTxEnvelope::Deposit(Sealed::new_unchecked(deposit, hash));
        let raw = envelope.encoded_2718().into();
        self.waiting.lock().push_back(Deposit {
            envelope,
            raw,
            hash,
            sender: from,
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
