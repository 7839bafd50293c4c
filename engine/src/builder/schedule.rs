//! When to seal: wall-clock slots without drift. Pure arithmetic; the thread brings the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A block's slot, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// A multiple of the block time.
    pub(crate) start_us: u64,
    /// When the block must be sealed.
    pub(crate) end_us: u64,
}

impl Slot {
    /// The slot that `now_us` lies in.
    pub(crate) fn at(now_us: u64, block_time_us: u64) -> Self {
        let start_us = now_us - now_us % block_time_us;
        Self {
            start_us,
            end_us: start_us + block_time_us,
        }
    }

    /// The block timestamp that belongs to the slot.
    pub(crate) fn timestamp(&self) -> u64 {
        self.start_us / 1_000_000
    }

    /// When the mini-block that began at `since_us` must be sealed: a multiple of its length since the slot
    /// began, at least half its length later, but never after the slot. What a long transaction overran is
    /// not made up.
    pub(crate) fn mini_deadline(&self, since_us: u64, mini_time_us: u64) -> u64 {
        let elapsed = since_us.saturating_sub(self.start_us);
        let count = (elapsed + mini_time_us / 2).div_ceil(mini_time_us).max(1);
        let next = self.start_us + count * mini_time_us;
        // A last mini-block shorter than half its length joins the one before.
        if next + mini_time_us / 2 > self.end_us {
            self.end_us
        } else {
            next
        }
    }
}

/// The timestamp of the block after one stamped `parent`, opened in `slot`; or the time to wait for.
///
/// Blocks of a second and more have strictly increasing timestamps, shorter ones non-decreasing. A clock
/// that stands so far behind the parent that one slot won't mend it is overruled. A parent that was stamped amid the slot,
/// such as the genesis, leaves the rest of it free: it may be minutes.
pub(crate) fn timestamp_after(parent: u64, slot: Slot, block_time_us: u64) -> Result<u64, u64> {
    let least = if block_time_us >= 1_000_000 {
        parent + 1
    } else {
        parent
    };
    let timestamp = slot.timestamp();
    if timestamp >= least {
        return Ok(timestamp);
    }
    let next = Slot::at(slot.end_us, block_time_us);
    if parent > timestamp && least < next.timestamp() {
        Ok(least)
    } else if next.timestamp() >= least {
        Err(next.start_us)
    } else {
        Ok(least)
    }
}

/// The wall clock, moved on by the monotonic one and set anew with every block.
#[derive(Debug)]
pub(crate) struct Clock {
    wall_us: u64,
    since: Instant,
    last_us: u64,
    /// What the chain's clock is ahead of the machine's.
    offset_us: i128,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            wall_us: wall_us(0),
            since: Instant::now(),
            last_us: 0,
            offset_us: 0,
        }
    }

    /// Looks at the wall clock again. If that was set back, the monotonic clock goes on alone until the
    /// wall clock has caught up: time never runs backwards, and never stands still.
    /// Who sets the chain's clock may set it back, though.
    pub(crate) fn set_anew(&mut self, offset_us: i128) {
        let wall_us = wall_us(offset_us);
        if std::mem::replace(&mut self.offset_us, offset_us) != offset_us {
            self.last_us = wall_us;
        }
        if wall_us >= self.last_us {
            self.wall_us = wall_us;
            self.since = Instant::now();
        }
    }

    /// Microseconds since 1970; never less than before.
    pub(crate) fn now_us(&mut self) -> u64 {
        let now = self.wall_us + self.since.elapsed().as_micros() as u64;
        self.last_us = self.last_us.max(now);
        self.last_us
    }

    /// The monotonic clock's name for a moment.
    pub(crate) fn instant(&self, at_us: u64) -> Instant {
        self.since + Duration::from_micros(at_us.saturating_sub(self.wall_us))
    }
}

fn wall_us(offset_us: i128) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = since.map_or(0, |since| since.as_micros() as i128) + offset_us;
    u64::try_from(now_us.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn slots_are_multiples_of_the_block_time() {
        assert_eq!(
            Slot::at(7 * SECOND + 1, SECOND),
            Slot {
                start_us: 7 * SECOND,
                end_us: 8 * SECOND
            }
        );
        assert_eq!(Slot::at(7 * SECOND, 250_000).end_us, 7 * SECOND + 250_000);
    }

    #[test]
    fn mini_blocks_end_on_multiples_of_their_length_and_with_the_slot() {
        let slot = Slot::at(5 * SECOND, SECOND);
        assert_eq!(slot.mini_deadline(5 * SECOND, 10_000), 5 * SECOND + 10_000);
        assert_eq!(
            slot.mini_deadline(5 * SECOND + 5_000, 10_000),
            5 * SECOND + 10_000
        );
        // What began late is not shorter than half its length.
        assert_eq!(
            slot.mini_deadline(5 * SECOND + 5_001, 10_000),
            5 * SECOND + 20_000
        );
        // What began before the slot is the slot's first.
        assert_eq!(slot.mini_deadline(4 * SECOND, 10_000), 5 * SECOND + 10_000);
        assert_eq!(
            slot.mini_deadline(5 * SECOND + 33_001, 10_000),
            5 * SECOND + 40_000
        );
        assert_eq!(slot.mini_deadline(6 * SECOND - 1, 10_000), 6 * SECOND);
        // 300 ms doesn't divide the second: the last 100 ms join the third.
        assert_eq!(
            slot.mini_deadline(5 * SECOND + 700_000, 300_000),
            6 * SECOND
        );
    }

    #[test]
    fn timestamps_increase_strictly_for_blocks_of_a_second_and_more() {
        let slot = Slot::at(10 * SECOND + 3, SECOND);
        assert_eq!(timestamp_after(9, slot, SECOND), Ok(10));
        assert_eq!(timestamp_after(10, slot, SECOND), Err(11 * SECOND));
    }

    #[test]
    fn a_slot_in_whose_midst_the_parent_was_stamped_is_free_behind_it() {
        let slot = Slot::at(1234 * SECOND, 600 * SECOND);
        assert_eq!(timestamp_after(1230, slot, 600 * SECOND), Ok(1231));
        // The parent's own slot, and one whose last second is the parent's.
        let next = Err(1800 * SECOND);
        assert_eq!(timestamp_after(1200, slot, 600 * SECOND), next);
        assert_eq!(timestamp_after(1799, slot, 600 * SECOND), next);
    }

    #[test]
    fn timestamps_may_repeat_for_shorter_blocks() {
        let slot = Slot::at(10 * SECOND + 600_000, 250_000);
        assert_eq!(timestamp_after(10, slot, 250_000), Ok(10));
    }

    #[test]
    fn a_clock_far_behind_is_overruled() {
        assert_eq!(
            timestamp_after(500, Slot::at(10 * SECOND, SECOND), SECOND),
            Ok(501)
        );
    }
}
