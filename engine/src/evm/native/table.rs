//! Which contracts have native code, and which would profit: counted per contract, by code hash.
//!
//! Threads: any number of EVMs read, each through a [`Directory`] of its own, so that a frame costs one
//! lookup without a lock. Loading is rare and raises a version that makes the directories look again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_primitives::{B256, map::B256Map};
use mega_evm::MegaSpecId;
use parking_lot::{Condvar, Mutex, RwLock};

use super::{
    coverage::Coverage,
    entry::NativeRun,
    loader::{LoadError, ObjectCode},
    slices::SliceBudget,
};

/// So many contracts are counted; then the colder half is forgotten.
const MAX_COUNTED: usize = 16_384;
/// So many contracts a directory knows; then it begins anew.
const MAX_LISTED: usize = 4096;
/// A directory hands its counts over after so many frames.
const FRAMES_BETWEEN_REPORTS: u32 = 256;
/// One in so many runs is timed.
const TIMED: u64 = 16;

/// The native code of a chain's contracts, and the counters.
#[derive(Debug)]
pub(crate) struct NativeTable {
    /// The rules by which code here was compiled.
    spec: MegaSpecId,
    pace: SliceBudget,
    codes: RwLock<B256Map<Arc<NativeCode>>>,
    watched: RwLock<B256Map<Arc<Coverage>>>,
    /// Raised whenever `codes` or `watched` change.
    version: AtomicU64,
    /// Whether anyone wants to know what is interpreted.
    counting: AtomicBool,
    interpreted: Mutex<B256Map<Counted>>,
    news: News,
}

/// Whether anything was counted since somebody looked.
#[derive(Debug, Default)]
struct News {
    unread: Mutex<bool>,
    arrived: Condvar,
}

/// A contract's native code.
#[derive(Debug)]
pub(super) struct NativeCode {
    pub(super) object: ObjectCode,
    runs: AtomicU64,
    gas: AtomicU64,
    leaves: AtomicU64,
    timed_gas: AtomicU64,
    timed_nanos: AtomicU64,
}

/// What the interpreter did for a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    runs: u64,
    gas: u64,
    /// Of the gas, what was spent after native code had left at what it left out.
    missed: u64,
    timed_gas: u64,
    timed_nanos: u64,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.gas += other.gas;
        self.missed += other.missed;
        self.timed_gas += other.timed_gas;
        self.timed_nanos += other.timed_nanos;
    }
}

/// A contract that has no native code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompileCandidate {
    /// The hash of its code.
    pub code_hash: B256,
    /// The gas that was spent on interpreting it.
    pub gas: u64,
    /// How often the interpreter entered it.
    pub calls: u64,
}

/// A contract with native code, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContractStatus {
    /// The hash of its code.
    pub code_hash: B256,
    /// The bytes that the native code takes.
    pub size: usize,
    /// How often native code was entered.
    pub runs: u64,
    /// The gas that it spent, with that of its steps.
    pub native_gas: u64,
    /// How often it left the rest to the interpreter: at calls and returns too.
    pub leaves: u64,
    /// Of a sample of the runs: the gas, and the nanoseconds it took.
    pub timed_native: (u64, u64),
    /// How often the interpreter ran the contract, before there was native code or after it left.
    pub interpreted_runs: u64,
    /// The gas that this took.
    pub interpreted_gas: u64,
    /// Of that, what was spent after native code had left at what was not compiled.
    pub missed_gas: u64,
    /// Of a sample of these: the gas, and the nanoseconds it took.
    pub timed_interpreted: (u64, u64),
}

impl NativeTable {
    /// No code yet, for contracts that run by the rules of `spec`.
    pub(crate) fn new(spec: MegaSpecId) -> Self {
        Self::with_slice_budget(spec, SliceBudget::default())
    }

    /// The same, where long frames are interpreted in slices of another length.
    pub(crate) fn with_slice_budget(spec: MegaSpecId, pace: SliceBudget) -> Self {
        Self {
            spec,
            pace,
            codes: RwLock::default(),
            watched: RwLock::default(),
            version: AtomicU64::new(0),
            counting: AtomicBool::new(false),
            interpreted: Mutex::default(),
            news: News::default(),
        }
    }

    /// The rules that code here keeps to.
    pub(crate) fn spec(&self) -> MegaSpecId {
        self.spec
    }

    /// Whether EVMs have any business here: there is code, or somebody wants to know what to compile.
    pub(crate) fn is_in_use(&self) -> bool {
        self.counting.load(Ordering::Relaxed) || self.version.load(Ordering::Relaxed) > 0
    }

