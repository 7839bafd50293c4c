//! Why mini-blocks were late: what took most of the time between two seals.

use std::time::Duration;

use crate::metrics::Histogram;

/// What held a mini-block up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The block before it was closed: its root was waited for.
    Close,
    /// The log took nothing.
    Log,
    /// A single transaction took long.
    Transaction,
    /// Sealing the mini-block before it took long.
    Seal,
    /// None of these: the builder had no processor.
    Processor,
}

impl Cause {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Close,
        Self::Log,
        Self::Transaction,
        Self::Seal,
        Self::Processor,
    ];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Log => "log",
            Self::Transaction => "transaction",
            Self::Seal => "seal",
            Self::Processor => "processor",
        }
    }
}

/// The intervals that ended late, by cause.
#[derive(Debug, Default)]
pub(crate) struct Lateness([Histogram; Cause::ALL.len()]);

impl Lateness {
    /// Those of one cause.
    pub(crate) fn of(&self, cause: Cause) -> &Histogram {
        &self.0[cause as usize]
    }

    /// Notes an interval that was late.
    pub(super) fn note(&self, interval: Duration, cause: Cause) {
        self.of(cause).note(interval);
    }
}

/// What the builder did since the last seal.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) close: Duration,
    pub(super) log: Duration,
    /// The longest.
    pub(super) transaction: Duration,
    pub(super) seal: Duration,
}

impl Spent {
    /// What made the interval that much too long.
    pub(super) fn blame(&self, excess: Duration) -> Cause {
        let (most, cause) = [
            (self.close, Cause::Close),
            (self.log, Cause::Log),
            (self.transaction, Cause::Transaction),
            (self.seal, Cause::Seal),
        ]
        .into_iter()
        .max_by_key(|(took, _)| *took)
        .unwrap_or((Duration::ZERO, Cause::Processor));
        match most >= excess / 2 {
            true => cause,
            false => Cause::Processor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn what_took_most_is_to_blame_if_it_explains_half_of_the_delay() {
        let spent = Spent {
            close: ms(6),
            log: ms(2),
            transaction: ms(7),
            seal: ms(1),
        };
        assert_eq!(spent.blame(ms(14)), Cause::Transaction);
        assert_eq!(spent.blame(ms(15)), Cause::Processor);
        assert_eq!(Spent::default().blame(ms(6)), Cause::Processor);
    }

    #[test]
    fn every_cause_has_a_histogram_of_its_own() {
        let late = Lateness::default();
        for (count, cause) in (1..).zip(Cause::ALL) {
            (0..count).for_each(|_| late.note(ms(20), cause));
        }
        let counts = Cause::ALL.map(|cause| late.of(cause).snapshot().count);
        assert_eq!(counts, [1, 2, 3, 4, 5]);
    }
}
