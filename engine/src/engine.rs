//! One running chain, put together: state, pool, JSON-RPC, and a builder or a follower. What Python drives.
//!
//! ```text
//!   submit ─▶ RpcService ─▶ Intake ─▶ Pool ─▶ Builder ─▶ sealed (bounded) ─▶ next_sealed ─▶ the log
//!      ▲                                                                                      │
//!      └── completions ◀── receipts ◀── Chain ◀───────────────── durable ◀────────────────────┘
//! ```
//!
//! It is idle at first. [`Engine::start`] and [`Engine::follow`] go from there to building and to following,
//! [`Engine::halt`] comes back.

mod accounts;
mod handover;
mod pipeline;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::builder::Builder;
use crate::chain::{
    Chain, ChainConfig, ConfigError, RestoreError, RewindError, RewindPlan, Sealed,
};
use crate::commitment::CommitError;
use crate::follower::{Follower, VerifyMode};
use crate::keys::Key;
use crate::pool::{AdmissionRules, Intake, Limits, Pool, Rejection, TxSource};
use crate::rpc::{Node, RpcService, methods};
use crate::state::Archive;
use accounts::LatestAccounts;
#[cfg(test)]
pub(crate) use accounts::tip_accounts;

/// Sealed things that the log has not taken yet; the builder waits when there are more.
const MAX_SEALED: usize = 256;
/// Requests that are worked on at a time where they wait for another node.
const FORK_SEATS: usize = 16;
/// How long a stop waits for the log to write what was sealed last.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Why the engine can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was restored, or the order of calls.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The system gave no thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The builder ended by itself.
    #[error("block building failed: {0}")]
    Builder(String),
    /// What was built or applied last isn't on disk: going on elsewhere would leave a gap in the log.
    #[error("mini-blocks from {0} on are not in the log yet")]
    Unwritten(u64),
}

/// What an engine does with its chain.
#[derive(Default)]
enum Mode {
    /// Nothing: it is restored, and read.
    #[default]
    Idle,
    /// Builds it.
    Building(Arc<Builder>),
    /// Follows what another node builds.
    Following(Arc<Follower>),
}

/// What a builder seals. It outlives the building, until the log has all of it.
#[derive(Clone)]
struct Sealing {
    /// Before its builder, so that a builder whose engine is dropped finds nobody to wait for and ends.
    sealed: Receiver<Sealed>,
    builder: Arc<Builder>,
}

/// A chain with everything that runs it.
pub(crate) struct Engine {
    /// First, as its builder's end depends on it.
    sealing: Mutex<Option<Sealing>>,
    /// State and blocks.
    pub chain: Arc<Chain>,
    /// Transactions that wait.
    pub pool: Arc<Pool>,
    /// JSON-RPC.
    pub rpc: RpcService,
    mode: Mutex<Mode>,
    acknowledged: Acknowledged,
}

/// Wakes who waits for the log.
#[derive(Default)]
struct Acknowledged {
    lock: Mutex<()>,
    changed: Condvar,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// A chain at genesis, ready to restore and to answer, and idle.
    pub(crate) fn new(config: ChainConfig, archive: Arc<dyn Archive>) -> Result<Self, EngineError> {
        let rules = AdmissionRules {
            chain_id: config.chain_id,
            spec: config.spec_id()?,
            gas_limit: config.gas_limit,
            base_fee: config.base_fee,
        };
        let limits = Limits {
            account_slots: config.pool.account_slots,
            total_slots: config.pool.total_slots,
            price_bump_percent: config.pool.price_bump_percent,
            order: config.pool.order,
            ..Limits::default()
        };
        let cores = std::thread::available_parallelism().map_or(2, Into::into);
        let recover_threads = match config.recover_threads {
            0 => cores,
            count => count,
        };
        let chain = Arc::new(Chain::new(config, archive)?);
        let pool = Arc::new(Pool::new(limits, Arc::new(LatestAccounts::of(&chain))));
        let intake = Intake::start(rules, pool.clone(), recover_threads)?;
        let node = Node::new(chain.clone(), pool.clone());
        // Over another chain's state they wait most of the time.
        let seats = match chain.fork {
            Some(_) => cores.max(FORK_SEATS),
            None => cores,
        };
        let rpc = RpcService::start(node, methods::all(), intake, seats)?;
        Ok(Self {
            chain,
            pool,
            rpc,
            sealing: Mutex::default(),
            mode: Mutex::default(),
            acknowledged: Acknowledged::default(),
        })
    }

    /// From idle: builds where the chain stands.
    pub(crate) fn start(&self) -> Result<(), EngineError> {
        let mut mode = self.leave_idle()?;
        if self.chain.committer.is_none() {
            return Err(RestoreError::from(CommitError::Off).into());
        }
        let source: Arc<dyn TxSource> = self.pool.clone();
        let (out, sealed) = crossbeam_channel::bounded(MAX_SEALED);
        self.pool.open();
        let builder = Arc::new(Builder::spawn(self.chain.clone(), source, out)?);
        *self.sealing.lock() = Some(Sealing {
            sealed,
            builder: builder.clone(),
        });
        *mode = Mode::Building(builder);
        self.rpc.forward_transactions(false);
        Ok(())
    }

    /// While idle: what this engine builds from now on it seals in this term, with this key.
    pub(crate) fn lead_as(&self, term: u64, key: Key) -> Result<(), EngineError> {
        let _idle = self.leave_idle()?;
        self.chain.leaders.lead_as(term, key);
        Ok(())
    }

