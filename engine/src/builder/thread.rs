//! The builder's thread: waits, executes, seals on time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{SendTimeoutError, Sender};
use parking_lot::{Condvar, Mutex};

use super::{
    batch::{Executor, Pace},
    lateness::{Lateness, Spent},
    open::{BuildError, Candidate, OpenBlock, TxOutcome},
    put_aside::{PutAside, Unread},
    schedule::{Clock, Slot, timestamp_after},
};
use crate::{
    chain::{Chain, MiningMode, Progress, RestoreError, Sealed, take_progress},
    metrics::Histogram,
    parallel::WorkerPool,
    pool::{Deferral, Deposit, PoolTx, Refusal, TxSource},
    state::{Place, StateError},
};

/// How long a stopping builder waits for a log that takes nothing.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// After how long the state is asked again that wasn't known when a block was to begin.
const UNKNOWN_PAUSE: Duration = Duration::from_millis(10);

/// A batch is as much as should take each thread this long: better ones that arrive meanwhile wait for what
/// is being executed only, but what was executed ahead may be in vain.
const BATCH_TIME: Duration = Duration::from_millis(2);

/// No batch is larger.
const MAX_BATCH: usize = 1024;

/// What the builder counts.
#[derive(Debug, Default)]
pub(crate) struct BuilderMetrics {
    /// Transactions included.
    pub transactions: AtomicU64,
    /// Transactions that couldn't be executed.
    pub refused: AtomicU64,
    /// Transactions put off to the next block: it has no room for them, or the state isn't known that they read.
    pub deferred: AtomicU64,
    /// Transactions that were executed ahead of their turn, and held.
    pub ahead: AtomicU64,
    /// Transactions that were executed ahead in vain.
    pub in_vain: AtomicU64,
    /// Gas used.
    pub gas: AtomicU64,
    /// Mini-blocks sealed.
    pub minis: AtomicU64,
    /// Blocks sealed.
    pub blocks: AtomicU64,
    /// Executing one transaction.
    pub execute: Histogram,
    /// Sealing a mini-block: its diff, its signature, its commit to the state.
    pub seal: Histogram,
    /// Closing a block: what its roots still needed.
    pub close: Histogram,
    /// From one mini-block to the next.
    pub intervals: Histogram,
    /// Intervals that were at most half a mini-block's time off.
    pub on_time: AtomicU64,
    /// Intervals that were too long, by what was the cause.
    pub late: Lateness,
}

/// A running builder.
pub(crate) struct Builder {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

pub(super) struct Shared {
    pub(super) chain: Arc<Chain>,
    pub(super) source: Arc<dyn TxSource>,
    pub(super) stop: StopSignal,
    /// Where the state may be unknown.
    put_aside: Option<PutAside>,
    failure: Mutex<Option<String>>,
    metrics: BuilderMetrics,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("metrics", &self.shared.metrics)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Starts building where the chain stands. What is sealed goes to `out`, which should be bounded:
    /// the builder waits while it is full.
    pub(crate) fn spawn(
        chain: Arc<Chain>,
        source: Arc<dyn TxSource>,
        out: Sender<Sealed>,
    ) -> Result<Self, RestoreError> {
        let helpers = chain.config.execution_threads() - 1;
        let crew = WorkerPool::start(helpers).map_err(|_| RestoreError::NoThread)?;
        let fork = chain.fork.as_ref();
        let put_aside = fork.map(|_| PutAside::start(&chain, &source));
        let put_aside = put_aside.transpose().map_err(|_| RestoreError::NoThread)?;
        let progress = take_progress(&chain)?;
        let shared = Arc::new(Shared {
            chain,
            source,
            stop: StopSignal::default(),
            put_aside,
            failure: Mutex::new(None),
            metrics: BuilderMetrics::default(),
        });
        let worker = shared.clone();
        let thread = std::thread::Builder::new()
            .name("builder".to_owned())
            .spawn(move || {
                let mut run = Run {
                    clock: Clock::new(),
                    shared: &worker,
                    out,
                    progress,
                    executor: Executor::new(crew),
                    deposits_wait: false,
                    sealed_us: None,
                    spent: Spent::default(),
                };
                let result = run.build();
                if let Err(Halted::Failed(error)) = result {
                    *worker.failure.lock() = Some(error.to_string());
                }
                worker.chain.mining.refuse_all();
                *worker.chain.progress.lock() = Some(run.progress);
            })
            .map_err(|_| RestoreError::NoThread)?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Seals the open mini-block, if it has transactions, and ends the thread. The open block stays
    /// open: whoever starts a builder on the same chain goes on with it. Returns why the builder had
    /// ended before, if it failed.
    pub(crate) fn stop(&self) -> Option<String> {
        self.shared.stop.set();
        self.shared.source.wake();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            return Some("the builder's thread panicked".to_owned());
        }
        self.failure()
    }

