//! Answers those who wait for receipts, as mini-blocks become durable.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reply::Completions;
use super::service::ServiceMetrics;
use super::waiting::Waiting;
use crate::block::MiniBlock;
use crate::chain::{Chain, DurableListener};
use crate::pool::Pool;
use crate::rpc::Node;

/// Hears of every durable mini-block.
pub(super) struct Receipts {
    /// The chain owns its listeners: a strong reference would keep both for ever.
    pub chain: Weak<Chain>,
    /// Is told as well.
    pub pool: Arc<Pool>,
    /// Those who wait.
    pub waiting: Arc<Waiting>,
    /// Where their responses go.
    pub completions: Arc<Completions>,
    /// How long the log took.
    pub metrics: Arc<ServiceMetrics>,
}

impl DurableListener for Receipts {
    fn on_durable(&self, minis: &[Arc<MiniBlock>]) {
        self.pool.durable(minis);
        let Some(chain) = self.chain.upgrade() else {
            return;
        };
        let node = Node::new(chain, self.pool.clone());
        for mini in minis.iter().filter(|mini| !mini.txs.is_empty()) {
            self.metrics.log.note(since(mini.timestamp_us));
            if self.waiting.is_empty() {
                continue;
            }
            self.completions.gather(|| {
                for (index, tx) in mini.txs.iter().enumerate() {
                    self.waiting
                        .answer(&tx.hash, || node.receipt_json(mini, index));
                }
            });
        }
    }
}

/// How long ago that was, in microseconds since 1970.
pub(super) fn since(then_us: u64) -> Duration {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.saturating_sub(Duration::from_micros(then_us))
}