    /// From idle: builds nothing, but follows what another node builds from where the chain stands. Transactions become
    /// that node's business; those that wait here are dropped.
    pub(crate) fn follow(&self, verify: VerifyMode) -> Result<(), EngineError> {
        let mut mode = self.leave_idle()?;
        let follower = Follower::new(self.chain.clone(), verify)?;
        *mode = Mode::Following(Arc::new(follower));
        drop(mode);
        self.rpc.forward_transactions(true);
        self.pool.close();
        self.chain
            .deposits
            .refuse_all(&Rejection::NotBuilding.to_string());
        Ok(())
    }

    /// Back to idle: ends building, with what is open sealed and a moment for the log to write it, or following, with what
    /// is being applied applied. The chain stays as it stands, and so do the transactions that wait.
    pub(crate) fn halt(&self) -> Result<(), EngineError> {
        self.halt_within(STOP_PATIENCE)
    }

    /// Likewise, with that moment.
    pub(crate) fn halt_within(&self, patience: Duration) -> Result<(), EngineError> {
        let before = std::mem::take(&mut *self.mode.lock());
        match before {
            Mode::Idle => {}
            Mode::Building(builder) => {
                if let Some(reason) = builder.stop() {
                    return Err(EngineError::Builder(reason));
                }
                self.wait_for_log(patience);
            }
            Mode::Following(follower) => follower.release(),
        }
        Ok(())
    }

    /// While idle, and before it follows who builds from now on: what waits, each sender's by nonce, to be given to that
    /// one. Nobody here is told that it was dropped, as its receipt may come yet; and nothing is admitted any more.
    pub(crate) fn hand_over(&self) -> Result<Vec<Bytes>, EngineError> {
        let _idle = self.leave_idle()?;
        Ok(self.pool.hand_over())
    }

    /// While idle: finds out what it takes to go back to a chain of so many mini-blocks. Changes nothing.
    pub(crate) fn plan_rewind(&self, minis: u64) -> Result<RewindPlan, RewindError> {
        let _idle = self.leave_idle().map_err(|_| RewindError::Running)?;
        self.chain.plan_rewind(minis)
    }

    /// While idle: goes back. The transactions that wait stay. After an error the engine is good for nothing.
    pub(crate) fn rewind(&self, plan: &RewindPlan) -> Result<(), EngineError> {
        let _idle = self.leave_idle()?;
        self.chain.rewind(plan)?;
        self.pool.rewound();
        Ok(())
    }

    /// The mode, to be changed by who has found it idle with everything on disk.
    fn leave_idle(&self) -> Result<MutexGuard<'_, Mode>, EngineError> {
        let mode = self.mode.lock();
        if !matches!(*mode, Mode::Idle) {
            return Err(RestoreError::Running.into());
        }
        let written = self.chain.recent.visible_minis();
        match written < self.chain.world.version() {
            true => Err(EngineError::Unwritten(written)),
            false => Ok(mode),
        }
    }

    /// The follower, while it follows.
    pub(crate) fn follower(&self) -> Option<Arc<Follower>> {
        match &*self.mode.lock() {
            Mode::Following(follower) => Some(follower.clone()),
            _ => None,
        }
    }

    /// What was sealed since the last call, in order; empty after the timeout, `None` when nothing comes
    /// any more before building begins again. Mini-blocks without transactions may wait up to `linger` for company, and one that
    /// closes a block comes with it; anything else comes at once. An error if the builder has failed.
    pub(crate) fn next_sealed(
        &self,
        timeout: Duration,
        linger: Duration,
    ) -> Result<Option<Vec<Sealed>>, EngineError> {
        let Some(Sealing { sealed, builder }) = self.sealing.lock().clone() else {
            return Ok(None);
        };
        let mut all = match sealed.recv_timeout(timeout) {
            Ok(first) => vec![first],
            Err(RecvTimeoutError::Timeout) => return Ok(Some(Vec::new())),
            Err(RecvTimeoutError::Disconnected) => {
                return match builder.failure() {
                    Some(reason) => Err(EngineError::Builder(reason)),
                    None if builder.is_stopping() => Ok(None),
                    None => Err(EngineError::Builder("its thread panicked".into())),
                };
            }
        };
        let is_closing = |mini| self.chain.mining.is_closing(mini);
        handover::collect(&sealed, &mut all, linger, is_closing);
        Ok(Some(all))
    }

    /// Everything up to here is on disk: shows it, and answers those who waited for it.
    pub(crate) fn durable(&self, mini: u64, block: u64) {
        self.chain.durable(mini, block);
        let _guard = self.acknowledged.lock.lock();
        self.acknowledged.changed.notify_all();
    }

    /// [Halts](Engine::halt), answers everyone, ends all threads.
    pub(crate) fn stop(&self) -> Result<(), EngineError> {
        self.rpc.refuse_transactions();
        if let Some(fork) = &self.chain.fork {
            fork.desk.close();
        }
        let halted = self.halt();
        self.chain.console.close();
        self.rpc.stop();
        halted
    }

    /// The builder, while it builds.
    pub(crate) fn builder(&self) -> Option<Arc<Builder>> {
        match &*self.mode.lock() {
            Mode::Building(builder) => Some(builder.clone()),
            _ => None,
        }
    }

    /// How many sealed things the log has not taken.
    fn unwritten(&self) -> usize {
        let sealing = self.sealing.lock();
        sealing.as_ref().map_or(0, |sealing| sealing.sealed.len())
    }

    fn wait_for_log(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut guard = self.acknowledged.lock.lock();
        while self.chain.recent.visible_minis() < self.chain.world.version() {
            if self
                .acknowledged
                .changed
                .wait_until(&mut guard, deadline)
                .timed_out()
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod switching;
#[cfg(test)]
mod tests;
