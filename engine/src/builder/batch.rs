//! A batch of transactions into the open block: in their order, ahead of it where that pays.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, map::HashSet};

use super::open::{BuildError, Candidate, OpenBlock, TxOutcome};
use crate::{
    parallel::{Advice, AheadTurn, Batch, CallHistory, Plan, Worker, WorkerPool},
    pool::PoolTx,
};

/// How long the builder lets a thread work at the transaction whose turn it is, beyond twice what it should
/// take: a thread may have lost its core.
const GRACE: Duration = Duration::from_micros(50);

/// What sets the pace of a batch.
pub(crate) trait Pace {
    /// Microseconds since 1970.
    fn now_us(&mut self) -> u64;
    /// Whether the next transaction should still be executed now.
    fn goes_on(&mut self, next: &PoolTx) -> bool;
    /// Executing a transaction, by whomever, took this long.
    fn executed(&mut self, _took: Duration) {}
}

/// What decides whether a batch is executed ahead, and who begins.
pub(crate) trait Policy {
    /// What is done of what the history advises.
    fn plan(&mut self, advised: Plan) -> Plan {
        advised
    }
    /// Comes before the turn of `index`.
    fn before(
        &mut self,
        _batch: &Arc<Batch>,
        _index: usize,
        _crew: &WorkerPool,
        _worker: &mut Worker,
    ) {
    }
}

/// Ahead where that pays.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AsAdvised;

impl Policy for AsAdvised {}

/// How transactions were executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// When their turn had come.
    pub(crate) in_turn: u64,
    /// Ahead of it, and that held.
    pub(crate) ahead: u64,
    /// Ahead of it, and aborted; they are counted in their turn too.
    pub(crate) aborted: u64,
}

/// The builder's helpers, and what they have learnt.
#[derive(Debug)]
pub(crate) struct Executor<P = AsAdvised> {
    crew: WorkerPool,
    /// The builder's own hands while it waits for the others.
    worker: Worker,
    pub(super) history: CallHistory,
    counts: Counts,
    pub(super) policy: P,
}

/// What became of each transaction of a batch; nothing of those that go back.
pub(crate) type Outcomes = Vec<Option<TxOutcome>>;

impl<P: Policy + Default> Executor<P> {
    /// The builder's own thread with a crew.
    pub(crate) fn new(crew: WorkerPool) -> Self {
        Self {
            crew,
            worker: Worker::default(),
            history: CallHistory::default(),
            counts: Counts::default(),
            policy: P::default(),
        }
    }
}

impl<P: Policy> Executor<P> {
    /// How many threads there are, the builder's own with them.
    pub(crate) fn threads(&self) -> usize {
        self.crew.len() + 1
    }

    /// How all transactions so far were executed.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How long the transaction should take.
    pub(crate) fn estimate(&self, tx: &PoolTx) -> Duration {
        self.history.estimate(tx)
    }

    fn plan(&mut self, txs: &[Arc<PoolTx>]) -> Plan {
        let advised = self.history.plan(txs, self.threads());
        self.policy.plan(advised)
    }

    /// Executes transactions in their order until the pace says stop. Whatever comes after a transaction
    /// of the same sender that was not included goes back.
    pub(crate) fn execute(
        &mut self,
        block: &mut OpenBlock,
        txs: &[Arc<PoolTx>],
        pace: &mut dyn Pace,
    ) -> Result<Outcomes, BuildError> {
        let mut run = Run {
            block,
            pace,
            counts: self.counts,
            outcomes: Vec::with_capacity(txs.len()),
            stuck: HashSet::default(),
        };
        // What is learnt on the way makes another plan for the rest.
        while run.part(self, &txs[run.outcomes.len()..])? == End::Replan {}
        self.counts = run.counts;
        let mut outcomes = run.outcomes;
        outcomes.resize(txs.len(), None);
        Ok(outcomes)
    }
}

/// Why no more transactions were executed by a plan.
#[derive(PartialEq, Eq)]
enum End {
    /// There are no more, or the pace says stop.
    Over,
    /// More is known now than when it was made.
    Replan,
}

/// One batch on its way into the block.
struct Run<'a> {
    block: &'a mut OpenBlock,
    pace: &'a mut dyn Pace,
    counts: Counts,
    outcomes: Outcomes,
    /// Senders whose next transaction is not included.
    stuck: HashSet<Address>,
}

