//! How blocks come about, and what time they tell: set by JSON-RPC, obeyed by the builder.
//!
//! Time is the wall clock's, moved by an offset. The builder looks at [`Mining::is_time_set_anew`] to see that something has
//! been set; whoever sets something wakes it.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};

/// Microseconds in a second.
const SECOND_US: i128 = 1_000_000;

/// No interval leads beyond this second: the microseconds of later ones soon don't fit 64 bits.
const LATEST: u64 = 1 << 43;

/// When a block is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MiningMode {
    /// When its time is over; mini-blocks go on meanwhile.
    #[default]
    Continuous,
    /// With each transaction.
    Automine,
    /// When it is asked for.
    Manual,
}

/// Blocks that somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct WantedBlocks {
    /// How many.
    pub(crate) count: u64,
    /// Seconds from one to the next; nothing for as time goes.
    pub(crate) interval_s: Option<u64>,
    /// Whether the first one is so many seconds later as well.
    pub(crate) pauses_first: bool,
    /// Is sent the last one's number when it is closed.
    pub(crate) closed: Sender<u64>,
}

#[derive(Debug)]
struct State {
    mode: MiningMode,
    block_time_us: u64,
    /// What the clock is ahead of the machine's.
    offset_us: i128,
    next_timestamp: Option<u64>,
    interval_s: Option<u64>,
    wanted: VecDeque<WantedBlocks>,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Mining {
    state: Mutex<State>,
    /// Changes whenever the clock or the next timestamp is set.
    version: AtomicU64,
    /// The version that the open block's time is of.
    followed: AtomicU64,
    /// The mini-block that is handed over with the block that it closes.
    closing: AtomicU64,
    /// The newest block that can be seen.
    shown: Mutex<u64>,
    on_shown: Condvar,
}

impl Mining {
    /// As the configuration wants it.
    pub(super) fn new(mode: MiningMode, block_time_us: u64) -> Self {
        let state = State {
            mode,
            block_time_us,
            offset_us: 0,
            next_timestamp: None,
            interval_s: None,
            wanted: VecDeque::new(),
        };
        Self {
            state: Mutex::new(state),
            version: AtomicU64::default(),
            followed: AtomicU64::default(),
            closing: AtomicU64::new(u64::MAX),
            shown: Mutex::default(),
            on_shown: Condvar::new(),
        }
    }

    /// Whether somebody has set the clock or a timestamp since the open block took its time: it is closed, and what comes
    /// next gets into another.
    pub(crate) fn is_time_set_anew(&self) -> bool {
        self.version.load(Ordering::Acquire) != self.followed.load(Ordering::Acquire)
    }

    /// The builder goes on in the time that is set, with the block that it finds open.
    pub(crate) fn follow(&self) {
        let version = self.version.load(Ordering::Acquire);
        self.followed.store(version, Ordering::Release);
    }

    fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.version.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// When blocks are closed.
    pub(crate) fn mode(&self) -> MiningMode {
        self.state.lock().mode
    }

    /// How long a block of continuous building is.
    pub(crate) fn block_time_us(&self) -> u64 {
        self.state.lock().block_time_us
    }

    /// Closes blocks otherwise from now on.
    pub(crate) fn set_mode(&self, mode: MiningMode) {
        self.state.lock().mode = mode;
    }

    /// Closes a block after each such time from now on.
    pub(crate) fn set_block_time(&self, block_time_us: u64) {
        let mut state = self.state.lock();
        state.mode = MiningMode::Continuous;
        state.block_time_us = block_time_us;
    }

    /// What the clock is ahead of the machine's, in microseconds.
    pub(crate) fn offset_us(&self) -> i128 {
        self.state.lock().offset_us
    }

    /// The time, in seconds.
    pub(crate) fn now_s(&self) -> u64 {
        now_s(&self.state.lock())
    }

    /// Moves the clock on. Seconds that it is ahead then.
    pub(crate) fn increase_time(&self, seconds: u64) -> i128 {
        self.set(|state| {
            state.offset_us += i128::from(seconds) * SECOND_US;
            state.offset_us.div_euclid(SECOND_US)
        })
    }

    /// Sets the clock to this second.
    pub(crate) fn set_time(&self, timestamp: u64) {
        self.set(|state| set_clock(state, timestamp));
    }

    /// Gives the next block that is opened this timestamp; time goes on from there.
    pub(crate) fn set_next_timestamp(&self, timestamp: u64) {
        self.set(|state| state.next_timestamp = Some(timestamp));
    }

