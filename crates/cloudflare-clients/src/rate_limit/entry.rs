//! What is kept in memory of one key.

use std::time::{Duration, SystemTime};

use super::sliding_window::Counts;
use crate::mutation::{Mutation, is_mutated};

/// The counts of one key.
#[derive(Debug)]
pub(super) struct Entry {
    /// Under what its counts are written. It is new with each entry: when a key is forgotten and comes back, what was written before
    /// counts as that of another.
    pub(super) writer: String,
    /// The number of the current window.
    number: u64,
    /// What was allowed here.
    pub(super) own: Counts,
    /// Of that, what was written.
    written: Counts,
    /// What others have written, as far as it is known.
    others: Counts,
    pub(super) read: Pace,
    pub(super) write: Pace,
    /// Whether the last read failed, so that others' counts are not known.
    pub(super) unknown: bool,
}

/// When something was last begun that is done once in an interval.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<SystemTime>);

impl Pace {
    /// Whether it is due. If so, it is not due again before the interval has passed.
    pub(super) fn begin(&mut self, now: SystemTime, interval: Duration) -> bool {
        // When the clock was set back, nobody knows how long ago it was.
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

    /// Goes on to the window of this number. A clock that was set back leaves it where it is.
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

    /// Takes note of what others have counted in the window of a number and the one before. Counts only grow: one that is smaller
    /// is older.
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

    /// The windows of which more was counted than written, with their counts.
    pub(super) fn unwritten(&self) -> impl Iterator<Item = (u64, u64)> {
        let current = (self.own.current > self.written.current).then_some((self.number, self.own.current));
        let previous = (self.own.previous > self.written.previous)
            .then(|| self.number.checked_sub(1).map(|number| (number, self.own.previous)));
        current.into_iter().chain(previous.flatten())
    }

    /// Takes note of what was written for a window.
    pub(super) fn wrote(&mut self, number: u64, count: u64) {
        let written = match self.number.checked_sub(number) {
            Some(0) => &mut self.written.current,
            Some(1) => &mut self.written.previous,
            _ => return,
        };
        *written = count.max(*written);
    }
}
