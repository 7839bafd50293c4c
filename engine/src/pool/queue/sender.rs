//! One sender's transactions by nonce.
//!
//! ```text
//! account.nonce        head            end
//!      ├── taken ───────┼── pending ────┤ gap ├── queued ──
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};

use super::super::PoolTx;
use super::super::order::{Order, Priority};
use super::super::waiting::Deferral;
use super::waiting::Line;
use super::{Gapped, SenderTransactions};
use crate::block::PlainAccount;

/// A transaction in its sender's queue.
#[derive(Debug)]
pub(super) struct QueuedTx {
    pub(super) tx: Arc<PoolTx>,
    pub(super) arrival: u64,
    /// The builder has it.
    pub(super) taken: bool,
    /// It is listed as waiting behind a gap.
    pub(super) gapped: bool,
}

#[derive(Debug)]
pub(super) struct Sender {
    pub(super) account: PlainAccount,
    slots: BTreeMap<u64, QueuedTx>,
    /// Sum of what all slots may cost.
    pub(super) cost: U256,
    taken: usize,
    /// Slots listed as waiting behind a gap.
    gaps: usize,
    /// First nonce that the builder has not taken.
    head: u64,
    /// First nonce that is missing, counted from the account's.
    end: u64,
    /// Where its head stands among the ready ones.
    pub(super) place: Option<Priority>,
    /// Its head can't be executed in the current block.
    pub(super) deferred: bool,
    /// The transaction that was put off last, and why.
    put_off: Option<(B256, Arc<Deferral>)>,
}