    /// Gives blocks timestamps that are so many seconds apart, or as time goes. Whether it was the former before.
    pub(crate) fn set_interval(&self, seconds: Option<u64>) -> bool {
        self.set(|state| std::mem::replace(&mut state.interval_s, seconds).is_some())
    }

    /// The timestamp of the block that is opened now upon one with `parent`'s, if somebody has chosen it: never below
    /// `least`. What is set from here on is too late for this block, even if the clock that is read later shows it.
    pub(crate) fn take_chosen_timestamp(&self, parent: u64, least: u64) -> Option<u64> {
        let mut state = self.state.lock();
        let chosen = chosen_timestamp(&state, parent, least);
        if state.next_timestamp.take().is_some()
            && let Some(timestamp) = chosen
        {
            set_clock(&mut state, timestamp);
            self.version.fetch_add(1, Ordering::AcqRel);
        }
        self.follow();
        chosen
    }

    /// The timestamp that a block would have which is opened now upon one with `parent`'s.
    pub(super) fn next_timestamp(&self, parent: u64) -> u64 {
        let state = self.state.lock();
        // Blocks that time closes in less than a second may share theirs.
        let repeats = state.mode == MiningMode::Continuous && state.block_time_us < 1_000_000;
        let least = parent.saturating_add(u64::from(!repeats));
        chosen_timestamp(&state, parent, least).unwrap_or_else(|| now_s(&state).max(least))
    }

    /// Asks for blocks; the builder has to be woken.
    pub(crate) fn want(&self, blocks: WantedBlocks) {
        self.state.lock().wanted.push_back(blocks);
    }

    /// Whether somebody waits for blocks.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.state.lock().wanted.is_empty()
    }

    /// What was asked for first.
    pub(crate) fn take_wanted(&self) -> Option<WantedBlocks> {
        self.state.lock().wanted.pop_front()
    }

    /// Nobody builds: who waits for blocks is told so.
    pub(crate) fn refuse_all(&self) {
        self.state.lock().wanted.clear();
    }

    /// This mini-block is followed by its block at once: they are written, and shown, together.
    pub(crate) fn close_with(&self, mini: u64) {
        self.closing.store(mini, Ordering::Release);
    }

    /// Whether that is this one.
    pub(crate) fn is_closing(&self, mini: u64) -> bool {
        self.closing.load(Ordering::Acquire) == mini
    }

    /// Everything up to this block can be seen.
    pub(super) fn show(&self, block: u64) {
        *self.shown.lock() = block;
        self.on_shown.notify_all();
    }

    /// Waits until it can; whether it can by then.
    pub(crate) fn wait_shown(&self, block: u64, deadline: Instant) -> bool {
        let mut shown = self.shown.lock();
        while *shown < block {
            if self.on_shown.wait_until(&mut shown, deadline).timed_out() {
                break;
            }
        }
        *shown >= block
    }

    /// The chain is rolled back to this block, and to this time in microseconds, from which the clock goes on; without
    /// one it is the machine's again.
    pub(super) fn rewind(&self, block: u64, clock_us: Option<u64>) {
        self.set(|state| {
            state.offset_us = clock_us.map_or(0, |clock_us| i128::from(clock_us) - wall_us());
            state.next_timestamp = None;
        });
        self.follow();
        self.closing.store(u64::MAX, Ordering::Release);
        *self.shown.lock() = block;
    }

    /// Sets a clock that is behind the newest block: one whose chain was ahead of the machine's before a restart, or has
    /// had more blocks than seconds.
    pub(crate) fn catch_up_with(&self, newest: u64) {
        let mut state = self.state.lock();
        if newest > now_s(&state) {
            set_clock(&mut state, newest);
            self.version.fetch_add(1, Ordering::AcqRel);
        }
    }
}

fn chosen_timestamp(state: &State, parent: u64, least: u64) -> Option<u64> {
    let apart = |seconds| parent.saturating_add(seconds).min(LATEST);
    let chosen = state.next_timestamp.or(state.interval_s.map(apart));
    chosen.map(|timestamp| timestamp.max(least))
}

fn set_clock(state: &mut State, timestamp: u64) {
    state.offset_us = i128::from(timestamp) * SECOND_US - wall_us();
}

fn now_s(state: &State) -> u64 {
    let now_us = (wall_us() + state.offset_us).max(0);
    u64::try_from(now_us / SECOND_US).unwrap_or(u64::MAX)
}

