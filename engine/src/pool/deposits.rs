//! Deposits: transactions that the chain itself forces in, before anything from the pool.

use std::{collections::VecDeque, sync::OnceLock};

use alloy_consensus::Sealed;
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use megaeth_checker::evm::INTERVENTION_SENDER;
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

impl Deposit {
    /// Its source hash, which on the real chain names the L1 event that it comes from, is made from `salt`,
    /// which must differ from every other deposit's.
    pub(crate) fn new(mut deposit: TxDeposit, salt: B256) -> Self {
        deposit.source_hash = keccak256(salt);
        let sender = deposit.from;
        let hash = deposit.tx_hash();
        let envelope = OpTxEnvelope::Deposit(Sealed::new_unchecked(deposit, hash));
        Self {
            raw: envelope.encoded_2718().into(),
            envelope,
            hash,
            sender,
        }
    }

    /// Whether it is one of the devnet's own, which no block need be asked for.
    pub(crate) fn is_intervention(&self) -> bool {
        self.sender == INTERVENTION_SENDER
    }

    /// Its transaction hash.
    pub(crate) fn hash(&self) -> B256 {
        self.hash
    }
}

type Listener = Box<dyn Fn(&B256, &str) + Send + Sync>;

/// Deposits that wait for the builder. They are in memory only: who gave one has no answer yet.
#[derive(Default)]
pub(crate) struct DepositQueue {
    waiting: Mutex<VecDeque<Deposit>>,
    on_refused: OnceLock<Listener>,
}

impl std::fmt::Debug for DepositQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DepositQueue")
            .field(&self.waiting.lock().len())
            .finish()
    }
}

impl DepositQueue {
    /// Tells `listener` of deposits that can't be executed, and why. Only the first listener counts.
    pub(crate) fn on_refused(&self, listener: impl Fn(&B256, &str) + Send + Sync + 'static) {
        let _ = self.on_refused.set(Box::new(listener));
    }

    /// Queues a deposit.
    pub(crate) fn push(&self, deposit: Deposit) {
        self.waiting.lock().push_back(deposit);
    }

    pub(crate) fn pop(&self) -> Option<Deposit> {
        self.waiting.lock().pop_front()
    }

    /// The first intervention that waits.
    pub(crate) fn pop_intervention(&self) -> Option<Deposit> {
        let mut waiting = self.waiting.lock();
        let index = waiting.iter().position(Deposit::is_intervention)?;
        waiting.remove(index)
    }

    pub(crate) fn push_front(&self, deposit: Deposit) {
        self.waiting.lock().push_front(deposit);
    }

    /// Nobody executes what waits.
    pub(crate) fn refuse_all(&self, reason: &str) {
        while let Some(deposit) = self.pop() {
            self.refuse(&deposit, reason);
        }
    }

    pub(crate) fn refuse(&self, deposit: &Deposit, reason: &str) {
        if let Some(listener) = self.on_refused.get() {
            listener(&deposit.hash, reason);
        }
    }
}
