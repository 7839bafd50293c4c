//! How fast the builder executes, on how many threads: from transactions with their senders to a sealed
//! mini-block, without JSON-RPC, pool and log.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::Bytes;
use rayon::prelude::*;
use serde::Serialize;

use crate::{
    builder::{BuildError, Executor, OpenBlock, Pace, TxOutcome},
    chain::{Chain, ChainConfig, ConfigError},
    parallel::WorkerPool,
    pool::{AdmissionRules, PoolTx, Rejection},
    state::EmptyArchive,
};

/// What one run took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Execution {
    /// Threads that executed.
    pub threads: usize,
    /// Transactions, without those that came before the clock started.
    pub transactions: usize,
    /// Gas that they used.
    pub gas: u64,
    /// Of executing.
    pub seconds: f64,
    /// Of sealing mini-blocks: diffs, roots and signatures.
    pub sealing_seconds: f64,
    /// Transactions that were executed ahead of their turn, and held.
    pub ahead: u64,
    /// Transactions that were executed ahead and aborted.
    pub aborted: u64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system gave no thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] io::Error),
    /// One of the transactions.
    #[error("a transaction is refused: {0}")]
    Refused(#[from] Rejection),
    /// The block.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A transaction that didn't get in, or failed.
    #[error("transaction {number} is no load: {what}")]
    NoLoad {
        /// Its place.
        number: usize,
        /// What became of it.
        what: String,
    },
}

/// Nothing stops it.
struct Unhurried(u64);

impl Pace for Unhurried {
    fn now_us(&mut self) -> u64 {
        self.0
    }

    fn goes_on(&mut self, _: &PoolTx) -> bool {
        true
    }
}

/// Executes raw transactions in one block, `batch` in a mini-block, once for each number of threads. What
/// prepares the ground, the first `before`, and then a tenth of the rest aren't measured. All must succeed.
pub(crate) fn measure(
    config: &ChainConfig,
    raws: Vec<Bytes>,
    before: usize,
    threads: &[usize],
    batch: usize,
) -> Result<Vec<Execution>, MeasureError> {
    let config = ChainConfig {
        follow_commitment: false,
        ..config.clone()
    };
    let rules = AdmissionRules {
        chain_id: config.chain_id,
        spec: config.spec_id()?,
        gas_limit: config.gas_limit,
        base_fee: config.base_fee,
    };
    let txs: Vec<Arc<PoolTx>> = raws
        .into_par_iter()
        .map(|raw| {
            let mut tx = rules.validate_stateless(raw)?;
            tx.recover_authorizations();
            Ok::<_, Rejection>(Arc::new(tx))
        })
        .collect::<Result<_, _>>()?;
    let (before, load) = txs.split_at(before.min(txs.len()));
    let (warm, load) = load.split_at(load.len() / 10);
    threads
        .iter()
        .map(|threads| {
            let mut run = Run::begin(&config, *threads)?;
            for tx in before {
                run.execute(std::slice::from_ref(tx))?;
            }
            warm.chunks(batch.max(1))
                .try_for_each(|txs| run.execute(txs))?;
            run.reset();
            load.chunks(batch.max(1))
                .try_for_each(|txs| run.execute(txs))?;
            Ok(run.found(*threads, load.len()))
        })
        .collect()
}

struct Run {
    block: OpenBlock,
    executor: Executor,
    now: Unhurried,
    done: usize,
    gas: u64,
    executing: Duration,
    sealing: Duration,
    ahead: u64,
    aborted: u64,
}

impl Run {
    fn begin(config: &ChainConfig, threads: usize) -> Result<Self, MeasureError> {
        let chain = Arc::new(Chain::new(config.clone(), Arc::new(EmptyArchive))?);
        let timestamp = config.genesis.timestamp + 1;
        let parent = chain.genesis.clone();
        Ok(Self {
            block: OpenBlock::open(chain, &parent, timestamp)?,
            executor: Executor::new(WorkerPool::start(threads.saturating_sub(1))?),
            now: Unhurried(timestamp * 1_000_000),
            done: 0,
            gas: 0,
            executing: Duration::ZERO,
            sealing: Duration::ZERO,
            ahead: 0,
            aborted: 0,
        })
    }

    fn execute(&mut self, txs: &[Arc<PoolTx>]) -> Result<(), MeasureError> {
        let before = self.executor.counts();
        let began = Instant::now();
        let outcomes = self.executor.execute(&mut self.block, txs, &mut self.now)?;
        self.executing += began.elapsed();
        let began = Instant::now();
        let mini = self.block.seal_mini(self.now.0)?;
        self.sealing += began.elapsed();
        let after = self.executor.counts();
        self.ahead += after.ahead - before.ahead;
        self.aborted += after.aborted - before.aborted;
        self.gas += mini.gas_used;
        let left_out = outcomes
            .iter()
            .position(|outcome| *outcome != Some(TxOutcome::Included));
        let failed = mini.txs.iter().position(|tx| !tx.result.success);
        let what = match (left_out, failed) {
            (Some(at), _) => format!("{:?}", outcomes[at]),
            (None, Some(at)) => format!("{:?}", mini.txs[at].result),
            (None, None) => {
                self.done += txs.len();
                return Ok(());
            }
        };
        let number = self.done + left_out.or(failed).unwrap_or_default();
        Err(MeasureError::NoLoad { number, what })
    }

    /// The clock starts here.
    fn reset(&mut self) {
        self.gas = 0;
        self.executing = Duration::ZERO;
        self.sealing = Duration::ZERO;
        self.ahead = 0;
        self.aborted = 0;
    }

    fn found(&self, threads: usize, transactions: usize) -> Execution {
        Execution {
            threads,
            transactions,
            gas: self.gas,
            seconds: self.executing.as_secs_f64(),
            sealing_seconds: self.sealing.as_secs_f64(),
            ahead: self.ahead,
            aborted: self.aborted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::testing::{Draft, chain, config, sign};

    #[test]
    fn it_executes_the_same_on_any_number_of_threads() {
        let config = config("rex6", &[]);
        let chain = chain("rex6", &[]);
        let raws = (0..200)
            .map(|nth| {
                let draft = Draft {
                    from: (nth % 10) as u8,
                    nonce: nth / 10,
                    value: 1,
                    ..Default::default()
                };
                sign(&chain, &draft).raw
            })
            .collect();
        let found = measure(&config, raws, 10, &[1, 3], 50).unwrap();
        assert_eq!(
            found.iter().map(|run| run.threads).collect::<Vec<_>>(),
            [1, 3]
        );
        assert!(found.iter().all(|run| run.transactions == 171));
        assert_eq!(found[0].gas, found[1].gas);
        assert_eq!(found[0].ahead, 0);
    }
}