fn wall_us() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as i128)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn mining() -> Mining {
        Mining::new(MiningMode::Manual, 1_000_000)
    }

    #[test]
    fn a_chosen_timestamp_is_taken_once_and_moves_the_clock() {
        let mining = mining();
        let there = mining.now_s() + 10_000;
        mining.set_next_timestamp(there);
        assert_eq!(mining.take_chosen_timestamp(5, 6), Some(there));
        assert_eq!(mining.take_chosen_timestamp(5, 6), None);
        assert!((there..there + 60).contains(&mining.now_s()));
        // A parent that is later already comes first.
        mining.set_next_timestamp(there);
        assert_eq!(
            mining.take_chosen_timestamp(there, there + 1),
            Some(there + 1)
        );
    }

    #[test]
    fn what_is_set_after_a_block_took_its_time_is_another_versions() {
        let mining = mining();
        mining.take_chosen_timestamp(5, 6);
        assert!(!mining.is_time_set_anew());
        mining.set_next_timestamp(mining.now_s() + 10_000);
        assert!(mining.is_time_set_anew());
        assert!(mining.take_chosen_timestamp(5, 6).is_some());
        assert!(!mining.is_time_set_anew());
        mining.increase_time(100);
        assert!(mining.is_time_set_anew());
    }

    #[test]
    fn an_interval_counts_from_the_parent() {
        let mining = mining();
        assert!(!mining.set_interval(Some(7)));
        assert_eq!(mining.take_chosen_timestamp(100, 101), Some(107));
        assert!(mining.set_interval(Some(0)));
        assert_eq!(mining.take_chosen_timestamp(100, 101), Some(101));
        assert!(mining.set_interval(Some(u64::MAX)));
        assert_eq!(mining.take_chosen_timestamp(100, 101), Some(LATEST));
        assert!(mining.set_interval(None));
        assert_eq!(mining.take_chosen_timestamp(100, 101), None);
    }

    #[test]
    fn the_next_timestamp_is_told_without_being_taken() {
        let mining = mining();
        let now = mining.now_s();
        assert!((now..now + 60).contains(&mining.next_timestamp(5)));
        assert_eq!(mining.next_timestamp(now + 1_000), now + 1_001);
        mining.set_interval(Some(7));
        assert_eq!(mining.next_timestamp(100), 107);
        mining.set_next_timestamp(now + 9_000);
        mining.follow();
        for _ in 0..2 {
            assert_eq!(mining.next_timestamp(100), now + 9_000);
        }
        assert_eq!(mining.next_timestamp(now + 9_000), now + 9_001);
        assert!(!mining.is_time_set_anew());
        assert_eq!(mining.take_chosen_timestamp(5, 6), Some(now + 9_000));
        // Only blocks that are shorter than a second may have their parent's.
        mining.set_interval(Some(0));
        assert_eq!(mining.next_timestamp(100), 101);
        mining.set_block_time(250_000);
        assert_eq!(mining.next_timestamp(100), 100);
    }

    #[test]
    fn whoever_sets_the_clock_is_noticed() {
        let mining = mining();
        let changed = |what: &str| {
            assert!(mining.is_time_set_anew(), "{what}");
            mining.follow();
        };
        assert_eq!(mining.increase_time(100), 100);
        changed("increase");
        mining.set_time(mining.now_s() + 50);
        changed("set");
        mining.set_next_timestamp(1);
        changed("next timestamp");
        mining.catch_up_with(mining.now_s() + 1_000);
        changed("catch up");
        mining.catch_up_with(5);
        assert!(!mining.is_time_set_anew(), "nothing to catch up with");
    }

    #[test]
    fn a_chain_that_is_rolled_back_tells_the_time_that_it_told_there() {
        let mining = mining();
        let there = mining.now_s() + 1_000;
        mining.set_time(there + 5_000);
        mining.set_next_timestamp(there + 9_000);
        mining.show(7);
        mining.close_with(12);
        mining.rewind(4, Some(there * 1_000_000));
        assert!((there..there + 60).contains(&mining.now_s()));
        assert_eq!(mining.take_chosen_timestamp(5, 6), None);
        assert!(!mining.wait_shown(5, Instant::now()));
        assert!(mining.wait_shown(4, Instant::now()));
        assert!(!mining.is_closing(12));
        mining.rewind(0, None);
        assert!(mining.now_s() <= there - 1_000 + 60);
    }

    #[test]
    fn blocks_are_waited_for_until_they_are_shown() {
        let mining = mining();
        let soon = || Instant::now() + Duration::from_millis(1);
        assert!(!mining.wait_shown(3, soon()));
        mining.show(3);
        assert!(mining.wait_shown(3, soon()));
        assert!(!mining.wait_shown(4, soon()));
    }
}
