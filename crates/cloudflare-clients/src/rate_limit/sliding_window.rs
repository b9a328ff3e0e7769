//! A sliding window made of two counters.
//!
//! Time is divided into fixed windows that start at the same moment everywhere. The count of the last
//! `window` is the count of the current fixed window plus the share of the previous one that still overlaps,
//! as if its requests had been spread evenly.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The limit and its window.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlidingWindow {
    pub(super) limit: u64,
    /// Whole seconds, at least one.
    pub(super) window: Duration,
}

/// The number of a window, and how much of it has passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) number: u64,
    pub(super) elapsed: Duration,
}

/// The counts of a window and of the previous one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) current: u64,
    pub(super) previous: u64,
}

impl SlidingWindow {
    pub(super) fn position(&self, now: SystemTime) -> Position {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = since.as_secs() / self.window.as_secs();
        Position {
            number,
            elapsed: since.saturating_sub(Duration::from_secs(number * self.window.as_secs())),
        }
    }

    /// Returns how many more requests are within the limit.
    pub(super) fn remaining(&self, counts: Counts, elapsed: Duration) -> u64 {
        let window = self.window.as_nanos();
        let left = (u128::from(self.limit) * window).saturating_sub(self.counted(counts, elapsed));
        // Never more than the limit.
        u64::try_from(left / window).unwrap_or(self.limit)
    }

    /// Returns the time until more than `remaining` requests are allowed.
    pub(super) fn reset(&self, counts: Counts, elapsed: Duration) -> Duration {
        let remaining = self.remaining(counts, elapsed);
        let Some(target) = self.limit.checked_sub(remaining + 1) else { return Duration::ZERO };
        let window = self.window.as_nanos();
        // When this much of the fixed window has passed, at most `target` of `counted` lie in the sliding
        // window.
        let passed =
            |counted: u64, target: u64| window - u128::from(target) * window / u128::from(counted.max(1));
        let nanos = if counts.current <= target {
            passed(counts.previous, target - counts.current).saturating_sub(elapsed.as_nanos())
        } else {
            window.saturating_sub(elapsed.as_nanos()) + passed(counts.current, target)
        };
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns the count in the sliding window, multiplied by the length of the window in nanoseconds.
    fn counted(&self, Counts { current, previous }: Counts, elapsed: Duration) -> u128 {
        let window = self.window.as_nanos();
        let left = window.saturating_sub(elapsed.as_nanos());
        u128::from(current) * window + u128::from(previous) * left
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// `reset` is the first moment at which one more request is allowed.
        #[test]
        fn one_more_is_left_at_the_reset_and_not_before(
            limit in 1..50_u64, seconds in 1..5000_u64, current in 0..60_u64, previous in 0..60_u64, at in 0.0..1.0_f64,
        ) {
            let sliding = SlidingWindow { limit, window: Duration::from_secs(seconds) };
            let elapsed = sliding.window.mul_f64(at);
            let counts = Counts { current, previous };
            let (remaining, reset) = (sliding.remaining(counts, elapsed), sliding.reset(counts, elapsed));
            prop_assert!(remaining <= limit);
            if reset.is_zero() {
                prop_assert_eq!(remaining, limit);
                return Ok(());
            }
            let later = |wait: Duration| {
                let at = elapsed + wait;
                match at.checked_sub(sliding.window) {
                    None => sliding.remaining(counts, at),
                    Some(at) => sliding.remaining(Counts { current: 0, previous: current }, at),
                }
            };
            prop_assert!(later(reset) > remaining, "{} then {}", remaining, later(reset));
            prop_assert_eq!(later(reset.saturating_sub(Duration::from_nanos(1))), remaining);
        }
    }

    #[test]
    fn windows_are_numbered_from_1970() {
        let sliding = SlidingWindow { limit: 1, window: Duration::from_secs(60) };
        let Position { number, elapsed } = sliding.position(UNIX_EPOCH + Duration::from_millis(125_500));
        assert_eq!((number, elapsed), (2, Duration::from_millis(5500)));
    }
}
