//! Admission and the queues: by nonce within a sender, by [`Order`] among senders.
//!
//! One lock guards it; nothing slow happens under it. A transaction that the builder has taken stays
//! in its sender's queue until the world has it, so that what it may cost stays counted.

mod admission;
mod sender;
mod waiting;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use alloy_primitives::{Address, B256, Bytes, map::HashMap};
use parking_lot::{Condvar, Mutex};

use self::sender::{QueuedTx, Sender};
use super::order::{Best, Order, Ready};
use super::yield_gate::YieldGate;
use super::{Deferral, PoolTx, Refusal, Rejection, TxSource};
use crate::block::{MiniBlock, PlainAccount};
use crate::state::StateError;

/// Hashes of admitted transactions kept for those who ask what is new.
const ANNOUNCED: usize = 65_536;

/// Included transactions kept until they are durable, at most.
const INCLUDED: usize = 65_536;

/// The state that admission looks at: the newest that is committed, durable or not.
pub(crate) trait Accounts: Send + Sync {
    /// An account; the default if there is none. It may not be known, yet.
    fn account(&self, address: &Address) -> Result<PlainAccount, StateError>;
    /// Whether this code is a contract's (EIP-7702 delegations are not).
    fn is_contract(&self, code_hash: &B256) -> bool;
    /// Storage gas for the account that the transaction makes by itself.
    fn creation_gas(&self, tx: &PoolTx) -> u64;
}

/// What the pool keeps at most.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Transactions per sender that nobody has taken.
    pub account_slots: usize,
    /// Transactions in all.
    pub total_slots: usize,
    /// Bytes in all.
    pub total_bytes: usize,
    /// How much more a replacement must pay, in percent.
    pub price_bump_percent: u64,
    /// Who comes first.
    pub order: Order,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            account_slots: 500,
            total_slots: 200_000,
            total_bytes: 256 * 1024 * 1024,
            price_bump_percent: 10,
            order: Order::Priority,
        }
    }
}

/// How many transactions wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Without a gap before them.
    pub pending: usize,
    /// Behind a gap.
    pub queued: usize,
}

/// One sender's transactions by nonce.
#[derive(Debug, Clone)]
pub(crate) struct SenderTransactions {
    /// Who.
    pub sender: Address,
    /// Without a gap before them.
    pub pending: Vec<Arc<PoolTx>>,
    /// Behind a gap.
    pub queued: Vec<Arc<PoolTx>>,
}

/// Everything in the pool, by sender.
pub(super) type Content = Vec<SenderTransactions>;

/// Hears of admitted transactions that will not be executed.
type DropListener = Box<dyn Fn(&B256, &Rejection) + Send + Sync>;

/// A place behind a gap, the latest arrival last: the first to be evicted.
type Gapped = (u64, Address, u64);

#[derive(Default)]
struct Inner {
    senders: HashMap<Address, Sender>,
    by_hash: HashMap<B256, (Address, u64)>,
    ready: Ready,
    gapped: BTreeSet<Gapped>,
    deferred: Vec<Address>,
    bytes: usize,
    arrivals: u64,
    announced: VecDeque<B256>,
    announced_before: u64,
    /// Included, but perhaps not visible yet: still shown to who asks for them.
    included: HashMap<B256, Arc<PoolTx>>,
    woken: bool,
    builder_waits: bool,
    closed: bool,
}