    /// Whether it was asked to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.stop.is_set()
    }

    /// Why the builder has ended by itself, if it has.
    pub(crate) fn failure(&self) -> Option<String> {
        self.shared.failure.lock().clone()
    }

    /// What it counted.
    pub(crate) fn metrics(&self) -> &BuilderMetrics {
        &self.shared.metrics
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Has somebody wait for a place, who gives back what waits for it.
    fn set_aside(&self, what: Unread, place: Place) {
        if let Some(put_aside) = &self.put_aside {
            put_aside.put(what, place);
        }
    }
}

/// Why the loop ended.
pub(super) enum Halted {
    /// It was asked to, or nobody takes what is sealed.
    Stopped,
    Failed(BuildError),
}

impl From<BuildError> for Halted {
    fn from(error: BuildError) -> Self {
        Self::Failed(error)
    }
}

/// Whether a block was completed or building is to end.
#[derive(PartialEq, Eq)]
pub(super) enum Round {
    BlockDone,
    Stop,
}

pub(super) struct Run<'a> {
    pub(super) shared: &'a Arc<Shared>,
    out: Sender<Sealed>,
    pub(super) clock: Clock,
    pub(super) progress: Progress,
    executor: Executor,
    /// A deposit found no room in this block.
    pub(super) deposits_wait: bool,
    /// When the last mini-block was sealed.
    sealed_us: Option<u64>,
    /// What was done since.
    spent: Spent,
}

