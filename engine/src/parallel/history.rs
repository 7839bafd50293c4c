//! What earlier executions have taught: how long a call takes, and where it meets others.
//!
//! Kept per contract and selector. From it a batch gets its plan: who had better wait for whom, and
//! whether more than one thread pays at all.

use std::{sync::Arc, time::Duration};

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, map::HashMap};

use crate::{block::PlainKey, pool::PoolTx};

/// More calls than this are not remembered.
const MAX_CALLS: usize = 16_384;
/// What an unknown call takes, in nanoseconds.
const UNKNOWN_CALL: f64 = 30_000.0;
/// What a transfer takes before one was seen.
const UNKNOWN_TRANSFER: f64 = 10_000.0;
/// A saving below this doesn't pay for waking threads, in nanoseconds.
const LEAST_SAVING: f64 = 100_000.0;
/// What executing ahead costs above executing in turn.
const OVERHEAD: f64 = 1.25;
/// Each new observation counts this much.
const WEIGHT: f64 = 1.0 / 8.0;
/// Calls that conflict more often than this wait for each other.
const CONFLICTING: f64 = 0.4;
/// Conflicts are forgotten slowly while nobody tries: after some thousand calls it is tried again.
const FORGETTING: f64 = 0.9995;

/// A contract and a selector; no selector for transfers.
type Call = (Option<Address>, [u8; 4]);

#[derive(Clone, Copy, Debug)]
struct Experience {
    nanos: f64,
    /// How often it did not hold when executed ahead, from 0 to 1.
    conflicts: f64,
    /// Where it met another last.
    meets_at: Option<PlainKey>,
}

/// What earlier executions have taught.
#[derive(Debug, Default)]
pub(crate) struct History {
    calls: HashMap<Call, Experience>,
}

/// How to go about a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// For each transaction whom it should wait for.
    pub(crate) after: Vec<Option<usize>>,
    /// Whether executing ahead should save time.
    pub(crate) pays: bool,
}

impl History {
    /// What executing the transaction should take.
    pub(crate) fn estimate(&self, tx: &PoolTx) -> Duration {
        Duration::from_nanos(self.nanos(tx) as u64)
    }

    fn nanos(&self, tx: &PoolTx) -> f64 {
        match self.calls.get(&call_of(tx)) {
            Some(experience) => experience.nanos,
            None => unknown(tx),
        }
    }

    /// Who should wait for whom, and whether `threads` would be quicker than one.
    pub(crate) fn plan(&self, txs: &[Arc<PoolTx>], threads: usize) -> Plan {
        let mut last_of_sender = HashMap::<Address, usize>::default();
        let mut last_at = HashMap::<PlainKey, usize>::default();
        let mut after = Vec::with_capacity(txs.len());
        // When each would end if threads were free.
        let mut ends = Vec::<f64>::with_capacity(txs.len());
        let (mut total, mut longest) = (0.0, 0.0_f64);
        for (index, tx) in txs.iter().enumerate() {
            let experience = self.calls.get(&call_of(tx));
            let sender = last_of_sender.insert(tx.sender, index);
            let meeting = experience
                .filter(|experience| experience.conflicts > CONFLICTING)
                .and_then(|experience| last_at.insert(experience.meets_at?, index));
            let before = sender.max(meeting);
            let nanos = experience.map_or_else(|| unknown(tx), |experience| experience.nanos);
            let end = nanos + before.map_or(0.0, |before| ends[before]);
            total += nanos;
            longest = longest.max(end);
            ends.push(end);
            after.push(before);
        }
        let together = OVERHEAD * longest.max(total / threads.max(1) as f64);
        Plan {
            after,
            pays: threads > 1 && total - together > LEAST_SAVING,
        }
    }

    /// It was executed in its turn.
    pub(crate) fn executed(&mut self, tx: &PoolTx, took: Duration) {
        let experience = self.of(tx);
        experience.nanos += (took.as_nanos() as f64 - experience.nanos) * WEIGHT;
        experience.conflicts *= FORGETTING;
    }

    /// It was executed ahead, and held. It means less if it `waited` for another.
    pub(crate) fn held(&mut self, tx: &PoolTx, took: Duration, waited: bool) {
        let experience = self.of(tx);
        experience.nanos += (took.as_nanos() as f64 - experience.nanos) * WEIGHT;
        experience.conflicts *= if waited { FORGETTING } else { 1.0 - WEIGHT };
    }

    /// It was executed ahead in vain: something else stood here.
    pub(crate) fn conflicted(&mut self, tx: &PoolTx, at: PlainKey) {
        let experience = self.of(tx);
        experience.conflicts += (1.0 - experience.conflicts) * WEIGHT;
        experience.meets_at = Some(at);
    }

    fn of(&mut self, tx: &PoolTx) -> &mut Experience {
        let call = call_of(tx);
        if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&call) {
            self.calls.clear();
        }
        self.calls.entry(call).or_insert_with(|| Experience {
            nanos: unknown(tx),
            conflicts: 0.0,
            meets_at: None,
        })
    }
}

fn call_of(tx: &PoolTx) -> Call {
    let input = tx.envelope.input();
    match input.first_chunk() {
        Some(selector) => (tx.envelope.to(), *selector),
        // Contracts are also called without input, but recipients of transfers are too many to remember.
        None if tx.envelope.gas_limit() <= 100_000 => (None, [0; 4]),
        None => (tx.envelope.to(), [0; 4]),
    }
}

fn unknown(tx: &PoolTx) -> f64 {
    if tx.envelope.input().is_empty() {
        UNKNOWN_TRANSFER
    } else {
        UNKNOWN_CALL
    }
}
