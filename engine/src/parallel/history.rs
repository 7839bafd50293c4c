//! What earlier executions have taught: how long a call takes, and where it meets others.
//!
//! Kept per contract and selector. From it a batch gets its plan: who had better wait for whom, and
//! whether more than one thread pays at all. It forgets: calls that have met are let go side by side again
//! after a while, and after a longer one each time if they meet again.

use std::{sync::Arc, time::Duration};

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, map::HashMap};

use super::gains::{Advice, Gains};
use crate::{block::PlainKey, pool::PoolTx};

/// More calls than this are not remembered.
const MAX_CALLS: usize = 16_384;
/// What an unknown call takes, in nanoseconds.
const UNKNOWN_CALL: f64 = 30_000.0;
/// What a transfer takes before one was seen.
const UNKNOWN_TRANSFER: f64 = 10_000.0;
/// A saving below this doesn't pay for waking threads, in nanoseconds.
const LEAST_SAVING: f64 = 100_000.0;
/// What executing ahead costs above executing in turn, for each transaction: its versions, its reads twice,
/// its outcome through another core's cache.
const OVERHEAD: f64 = 20_000.0;
/// It has to be quicker by this factor, since it takes more of the cores' time.
const MARGIN: f64 = 1.2;
/// Where the time of executing one by one is to be seen, this is enough, in nanoseconds.
const SAMPLE: f64 = 400_000.0;
/// Each new observation counts this much.
const WEIGHT: f64 = 1.0 / 8.0;
/// No observation counts for more than this many times what is known.
const OUTLIER: f64 = 4.0;
/// Calls that conflict more often than this wait for each other.
const CONFLICTING: f64 = 0.4;
/// Those that do it less often than this are on good terms again.
const HARMLESS: f64 = 0.1;
/// Calls wait for each other for this many calls the first time, and for twice as many each time they have met again.
const FIRST_SPELL: u32 = 256;
/// But not for more than this.
const LONGEST_SPELL: u32 = 65_536;

/// A contract and a selector; no selector for transfers.
type Call = (Option<Address>, [u8; 4]);

#[derive(Clone, Copy, Debug)]
struct Experience {
    nanos: f64,
    /// How `nanos` is known.
    source: Source,
    /// How often it did not hold when executed ahead side by side with others, from 0 to 1.
    conflicts: f64,
    /// Where it met another last.
    meets_at: Option<PlainKey>,
    /// For how many calls more it waits for those that it would meet.
    linked: u32,
    /// For how many it will the next time.
    spell: u32,
}

/// How it is known what a call takes, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Guess,
    /// While other threads were at others.
    Together,
    Alone,
}

impl Experience {
    fn took(&mut self, took: Duration, source: Source) {
        let took = took.as_nanos() as f64;
        if source > self.source {
            (self.nanos, self.source) = (took, source);
        } else if source == self.source {
            // A thread that had lost its core says nothing of the call.
            let took = took.min(OUTLIER * self.nanos);
            self.nanos += (took - self.nanos) * WEIGHT;
        }
    }
}

/// What earlier executions have taught.
#[derive(Debug, Default)]
pub(crate) struct CallHistory {
    calls: HashMap<Call, Experience>,
    gains: Gains,
}

/// How to go about a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// For each transaction whom it should wait for.
    pub(crate) after: Vec<Option<usize>>,
    /// Whether executing ahead should save time, and does.
    pub(crate) advice: Advice,
    /// How many transactions are enough to see what they take one by one.
    pub(crate) sample: usize,
    /// What a transaction takes on average, in nanoseconds.
    pub(crate) each: f64,
}

