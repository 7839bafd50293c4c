//! A batch and who does what of it: executions ahead of their turn, waits, second looks.
//!
//! Any number of threads ask for tasks; the builder alone takes turns. A transaction is in one of four
//! stages, guarded by its own lock:
//!
//! ```text
//!   Waiting ──▶ Running ──▶ Done ──▶ Taken       Taken: the builder has it, nobody else touches it again
//!      ▲           │          │        ▲
//!      └─ blocked ─┴─ doubted ┘        └── from any stage, when its turn has come
//! ```
//!
//! No lock is taken while another transaction's is held.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use alloy_primitives::B256;
use parking_lot::{Condvar, Mutex};
use revm::bytecode::Bytecode;

use super::{
    history::Plan,
    memory::{Memory, Write},
    reader::Stop,
    worker::{Attempted, BlockRules, Speculation, Worker},
};
use crate::{
    block::{PlainKey, PlainValue},
    pool::PoolTx,
    state::{Frozen, StateError, StateReader as _},
};

/// How often a thread without a task asks again before it leaves the batch. A few microseconds: waking a
/// thread costs as much.
const PATIENCE: usize = 2_000;

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Waiting,
    /// Since when.
    Running(Instant),
    Done(Box<Speculation>),
    Taken,
}

#[derive(Debug, Default)]
struct Slot {
    stage: Stage,
    /// Only the builder may execute it.
    needs_order: bool,
    /// Where it wrote when it was last executed.
    written: Vec<PlainKey>,
    /// Who waits for it.
    dependents: Vec<usize>,
}

impl Slot {
    fn is_executed(&self) -> bool {
        matches!(self.stage, Stage::Done(_) | Stage::Taken)
    }
}

/// What the builder finds when a transaction's turn has come.
#[derive(Debug)]
pub(crate) enum AheadTurn {
    /// It was executed ahead.
    Speculated(Box<Speculation>),
    /// It wasn't: the builder has to.
    Execute,
    /// A thread is at it, since then.
    Running(Instant),
}

enum Task {
    Execute(usize),
    /// Look again at what was executed, after something before it has changed.
    Check(usize),
}

/// Transactions in their order, and how far they have come.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(super) rules: Arc<BlockRules>,
    /// The state before the first of them.
    pub(super) frozen: Frozen,
    pub(super) txs: Vec<Arc<PoolTx>>,
    /// Whom each should wait for, by experience.
    after: Vec<Option<usize>>,
    memory: Memory,
    slots: Vec<Mutex<Slot>>,
    /// The first that nobody has tried.
    next: AtomicUsize,
    /// The next one to be looked at again.
    recheck: AtomicUsize,
    /// To be tried again.
    again: Mutex<BTreeSet<usize>>,
    waiting_again: AtomicUsize,
    closed: AtomicBool,
    /// The transaction that the builder sleeps for.
    awaited: Mutex<Option<usize>>,
    done: Condvar,
}

impl Batch {
    pub(crate) fn new(
        rules: Arc<BlockRules>,
        frozen: Frozen,
        txs: Vec<Arc<PoolTx>>,
        plan: Plan,
    ) -> Self {
        let slot = |tx: &Arc<PoolTx>| {
            Mutex::new(Slot {
                needs_order: rules.needs_order(tx),
                ..Slot::default()
            })
        };
        Self {
            slots: txs.iter().map(slot).collect(),
            recheck: AtomicUsize::new(txs.len()),
            rules,
            frozen,
            txs,
            after: plan.after,
            memory: Memory::new(),
            next: AtomicUsize::new(0),
            again: Mutex::default(),
            waiting_again: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            awaited: Mutex::default(),
            done: Condvar::new(),
        }
    }

    // --- any thread -------------------------------------------------------------------------

    /// Executes ahead until there is nothing more to do.
    pub(super) fn work(self: &Arc<Self>, worker: &mut Worker) {
        let mut idle = 0;
        while idle < PATIENCE && !self.closed.load(Ordering::Acquire) {
            if self.help(worker) {
                idle = 0;
            } else {
                idle += 1;
                std::hint::spin_loop();
            }
        }
        worker.let_go();
    }

    /// Does one task; false if there is none.
    pub(crate) fn help(self: &Arc<Self>, worker: &mut Worker) -> bool {
        match self.task() {
            Some(Task::Execute(index)) => self.execute_ahead(index, worker),
            Some(Task::Check(index)) => self.check(index),
            None => return false,
        }
        true
    }

    fn task(&self) -> Option<Task> {
        let next = self.next.load(Ordering::Acquire);
        if self.recheck.load(Ordering::Acquire) < next.min(self.txs.len()) {
            let index = self.recheck.fetch_add(1, Ordering::AcqRel);
            if index + 1 >= next {
                // The last of them; who comes later sees what is there now.
                let (end, nothing) = (index + 1, self.txs.len());
                let order = Ordering::AcqRel;
                let _ = self
                    .recheck
                    .compare_exchange(end, nothing, order, Ordering::Relaxed);
            }
            if index < self.txs.len() {
                return Some(Task::Check(index));
            }
        }
        if self.waiting_again.load(Ordering::Acquire) > 0 {
            let mut again = self.again.lock();
            if let Some(index) = again.pop_first() {
                self.waiting_again.store(again.len(), Ordering::Release);
                return Some(Task::Execute(index));
            }
        }
        if next >= self.txs.len() {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::AcqRel);
        (index < self.txs.len()).then_some(Task::Execute(index))
    }

