//! What an engine tells of its work: counters, and how long each stage of a transaction's way takes.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use serde::Serialize;

use super::{Engine, MAX_SEALED};
use crate::{builder::Cause, metrics::Snapshot, pool::Intake};

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

impl Engine {
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
}