impl Run<'_> {
    /// One block after the other until told to stop.
    fn build(&mut self) -> Result<(), Halted> {
        let shared = self.shared;
        let mining = &shared.chain.mining;
        mining.catch_up_with(self.progress.parent.header.timestamp);
        if let Some(last) = self.progress.open.last() {
            // The open block's time may be one that somebody has set, before a restart.
            mining.catch_up_with(last.timestamp_us / 1_000_000);
        }
        mining.follow();
        self.clock.set_anew(mining.offset_us());
        let mut resumed = self.resume()?;
        loop {
            if mining.mode() != MiningMode::Continuous {
                let open = resumed.take().map(|(block, _)| block);
                if self.build_on_demand(open)? == Round::Stop {
                    return Ok(());
                }
                continue;
            }
            let (mut block, slot) = match resumed.take() {
                Some(resumed) => resumed,
                None => self.open(mining.block_time_us())?,
            };
            if self.fill(&mut block, slot)? == Round::Stop {
                return Ok(());
            }
            let counts = !mining.is_time_set_anew();
            self.close(block)?;
            if mining.is_wanted() {
                self.close_wanted_early(counts)?;
            }
        }
    }

    /// The block that was open when the chain stopped, if there is one.
    fn resume(&mut self) -> Result<Option<(OpenBlock, Slot)>, Halted> {
        let Some(last) = self.progress.open.last() else {
            return Ok(None);
        };
        let block_time_us = self.shared.chain.mining.block_time_us();
        let now_us = self.clock.now_us();
        // The moment before the seal lies in the slot. A clock that was set back must not hold us up.
        let sealed_us = last.timestamp_us.saturating_sub(1).min(now_us);
        let slot = Slot::at(sealed_us, block_time_us);
        let block = self.when_known(|run| {
            OpenBlock::resume(
                run.shared.chain.clone(),
                &run.progress.parent,
                &run.progress.open,
            )
        })?;
        Ok(Some((block, slot)))
    }

    /// Opens the next block in the slot that the time has come to.
    fn open(&mut self, block_time_us: u64) -> Result<(OpenBlock, Slot), Halted> {
        let shared = self.shared;
        let parent = self.progress.parent.header.timestamp;
        // Shorter blocks than the settings' have to be stamped as those are.
        let usual_us = shared.chain.config.block_time_ms * 1000;
        let least = parent + u64::from(block_time_us.max(usual_us) >= 1_000_000);
        loop {
            if let Some(chosen) = self.choose_timestamp(parent, least) {
                let slot = Slot::at(self.clock.now_us(), block_time_us);
                return Ok((self.open_at(chosen)?, slot));
            }
            let slot = Slot::at(self.clock.now_us(), block_time_us);
            // Who has set another time doesn't wait for a slot that is free: it may be as long as that time.
            let timestamp = match block_time_us == usual_us {
                true => timestamp_after(parent, slot, block_time_us),
                false => Ok(slot.timestamp().max(least)),
            };
            match timestamp {
                Ok(timestamp) => return Ok((self.open_at(timestamp)?, slot)),
                Err(wait_until_us) => {
                    let deadline = self.clock.instant(wait_until_us);
                    if self.shared.stop.wait_until(deadline) {
                        return Err(Halted::Stopped);
                    }
                }
            }
        }
    }

    /// Opens the next block with this timestamp, as soon as what every block begins with is known.
    fn open_at(&mut self, timestamp: u64) -> Result<OpenBlock, Halted> {
        let block = self.when_known(|run| {
            OpenBlock::open(run.shared.chain.clone(), &run.progress.parent, timestamp)
        })?;
        self.shared.source.next_block();
        Ok(block)
    }

    /// Begins a block as soon as what it takes is known.
    fn when_known(
        &self,
        begin: impl Fn(&Self) -> Result<OpenBlock, BuildError>,
    ) -> Result<OpenBlock, Halted> {
        loop {
            match begin(self) {
                Err(BuildError::State(StateError::Unknown(_))) => {}
                begun => return Ok(begun?),
            }
            if self.shared.stop.wait_until(Instant::now() + UNKNOWN_PAUSE) {
                return Err(Halted::Stopped);
            }
        }
    }

    /// Opens the next block at once: later than its parent, whatever the clock says.
    pub(super) fn open_now(&mut self) -> Result<OpenBlock, Halted> {
        let parent = self.progress.parent.header.timestamp;
        let chosen = self.choose_timestamp(parent, parent + 1);
        let timestamp = chosen.unwrap_or_else(|| {
            let now_s = self.clock.now_us() / 1_000_000;
            now_s.max(parent + 1)
        });
        self.open_at(timestamp)
    }

    /// The timestamp that somebody has chosen for the block that is opened now, if so; looks at the clock again.
    fn choose_timestamp(&mut self, parent: u64, least: u64) -> Option<u64> {
        let mining = &self.shared.chain.mining;
        let chosen = mining.take_chosen_timestamp(parent, least);
        self.follow_clock();
        chosen
    }

    /// Looks at the clock again, which somebody may have set.
    fn follow_clock(&mut self) {
        let before_us = self.clock.now_us();
        self.clock.set_anew(self.shared.chain.mining.offset_us());
        if self.clock.now_us() < before_us {
            // Intervals begin anew.
            self.sealed_us = None;
        }
    }

    /// Executes and seals until the slot ends.
    fn fill(&mut self, block: &mut OpenBlock, slot: Slot) -> Result<Round, Halted> {
        let mini_time_us = self.shared.chain.config.mini_block_time_us;
        if block.mini_count() > 0 && self.clock.now_us() >= slot.end_us {
            // Resumed after its time: nothing more belongs to it.
            return Ok(Round::BlockDone);
        }
        self.deposits_wait = false;
        let since_us = self.sealed_us.unwrap_or_else(|| self.clock.now_us());
        let mut deadline_us = slot.mini_deadline(since_us, mini_time_us);
        self.shared.source.due(self.clock.instant(deadline_us));
        loop {
            let now_us = self.clock.now_us();
            if self.is_overtaken() {
                self.seal_last(block, now_us)?;
                return Ok(Round::BlockDone);
            }
            let stopping = self.shared.stop.is_set();
            if stopping && !block.has_open_transactions() {
                return Ok(Round::Stop);
            }
            if stopping || now_us >= deadline_us {
                self.seal(block, now_us)?;
                if stopping {
                    return Ok(Round::Stop);
                }
                if now_us >= slot.end_us {
                    return Ok(Round::BlockDone);
                }
                deadline_us = slot.mini_deadline(now_us, mini_time_us);
                self.shared.source.due(self.clock.instant(deadline_us));
                continue;
            }
            if !self.execute_deposit(block, now_us)?
                && !self.execute_batch(block, deadline_us, MAX_BATCH)?
            {
                self.shared
                    .source
                    .wait_until(Some(self.clock.instant(deadline_us)));
            }
        }
    }

    /// Whether the open block is to be closed before its time: somebody wants it closed, or has set the clock.
    fn is_overtaken(&self) -> bool {
        let mining = &self.shared.chain.mining;
        mining.is_wanted() || mining.is_time_set_anew() || mining.mode() != MiningMode::Continuous
    }

    /// Executes the next deposit; false if there is none.
    pub(super) fn execute_deposit(
        &mut self,
        block: &mut OpenBlock,
        now_us: u64,
    ) -> Result<bool, Halted> {
        if self.deposits_wait {
            return Ok(false);
        }
        let Some(deposit) = self.shared.chain.deposits.pop() else {
            return Ok(false);
        };
        self.execute_this_deposit(block, deposit, now_us)?;
        Ok(true)
    }

    /// Executes a deposit, or puts it back where there is no room for it.
    pub(super) fn execute_this_deposit(
        &mut self,
        block: &mut OpenBlock,
        deposit: Deposit,
        now_us: u64,
    ) -> Result<(), Halted> {
        let shared = self.shared;
        let offer = Candidate {
            envelope: &deposit.envelope,
            raw: &deposit.raw,
            hash: deposit.hash,
            sender: deposit.sender,
            da_size: 0,
            authorizations: &[],
        };
        let refuse = |reason: &str| {
            count(&shared.metrics.refused, 1);
            shared.chain.deposits.refuse(&deposit, reason);
        };
        match block.execute(&offer, now_us)? {
            TxOutcome::Included => count(&shared.metrics.transactions, 1),
            TxOutcome::Unread(StateError::Unknown(place)) if shared.put_aside.is_some() => {
                shared.set_aside(Unread::Deposit(Box::new(deposit)), place);
            }
            // What can't be read now may be in the next block.
            TxOutcome::Full(_) | TxOutcome::Unread(_) => {
                self.deposits_wait = true;
                shared.chain.deposits.push_front(deposit);
            }
            TxOutcome::Stale => refuse("its nonce is used already"),
            TxOutcome::Invalid(reason) => refuse(&reason),
        }
        Ok(())
    }

    /// Executes a batch of the best transactions, at most so many, until the deadline; false if there are none.
    pub(super) fn execute_batch(
        &mut self,
        block: &mut OpenBlock,
        deadline_us: u64,
        most: usize,
    ) -> Result<bool, Halted> {
        let shared = self.shared;
        let left = Duration::from_micros(deadline_us.saturating_sub(self.clock.now_us()));
        let threads = self.executor.threads();
        let budget = left.min(BATCH_TIME) * threads as u32;
        let (mut taken, mut expected) = (0, Duration::ZERO);
        let txs = shared.source.next_many(&mut |tx| {
            taken += 1;
            expected += self.executor.estimate(tx);
            taken >= most.min(MAX_BATCH) || (taken >= 2 * threads && expected >= budget)
        });
        if txs.is_empty() {
            return Ok(false);
        }
        let mut pace = Until {
            deadline_us,
            left_behind: shared.source.best_rank(),
            begun: false,
            clock: &mut self.clock,
            longest: &mut self.spent.transaction,
            shared,
        };
        let outcomes = self.executor.execute(block, &txs, &mut pace)?;
        let counts = self.executor.counts();
        shared.metrics.ahead.store(counts.ahead, Ordering::Relaxed);
        shared
            .metrics
            .in_vain
            .store(counts.aborted, Ordering::Relaxed);
        let mut back = Vec::new();
        for (tx, outcome) in txs.iter().zip(outcomes) {
            match outcome {
                None => back.push(tx.clone()),
                Some(TxOutcome::Included) => count(&shared.metrics.transactions, 1),
                Some(TxOutcome::Full(limit)) => {
                    count(&shared.metrics.deferred, 1);
                    shared.source.defer(tx, Deferral::Full(limit));
                }
                Some(TxOutcome::Unread(error)) => {
                    count(&shared.metrics.deferred, 1);
                    shared.source.defer(tx, Deferral::Unread(error.to_string()));
                    if let StateError::Unknown(place) = error {
                        shared.set_aside(Unread::Transaction(tx.clone()), place);
                    }
                }
                Some(TxOutcome::Stale) => {
                    count(&shared.metrics.refused, 1);
                    shared.source.refuse(tx, Refusal::Stale);
                }
                Some(TxOutcome::Invalid(reason)) => {
                    count(&shared.metrics.refused, 1);
                    shared.source.refuse(tx, Refusal::Invalid(reason));
                }
            }
        }
        if !back.is_empty() {
            shared.source.put_back(&back);
        }
        Ok(true)
    }

    /// Seals what is open of a block and closes it; both are shown at once.
    pub(super) fn close_early(&mut self, mut block: OpenBlock) -> Result<(), Halted> {
        let now_us = self.clock.now_us();
        self.seal_last(&mut block, now_us)?;
        self.close(block)
    }

    /// Seals a mini-block that is handed over with the block that it closes; not an empty one, if there is another.
    fn seal_last(&mut self, block: &mut OpenBlock, now_us: u64) -> Result<(), Halted> {
        if block.has_open_transactions() || block.mini_count() == 0 {
            let mining = &self.shared.chain.mining;
            mining.close_with(block.next_mini());
            self.seal(block, now_us)?;
        }
        Ok(())
    }

    pub(super) fn seal(&mut self, block: &mut OpenBlock, now_us: u64) -> Result<(), Halted> {
        self.note_interval(now_us);
        let began = Instant::now();
        let mini = block.seal_mini(now_us)?;
        self.spent.seal = began.elapsed();
        self.shared.metrics.seal.note(self.spent.seal);
        count(&self.shared.metrics.minis, 1);
        count(&self.shared.metrics.gas, mini.gas_used);
        self.shared.source.committed(&mini);
        self.progress.open.push(mini.clone());
        self.send(Sealed::Mini(mini))
    }

    fn note_interval(&mut self, now_us: u64) {
        let spent = std::mem::take(&mut self.spent);
        let Some(before_us) = self.sealed_us.replace(now_us) else {
            return;
        };
        let metrics = &self.shared.metrics;
        let interval_us = now_us.saturating_sub(before_us);
        metrics.intervals.note(Duration::from_micros(interval_us));
        let wanted_us = self.shared.chain.config.mini_block_time_us;
        if interval_us.abs_diff(wanted_us) <= wanted_us / 2 {
            count(&metrics.on_time, 1);
        } else if interval_us > wanted_us {
            let cause = spent.blame(Duration::from_micros(interval_us - wanted_us));
            metrics.late.note(Duration::from_micros(interval_us), cause);
        }
    }

    fn close(&mut self, block: OpenBlock) -> Result<(), Halted> {
        let began = Instant::now();
        let (record, undo, nodes) = block.close(&mut self.progress.followers)?;
        self.spent.close = began.elapsed();
        self.shared.metrics.close.note(self.spent.close);
        count(&self.shared.metrics.blocks, 1);
        self.progress.parent = record.clone();
        self.progress.open.clear();
        self.send(Sealed::Block {
            record,
            undo,
            nodes,
        })
    }

    /// Hands over, waiting while the log is behind. If nobody listens any more, building ends.
    fn send(&mut self, mut sealed: Sealed) -> Result<(), Halted> {
        let began = Instant::now();
        loop {
            match self.out.send_timeout(sealed, LOG_PATIENCE) {
                Ok(()) => {
                    self.spent.log += began.elapsed();
                    return Ok(());
                }
                Err(SendTimeoutError::Timeout(back)) if !self.shared.stop.is_set() => sealed = back,
                Err(_) => return Err(Halted::Stopped),
            }
        }
    }
}

