//! The whole state in memory, written by one thread and read by many at any retained version.
//!
//! The newest values lie in sharded maps. Before a commit overwrites them it files an *undo layer*:
//! the values that the changed keys had. A reader of version `v` looks the key up in the base and, if
//! commits have begun since `v`, lets the first undo layer from `v` on that knows the key correct it.
//! The layer is filed and the version raised *before* the base is written, so whoever sees a new base
//! value also sees that it must look for a layer.
//!
//! Version = number of mini-blocks committed since genesis, so mini-block `n` makes version `n + 1`.
//! Layers of a closed EVM block are merged into one, unless a reader or the visible head stands inside.
//! The oldest layers go when there are too many blocks, or too many values in them: the archive has them.

mod keys;
mod rewind;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use alloy_primitives::{
    Address, B256, U256,
    map::{HashMap, HashSet},
};
use parking_lot::RwLock;
use revm::bytecode::Bytecode;

use super::{
    change::Change,
    reader::{Place, StateError, StateReader},
};
use crate::block::{PlainAccount, PlainKey, PlainValue, StateDiff};

/// Number of mini-blocks committed since genesis.
pub type Version = u64;

/// Shards keep the pause of a growing map, and the readers' waits, short.
const SHARDS: usize = 64;
/// Values in undo layers at most, so that a busy chain's history doesn't fill the memory: about 200 MB.
const MAX_UNDO_VALUES: usize = 1_000_000;
/// Blocks whose undo layers stay, whatever they hold: their records may still be on their way to the disk.
const MIN_UNDO_BLOCKS: usize = 8;

#[derive(Default)]
struct Shard {
    accounts: HashMap<Address, PlainAccount>,
    slots: HashMap<(Address, B256), U256>,
    /// What was removed here, where absence from the maps says nothing.
    absent: HashSet<PlainKey>,
    /// What was read from below, and perhaps written over since.
    below: HashMap<PlainKey, PlainValue>,
}

impl Shard {
    fn get(&self, key: &PlainKey) -> Option<PlainValue> {
        match key.slot {
            None => {
                let account = self.accounts.get(&key.address).copied();
                account.map(PlainValue::Account)
            }
            Some(slot) => {
                let value = self.slots.get(&(key.address, slot)).copied();
                value.map(PlainValue::Slot)
            }
        }
    }

    /// Likewise, where another state lies below: what was removed, and what was read there, counts too.
    fn get_over(&self, key: &PlainKey) -> Option<PlainValue> {
        match self.get(key) {
            None if self.absent.contains(key) => Some(PlainValue::Absent),
            None => self.below.get(key).copied(),
            found => found,
        }
    }

    fn put(&mut self, key: PlainKey, value: PlainValue) {
        match (key.slot, value) {
            (None, PlainValue::Account(account)) => {
                self.accounts.insert(key.address, account);
            }
            (None, _) => {
                self.accounts.remove(&key.address);
            }
            (Some(slot), PlainValue::Slot(value)) => {
                self.slots.insert((key.address, slot), value);
            }
            (Some(slot), _) => {
                self.slots.remove(&(key.address, slot));
            }
        }
    }
}

/// A state that others are written over. It never changes, and is asked by any thread.
pub trait LowerState: StateReader + Send + Sync {
    /// Waits until what is there can be read without a wait, or until it is clear that nobody finds out.
    fn wait_for(&self, place: Place) -> Result<(), StateError> {
        Err(StateError::Unknown(place))
    }

    /// Whether a block, whose hash may be asked for, belongs to it.
    fn has_block(&self, _number: u64) -> bool {
        false
    }
}

/// What lies under the state in memory.
pub type Base = Arc<dyn LowerState>;

struct Layer {
    /// The version whose values it holds.
    from: Version,
    old: HashMap<PlainKey, PlainValue>,
}

#[derive(Clone, Copy)]
struct Boundary {
    block: u64,
    /// The version when the block began.
    start: Version,
    /// The version when it was sealed.
    end: Version,
    merged: bool,
}

struct History {
    layers: VecDeque<Arc<Layer>>,
    /// Values in all layers.
    values: usize,
    blocks: VecDeque<Boundary>,
    /// The oldest block whose final state can still be read, and its version.
    floor: (u64, Version),
    /// Where the open block began.
    open: Version,
    visible: Version,
    pins: BTreeMap<Version, Pinned>,
}

