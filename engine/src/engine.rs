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

mod handover;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use mega_evm::MegaSpecId;
use parking_lot::{Condvar, Mutex, MutexGuard};
use serde::Serialize;

use crate::block::{PlainAccount, PlainKey};
use crate::builder::{Builder, Cause};
use crate::chain::{
    Chain, ChainConfig, ConfigError, RestoreError, RewindError, RewindPlan, Sealed,
};
use crate::commitment::CommitError;
use crate::evm::{BucketCapacities, creation_gas};
use crate::follower::{Follower, VerifyMode};
use crate::metrics::Snapshot;
use crate::pool::{Accounts, AdmissionRules, Intake, Limits, Pool, PoolTx, Rejection, TxSource};
use crate::rpc::{Node, RpcService, methods};
use crate::state::{Archive, StateError, StateStore};

/// Sealed things that the log has not taken yet; the builder waits when there are more.
const MAX_SEALED: usize = 256;
/// Requests that are worked on at a time where they wait for another node.
const FORK_SEATS: usize = 16;
/// How long a stop waits for the log to write what was sealed last.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

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

/// The way of a transaction, stage by stage: how many are in front of each, and how long each takes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pipeline {
    /// In the order of the way.
    pub stages: Vec<Stage>,
    /// Where mini-blocks are built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
}

/// One stage of the pipeline.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stage {
    /// Its name.
    pub name: &'static str,
    /// How many wait in front of it; `None` where nothing can.
    pub depth: Option<usize>,
    /// How many can; beyond it clients are refused, or the stage before waits.
    pub capacity: Option<usize>,
    /// How long it took, each.
    #[serde(flatten)]
    pub took: Snapshot,
}