/// Goes on until a mini-block must be sealed, or something better has come.
struct Until<'a> {
    deadline_us: u64,
    /// The best rank of what was not taken. Only a sender's later transaction can rank better than one that
    /// was, and that has to wait.
    left_behind: u64,
    begun: bool,
    clock: &'a mut Clock,
    /// What a transaction has taken at most since the last seal.
    longest: &'a mut Duration,
    shared: &'a Shared,
}

impl Pace for Until<'_> {
    fn now_us(&mut self) -> u64 {
        self.clock.now_us()
    }

    fn goes_on(&mut self, next: &PoolTx) -> bool {
        let shared = self.shared;
        if self.clock.now_us() >= self.deadline_us || shared.stop.is_set() {
            return false;
        }
        let source = &shared.source;
        let outranked = source.best_rank() > self.left_behind.max(source.rank(next));
        !(std::mem::replace(&mut self.begun, true) && outranked)
    }

    fn executed(&mut self, took: Duration) {
        self.shared.metrics.execute.note(took);
        *self.longest = took.max(*self.longest);
    }
}

/// A flag that a sleeping thread hears of.
#[derive(Default)]
pub(super) struct StopSignal {
    set: Mutex<bool>,
    changed: Condvar,
}

impl StopSignal {
    fn set(&self) {
        *self.set.lock() = true;
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.set.lock()
    }

    /// Sleeps until the deadline, or less if the flag is set; tells whether it is.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut set = self.set.lock();
        while !*set {
            if self.changed.wait_until(&mut set, deadline).timed_out() {
                break;
            }
        }
        *set
    }
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