/// The pool.
pub(crate) struct Pool {
    limits: Limits,
    accounts: Arc<dyn Accounts>,
    inner: Mutex<Inner>,
    best: Best,
    changed: Condvar,
    way: YieldGate,
    drop_listener: Mutex<Option<Arc<DropListener>>>,
    admitted: AtomicU64,
    rejected: AtomicU64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(limits: Limits, accounts: Arc<dyn Accounts>) -> Self {
        let inner = Inner::default();
        Self {
            limits,
            accounts,
            best: inner.ready.best(),
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            way: YieldGate::default(),
            drop_listener: Mutex::default(),
            admitted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// Calls `listener` for every admitted transaction that is replaced, evicted or refused by the builder.
    pub(crate) fn on_drop(&self, listener: impl Fn(&B256, &Rejection) + Send + Sync + 'static) {
        *self.drop_listener.lock() = Some(Arc::new(Box::new(listener)));
    }

    /// Admits transactions in their order, under one lock.
    pub(crate) fn admit(
        &self,
        txs: impl IntoIterator<Item = PoolTx>,
    ) -> Vec<Result<B256, Rejection>> {
        let mut dropped = Vec::new();
        let mut inner = self.inner.lock();
        let outcomes: Vec<_> = txs
            .into_iter()
            .map(|tx| match inner.closed {
                true => Err(Rejection::NotBuilding),
                false => inner.admit(tx, &self.limits, self.accounts.as_ref(), &mut dropped),
            })
            .collect();
        self.notify(&mut inner);
        drop(inner);
        let admitted = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        self.admitted.fetch_add(admitted, Ordering::Relaxed);
        self.rejected
            .fetch_add(outcomes.len() as u64 - admitted, Ordering::Relaxed);
        self.tell_dropped(dropped);
        outcomes
    }

    /// Another node builds the chain: drops what waits, and admits nothing until it is opened again.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let dropped = inner.clear();
        drop(inner);
        self.tell_dropped(dropped);
    }

    /// Another node builds the chain, and is given what waits: likewise, but nobody is told.
    pub(crate) fn hand_over(&self) -> Vec<Bytes> {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let mut senders: Content = inner
            .senders
            .iter()
            .map(|(address, sender)| sender.content(*address))
            .collect();
        inner.clear();
        drop(inner);
        senders.sort_unstable_by_key(|transactions| transactions.sender);
        senders
            .into_iter()
            .flat_map(|sender| sender.pending.into_iter().chain(sender.queued))
            .map(|tx| tx.raw.clone())
            .collect()
    }

    /// Admits transactions, as a new pool does.
    pub(crate) fn open(&self) {
        self.inner.lock().closed = false;
    }

    /// Whether [`Pool::admit`] would refuse it whatever comes before it. Cheap, for what costs much to make ready.
    pub(crate) fn prejudge(&self, tx: &PoolTx) -> Result<(), Rejection> {
        let inner = self.inner.lock();
        inner.prejudge(tx, &self.limits, self.accounts.as_ref())
    }

    /// A transaction that is not durable yet.
    pub(crate) fn get(&self, hash: &B256) -> Option<Arc<PoolTx>> {
        let inner = self.inner.lock();
        match inner.by_hash.get(hash) {
            Some((sender, nonce)) => inner.senders.get(sender)?.get(*nonce).cloned(),
            None => inner.included.get(hash).cloned(),
        }
    }

    /// A sender's transaction that is not durable yet.
    pub(crate) fn by_nonce(&self, sender: &Address, nonce: u64) -> Option<Arc<PoolTx>> {
        let inner = self.inner.lock();
        let waiting = inner
            .senders
            .get(sender)
            .and_then(|sender| sender.get(nonce));
        let is_it = |tx: &&Arc<PoolTx>| tx.sender == *sender && tx.nonce == nonce;
        waiting
            .or_else(|| inner.included.values().find(is_it))
            .cloned()
    }

    /// The nonce that the sender's next transaction should have: after its gapless transactions here and
    /// everything that is committed, durable or not.
    pub(crate) fn pending_nonce(&self, sender: &Address) -> Result<u64, StateError> {
        match self.inner.lock().senders.get(sender) {
            Some(sender) => Ok(sender.end()),
            None => Ok(self.accounts.account(sender)?.nonce),
        }
    }

    /// The nonce that a transaction waits for, if there is none yet for a gap before it.
    pub(crate) fn awaited_nonce(&self, hash: &B256) -> Option<u64> {
        let inner = self.inner.lock();
        let (sender, nonce) = inner.by_hash.get(hash)?;
        let next = inner.senders.get(sender)?.end();
        (*nonce > next).then_some(next)
    }

    /// Everybody can see these now: their transactions are no longer the pool's to show.
    pub(crate) fn durable(&self, minis: &[Arc<MiniBlock>]) {
        let mut inner = self.inner.lock();
        if inner.included.is_empty() {
            return;
        }
        for tx in minis.iter().flat_map(|mini| &mini.txs) {
            inner.included.remove(&tx.hash);
        }
    }

    /// The chain was rolled back: what waits stays, by the accounts as they are now.
    pub(crate) fn rewound(&self) {
        let mut inner = self.inner.lock();
        inner.included.clear();
        let senders: Vec<Address> = inner.senders.keys().copied().collect();
        for sender in senders {
            // Execution tells of what isn't known.
            if let Ok(account) = self.accounts.account(&sender) {
                inner.learn(sender, account, self.limits.order);
            }
        }
        self.notify(&mut inner);
    }

    /// Waits for a moment if the builder wants a core now. For threads that take all there is.
    pub(crate) fn make_way(&self) {
        self.way.make();
    }

    /// How many transactions wait.
    pub(crate) fn status(&self) -> Status {
        let inner = self.inner.lock();
        let queued = inner.gapped.len();
        Status {
            pending: inner.by_hash.len() - queued,
            queued,
        }
    }

    /// Everything, by sender in the order of addresses.
    pub(crate) fn content(&self) -> Content {
        let inner = self.inner.lock();
        let mut content: Content = inner
            .senders
            .iter()
            .map(|(address, sender)| sender.content(*address))
            .collect();
        drop(inner);
        content.sort_unstable_by_key(|transactions| transactions.sender);
        content
    }

    /// Hashes admitted since `cursor` (0: since the beginning, as far as remembered), and the next cursor.
    pub(crate) fn announced(&self, cursor: u64) -> (u64, Vec<B256>) {
        let inner = self.inner.lock();
        let next = inner.announced_before + inner.announced.len() as u64;
        let skip = cursor.saturating_sub(inner.announced_before).min(next) as usize;
        (next, inner.announced.iter().skip(skip).copied().collect())
    }

    /// How many can wait.
    pub(crate) fn capacity(&self) -> usize {
        self.limits.total_slots
    }

    /// Admitted and rejected since the start.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (
            self.admitted.load(Ordering::Relaxed),
            self.rejected.load(Ordering::Relaxed),
        )
    }

    fn notify(&self, inner: &mut Inner) {
        if inner.builder_waits && !inner.ready.is_empty() {
            self.changed.notify_one();
        }
    }

    fn tell_dropped(&self, dropped: Vec<(B256, Rejection)>) {
        if dropped.is_empty() {
            return;
        }
        let listener = self.drop_listener.lock().clone();
        if let Some(listener) = listener {
            for (hash, reason) in &dropped {
                listener(hash, reason);
            }
        }
    }
}