    /// Loads the code of a contract, or replaces it. It must have been compiled from the bytecode with this
    /// hash by the rules of [`NativeTable::spec`].
    pub(crate) fn load(&self, code_hash: B256, object: &[u8]) -> Result<(), LoadError> {
        let object = ObjectCode::load(object)?;
        let mut codes = self.codes.write();
        let before = codes.get(&code_hash);
        let counter = |of: fn(&NativeCode) -> &AtomicU64| {
            AtomicU64::new(before.map_or(0, |before| of(before).load(Ordering::Relaxed)))
        };
        let code = NativeCode {
            object,
            runs: counter(|before| &before.runs),
            gas: counter(|before| &before.gas),
            leaves: counter(|before| &before.leaves),
            // Other code has another speed.
            timed_gas: AtomicU64::new(0),
            timed_nanos: AtomicU64::new(0),
        };
        codes.insert(code_hash, Arc::new(code));
        drop(codes);
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The contracts without native code on which the interpreter spent most gas, the hottest first. From
    /// the first question on it is counted.
    pub(crate) fn candidates(&self, limit: usize) -> Vec<CompileCandidate> {
        self.counting.store(true, Ordering::Relaxed);
        *self.news.unread.lock() = false;
        let codes = self.codes.read();
        let mut candidates: Vec<_> = self
            .interpreted
            .lock()
            .iter()
            .filter(|(hash, _)| !codes.contains_key(*hash))
            .map(|(code_hash, counted)| CompileCandidate {
                code_hash: *code_hash,
                gas: counted.gas,
                calls: counted.runs,
            })
            .collect();
        candidates.sort_unstable_by_key(|candidate| {
            (std::cmp::Reverse(candidate.gas), candidate.code_hash)
        });
        candidates.truncate(limit);
        candidates
    }

    /// Counts from now on what is executed of a contract, while it is interpreted.
    pub(crate) fn watch(&self, code_hash: B256, code_len: usize) {
        let coverage = Arc::new(Coverage::new(code_len));
        self.watched.write().insert(code_hash, coverage);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How often each of a watched contract's instructions was executed, by pc: 32 bits each, little-endian.
    pub(crate) fn seen(&self, code_hash: &B256) -> Option<Vec<u8>> {
        let coverage = self.watched.read().get(code_hash).cloned();
        coverage.map(|coverage| coverage.to_bytes())
    }

    /// Counts it no longer.
    pub(crate) fn unwatch(&self, code_hash: &B256) {
        if self.watched.write().remove(code_hash).is_some() {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// The contracts whose native code left at what was not compiled, with the gas that the interpreter
    /// spent from there on, most first.
    pub(crate) fn missing(&self, limit: usize) -> Vec<(B256, u64)> {
        let codes = self.codes.read();
        let mut missing: Vec<_> = self
            .interpreted
            .lock()
            .iter()
            .filter(|(hash, counted)| counted.missed > 0 && codes.contains_key(*hash))
            .map(|(code_hash, counted)| (*code_hash, counted.missed))
            .collect();
        missing.sort_unstable_by_key(|(code_hash, gas)| (std::cmp::Reverse(*gas), *code_hash));
        missing.truncate(limit);
        missing
    }

    /// Waits until more was interpreted than [`NativeTable::candidates`] or this has told of; whether it
    /// was before the time was out.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        self.counting.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + patience;
        let mut unread = self.news.unread.lock();
        while !*unread
            && !self
                .news
                .arrived
                .wait_until(&mut unread, deadline)
                .timed_out()
        {}
        std::mem::take(&mut *unread)
    }

    /// The contracts with native code, by hash.
    pub(crate) fn status(&self) -> Vec<ContractStatus> {
        let interpreted = self.interpreted.lock();
        let mut all: Vec<_> = self
            .codes
            .read()
            .iter()
            .map(|(code_hash, code)| {
                let counted = interpreted.get(code_hash).copied().unwrap_or_default();
                let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
                ContractStatus {
                    code_hash: *code_hash,
                    size: code.object.len(),
                    runs: read(&code.runs),
                    native_gas: read(&code.gas),
                    leaves: read(&code.leaves),
                    timed_native: (read(&code.timed_gas), read(&code.timed_nanos)),
                    interpreted_runs: counted.runs,
                    interpreted_gas: counted.gas,
                    missed_gas: counted.missed,
                    timed_interpreted: (counted.timed_gas, counted.timed_nanos),
                }
            })
            .collect();
        all.sort_unstable_by_key(|status| status.code_hash);
        all
    }

    fn add_interpreted(&self, counts: impl Iterator<Item = (B256, Counted)>) {
        let mut all = self.interpreted.lock();
        for (code_hash, counted) in counts {
            all.entry(code_hash).or_default().add(counted);
        }
        if all.len() > MAX_COUNTED {
            let mut gas: Vec<_> = all.values().map(|counted| counted.gas).collect();
            let (_, median, _) = gas.select_nth_unstable(MAX_COUNTED / 2);
            let median = *median;
            all.retain(|_, counted| counted.gas > median);
        }
        drop(all);
        *self.news.unread.lock() = true;
        self.news.arrived.notify_all();
    }
}

/// The contracts with native code, in JSON.
pub(crate) fn status_of(table: &NativeTable) -> serde_json::Value {
    let contracts = table.status().into_iter().map(|contract| {
        serde_json::json!({
            "codeHash": contract.code_hash,
            "size": contract.size,
            "runs": contract.runs,
            "nativeGas": contract.native_gas,
            "leaves": contract.leaves,
            "timedNativeGas": contract.timed_native.0,
            "timedNativeNanos": contract.timed_native.1,
            "interpretedRuns": contract.interpreted_runs,
            "interpretedGas": contract.interpreted_gas,
            "missedGas": contract.missed_gas,
            "timedInterpretedGas": contract.timed_interpreted.0,
            "timedInterpretedNanos": contract.timed_interpreted.1,
        })
    });
    contracts.collect()
}

impl NativeCode {
    /// Whether the next run is one of the sample.
    pub(super) fn is_timed(&self) -> bool {
        self.runs.load(Ordering::Relaxed).is_multiple_of(TIMED)
    }

    /// Counts a run, with the nanoseconds it took if it was timed.
    pub(super) fn count(&self, run: NativeRun, nanos: Option<u64>) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.gas.fetch_add(run.gas, Ordering::Relaxed);
        self.leaves
            .fetch_add(u64::from(run.left), Ordering::Relaxed);
        if let Some(nanos) = nanos {
            self.timed_gas.fetch_add(run.gas, Ordering::Relaxed);
            self.timed_nanos.fetch_add(nanos, Ordering::Relaxed);
        }
    }
}

/// What one EVM knows of the table.
pub(super) struct Directory {
    table: Arc<NativeTable>,
    version: u64,
    entries: HashMap<B256, Listed, alloy_primitives::map::FbBuildHasher<32>>,
    frames: u32,
}

/// What a directory knows of a contract.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) code: Option<Arc<NativeCode>>,
    /// Where to count what the interpreter executes, if somebody wants to know.
    pub(super) coverage: Option<Arc<Coverage>>,
    counted: Counted,
}

impl Directory {
    pub(super) fn new(table: Arc<NativeTable>) -> Self {
        Self {
            version: 0,
            entries: HashMap::default(),
            frames: 0,
            table,
        }
    }