/// A version that somebody has pinned.
#[derive(Default)]
struct Pinned {
    /// How often.
    count: usize,
    /// The state was rewound to before it.
    is_gone: Arc<AtomicBool>,
}

struct Inner {
    shards: Vec<RwLock<Shard>>,
    codes: RwLock<HashMap<B256, Bytecode>>,
    block_hashes: RwLock<BTreeMap<u64, B256>>,
    version: AtomicU64,
    history: RwLock<History>,
    /// Counts up when the state begins to be rewound, and when it has been.
    rewinds: AtomicU64,
    history_blocks: usize,
    /// Where memory has nothing; without one, nothing is there.
    base: Option<Base>,
}

/// The state; cheap to clone, all clones are the same state.
#[derive(Clone)]
pub struct StateStore {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for StateStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateStore")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// The values that a block's changed keys had before it, sorted by key.
pub type BlockUndo = Vec<(PlainKey, PlainValue)>;

/// Keeps a version readable while it lives, unless the state is rewound to before it.
pub struct Pin {
    world: StateStore,
    version: Version,
    is_gone: Arc<AtomicBool>,
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pin").field(&self.version).finish()
    }
}

impl Pin {
    /// The pinned version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// An error if the state was rewound to before the pinned version.
    pub(super) fn check(&self) -> Result<(), StateError> {
        match self.is_gone.load(Ordering::Acquire) {
            true => Err(StateError::RolledBack),
            false => Ok(()),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut history = self.world.inner.history.write();
        // Another pin of a version with the same number is none of this one's business.
        if self.is_gone.load(Ordering::Acquire) {
            return;
        }
        if let Some(pinned) = history.pins.get_mut(&self.version) {
            pinned.count -= 1;
            if pinned.count == 0 {
                history.pins.remove(&self.version);
            }
        }
    }
}

impl StateStore {
    /// An empty state at version 0 and block 0, keeping `history_blocks` blocks of undo layers.
    pub fn new(history_blocks: usize) -> Self {
        Self::with(history_blocks, None)
    }

    /// Likewise over another state: what memory doesn't hold is read there, and kept.
    pub fn over(base: Base, history_blocks: usize) -> Self {
        Self::with(history_blocks, Some(base))
    }

    fn with(history_blocks: usize, base: Option<Base>) -> Self {
        let history = History {
            layers: VecDeque::new(),
            values: 0,
            blocks: VecDeque::new(),
            floor: (0, 0),
            open: 0,
            visible: 0,
            pins: BTreeMap::new(),
        };
        Self {
            inner: Arc::new(Inner {
                shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
                codes: RwLock::default(),
                block_hashes: RwLock::default(),
                version: AtomicU64::new(0),
                history: RwLock::new(history),
                rewinds: AtomicU64::new(0),
                history_blocks,
                base,
            }),
        }
    }

    // --- the writer -------------------------------------------------------------------------

    /// Overwrites values without an undo layer. Only before anyone reads: genesis and snapshots.
    pub fn load(&self, entries: impl IntoIterator<Item = (PlainKey, PlainValue)>) {
        for (key, value) in entries {
            self.put(key, value);
        }
    }

    /// Adds code, found by its hash.
    pub fn load_code(&self, code: alloy_primitives::Bytes) {
        let hash = alloy_primitives::keccak256(&code);
        let mut codes = self.inner.codes.write();
        codes.entry(hash).or_insert_with(|| Bytecode::new_raw(code));
    }

    /// Declares what is in memory to be the state at the end of `block`, with `version` mini-blocks
    /// committed. Forgets all history. Only before anyone reads.
    pub fn reset_to(&self, block: u64, version: Version) {
        let mut history = self.inner.history.write();
        history.layers.clear();
        history.values = 0;
        history.blocks.clear();
        history.floor = (block, version);
        history.open = version;
        history.visible = version;
        self.inner.version.store(version, Ordering::Release);
    }

    /// Commits a sealed mini-block's diff and files the undo layer. Only the builder calls this.
    pub fn commit(&self, diff: &StateDiff) -> Version {
        for code in &diff.codes {
            self.load_code(code.clone());
        }
        let mut old = HashMap::with_capacity_and_hasher(diff.entries.len(), Default::default());
        for (key, _) in &diff.entries {
            old.insert(*key, self.tip(key));
        }
        let version = {
            let mut history = self.inner.history.write();
            let from = self.version();
            if !old.is_empty() {
                history.values += old.len();
                history.layers.push_back(Arc::new(Layer { from, old }));
            }
            self.inner.version.store(from + 1, Ordering::Release);
            from + 1
        };
        for (key, value) in &diff.entries {
            self.put(*key, *value);
        }
        version
    }