impl Inner {
    /// Puts a sender's first executable transaction where it belongs among the ready ones, and forgets
    /// senders without transactions.
    fn refresh(&mut self, address: Address, order: Order) {
        let Some(sender) = self.senders.get_mut(&address) else {
            return;
        };
        let place = sender.wanted_place(order);
        if place != sender.place {
            if let Some(old) = sender.place {
                self.ready.remove(old);
            }
            if let Some(new) = place {
                self.ready.insert(new, address);
            }
            sender.place = place;
        }
        if sender.is_empty() {
            self.senders.remove(&address);
        }
    }

    /// Forgets a slot that has left its sender's queue.
    fn forget(&mut self, address: Address, slot: &QueuedTx) {
        self.by_hash.remove(&slot.tx.hash);
        self.bytes -= slot.tx.raw.len();
        if slot.gapped {
            self.gapped.remove(&(slot.arrival, address, slot.tx.nonce));
        }
    }

    /// Forgets everything that waits; what it was.
    fn clear(&mut self) -> Vec<(B256, Rejection)> {
        self.senders.clear();
        self.ready.clear();
        self.gapped.clear();
        self.deferred.clear();
        self.bytes = 0;
        let hashes = self.by_hash.drain();
        hashes
            .map(|(hash, _)| (hash, Rejection::NotBuilding))
            .collect()
    }

    /// Gives the best ready transaction away.
    fn take_best(&mut self, order: Order) -> Option<Arc<PoolTx>> {
        let address = self.ready.pop()?;
        let sender = self.senders.get_mut(&address)?;
        sender.place = None;
        let tx = sender.take();
        self.refresh(address, order);
        tx
    }

    fn announce(&mut self, hash: B256) {
        if self.announced.len() == ANNOUNCED {
            self.announced.pop_front();
            self.announced_before += 1;
        }
        self.announced.push_back(hash);
    }

    /// The sender's account is this now.
    fn learn(&mut self, address: Address, account: PlainAccount, order: Order) {
        let Some(sender) = self.senders.get_mut(&address) else {
            return;
        };
        let gone = sender.learn(account);
        sender.settle_gaps(address, &mut self.gapped);
        for slot in gone {
            self.forget(address, &slot);
            if slot.taken && self.included.len() < INCLUDED {
                self.included.insert(slot.tx.hash, slot.tx);
            }
        }
        self.refresh(address, order);
    }
}

