//! What authenticated state costs, for the benchmark: the same work on any machine, in SALT and in an
//! Ethereum trie; how fast transactions are executed, and how fast the machine recovers senders. Nothing of the
//! node depends on this.
//!
//! The keys are slots of one contract, as a token's balances are: in SALT they spread over all buckets,
//! in an Ethereum trie they are that contract's storage trie. First the state is filled, then batches
//! of changes are made, half of them to slots that exist and half to new ones.

pub(crate) mod execution;
pub(crate) mod mpt;
pub(crate) mod recovery;
pub(crate) mod salt;

/// One slot and the value that it gets.
#[derive(Clone, Copy, Debug)]
struct Slot {
    slot: [u8; 32],
    value: [u8; 32],
}

/// What batches of one size cost, all repetitions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Batches {
    /// Changes in one batch.
    pub size: usize,
    /// Threads that could work.
    pub threads: usize,
    /// Changes made.
    pub keys: usize,
    /// Wall-clock time from the changes to the new root.
    pub seconds: f64,
    /// Products of a scalar and a generator (SALT only).
    pub products: usize,
    /// Trie nodes that changed.
    pub nodes: usize,
    /// Bytes to be written so that keys, values and nodes survive.
    pub bytes_written: usize,
}

/// All that was measured.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Measured {
    /// Slots that the state held before the batches.
    pub held: usize,
    /// Bytes by which filling the state enlarged the process; `None` where the system doesn't tell.
    pub memory: Option<usize>,
    /// By size and threads.
    pub batches: Vec<Batches>,
}

/// Small batches are repeated until so many keys have changed.
const ENOUGH_KEYS: usize = 20_000;
/// The state is filled in batches of this many.
const FILLING: usize = 200_000;

/// Hands out changes that look random and are always the same.
#[derive(Debug)]
struct Workload {
    held: u64,
    next_old: u64,
    next_new: u64,
    generation: u64,
}

impl Workload {
    const fn new(held: usize) -> Self {
        Self {
            held: held as u64,
            next_old: 0,
            next_new: held as u64,
            generation: 0,
        }
    }

    /// What fills the state, piece by piece.
    fn filling(&self) -> impl Iterator<Item = Vec<Slot>> + use<> {
        let held = self.held;
        (0..held).step_by(FILLING).map(move |first| {
            (first..held.min(first + FILLING as u64))
                .map(|number| slot(number, 0))
                .collect()
        })
    }

    /// The next batch: half of it exists.
    fn batch(&mut self, size: usize) -> Vec<Slot> {
        self.generation += 1;
        let old = (size as u64 / 2).min(self.held);
        let new = size as u64 - old;
        let (first_old, first_new) = (self.next_old, self.next_new);
        self.next_old += old;
        self.next_new += new;
        (first_old..first_old + old)
            .map(|number| number % self.held)
            .chain(first_new..first_new + new)
            .map(|number| slot(number, self.generation))
            .collect()
    }
}

/// A slot of a mapping, and an amount of a token with 18 decimals.
fn slot(number: u64, generation: u64) -> Slot {
    let mut value = [0; 32];
    let amount = blake3::hash(&[number.to_le_bytes(), generation.to_le_bytes()].concat());
    value[22..].copy_from_slice(&amount.as_bytes()[..10]);
    Slot {
        slot: *blake3::hash(&number.to_le_bytes()).as_bytes(),
        value,
    }
}

/// How often a batch of this size is made.
const fn repetitions(size: usize) -> usize {
    if size == 0 {
        return 0;
    }
    ENOUGH_KEYS.div_ceil(size)
}

/// Resident memory of this process, where Linux tells it.
fn resident() -> Option<usize> {
    const PAGE: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}