    /// Closes `block`: all commits since the last call belong to it. Returns what its keys held before.
    pub fn close_block(&self, block: u64) -> BlockUndo {
        let undo = self.open_undo();
        self.seal_block(block);
        undo
    }

    /// Closes `block` without telling what it changed.
    pub fn seal_block(&self, block: u64) {
        let mut history = self.inner.history.write();
        let boundary = Boundary {
            block,
            start: history.open,
            end: self.version(),
            merged: false,
        };
        history.open = boundary.end;
        history.blocks.push_back(boundary);
        history.tidy(self.inner.history_blocks);
    }

    /// What the keys that were written since the last closed block held before, sorted by key. Only the
    /// writer may ask.
    pub fn open_undo(&self) -> BlockUndo {
        let layers: Vec<_> = {
            let history = self.inner.history.read();
            let first = history
                .layers
                .partition_point(|layer| layer.from < history.open);
            history.layers.range(first..).cloned().collect()
        };
        let mut undo: BlockUndo = match &layers[..] {
            [only] => only.old.iter().map(|(key, old)| (*key, *old)).collect(),
            several => {
                let mut oldest: HashMap<PlainKey, PlainValue> = HashMap::default();
                for layer in several {
                    for (key, old) in &layer.old {
                        oldest.entry(*key).or_insert(*old);
                    }
                }
                oldest.into_iter().collect()
            }
        };
        undo.sort_unstable_by_key(|(key, _)| *key);
        undo
    }

    /// What the commits since the last closed block have changed in all, sorted by key. Only the writer
    /// may ask.
    pub fn open_changes(&self) -> Vec<Change> {
        self.open_undo()
            .into_iter()
            .map(|(key, old)| Change {
                key,
                old,
                new: self.tip(&key),
            })
            .filter(|change| change.old != change.new)
            .collect()
    }

    /// Moves the visible head, which readers of "latest" pin.
    pub fn set_visible(&self, version: Version) {
        let mut history = self.inner.history.write();
        history.visible = history.visible.max(version.min(self.version()));
        history.tidy(self.inner.history_blocks);
    }

    /// Remembers a block's hash for BLOCKHASH.
    pub fn put_block_hash(&self, block: u64, hash: B256) {
        let mut hashes = self.inner.block_hashes.write();
        hashes.insert(block, hash);
        while hashes.len() > 256 + self.inner.history_blocks {
            hashes.pop_first();
        }
    }

    fn put(&self, key: PlainKey, value: PlainValue) {
        let mut shard = self.shard(&key).write();
        shard.put(key, value);
        if self.inner.base.is_some() {
            match value {
                PlainValue::Absent => shard.absent.insert(key),
                _ => shard.absent.remove(&key),
            };
        }
    }

    // --- readers ----------------------------------------------------------------------------

    /// The newest version, visible or not.
    pub fn version(&self) -> Version {
        self.inner.version.load(Ordering::Acquire)
    }

    /// The newest value, visible or not, as memory has it: right for whatever was ever read or written. For the
    /// writer and for loading.
    pub fn tip(&self, key: &PlainKey) -> PlainValue {
        self.found(key).unwrap_or_default()
    }

    /// The newest value, visible or not, from wherever it is. Stays in memory.
    pub fn read(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        match (self.found(key), &self.inner.base) {
            (Some(value), _) => Ok(value),
            (None, None) => Ok(PlainValue::Absent),
            (None, Some(base)) => self.read_below(base, key),
        }
    }

    #[cold]
    fn read_below(&self, base: &Base, key: &PlainKey) -> Result<PlainValue, StateError> {
        let value = base.value(key)?;
        self.shard(key).write().below.insert(*key, value);
        // The writer may have been here meanwhile.
        Ok(self.tip(key))
    }

    /// Likewise, waiting where it isn't known, and yet.
    pub fn learn(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        self.patiently(|| self.read(key))
    }

    /// Waits until a place below can be read, or nobody finds out. Never for the writer.
    pub fn wait_for(&self, place: Place) -> Result<(), StateError> {
        match &self.inner.base {
            Some(base) => base.wait_for(place),
            None => Ok(()),
        }
    }

