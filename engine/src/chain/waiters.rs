//! Who wants to hear when something becomes durable.

use std::sync::Arc;

use alloy_primitives::{B256, map::HashMap};
use parking_lot::{Mutex, RwLock};

use crate::block::MiniBlock;

/// Hears of mini-blocks as they become visible, in order. Called on the thread that acknowledges them,
/// so it must be quick.
pub trait DurableListener: Send + Sync {
    /// These mini-blocks became visible.
    fn on_durable(&self, minis: &[Arc<MiniBlock>]);
}

type Waiter = Box<dyn FnOnce(&Arc<MiniBlock>, usize) + Send>;

/// One-shot waiters for transactions, and lasting listeners.
#[derive(Default)]
pub struct Waiters {
    transactions: Mutex<HashMap<B256, Vec<(u64, Waiter)>>>,
    listeners: RwLock<Vec<Arc<dyn DurableListener>>>,
}

impl std::fmt::Debug for Waiters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiters").finish_non_exhaustive()
    }
}

impl Waiters {
    /// Calls `waiter` once, with the mini-block and the index, when the transaction becomes visible.
    /// `id` is the caller's, for [`Waiters::cancel`]. The caller must look once more afterwards whether
    /// the transaction was visible already.
    pub fn wait(
        &self,
        hash: B256,
        id: u64,
        waiter: impl FnOnce(&Arc<MiniBlock>, usize) + Send + 'static,
    ) {
        self.transactions
            .lock()
            .entry(hash)
            .or_default()
            .push((id, Box::new(waiter)));
    }

    /// Takes a waiter back; false if it has been called or never was there.
    pub fn cancel(&self, hash: &B256, id: u64) -> bool {
        let mut transactions = self.transactions.lock();
        let Some(waiters) = transactions.get_mut(hash) else {
            return false;
        };
        let before = waiters.len();
        waiters.retain(|(other, _)| *other != id);
        let found = waiters.len() < before;
        if waiters.is_empty() {
            transactions.remove(hash);
        }
        found
    }

    /// Adds a lasting listener.
    pub fn listen(&self, listener: Arc<dyn DurableListener>) {
        self.listeners.write().push(listener);
    }

    /// Answers everyone who waited for something in `minis`.
    pub(super) fn notify(&self, minis: &[Arc<MiniBlock>]) {
        for mini in minis {
            for (index, tx) in mini.txs.iter().enumerate() {
                let waiters = {
                    let mut transactions = self.transactions.lock();
                    if transactions.is_empty() {
                        break;
                    }
                    transactions.remove(&tx.hash)
                };
                for (_, waiter) in waiters.into_iter().flatten() {
                    waiter(mini, index);
                }
            }
        }
        for listener in self.listeners.read().iter() {
            listener.on_durable(minis);
        }
    }
}
