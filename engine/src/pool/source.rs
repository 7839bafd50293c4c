//! The seam to the builder: where transactions come from.

use std::sync::Arc;
use std::time::Instant;

use alloy_consensus::Transaction;
use alloy_eips::eip7702::RecoveredAuthorization;
use alloy_primitives::{Address, B256, Bytes, U256};
use op_alloy_consensus::OpTxEnvelope;

use super::waiting::Deferral;
use crate::{block::MiniBlock, keys};

/// A valid transaction with its sender.
#[derive(Debug, Clone)]
pub(crate) struct PoolTx {
    /// Decoded.
    pub envelope: OpTxEnvelope,
    /// The EIP-2718 bytes.
    pub raw: Bytes,
    /// Its hash.
    pub hash: B256,
    /// Who signed it.
    pub sender: Address,
    /// Who signed its authorizations (EIP-7702), once [`PoolTx::recover_authorizations`] has found that out.
    pub authorizations: Vec<RecoveredAuthorization>,
    /// The sender's nonce.
    pub nonce: u64,
    /// The most it can cost: gas limit × fee cap + value.
    pub cost: U256,
    /// What the sequencer earns per gas, given the base fee.
    pub tip: u128,
    /// Gas that must be there before the first instruction, whatever the state.
    pub intrinsic_gas: u64,
    /// Estimated bytes on the data availability layer (Fjord's FastLZ estimate).
    pub da_size: u64,
}

impl PoolTx {
    /// Finds who signed its authorizations. CPU-bound: some 50 us for each.
    pub(crate) fn recover_authorizations(&mut self) {
        self.authorizations = keys::recover_authorizations(&self.envelope);
    }

    /// Fee cap in wei per gas.
    pub(crate) fn fee_cap(&self) -> u128 {
        self.envelope.max_fee_per_gas()
    }

    /// Tip cap in wei per gas (a legacy transaction's whole price).
    pub(crate) fn tip_cap(&self) -> u128 {
        self.envelope
            .max_priority_fee_per_gas()
            .unwrap_or_else(|| self.fee_cap())
    }
}

/// Why the builder can't execute a transaction, now or ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its nonce is already used; the sender's later ones are fine.
    Stale,
    /// It is invalid in this state; the sender's later ones have a gap before them now.
    Invalid(String),
}

/// Where the builder takes transactions from. One builder, any number of senders.
pub(crate) trait TxSource: Send + Sync {
    /// The best ready transaction; from now on it is the builder's, and its sender's next one is ready.
    fn next(&self) -> Option<Arc<PoolTx>>;

    /// The best ready transactions in their order, as if taken one by one: up to and with the first with
    /// which `enough` says so.
    fn next_many(&self, enough: &mut dyn FnMut(&PoolTx) -> bool) -> Vec<Arc<PoolTx>> {
        let mut many = Vec::new();
        while let Some(tx) = self.next() {
            let ends = enough(&tx);
            many.push(tx);
            if ends {
                break;
            }
        }
        many
    }

    /// How a transaction ranks by its tip alone: never zero, higher for better ones.
    fn rank(&self, tx: &PoolTx) -> u64;

    /// The best rank among what is ready; zero if nothing is.
    fn best_rank(&self) -> u64;

    /// There was no time for these: they are ready again, where they stood.
    fn put_back(&self, txs: &[Arc<PoolTx>]);

    /// Parks until something is ready, [`TxSource::wake`] is called, or the deadline passes.
    fn wait_until(&self, deadline: Option<Instant>);

    /// Parks until [`TxSource::wake`] is called or, if transactions count, something is ready.
    fn wait_for(&self, _transactions: bool) {
        self.wait_until(None);
    }

    /// The builder will want a core at this moment, to seal; what it wanted one for before is done. Threads that
    /// feed the source may make way for it.
    fn due(&self, _moment: Instant) {}

    /// Ends the current or the next [`TxSource::wait_until`].
    fn wake(&self);

    /// It can't be executed in this block: it is ready again after [`TxSource::next_block`].
    fn defer(&self, tx: &PoolTx, why: Deferral);

    /// It was deferred, and need not wait for the next block.
    fn ready(&self, _tx: &PoolTx) {}

    /// A new block has begun.
    fn next_block(&self);

    /// It can't be executed: drops it.
    fn refuse(&self, tx: &PoolTx, refusal: Refusal);

    /// The world has this mini-block now: forgets what it included, learns its nonces and balances.
    fn committed(&self, mini: &MiniBlock);
}