    /// Reads until what is read is known, or nobody finds out. Blocks; never for the writer.
    pub(super) fn patiently<T>(
        &self,
        read: impl Fn() -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        loop {
            match (read(), &self.inner.base) {
                (Err(StateError::Unknown(place)), Some(base)) => base.wait_for(place)?,
                (outcome, _) => return outcome,
            }
        }
    }

    /// What memory has.
    fn found(&self, key: &PlainKey) -> Option<PlainValue> {
        let shard = self.shard(key).read();
        match self.inner.base {
            None => shard.get(key),
            Some(_) => shard.get_over(key),
        }
    }

    /// Code by its hash, from wherever it is.
    pub fn read_code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match (self.code(&hash), &self.inner.base) {
            (Some(code), _) => Ok(code),
            (None, Some(base)) => base.code(hash),
            (None, None) => Err(StateError::MissingCode(hash)),
        }
    }

    /// The hash of a block before the first one here, where that is known below.
    pub(super) fn block_hash_below(&self, number: u64) -> Option<Result<B256, StateError>> {
        let base = self.inner.base.as_ref()?;
        base.has_block(number).then(|| base.block_hash(number))
    }

    /// The newest state of an account, visible or not, as memory has it.
    pub fn tip_account(&self, address: Address) -> Option<PlainAccount> {
        self.tip(&PlainKey::account(address)).as_account()
    }

    /// The value at a version that the caller has pinned.
    pub(super) fn value_at(&self, key: &PlainKey, pin: &Pin) -> Result<PlainValue, StateError> {
        loop {
            let rewinds = self.inner.rewinds.load(Ordering::Acquire);
            let value = self.value_at_version(key, pin.version);
            pin.check()?;
            let is_settled = rewinds.is_multiple_of(2);
            if is_settled && self.inner.rewinds.load(Ordering::Acquire) == rewinds {
                return value;
            }
            // Whoever rewinds holds the lock until it is done.
            drop(self.inner.history.read());
        }
    }

    fn value_at_version(&self, key: &PlainKey, version: Version) -> Result<PlainValue, StateError> {
        // What only readers ask for doesn't stay here.
        let newest = match (self.found(key), &self.inner.base) {
            (Some(value), _) => Ok(value),
            (None, None) => Ok(PlainValue::Absent),
            (None, Some(base)) => {
                let below = base.value(key);
                // The writer may have been here meanwhile.
                self.found(key).map_or(below, Ok)
            }
        };
        if self.version() == version {
            return newest;
        }
        let history = self.inner.history.read();
        let first = history.layers.partition_point(|layer| layer.from < version);
        history
            .layers
            .range(first..)
            .find_map(|layer| layer.old.get(key).copied())
            .map_or(newest, Ok)
    }

    /// Code by its hash.
    pub fn code(&self, hash: &B256) -> Option<Bytecode> {
        self.inner.codes.read().get(hash).cloned()
    }

    /// Whether the code with this hash is known.
    pub fn has_code(&self, hash: &B256) -> bool {
        self.inner.codes.read().contains_key(hash)
    }

    /// A recent block's hash.
    pub fn block_hash(&self, block: u64) -> Option<B256> {
        self.inner.block_hashes.read().get(&block).copied()
    }

    /// Pins the visible head.
    pub fn pin_visible(&self) -> Pin {
        let mut history = self.inner.history.write();
        let version = history.visible;
        self.pin_locked(&mut history, version)
    }

    /// Pins the state at the end of `block`, if it is retained and closed.
    pub fn pin_block(&self, block: u64) -> Option<Pin> {
        let mut history = self.inner.history.write();
        let version = history.block_end(block)?;
        Some(self.pin_locked(&mut history, version))
    }

    /// Pins any version that is still told apart from its neighbours.
    pub fn pin_version(&self, version: Version) -> Option<Pin> {
        let mut history = self.inner.history.write();
        let inside_merged = history
            .blocks
            .iter()
            .any(|b| b.merged && b.start < version && version < b.end);
        if version < history.floor.1 || version > self.version() || inside_merged {
            return None;
        }
        Some(self.pin_locked(&mut history, version))
    }

    /// The oldest block whose final state is retained.
    pub fn oldest_block(&self) -> u64 {
        self.inner.history.read().floor.0
    }

    /// Pins the oldest retained block's final state, which older views build upon.
    pub fn pin_oldest(&self) -> (u64, Pin) {
        let mut history = self.inner.history.write();
        let (block, version) = history.floor;
        (block, self.pin_locked(&mut history, version))
    }