impl TxSource for Pool {
    fn next(&self) -> Option<Arc<PoolTx>> {
        self.inner.lock().take_best(self.limits.order)
    }

    fn next_many(&self, enough: &mut dyn FnMut(&PoolTx) -> bool) -> Vec<Arc<PoolTx>> {
        let mut inner = self.inner.lock();
        let mut many = Vec::new();
        while let Some(tx) = inner.take_best(self.limits.order) {
            let ends = enough(&tx);
            many.push(tx);
            if ends {
                break;
            }
        }
        many
    }

    fn rank(&self, tx: &PoolTx) -> u64 {
        self.limits.order.place(tx.tip, 0).rank()
    }

    fn best_rank(&self) -> u64 {
        self.best.rank()
    }

    fn put_back(&self, txs: &[Arc<PoolTx>]) {
        let mut inner = self.inner.lock();
        let inner_ref = &mut *inner;
        for tx in txs {
            let Some(sender) = inner_ref.senders.get_mut(&tx.sender) else {
                continue;
            };
            sender.put_back(tx);
            sender.settle_gaps(tx.sender, &mut inner_ref.gapped);
            inner_ref.refresh(tx.sender, self.limits.order);
        }
    }

    fn due(&self, moment: Instant) {
        self.way.due(moment);
    }

    fn wait_until(&self, deadline: Option<Instant>) {
        let mut inner = self.inner.lock();
        inner.builder_waits = true;
        while inner.ready.is_empty() && !inner.woken {
            match deadline {
                None => self.changed.wait(&mut inner),
                Some(deadline) => {
                    if self.changed.wait_until(&mut inner, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        inner.builder_waits = false;
        inner.woken = false;
    }

    fn wait_for(&self, transactions: bool) {
        if transactions {
            return self.wait_until(None);
        }
        let mut inner = self.inner.lock();
        while !inner.woken {
            self.changed.wait(&mut inner);
        }
        inner.woken = false;
    }

    fn wake(&self) {
        self.inner.lock().woken = true;
        self.changed.notify_one();
    }

    fn defer(&self, tx: &PoolTx, why: Deferral) {
        let mut inner = self.inner.lock();
        let Some(sender) = inner.senders.get_mut(&tx.sender) else {
            return;
        };
        if sender.defer(tx, why) {
            inner.deferred.push(tx.sender);
        }
        inner.refresh(tx.sender, self.limits.order);
    }

    fn ready(&self, tx: &PoolTx) {
        let mut inner = self.inner.lock();
        if let Some(sender) = inner.senders.get_mut(&tx.sender) {
            sender.deferred = false;
        }
        inner.refresh(tx.sender, self.limits.order);
        self.notify(&mut inner);
    }

    fn next_block(&self) {
        let mut inner = self.inner.lock();
        for address in std::mem::take(&mut inner.deferred) {
            if let Some(sender) = inner.senders.get_mut(&address) {
                sender.deferred = false;
            }
            inner.refresh(address, self.limits.order);
        }
        self.notify(&mut inner);
    }

    fn refuse(&self, tx: &PoolTx, refusal: Refusal) {
        let mut inner = self.inner.lock();
        let inner_ref = &mut *inner;
        let Some(sender) = inner_ref.senders.get_mut(&tx.sender) else {
            return;
        };
        let Some(slot) = sender.remove(tx, refusal == Refusal::Stale) else {
            return;
        };
        sender.settle_gaps(tx.sender, &mut inner_ref.gapped);
        inner_ref.forget(tx.sender, &slot);
        inner_ref.refresh(tx.sender, self.limits.order);
        drop(inner);
        let reason = match refusal {
            Refusal::Stale => "nonce too low".to_owned(),
            Refusal::Invalid(reason) => reason,
        };
        self.tell_dropped(vec![(tx.hash, Rejection::Dropped(reason))]);
    }

    fn committed(&self, mini: &MiniBlock) {
        let mut inner = self.inner.lock();
        if inner.senders.is_empty() {
            return;
        }
        for (key, value) in &mini.diff.entries {
            if key.slot.is_none() {
                let account = value.as_account().unwrap_or_default();
                inner.learn(key.address, account, self.limits.order);
            }
        }
        self.notify(&mut inner);
    }
}

#[cfg(test)]
mod tests;