/// The times between mini-blocks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Intervals {
    /// What they should be.
    pub target_us: u64,
    /// How many were at most half of that off.
    pub on_time: u64,
    /// Those that were longer, by what was the cause.
    pub late: BTreeMap<&'static str, Snapshot>,
    /// What they were.
    #[serde(flatten)]
    pub took: Snapshot,
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
        let before = std::mem::take(&mut *self.mode.lock());
        match before {
            Mode::Idle => {}
            Mode::Building(builder) => {
                if let Some(reason) = builder.stop() {
                    return Err(EngineError::Builder(reason));
                }
                self.wait_for_log();
            }
            Mode::Following(follower) => follower.release(),
        }
        Ok(())
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

    /// Counters since the start, and how full the queues are.
    pub(crate) fn metrics(&self) -> BTreeMap<&'static str, u64> {
        let (admitted, rejected) = self.pool.totals();
        let status = self.pool.status();
        let (recovery, calls, receipts) = self.rpc.queues();
        let (accounts, slots) = self.chain.world.len();
        let mut metrics = BTreeMap::from([
            ("pool_admitted", admitted),
            ("pool_rejected", rejected),
            ("pool_pending", status.pending as u64),
            ("pool_queued", status.queued as u64),
            ("queue_recovery", recovery as u64),
            ("queue_calls", calls as u64),
            ("queue_receipts", receipts as u64),
            ("work_bytes", self.rpc.work_bytes() as u64),
            ("queue_sealed", self.unwritten() as u64),
            ("state_accounts", accounts as u64),
            ("state_slots", slots as u64),
            ("visible_mini_blocks", self.chain.recent.visible_minis()),
            ("visible_block", self.chain.recent.visible_block()),
        ]);
        if let Some(verified) = self.chain.verified.height() {
            metrics.insert("verified_block", verified);
        }
        if let Some(follower) = self.follower() {
            metrics.extend(follower.metrics().named());
        }
        if let Some(builder) = self.builder() {
            let counted = builder.metrics();
            metrics.extend([
                (
                    "builder_transactions",
                    counted.transactions.load(Ordering::Relaxed),
                ),
                ("builder_refused", counted.refused.load(Ordering::Relaxed)),
                ("builder_deferred", counted.deferred.load(Ordering::Relaxed)),
                ("builder_ahead", counted.ahead.load(Ordering::Relaxed)),
                ("builder_in_vain", counted.in_vain.load(Ordering::Relaxed)),
            ]);
        }
        metrics
    }

    /// Where time goes, since the start.
    pub(crate) fn pipeline(&self) -> Pipeline {
        let stage = |name, queue: Option<(usize, usize)>, took: Snapshot| Stage {
            name,
            depth: queue.map(|(depth, _)| depth),
            capacity: queue.map(|(_, capacity)| capacity),
            took,
        };
        let (recovery, _, _) = self.rpc.queues();
        let (ends, intake) = (self.rpc.metrics(), self.rpc.intake_metrics());
        let mut stages = vec![
            stage("parse", None, ends.parse.snapshot()),
            stage(
                "wait",
                Some((recovery, Intake::CAPACITY)),
                intake.wait.snapshot(),
            ),
            stage("recover", None, intake.recover.snapshot()),
            stage("admit", None, intake.admit.snapshot()),
        ];
        let mut intervals = None;
        if let Some(builder) = self.builder() {
            let built = builder.metrics();
            let pool = (self.pool.status().pending, self.pool.capacity());
            stages.extend([
                stage("execute", Some(pool), built.execute.snapshot()),
                stage("seal", None, built.seal.snapshot()),
                stage("close", None, built.close.snapshot()),
            ]);
            intervals = Some(Intervals {
                target_us: self.chain.config.mini_block_time_us,
                on_time: built.on_time.load(Ordering::Relaxed),
                late: Cause::ALL
                    .map(|cause| (cause.name(), built.late.of(cause).snapshot()))
                    .into(),
                took: built.intervals.snapshot(),
            });
        }
        let sealed = (self.unwritten(), MAX_SEALED);
        stages.extend([
            stage("log", Some(sealed), ends.log.snapshot()),
            stage("publish", None, ends.publish.snapshot()),
        ]);
        Pipeline { stages, intervals }
    }

    /// How many sealed things the log has not taken.
    fn unwritten(&self) -> usize {
        let sealing = self.sealing.lock();
        sealing.as_ref().map_or(0, |sealing| sealing.sealed.len())
    }

    fn wait_for_log(&self) {
        let deadline = Instant::now() + STOP_PATIENCE;
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

/// The newest accounts of a chain, durable or not, as a pool asks for them.
#[cfg(test)]
pub(crate) fn tip_accounts(chain: &Chain) -> Arc<dyn Accounts> {
    Arc::new(LatestAccounts::of(chain))
}

/// The newest committed state, durable or not, and how crowded it is.
struct LatestAccounts {
    world: StateStore,
    capacities: Arc<dyn BucketCapacities>,
    spec: MegaSpecId,
}

impl LatestAccounts {
    fn of(chain: &Chain) -> Self {
        Self {
            world: chain.world.clone(),
            capacities: chain.bucket_capacities(),
            spec: chain.config.spec_id().unwrap_or_default(),
        }
    }
}

impl Accounts for LatestAccounts {
    fn account(&self, address: &Address) -> Result<PlainAccount, StateError> {
        let value = self.world.read(&PlainKey::account(*address))?;
        Ok(value.as_account().unwrap_or_default())
    }

    fn creation_gas(&self, tx: &PoolTx) -> u64 {
        let capacities = self.capacities.clone();
        creation_gas(self.spec, capacities, &tx.envelope, tx.sender, |to| {
            // Execution tells of what isn't known.
            self.account(to).is_ok_and(|account| account.is_empty())
        })
    }

    fn is_contract(&self, code_hash: &B256) -> bool {
        // Execution tells of what isn't known.
        self.world
            .read_code(*code_hash)
            .is_ok_and(|code| !code.is_eip7702())
    }
}

#[cfg(test)]
mod switching;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Genesis;
    use crate::pool::testing::{self, SignedDraft};
    use crate::rpc::error::code;
    use crate::rpc::{Framing, Submitted, Ticket};
    use crate::salt::hasher;
    use crate::state::{EmptyArchive, GenesisAccount};
    use alloy_primitives::{U256, hex};
    use serde_json::{Value, json};
    use std::thread::JoinHandle;

    /// An engine with a log thread that keeps nothing.
    struct Running {
        engine: Arc<Engine>,
        log: Option<JoinHandle<()>>,
    }

    impl Running {
        fn start() -> Self {
            Self::with(|_| {})
        }

        fn with(change: impl FnOnce(&mut ChainConfig)) -> Self {
            let rich = GenesisAccount {
                balance: U256::from(10).pow(U256::from(22)),
                ..GenesisAccount::default()
            };
            let alloc = (0..4)
                .map(|i| (testing::key(i).address(), rich.clone()))
                .collect();
            let mut config = ChainConfig::new(Genesis {
                timestamp: 1,
                alloc,
                fork: None,
            });
            config.chain_id = testing::RULES.chain_id;
            change(&mut config);
            let engine = match Engine::new(config, Arc::new(EmptyArchive)) {
                Ok(engine) => Arc::new(engine),
                Err(error) => panic!("{error}"),
            };
            assert!(engine.start().is_ok());
            let log = std::thread::spawn({
                let engine = engine.clone();
                move || write_log(&engine)
            });
            Self {
                engine,
                log: Some(log),
            }
        }

        fn call(&self, method: &str, params: &Value) -> Result<Value, i32> {
            let outcome = self.engine.rpc.call(method, &params.to_string());
            outcome
                .map(|json| serde_json::from_slice(&json).unwrap_or_default())
                .map_err(|error| error.code)
        }

        /// What a body is answered with, at once or later.
        fn exchange(&self, body: &Value) -> Value {
            let answer = match self.engine.rpc.submit(body.to_string().as_bytes(), 7) {
                Submitted::Answered(answer) => answer,
                Submitted::Foreign => panic!("{body} is the engine's"),
                Submitted::Taken => loop {
                    if let Some((ticket, answer)) = self.engine.rpc.completions().pop() {
                        assert_eq!(ticket.token, 7);
                        break answer;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                },
            };
            serde_json::from_slice(answer.body()).unwrap_or_default()
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            assert!(self.engine.stop().is_ok());
            assert!(self.log.take().is_some_and(|log| log.join().is_ok()));
        }
    }

    fn write_log(engine: &Engine) {
        let (mut mini, mut block) = (0, 0);
        while let Ok(Some(sealed)) = engine.next_sealed(Duration::from_secs(1), Duration::ZERO) {
            for one in &sealed {
                match one {
                    Sealed::Mini(sealed) => mini = sealed.number,
                    Sealed::Block { record, .. } => block = record.header.number,
                }
            }
            if !sealed.is_empty() {
                engine.durable(mini, block);
            }
        }
    }

    fn raw(draft: &SignedDraft) -> String {
        hex::encode_prefixed(testing::raw(draft))
    }

    fn request(id: u64, method: &str, params: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    }

    #[test]
    fn a_realtime_transaction_is_answered_with_its_receipt() {
        let node = Running::start();
        let receipt = node
            .call(
                "realtime_sendRawTransaction",
                &json!([raw(&SignedDraft::default())]),
            )
            .ok();
        let receipt = receipt.unwrap_or_default();
        assert_eq!(
            (&receipt["status"], &receipt["gasUsed"]),
            (&json!("0x1"), &json!("0xea60"))
        );
        let sender = testing::key(0).address();
        assert_eq!(
            node.call("eth_getTransactionCount", &json!([sender, "latest"])),
            Ok(json!("0x1"))
        );
    }

    #[test]
    fn a_mixed_batch_is_answered_in_its_order() {
        let node = Running::start();
        let bad = SignedDraft {
            chain_id: Some(1),
            ..SignedDraft::default()
        };
        let answers = node.exchange(&json!([
            request(1, "eth_sendRawTransaction", &json!([raw(&SignedDraft::default())])),
            request(2, "eth_chainId", &json!([])),
            {"jsonrpc": "2.0", "method": "eth_chainId"},
            5,
            request(3, "realtime_sendRawTransaction", &json!([raw(&SignedDraft { nonce: 1, ..SignedDraft::default() })])),
            request(4, "eth_sendRawTransaction", &json!([raw(&bad)])),
            request(5, "eth_call", &json!([{"to": testing::key(1).address()}, "latest"])),
        ]));
        let answers = answers.as_array().cloned().unwrap_or_default();
        let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
        assert_eq!(
            ids,
            [
                json!(1),
                json!(2),
                Value::Null,
                json!(3),
                json!(4),
                json!(5)
            ]
        );
        assert_eq!(answers[1]["result"], json!("0x18c6"));
        assert_eq!(answers[2]["error"]["code"], json!(code::INVALID_REQUEST));
        assert_eq!(answers[3]["result"]["status"], json!("0x1"));
        assert_eq!(answers[4]["error"]["code"], json!(code::SERVER));
        assert_eq!(answers[5]["result"], json!("0x"));
    }

    #[test]
    fn who_waits_in_vain_behind_a_gap_is_told_the_nonce_that_is_missing_or_the_hash() {
        let node = Running::start();
        // The nonce leaves a gap, so that it can't be executed.
        let gapped = raw(&SignedDraft {
            nonce: 3,
            ..SignedDraft::default()
        });
        let answer = node.exchange(&request(
            1,
            "eth_sendRawTransactionSync",
            &json!([gapped, 1]),
        ));
        assert_eq!(answer["error"]["code"], json!(code::SYNC_NONCE_GAP));
        assert_eq!(answer["error"]["data"], "0x0");
        let another = raw(&SignedDraft {
            nonce: 4,
            ..SignedDraft::default()
        });
        let params = json!([another, 1]);
        let answer = node.exchange(&request(2, "realtime_sendRawTransaction", &params));
        assert_eq!(answer["error"]["code"], json!(code::SERVER));
        let hash = answer["error"]["data"].as_str();
        assert!(hash.is_some_and(|hash| hash.len() == 66));
        assert_eq!(
            node.call("txpool_status", &json!([])),
            Ok(json!({"pending": "0x0", "queued": "0x2"}))
        );
    }

    #[test]
    fn the_pools_content_is_shown_by_sender_and_nonce() {
        let node = Running::start();
        let sender = testing::key(0).address().to_checksum(None);
        let gapped = raw(&SignedDraft {
            nonce: 3,
            ..SignedDraft::default()
        });
        assert!(
            node.call("eth_sendRawTransaction", &json!([gapped]))
                .is_ok()
        );
        let content = node.call("txpool_content", &json!([])).unwrap_or_default();
        let shown = &content["queued"][&sender]["3"];
        assert_eq!(
            (&shown["from"], &shown["blockHash"]),
            (&json!(testing::key(0).address()), &Value::Null)
        );
        let line = node.call("txpool_inspect", &json!([])).unwrap_or_default();
        let to = testing::RECIPIENT.to_checksum(None);
        assert_eq!(
            line["queued"][&sender]["3"],
            json!(format!("{to}: 1 wei + 100000 gas × 2000000 wei"))
        );
        let from = node
            .call("txpool_contentFrom", &json!([sender]))
            .unwrap_or_default();
        assert_eq!(from["queued"]["3"], *shown);
    }

    #[test]
    fn a_method_that_nobody_here_knows_belongs_to_python() {
        let node = Running::start();
        let body = json!([
            request(1, "eth_chainId", &json!([])),
            request(2, "net_version", &json!([]))
        ]);
        let submitted = node.engine.rpc.submit(body.to_string().as_bytes(), 7);
        assert_eq!(submitted, Submitted::Foreign);
        assert_eq!(
            node.call("net_version", &json!([])),
            Err(code::METHOD_NOT_FOUND)
        );
    }

    #[test]
    fn a_notification_is_run_but_not_answered() {
        let node = Running::start();
        let body = r#"{"jsonrpc":"2.0","method":"eth_chainId"}"#;
        assert_eq!(
            node.engine.rpc.submit(body.as_bytes(), 7),
            Submitted::Answered(vec![].into())
        );
    }

    #[test]
    fn what_arrives_as_one_whole_request_is_answered_in_its_form() {
        let node = Running::start();
        let rpc = &node.engine.rpc;
        let http = |body: &str| {
            let message = format!("POST / HTTP/1.1\r\nLength: {}\r\n\r\n{body}", body.len());
            (message.into_bytes(), body.len())
        };
        let now = request(1, "eth_chainId", &json!([])).to_string();
        let later = request(2, "eth_sendRawTransaction", &json!(["0x02"])).to_string();
        let (message, length) = http(&now);
        assert_eq!(rpc.submit_http(&message, 7), Submitted::Foreign);
        rpc.learn_head(&message, length);
        assert_eq!(rpc.submit_http(&message, 7), rpc.submit(now.as_bytes(), 7));
        let (message, length) = http(&later);
        rpc.learn_head(&message, length);
        assert_eq!(rpc.submit_http(&message, 8), Submitted::Taken);
        let head = [0x81, 0x80 | later.len() as u8, 0, 0, 0, 0];
        let frame = [&head[..], later.as_bytes()].concat();
        assert_eq!(rpc.submit_ws(&frame, 9), Submitted::Taken);
        let mut answered = Vec::new();
        while answered.len() < 2 {
            answered.extend(rpc.completions().into_iter().map(|(ticket, _)| ticket));
            std::thread::sleep(Duration::from_millis(1));
        }
        answered.sort_unstable_by_key(|ticket| ticket.token);
        let (http, ws) = (Framing::Http, Framing::WebSocket);
        let expected = [(8, http), (9, ws)].map(|(token, framing)| Ticket { token, framing });
        assert_eq!(answered, expected);
    }

    #[test]
    fn a_stopping_node_answers_who_waits() {
        let node = Running::start();
        let gapped = raw(&SignedDraft {
            nonce: 3,
            ..SignedDraft::default()
        });
        let body = request(1, "realtime_sendRawTransaction", &json!([gapped]));
        let submitted = node.engine.rpc.submit(body.to_string().as_bytes(), 7);
        assert_eq!(submitted, Submitted::Taken);
        assert!(node.engine.stop().is_ok());
        let finished = node.engine.rpc.completions();
        let answer = String::from_utf8_lossy(finished[0].1.body()).into_owned();
        assert!(answer.contains("stopping"), "{answer}");
        assert_eq!(
            node.call(
                "eth_sendRawTransaction",
                &json!([raw(&SignedDraft::default())])
            ),
            Err(code::SERVER)
        );
    }

    #[test]
    fn a_deposit_mints_and_is_executed() {
        let node = Running::start();
        let (from, to) = (testing::key(9).address(), testing::RECIPIENT);
        let params = json!([{"from": from, "to": to, "value": "0x64", "mint": "0x65"}]);
        let hash = node.call("mega_depositTransaction", &params).unwrap();
        // It is durable when it is answered, so its receipt is there.
        let receipt = node.call("eth_getTransactionReceipt", &json!([hash]));
        assert_eq!(receipt.unwrap()["status"], json!("0x1"));
        assert_eq!(
            node.call("eth_getBalance", &json!([from, "latest"])),
            Ok(json!("0x1"))
        );
        assert_eq!(
            node.call("eth_getBalance", &json!([to, "latest"])),
            Ok(json!("0x64"))
        );
        let too_much = json!([{"from": from, "gas": "0xffffffffff"}]);
        assert_eq!(
            node.call("mega_depositTransaction", &too_much),
            Err(code::SERVER)
        );
        assert_eq!(
            node.call("mega_depositTransaction", &json!([{}])),
            Err(code::INVALID_PARAMS)
        );
    }

    #[test]
    fn a_crowded_bucket_makes_a_new_account_dear_before_the_pool() {
        let made = testing::key(0).address().create(1);
        let bucket = |address: Address| hasher::bucket_id_for_account(&address.0.0);
        let node = Running::with(|config| {
            for address in [testing::RECIPIENT, made] {
                config.bucket_capacities.insert(bucket(address), 1024);
            }
        });
        let gift = SignedDraft::default();
        let create = SignedDraft {
            nonce: 1,
            create: true,
            ..SignedDraft::default()
        };
        // Three times what the first 256 slots cost nothing for, on top of what each transaction pays.
        for (draft, need) in [
            (gift, 60_000 + 3 * 25_000),
            (create, 60_000 + 32_000 + 3 * 32_000),
        ] {
            let with_gas = |gas| {
                raw(&SignedDraft {
                    gas,
                    ..draft.clone()
                })
            };
            let refused = node.engine.rpc.call(
                "eth_sendRawTransaction",
                &json!([with_gas(need - 1)]).to_string(),
            );
            let message = refused.unwrap_err().message;
            assert_eq!(message, format!("Gas limit too low. Intrinsic: {need}"));
            let receipt = node.call("realtime_sendRawTransaction", &json!([with_gas(need)]));
            let receipt = receipt.unwrap();
            assert_eq!(receipt["gasUsed"], json!(format!("{need:#x}")));
            assert_eq!(receipt["status"], json!("0x1"));
        }
    }

    #[test]
    fn an_engine_that_is_dropped_without_a_stop_leaves_nothing_behind() {
        let config = ChainConfig::new(Genesis::default());
        let engine = Engine::new(config, Arc::new(EmptyArchive)).expect("a valid configuration");
        engine.start().expect("a fresh chain starts");
        let chain = Arc::downgrade(&engine.chain);
        drop(engine);
        assert!(chain.upgrade().is_none());
    }

    #[test]
    fn an_engine_starts_once() {
        let node = Running::start();
        assert!(matches!(
            node.engine.start(),
            Err(EngineError::Restore(RestoreError::Running))
        ));
    }

    #[test]
    fn everything_submitted_at_once_is_executed() {
        let node = Running::start();
        let requests: Vec<Value> = (0..400)
            .map(|i| {
                let draft = SignedDraft {
                    key: (i % 4) as u8,
                    nonce: i / 4,
                    ..SignedDraft::default()
                };
                request(i, "eth_sendRawTransaction", &json!([raw(&draft)]))
            })
            .collect();
        let answers = node.exchange(&Value::Array(requests));
        let answers = answers.as_array().cloned().unwrap_or_default();
        assert!(
            answers.iter().all(|answer| answer["result"].is_string()),
            "{answers:?}"
        );
        let last = raw(&SignedDraft {
            nonce: 100,
            ..SignedDraft::default()
        });
        assert!(
            node.call("realtime_sendRawTransaction", &json!([last]))
                .is_ok()
        );
        for key in 0..4 {
            let sender = testing::key(key).address();
            let expected = if key == 0 { "0x65" } else { "0x64" };
            let count = node.call("eth_getTransactionCount", &json!([sender, "latest"]));
            assert_eq!(count, Ok(json!(expected)));
        }
    }
}