    fn pin_locked(&self, history: &mut History, version: Version) -> Pin {
        let pinned = history.pins.entry(version).or_default();
        pinned.count += 1;
        Pin {
            world: self.clone(),
            version,
            is_gone: pinned.is_gone.clone(),
        }
    }

    /// Calls `visit` with every entry, in no order. For snapshots and commitments at start; commits
    /// between shards may or may not be seen.
    pub fn for_each(&self, mut visit: impl FnMut(PlainKey, PlainValue)) {
        for shard in &self.inner.shards {
            let shard = shard.read();
            for (address, account) in &shard.accounts {
                visit(PlainKey::account(*address), PlainValue::Account(*account));
            }
            for ((address, slot), value) in &shard.slots {
                visit(
                    PlainKey {
                        address: *address,
                        slot: Some(*slot),
                    },
                    PlainValue::Slot(*value),
                );
            }
        }
    }

    /// Whether memory holds all of the state: no other one lies under it.
    pub fn is_whole(&self) -> bool {
        self.inner.base.is_none()
    }

    /// How many accounts and slots there are.
    pub fn len(&self) -> (usize, usize) {
        self.inner
            .shards
            .iter()
            .fold((0, 0), |(accounts, slots), shard| {
                let shard = shard.read();
                (accounts + shard.accounts.len(), slots + shard.slots.len())
            })
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    fn shard(&self, key: &PlainKey) -> &RwLock<Shard> {
        // Slots of hot contracts are hashes or small numbers, so both ends of the key are mixed.
        let tail = key.slot.map_or(0, |slot| slot[31] ^ slot[0]);
        &self.inner.shards[usize::from(key.address[19] ^ tail) % SHARDS]
    }
}

impl History {
    /// The version at the end of a retained block.
    fn block_end(&self, block: u64) -> Option<Version> {
        if block == self.floor.0 {
            return Some(self.floor.1);
        }
        let first = self.blocks.front()?.block;
        let index = usize::try_from(block.checked_sub(first)?).ok()?;
        self.blocks.get(index).map(|boundary| boundary.end)
    }

    fn layers_of(&self, block: Boundary) -> std::ops::Range<usize> {
        let start = self
            .layers
            .partition_point(|layer| layer.from < block.start);
        let end = self.layers.partition_point(|layer| layer.from < block.end);
        start..end
    }

    /// One layer for the whole block: the oldest value of each key.
    fn merged_layer(&self, block: Boundary) -> Layer {
        let mut old = HashMap::default();
        for layer in self.layers.range(self.layers_of(block)) {
            for (key, value) in &layer.old {
                old.entry(*key).or_insert(*value);
            }
        }
        Layer {
            from: block.start,
            old,
        }
    }

    /// Makes one layer of a block's layers.
    fn merge(&mut self, block: Boundary) {
        let range = self.layers_of(block);
        // A lone layer of a later mini-block needs the block's version: its old values are also the block's.
        if range.is_empty() || (range.len() == 1 && self.layers[range.start].from == block.start) {
            return;
        }
        let merged = self.merged_layer(block);
        self.values = self.values + merged.old.len() - self.values_in(range.clone());
        self.layers.drain(range.start + 1..range.end);
        self.layers[range.start] = Arc::new(merged);
    }

    fn values_in(&self, layers: std::ops::Range<usize>) -> usize {
        self.layers.range(layers).map(|layer| layer.old.len()).sum()
    }

    /// Merges the layers of closed blocks and drops those too old, where nobody stands in the way.
    fn tidy(&mut self, keep: usize) {
        for index in 0..self.blocks.len() {
            let block = self.blocks[index];
            if block.merged || block.end > self.visible {
                continue;
            }
            if self
                .pins
                .range(block.start + 1..block.end.max(block.start + 1))
                .next()
                .is_some()
            {
                continue;
            }
            self.merge(block);
            self.blocks[index].merged = true;
        }
        while self.blocks.len() > keep
            || (self.values > MAX_UNDO_VALUES && self.blocks.len() > MIN_UNDO_BLOCKS)
        {
            let Some(block) = self.blocks.front().copied() else {
                break;
            };
            let pinned = self.pins.range(..block.end).next().is_some();
            if pinned || !block.merged {
                break;
            }
            let range = self.layers_of(block);
            self.values -= self.values_in(range.clone());
            self.layers.drain(range);
            self.floor = (block.block, block.end);
            self.blocks.pop_front();
        }
    }
}