    /// How long frames are interpreted.
    pub(super) fn pace(&self) -> SliceBudget {
        self.table.pace
    }

    /// Whether there is anything to look up or to count.
    pub(super) fn is_in_use(&self) -> bool {
        self.table.is_in_use()
    }

    /// The contract with this code.
    pub(super) fn find(&mut self, code_hash: B256) -> &mut Listed {
        let version = self.table.version.load(Ordering::Acquire);
        if version != self.version || self.frames >= FRAMES_BETWEEN_REPORTS {
            self.report();
        }
        if version != self.version || self.entries.len() >= MAX_LISTED {
            self.entries.clear();
            self.version = version;
        }
        self.frames += 1;
        self.entries.entry(code_hash).or_insert_with(|| Listed {
            code: self.table.codes.read().get(&code_hash).cloned(),
            coverage: self.table.watched.read().get(&code_hash).cloned(),
            counted: Counted::default(),
        })
    }

    /// Hands the counts over while a frame is still running; the contract, as it is known by now.
    pub(super) fn tell(&mut self, code_hash: B256) -> &mut Listed {
        self.report();
        self.find(code_hash)
    }

    /// Hands the counts over.
    fn report(&mut self) {
        self.frames = 0;
        let counts = self.entries.iter_mut().filter_map(|(hash, listed)| {
            let counted = std::mem::take(&mut listed.counted);
            (counted != Counted::default()).then_some((*hash, counted))
        });
        self.table.add_interpreted(counts);
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.entries.is_empty() {
            self.report();
        }
    }
}

impl Listed {
    /// Whether the next interpreted run is one of the sample.
    pub(super) fn is_timed(&self) -> bool {
        self.counted.runs.is_multiple_of(TIMED)
    }

    /// Counts a run of the interpreter, which may have been counted in part.
    pub(super) fn count_run(&mut self) {
        self.counted.runs += 1;
    }

    /// Counts what the interpreter did in the place of native code.
    pub(super) fn count_missed(&mut self, gas: u64) {
        self.counted.missed += gas;
    }

    /// Counts what the interpreter did.
    pub(super) fn count_interpreted(&mut self, gas: u64, nanos: Option<u64>) {
        self.counted.gas += gas;
        if let Some(nanos) = nanos {
            self.counted.timed_gas += gas;
            self.counted.timed_nanos += nanos;
        }
    }
}