impl CallHistory {
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
    pub(crate) fn plan(&mut self, txs: &[Arc<PoolTx>], threads: usize) -> Plan {
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
                .filter(|experience| experience.linked > 0)
                .and_then(|experience| last_at.insert(experience.meets_at?, index));
            let before = sender.max(meeting);
            let nanos = experience.map_or_else(|| unknown(tx), |experience| experience.nanos);
            let end = nanos + OVERHEAD + before.map_or(0.0, |before| ends[before]);
            total += nanos;
            longest = longest.max(end);
            ends.push(end);
            after.push(before);
        }
        let count = txs.len().max(1) as f64;
        let together = longest.max((total + count * OVERHEAD) / threads.max(1) as f64);
        let each = total / count;
        let promises = threads > 1 && total - MARGIN * together > LEAST_SAVING;
        Plan {
            after,
            advice: if promises {
                self.gains.advice(each)
            } else {
                Advice::Rest
            },
            sample: ((SAMPLE / each) as usize).max(2),
            each,
        }
    }

    /// Executing these, the first of a batch with `each` in its plan, took so long when it was done ahead.
    pub(crate) fn tried(&mut self, each: f64, txs: &[Arc<PoolTx>], took: Duration) {
        let alone = txs.iter().map(|tx| self.nanos(tx)).sum();
        self.gains.tried(each, alone, took);
    }

    /// It was executed in its turn, `alone` if no other thread was at anything.
    pub(crate) fn executed(&mut self, tx: &PoolTx, took: Duration, alone: bool) {
        let experience = self.of(tx);
        let source = if alone {
            Source::Alone
        } else {
            Source::Together
        };
        experience.took(took, source);
        experience.linked = experience.linked.saturating_sub(1);
    }

    /// It was executed ahead, and held. That says nothing of conflicts if it `waited` for another.
    pub(crate) fn held(&mut self, tx: &PoolTx, took: Duration, waited: bool) {
        let experience = self.of(tx);
        experience.took(took, Source::Together);
        if waited {
            experience.linked = experience.linked.saturating_sub(1);
        } else {
            experience.conflicts *= 1.0 - WEIGHT;
            if experience.conflicts < HARMLESS {
                experience.spell = FIRST_SPELL;
            }
        }
    }

    /// It was executed ahead and aborted: something else stood here. Tells whether such calls shall wait for
    /// each other from now on.
    pub(crate) fn conflicted(&mut self, tx: &PoolTx, at: PlainKey) -> bool {
        let experience = self.of(tx);
        experience.conflicts += (1.0 - experience.conflicts) * WEIGHT;
        experience.meets_at = Some(at);
        let links = experience.linked == 0 && experience.conflicts > CONFLICTING;
        if links {
            experience.linked = experience.spell;
            experience.spell = (2 * experience.spell).min(LONGEST_SPELL);
        }
        links
    }

    fn of(&mut self, tx: &PoolTx) -> &mut Experience {
        let call = call_of(tx);
        if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&call) {
            self.calls.clear();
        }
        self.calls.entry(call).or_insert_with(|| Experience {
            nanos: unknown(tx),
            source: Source::Guess,
            conflicts: 0.0,
            meets_at: None,
            linked: 0,
            spell: FIRST_SPELL,
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

#[cfg(test)]
mod tests {
    use alloy_primitives::TxKind;

    use super::*;
    use crate::builder::testing::{Draft, chain, sign};

    const SHORT: Duration = Duration::from_micros(5);
    const LONG: Duration = Duration::from_millis(1);
    const KEY: PlainKey = PlainKey::account(Address::repeat_byte(9));

    /// Calls of one contract from different senders.
    fn calls() -> Vec<Arc<PoolTx>> {
        let chain = chain("rex5", &[]);
        let call = |from| Draft {
            from,
            to: TxKind::Call(Address::repeat_byte(7)),
            input: [1, 2, 3, 4].into(),
            ..Draft::default()
        };
        (0..8)
            .map(|from| sign(&chain, &call(from)).pooled())
            .collect()
    }

    /// One that knows how long the calls take alone.
    fn knowing(txs: &[Arc<PoolTx>], took: Duration) -> CallHistory {
        let mut history = CallHistory::default();
        txs.iter().for_each(|tx| history.executed(tx, took, true));
        history
    }

    fn conflict(history: &mut CallHistory, txs: &[Arc<PoolTx>]) {
        assert!(txs.iter().any(|tx| history.conflicted(tx, KEY)));
    }

    fn are_linked(history: &mut CallHistory, txs: &[Arc<PoolTx>]) -> bool {
        let after = history.plan(txs, 2).after;
        assert_eq!(after[0], None);
        assert!(
            after[1..]
                .windows(2)
                .all(|pair| pair[0].is_some() == pair[1].is_some())
        );
        after[1] == Some(0)
    }

    /// For how many calls they wait for each other.
    fn spell(history: &mut CallHistory, txs: &[Arc<PoolTx>]) -> u32 {
        let mut calls = 0;
        while are_linked(history, txs) {
            history.executed(&txs[0], LONG, true);
            calls += 1;
        }
        calls
    }

    #[test]
    fn long_calls_are_tried_ahead_short_ones_are_not() {
        let txs = calls();
        let advice = |took| {
            let mut history = knowing(&txs, took);
            [(); 2].map(|()| history.plan(&txs, 2).advice)
        };
        assert_eq!(advice(LONG), [Advice::Compare, Advice::Try]);
        assert_eq!(advice(SHORT), [Advice::Rest, Advice::Rest]);
        assert_eq!(knowing(&txs, LONG).plan(&txs, 1).advice, Advice::Rest);
    }

    #[test]
    fn a_senders_transactions_wait_for_each_other() {
        let txs = calls();
        let same = [txs[0].clone(), txs[1].clone(), txs[0].clone()];
        assert_eq!(
            CallHistory::default().plan(&same, 2).after,
            [None, None, Some(0)]
        );
    }

    #[test]
    fn calls_that_keep_meeting_wait_for_each_other_and_do_not_promise_anything() {
        let txs = calls();
        let mut history = knowing(&txs, LONG);
        assert!(!are_linked(&mut history, &txs));
        conflict(&mut history, &txs);
        assert!(are_linked(&mut history, &txs));
        assert_eq!(history.plan(&txs, 2).advice, Advice::Rest);
    }

    #[test]
    fn they_are_let_go_after_a_spell_that_doubles_until_they_get_on() {
        let txs = calls();
        let mut history = knowing(&txs, LONG);
        conflict(&mut history, &txs);
        let first = spell(&mut history, &txs);
        assert_eq!(first, FIRST_SPELL);
        // One more is enough now.
        conflict(&mut history, &txs[..1]);
        assert_eq!(spell(&mut history, &txs), 2 * first);
        for _ in 0..20 {
            history.held(&txs[0], LONG, false);
        }
        conflict(&mut history, &txs);
        assert_eq!(spell(&mut history, &txs), first);
    }

    #[test]
    fn a_thread_that_lost_its_core_teaches_little() {
        let txs = calls();
        let mut history = knowing(&txs, SHORT);
        history.executed(&txs[0], 1_000 * SHORT, true);
        assert!(history.estimate(&txs[0]) < 2 * SHORT);
        // What is known alone isn't spoilt by what happens together.
        history.held(&txs[0], LONG, true);
        assert!(history.estimate(&txs[0]) < 2 * SHORT);
    }
}