    /// Executes `index` ahead, unless it is executed or has to wait.
    pub(crate) fn execute_ahead(self: &Arc<Self>, index: usize, worker: &mut Worker) {
        if let Some(before) = self.after[index]
            && self.wait_for(before, index)
        {
            return;
        }
        {
            let mut slot = self.slots[index].lock();
            if slot.needs_order || !matches!(slot.stage, Stage::Waiting) {
                return;
            }
            slot.stage = Stage::Running(Instant::now());
        }
        let attempted = worker.execute(self, index);
        let mut next = Vec::new();
        let mut blocked_by = None;
        {
            let mut slot = self.slots[index].lock();
            if !matches!(slot.stage, Stage::Running(_)) {
                return; // The builder was quicker.
            }
            match attempted {
                Attempted::Done(speculation, writes) => {
                    slot.written = self.memory.publish(index, &slot.written, &writes);
                    slot.stage = Stage::Done(speculation);
                    next = std::mem::take(&mut slot.dependents);
                }
                Attempted::NeedsOrder => {
                    slot.stage = Stage::Waiting;
                    slot.needs_order = true;
                }
                Attempted::Blocked(before) => {
                    slot.stage = Stage::Waiting;
                    blocked_by = Some(before);
                }
            }
        }
        if blocked_by.is_some_and(|before| !self.wait_for(before, index)) {
            next.push(index);
        }
        self.try_again(next);
        self.notify(index);
    }

    /// Has `index` wait for `before`, unless that is executed.
    fn wait_for(&self, before: usize, index: usize) -> bool {
        let mut slot = self.slots[before].lock();
        if slot.is_executed() {
            return false;
        }
        slot.dependents.push(index);
        true
    }

    fn try_again(&self, indices: Vec<usize>) {
        if indices.is_empty() {
            return;
        }
        let mut again = self.again.lock();
        again.extend(indices);
        self.waiting_again.store(again.len(), Ordering::Release);
    }

    /// Undoes an execution that read what isn't there any more.
    fn check(&self, index: usize) {
        let mut slot = self.slots[index].lock();
        let Stage::Done(speculation) = &slot.stage else {
            return;
        };
        let holds = speculation.holds(|key| self.read(key, index).ok());
        if !holds {
            self.memory.mark_estimates(index, &slot.written);
            slot.stage = Stage::Waiting;
            drop(slot);
            self.try_again(vec![index]);
        }
    }

    /// What transaction `reader` sees under a key.
    pub(super) fn read(&self, key: &PlainKey, reader: usize) -> Result<PlainValue, Stop> {
        self.memory.read(key, reader, || self.frozen.value(key))
    }

    pub(super) fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match self.memory.code(&hash) {
            Some(code) => Ok(code),
            None => self.frozen.code(hash),
        }
    }

    pub(super) fn put_code(&self, hash: B256, code: &Bytecode) {
        self.memory.put_code(hash, code);
    }

    fn notify(&self, index: usize) {
        if *self.awaited.lock() == Some(index) {
            self.done.notify_one();
        }
    }

    // --- the builder ------------------------------------------------------------------------

    /// The turn of `index` has come, everything before it is settled. Unless a thread is at it, it is the
    /// builder's now.
    pub(crate) fn take(&self, index: usize) -> AheadTurn {
        let mut slot = self.slots[index].lock();
        match std::mem::replace(&mut slot.stage, Stage::Taken) {
            Stage::Done(speculation) => AheadTurn::Speculated(speculation),
            Stage::Running(since) => {
                slot.stage = Stage::Running(since);
                AheadTurn::Running(since)
            }
            Stage::Waiting | Stage::Taken => AheadTurn::Execute,
        }
    }

    /// Takes it from the thread that is at it.
    pub(crate) fn seize(&self, index: usize) -> AheadTurn {
        let mut slot = self.slots[index].lock();
        match std::mem::replace(&mut slot.stage, Stage::Taken) {
            Stage::Done(speculation) => AheadTurn::Speculated(speculation),
            _ => AheadTurn::Execute,
        }
    }

    /// Sleeps until the thread that is at `index` has come to an end, or the deadline.
    pub(crate) fn wait(&self, index: usize, deadline: Instant) {
        let running = || matches!(self.slots[index].lock().stage, Stage::Running(_));
        for _ in 0..PATIENCE / 8 {
            if !running() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut awaited = self.awaited.lock();
        *awaited = Some(index);
        while running() {
            if self.done.wait_until(&mut awaited, deadline).timed_out() {
                break;
            }
        }
        *awaited = None;
    }

    /// What was executed ahead doesn't hold: nobody should build on it any more.
    pub(crate) fn mark_estimates(&self, index: usize) {
        let slot = self.slots[index].lock();
        self.memory.mark_estimates(index, &slot.written);
    }

    /// The builder has executed `index`, and this is what it changed. `instead` of an execution that
    /// didn't hold: then others may have believed it.
    pub(crate) fn commit(&self, index: usize, changes: &[(PlainKey, PlainValue)], instead: bool) {
        let mut slot = self.slots[index].lock();
        let writes: Vec<_> = changes
            .iter()
            .filter(|(key, _)| key.slot.is_some() || !self.rules.earns_fees(key.address))
            .map(|(key, value)| (*key, Write::Value(*value)))
            .collect();
        slot.written = self.memory.publish(index, &slot.written, &writes);
        let dependents = std::mem::take(&mut slot.dependents);
        drop(slot);
        self.try_again(dependents);
        if instead {
            self.recheck.fetch_min(index + 1, Ordering::AcqRel);
        }
    }

    /// How many transactions there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.txs.len()
    }

    /// Whether a thread is at any of them.
    #[cfg(test)]
    pub(crate) fn is_running(&self) -> bool {
        let running = |slot: &Mutex<Slot>| matches!(slot.lock().stage, Stage::Running(_));
        self.slots.iter().any(running)
    }

    /// Sends the threads away.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}
