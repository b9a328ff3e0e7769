//! The state of one key in memory.

use std::time::{Duration, SystemTime};

use super::sliding_window::Counts;
use crate::mutation::{Mutation, is_mutated};

/// The counts of one key.
#[derive(Debug)]
pub(super) struct Entry {
    /// The id under which the counts are written. Each entry has a new one: if a key is evicted and returns,
    /// its earlier counts are those of another writer.
    pub(super) writer: String,
    /// The number of the current window.
    number: u64,
    /// Requests allowed by this limiter.
    pub(super) own: Counts,
    /// The part of `own` that has been written.
    written: Counts,
    /// The counts of other writers, as far as they are known.
    others: Counts,
    pub(super) read: Pace,
    pub(super) write: Pace,
    /// Whether the last read failed, so that the counts of other writers are unknown.
    pub(super) unknown: bool,
}

/// When something was last done that is done at most once per interval.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<SystemTime>);

impl Pace {
    /// Whether it is due. If so, it is not due again until the interval has passed.
    pub(super) fn begin(&mut self, now: SystemTime, interval: Duration) -> bool {
        // If the clock was set back, the elapsed time is unknown.
        let due =
            self.0.is_none_or(|last| now.duration_since(last).map_or(true, |passed| passed >= interval));
        if due {
            self.0 = Some(now);
        }
        due
    }
}

impl Entry {
    pub(super) fn new(writer: String, number: u64) -> Self {
        Self {
            writer,
            number,
            own: Counts::default(),
            written: Counts::default(),
            others: Counts::default(),
            read: Pace::default(),
            write: Pace::default(),
            unknown: false,
        }
    }

    /// Moves to the window of this number. Does nothing if the clock was set back.
    pub(super) fn advance(&mut self, number: u64) {
        let passed = number.saturating_sub(self.number);
        self.number += passed;
        for counts in [&mut self.own, &mut self.written, &mut self.others] {
            *counts = match passed {
                0 => *counts,
                1 => Counts { previous: counts.current, current: 0 },
                _ => Counts::default(),
            };
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            current: self.own.current.saturating_add(self.others.current),
            previous: self.own.previous.saturating_add(self.others.previous),
        }
    }

    /// Records the counts of other writers in a window and in the previous one. Counts only grow: a smaller
    /// one is older.
    pub(super) fn heard(&mut self, number: u64, others: Counts) {
        let Counts { current, previous } = if is_mutated(Mutation::CountsOfOthersIgnored) {
            Counts::default()
        } else if number == self.number {
            others
        } else if number.checked_add(1) == Some(self.number) {
            Counts { current: 0, previous: others.current }
        } else {
            Counts::default()
        };
        self.others.current = self.others.current.max(current);
        self.others.previous = self.others.previous.max(previous);
        self.unknown = false;
    }

    /// Returns the windows with counts that are not written yet.
    pub(super) fn unwritten(&self) -> impl Iterator<Item = (u64, u64)> {
        let current = (self.own.current > self.written.current).then_some((self.number, self.own.current));
        let previous = (self.own.previous > self.written.previous)
            .then(|| self.number.checked_sub(1).map(|number| (number, self.own.previous)));
        current.into_iter().chain(previous.flatten())
    }

    /// Records a written count.
    pub(super) fn wrote(&mut self, number: u64, count: u64) {
        let written = match self.number.checked_sub(number) {
            Some(0) => &mut self.written.current,
            Some(1) => &mut self.written.previous,
            _ => return,
        };
        *written = count.max(*written);
    }
}