impl Sender {
    pub(super) fn new(account: PlainAccount) -> Self {
        Self {
            slots: BTreeMap::new(),
            cost: U256::ZERO,
            taken: 0,
            gaps: 0,
            head: account.nonce,
            end: account.nonce,
            place: None,
            deferred: false,
            put_off: None,
            account,
        }
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// The first nonce that the builder doesn't have.
    pub(super) const fn first_free(&self) -> u64 {
        self.head
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Transactions, taken or not.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Transactions that nobody has taken.
    pub(super) fn waiting(&self) -> usize {
        self.slots.len() - self.taken
    }

    /// Whether nothing can be executed before `nonce` comes.
    pub(super) const fn is_stuck_at(&self, nonce: u64) -> bool {
        self.head == self.end && self.end == nonce
    }

    pub(super) fn slot(&self, nonce: u64) -> Option<&QueuedTx> {
        self.slots.get(&nonce)
    }

    pub(super) fn get(&self, nonce: u64) -> Option<&Arc<PoolTx>> {
        self.slots.get(&nonce).map(|slot| &slot.tx)
    }

    pub(super) fn wanted_place(&self, order: Order) -> Option<Priority> {
        if self.deferred || self.head >= self.end {
            return None;
        }
        self.slots
            .get(&self.head)
            .map(|slot| order.place(slot.tx.tip, slot.arrival))
    }

    /// Puts a transaction in its place; what stood there comes back.
    pub(super) fn insert(&mut self, tx: Arc<PoolTx>, arrival: u64) -> Option<QueuedTx> {
        let nonce = tx.nonce;
        self.cost = self.cost.saturating_add(tx.cost);
        let old = self.slots.insert(
            nonce,
            QueuedTx {
                tx,
                arrival,
                taken: false,
                gapped: false,
            },
        );
        if let Some(old) = &old {
            self.discount(old);
        }
        if nonce == self.end {
            self.extend();
        }
        old
    }

    /// Gives the head to the builder.
    pub(super) fn take(&mut self) -> Option<Arc<PoolTx>> {
        let slot = self.slots.get_mut(&self.head)?;
        slot.taken = true;
        self.taken += 1;
        let tx = slot.tx.clone();
        self.skip_taken();
        Some(tx)
    }

    /// The builder gives a transaction back. False if it isn't the builder's.
    pub(super) fn put_back(&mut self, tx: &PoolTx) -> bool {
        let Some(slot) = self.slots.get_mut(&tx.nonce) else {
            return false;
        };
        if !slot.taken || slot.tx.hash != tx.hash {
            return false;
        }
        slot.taken = false;
        self.taken -= 1;
        self.head = self.head.min(tx.nonce);
        true
    }

    /// The builder gives its head back, until the next block. False if it isn't the builder's.
    pub(super) fn defer(&mut self, tx: &PoolTx, why: Deferral) -> bool {
        let given_back = self.put_back(tx);
        if given_back {
            self.deferred = true;
            self.put_off = Some((tx.hash, Arc::new(why)));
        }
        given_back
    }

    /// Removes a transaction. If it was stale the later ones don't miss it.
    pub(super) fn remove(&mut self, tx: &PoolTx, stale: bool) -> Option<QueuedTx> {
        if self.slots.get(&tx.nonce)?.tx.hash != tx.hash {
            return None;
        }
        let slot = self.slots.remove(&tx.nonce)?;
        self.discount(&slot);
        if stale {
            self.account.nonce = self.account.nonce.max(tx.nonce + 1);
            if self.account.nonce > self.end {
                self.end = self.account.nonce;
                self.extend();
            }
            self.head = self.head.max(self.account.nonce);
        } else if tx.nonce < self.end {
            self.end = tx.nonce;
            self.head = self.head.min(tx.nonce);
        }
        Some(slot)
    }

    /// The account is this now: returns the slots that this made obsolete.
    pub(super) fn learn(&mut self, account: PlainAccount) -> Vec<QueuedTx> {
        let before = self.account.nonce;
        self.account = account;
        let nonce = account.nonce;
        if nonce < before || nonce > self.end {
            self.end = nonce;
            self.extend();
        }
        if nonce < before {
            self.head = nonce;
        }
        self.head = self.head.max(nonce);
        self.skip_taken();
        let mut gone = Vec::new();
        while let Some(first) = self.slots.first_entry() {
            if *first.key() >= nonce {
                break;
            }
            let slot = first.remove();
            self.discount(&slot);
            gone.push(slot);
        }
        gone
    }

    /// Brings the pool's list of gapped transactions up to date with this sender's.
    pub(super) fn settle_gaps(&mut self, address: Address, gapped: &mut BTreeSet<Gapped>) {
        if self.gaps == 0
            && self
                .slots
                .last_key_value()
                .is_none_or(|(last, _)| *last < self.end)
        {
            return;
        }
        for (nonce, slot) in &mut self.slots {
            let behind_gap = *nonce >= self.end && !slot.taken;
            if behind_gap == slot.gapped {
                continue;
            }
            slot.gapped = behind_gap;
            if behind_gap {
                self.gaps += 1;
                gapped.insert((slot.arrival, address, *nonce));
            } else {
                self.gaps -= 1;
                gapped.remove(&(slot.arrival, address, *nonce));
            }
        }
    }

    pub(super) fn content(&self, sender: Address) -> SenderTransactions {
        let list = |slots: std::collections::btree_map::Range<'_, u64, QueuedTx>| {
            slots.map(|(_, slot)| slot.tx.clone()).collect()
        };
        SenderTransactions {
            sender,
            pending: list(self.slots.range(..self.end)),
            queued: list(self.slots.range(self.end..)),
        }
    }

    /// Its transactions as they stand.
    pub(super) fn line(&self, order: Order) -> Line {
        let (taken, pending): (Vec<_>, Vec<_>) = self
            .slots
            .range(..self.end)
            .map(|(_, slot)| slot)
            .partition(|slot| slot.taken);
        let place = |slot: &QueuedTx| order.place(slot.tx.tip, slot.arrival);
        let first = pending.first().map(|slot| slot.tx.hash);
        let put_off = self.put_off.as_ref();
        Line {
            taken: taken.into_iter().map(|slot| slot.tx.hash).collect(),
            pending: pending
                .into_iter()
                .map(|slot| (slot.tx.hash, place(slot)))
                .collect(),
            queued: self
                .slots
                .range(self.end..)
                .map(|(nonce, slot)| (slot.tx.hash, *nonce))
                .collect(),
            end: self.end,
            put_off: put_off
                .filter(|(hash, _)| Some(*hash) == first)
                .map(|(_, why)| why.clone()),
        }
    }

    fn discount(&mut self, slot: &QueuedTx) {
        self.cost = self.cost.saturating_sub(slot.tx.cost);
        self.taken -= usize::from(slot.taken);
        self.gaps -= usize::from(slot.gapped);
    }

    fn extend(&mut self) {
        for (nonce, _) in self.slots.range(self.end..) {
            if *nonce != self.end {
                break;
            }
            self.end += 1;
        }
    }

    fn skip_taken(&mut self) {
        while self.head < self.end && self.slots.get(&self.head).is_some_and(|slot| slot.taken) {
            self.head += 1;
        }
    }
}
