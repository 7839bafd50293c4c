//! A batch of transactions into the open block: in their order, ahead of it where that pays.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, map::HashSet};

use super::open::{Attempt, BuildError, Offer, OpenBlock};
use crate::{
    parallel::{Batch, Crew, History, Turn, Worker},
    pool::PoolTx,
};

/// How long the builder lets a thread work at the transaction whose turn it is, beyond what it should
/// take: a thread may have lost its core.
const GRACE: Duration = Duration::from_micros(500);

/// What sets the pace of a batch.
pub(crate) trait Pace {
    /// Microseconds since 1970.
    fn now_us(&mut self) -> u64;
    /// Whether the next transaction should still be executed now.
    fn goes_on(&mut self, next: &PoolTx) -> bool;
    /// Executing a transaction, by whomever, took this long.
    fn executed(&mut self, _took: Duration) {}
}

/// How transactions were executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// When their turn had come.
    pub(crate) in_turn: u64,
    /// Ahead of it, and that held.
    pub(crate) ahead: u64,
    /// Ahead of it in vain; they are counted in their turn too.
    pub(crate) in_vain: u64,
}

/// The builder's helpers, and what they have learnt.
#[derive(Debug)]
pub(crate) struct Executor {
    crew: Crew,
    /// The builder's own hands while it waits for the others.
    worker: Worker,
    history: History,
    counts: Counts,
    /// Whether to execute ahead even where it shouldn't pay.
    always: bool,
}

/// What became of each transaction of a batch; nothing of those that go back.
pub(crate) type Outcomes = Vec<Option<Attempt>>;

impl Executor {
    /// The builder's own thread with a crew.
    pub(crate) fn new(crew: Crew) -> Self {
        Self {
            crew,
            worker: Worker::default(),
            history: History::default(),
            counts: Counts::default(),
            always: false,
        }
    }

    /// How many threads there are, the builder's own with them.
    pub(crate) fn threads(&self) -> usize {
        self.crew.len() + 1
    }

    /// Executes ahead always: for tests.
    #[cfg(test)]
    pub(crate) fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// How all transactions so far were executed.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How long the transaction should take.
    pub(crate) fn estimate(&self, tx: &PoolTx) -> Duration {
        self.history.estimate(tx)
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
        let plan = self.history.plan(txs, self.threads());
        let ahead = if plan.pays || self.always {
            run.block.ahead()
        } else {
            None
        };
        match ahead {
            None => run.in_turn(&mut self.history, txs)?,
            Some((frozen, rules)) => {
                let waits: Vec<bool> = plan.after.iter().map(Option::is_some).collect();
                let batch = Arc::new(Batch::new(rules, frozen, txs.to_vec(), plan));
                run.block.listen(true);
                let done = run.ahead(self, &batch, txs, &waits);
                run.block.listen(false);
                batch.close();
                self.worker.let_go();
                done?;
            }
        }
        self.counts = run.counts;
        let mut outcomes = run.outcomes;
        outcomes.resize(txs.len(), None);
        Ok(outcomes)
    }
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
    fn in_turn(&mut self, history: &mut History, txs: &[Arc<PoolTx>]) -> Result<(), BuildError> {
        for tx in txs {
            if !self.pace.goes_on(tx) {
                break;
            }
            if self.stuck.contains(&tx.sender) {
                self.outcomes.push(None);
                continue;
            }
            let attempt = self.execute(history, tx)?;
            self.note(tx, attempt);
        }
        Ok(())
    }

    fn ahead(
        &mut self,
        executor: &mut Executor,
        batch: &Arc<Batch>,
        txs: &[Arc<PoolTx>],
        waits: &[bool],
    ) -> Result<(), BuildError> {
        let Executor {
            crew,
            worker,
            history,
            ..
        } = executor;
        for (index, tx) in txs.iter().enumerate() {
            let turn = if self.pace.goes_on(tx) {
                turn(batch, index, worker, history.estimate(tx))
            } else {
                // What is executed already costs no more time.
                match last_moment(batch, index) {
                    found @ Turn::Speculated(_) => found,
                    _ => break,
                }
            };
            if index == 0 {
                // The first is the builder's: however long it takes, the chain moves.
                crew.call(batch);
            }
            if self.stuck.contains(&tx.sender) {
                batch.settle(index, &[], true);
                self.outcomes.push(None);
                continue;
            }
            let mut instead = false;
            if let Turn::Speculated(speculation) = turn {
                let took = speculation.done.took;
                match self.block.accept_ahead(&offer(tx), *speculation)? {
                    Ok(attempt) => {
                        self.counts.ahead += 1;
                        self.pace.executed(took);
                        history.held(tx, took, waits[index]);
                        if attempt != Attempt::Included {
                            batch.settle(index, &[], true);
                        }
                        self.note(tx, attempt);
                        continue;
                    }
                    Err(key) => history.conflicted(tx, key),
                }
                self.counts.in_vain += 1;
                if !self.pace.goes_on(tx) {
                    break;
                }
                batch.doubt(index);
                instead = true;
            }
            let attempt = self.execute(history, tx)?;
            batch.settle(index, &self.block.heard(), instead);
            self.note(tx, attempt);
        }
        Ok(())
    }

    fn execute(&mut self, history: &mut History, tx: &PoolTx) -> Result<Attempt, BuildError> {
        let began = Instant::now();
        let now_us = self.pace.now_us();
        let attempt = self.block.execute(&offer(tx), now_us)?;
        self.counts.in_turn += 1;
        let took = began.elapsed();
        self.pace.executed(took);
        if attempt == Attempt::Included {
            history.executed(tx, took);
        }
        Ok(attempt)
    }

    fn note(&mut self, tx: &PoolTx, attempt: Attempt) {
        if matches!(attempt, Attempt::Full | Attempt::Invalid(_)) {
            self.stuck.insert(tx.sender);
        }
        self.outcomes.push(Some(attempt));
    }
}

/// Waits for the turn of a transaction, and makes itself useful meanwhile.
fn turn(batch: &Arc<Batch>, index: usize, worker: &mut Worker, expected: Duration) -> Turn {
    let mut waited = false;
    loop {
        match batch.take(index) {
            Turn::Running if waited => return batch.seize(index),
            Turn::Running => {
                if !batch.help(worker) {
                    batch.wait(index, Instant::now() + 2 * expected + GRACE);
                    waited = true;
                }
            }
            found => return found,
        }
    }
}

/// What there is of a transaction when time is up, or comes within a moment.
fn last_moment(batch: &Arc<Batch>, index: usize) -> Turn {
    match batch.take(index) {
        Turn::Running => {
            batch.wait(index, Instant::now() + GRACE);
            batch.seize(index)
        }
        found => found,
    }
}

fn offer(tx: &PoolTx) -> Offer<'_> {
    Offer {
        envelope: &tx.envelope,
        raw: &tx.raw,
        hash: tx.hash,
        sender: tx.sender,
        da_size: tx.da_size,
    }
}