impl Run<'_> {
    /// Executes what is left of the batch, by one plan.
    fn part<P: Policy>(
        &mut self,
        executor: &mut Executor<P>,
        txs: &[Arc<PoolTx>],
    ) -> Result<End, BuildError> {
        let plan = executor.plan(txs);
        let advice = plan.advice;
        let ahead = match advice {
            Advice::Try => self.block.ahead(),
            Advice::Rest | Advice::Compare => None,
        };
        let Some((frozen, rules)) = ahead else {
            let count = match advice {
                Advice::Compare => plan.sample.min(txs.len()),
                Advice::Rest | Advice::Try => txs.len(),
            };
            return self.in_turn(&mut executor.history, txs, count);
        };
        let (each, before, began) = (plan.each, self.outcomes.len(), Instant::now());
        let waits: Vec<bool> = plan.after.iter().map(Option::is_some).collect();
        let batch = Arc::new(Batch::new(rules, frozen, txs.to_vec(), plan));
        self.block.listen(true);
        let end = self.ahead(executor, &batch, txs, &waits);
        self.block.listen(false);
        batch.close();
        executor.worker.let_go();
        let done = self.outcomes.len() - before;
        executor.history.tried(each, &txs[..done], began.elapsed());
        end
    }

    /// Executes the first `count` one by one.
    fn in_turn(
        &mut self,
        history: &mut CallHistory,
        txs: &[Arc<PoolTx>],
        count: usize,
    ) -> Result<End, BuildError> {
        for tx in &txs[..count] {
            if !self.pace.goes_on(tx) {
                return Ok(End::Over);
            }
            if self.stuck.contains(&tx.sender) {
                self.outcomes.push(None);
                continue;
            }
            let attempt = self.execute(history, tx, true)?;
            self.note(tx, attempt);
        }
        Ok(if count < txs.len() {
            End::Replan
        } else {
            End::Over
        })
    }

    fn ahead<P: Policy>(
        &mut self,
        executor: &mut Executor<P>,
        batch: &Arc<Batch>,
        txs: &[Arc<PoolTx>],
        waits: &[bool],
    ) -> Result<End, BuildError> {
        let Executor {
            crew,
            worker,
            history,
            policy,
            ..
        } = executor;
        for (index, tx) in txs.iter().enumerate() {
            policy.before(batch, index, crew, worker);
            let turn = if self.pace.goes_on(tx) {
                turn(batch, index, worker, history.estimate(tx))
            } else {
                // What is executed already costs no more time.
                match last_moment(batch, index) {
                    found @ AheadTurn::Speculated(_) => found,
                    _ => break,
                }
            };
            if index == 0 {
                // The first is the builder's: however long it takes, the chain moves.
                crew.call(batch);
            }
            if self.stuck.contains(&tx.sender) {
                batch.commit(index, &[], true);
                self.outcomes.push(None);
                continue;
            }
            let (mut instead, mut learnt) = (false, false);
            if let AheadTurn::Speculated(speculation) = turn {
                let took = speculation.done.took;
                match self.block.accept_ahead(&offer(tx), *speculation)? {
                    Ok(attempt) => {
                        self.counts.ahead += 1;
                        self.pace.executed(took);
                        history.held(tx, took, waits[index]);
                        if attempt != TxOutcome::Included {
                            batch.commit(index, &[], true);
                        }
                        self.note(tx, attempt);
                        continue;
                    }
                    Err(key) => learnt = history.conflicted(tx, key),
                }
                self.counts.aborted += 1;
                if !self.pace.goes_on(tx) {
                    break;
                }
                batch.mark_estimates(index);
                instead = true;
            }
            let attempt = self.execute(history, tx, false)?;
            batch.commit(index, &self.block.heard(), instead);
            self.note(tx, attempt);
            if learnt {
                return Ok(End::Replan);
            }
        }
        Ok(End::Over)
    }

    fn execute(
        &mut self,
        history: &mut CallHistory,
        tx: &PoolTx,
        alone: bool,
    ) -> Result<TxOutcome, BuildError> {
        let began = Instant::now();
        let now_us = self.pace.now_us();
        let attempt = self.block.execute(&offer(tx), now_us)?;
        self.counts.in_turn += 1;
        let took = began.elapsed();
        self.pace.executed(took);
        if attempt == TxOutcome::Included {
            history.executed(tx, took, alone);
        }
        Ok(attempt)
    }

    fn note(&mut self, tx: &PoolTx, attempt: TxOutcome) {
        if matches!(
            attempt,
            TxOutcome::Full(_) | TxOutcome::Invalid(_) | TxOutcome::Unread(_)
        ) {
            self.stuck.insert(tx.sender);
        }
        self.outcomes.push(Some(attempt));
    }
}

/// Waits for the turn of a transaction, and makes itself useful meanwhile.
fn turn(batch: &Arc<Batch>, index: usize, worker: &mut Worker, expected: Duration) -> AheadTurn {
    let mut waited = false;
    loop {
        match batch.take(index) {
            AheadTurn::Running(_) if waited => return batch.seize(index),
            AheadTurn::Running(since) => {
                if !batch.help(worker) {
                    batch.wait(index, since + 2 * expected + GRACE);
                    waited = true;
                }
            }
            found => return found,
        }
    }
}

/// What there is of a transaction when time is up, or comes within a moment.
fn last_moment(batch: &Arc<Batch>, index: usize) -> AheadTurn {
    match batch.take(index) {
        AheadTurn::Running(_) => {
            batch.wait(index, Instant::now() + GRACE);
            batch.seize(index)
        }
        found => found,
    }
}

fn offer(tx: &PoolTx) -> Candidate<'_> {
    Candidate {
        envelope: &tx.envelope,
        raw: &tx.raw,
        hash: tx.hash,
        sender: tx.sender,
        da_size: tx.da_size,
        authorizations: &tx.authorizations,
    }
}
