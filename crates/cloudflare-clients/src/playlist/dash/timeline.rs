//! When segments begin and how long they are, in units of a timescale.

use std::time::Duration;

use crate::{Error, Result};

/// Segments of one duration, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) duration: u64,
    pub(super) count: u64,
}

impl Run {
    /// When its segments begin.
    pub(super) fn starts(self) -> impl Iterator<Item = u64> {
        (0..self.count).map(move |number| self.start + number * self.duration)
    }

    /// When its last segment ends.
    pub(super) fn end(self) -> u64 {
        self.start + self.count * self.duration
    }

    fn checked(self) -> Result<Self> {
        let end = self.count.checked_mul(self.duration).and_then(|length| self.start.checked_add(length));
        end.map(|_| self).ok_or_else(|| Error::invalid_input("a segment ends later than 64 bits can tell"))
    }
}

/// An `S` of a `SegmentTimeline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct S {
    /// Where the one before ends, if there is none.
    pub(super) t: Option<u64>,
    pub(super) d: u64,
    /// How many more segments there are; negative, as far as the next one's `t` or the end of the period.
    pub(super) r: i64,
}

/// Where a period ends on the timeline of its segments, of which so many are allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) timescale: u32,
    pub(super) presentation_time_offset: u64,
    pub(super) period: Option<Duration>,
    pub(super) max_segments: usize,
}

impl Bounds {
    /// How many segments of this duration fill the period from `start` on: one at least, and the last may reach beyond it.
    fn count_until_end(self, start: u64, duration: u64) -> Result<u64> {
        let period = self.period.ok_or_else(|| {
            Error::invalid_input(
                "how many segments there are depends on the duration of the Period, which neither it nor the MPD has",
            )
        })?;
        // In billionths of the timescale's unit. Nothing overflows: the terms have 126 and 94 bits at most.
        let end = period.as_nanos() * u128::from(self.timescale)
            + u128::from(self.presentation_time_offset) * 1_000_000_000;
        let left = end.saturating_sub(u128::from(start) * 1_000_000_000);
        let count = left.div_ceil(u128::from(duration) * 1_000_000_000);
        Ok(u64::try_from(count).unwrap_or(u64::MAX).max(1))
    }

    fn check(self, count: u64) -> Result<()> {
        if usize::try_from(count).is_ok_and(|count| count <= self.max_segments) {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "there are {count} segments, but only {} more URLs may be made: the limit is what `PlaylistOptions::max_urls` sets",
            self.max_segments
        )))
    }
}

/// The segments of a duration that fill a period, or of which the last has the number `end_number`.
pub(super) fn equal(
    duration: u64,
    start_number: u64,
    end_number: Option<u64>,
    bounds: Bounds,
) -> Result<Run> {
    if duration == 0 {
        return Err(Error::invalid_input("the duration of a segment is 0"));
    }
    let numbered = match end_number {
        Some(end) => {
            Some(end.checked_sub(start_number).and_then(|count| count.checked_add(1)).ok_or_else(|| {
                Error::invalid_input(format!(
                    "endNumber is {end} and startNumber {start_number}: there is no segment"
                ))
            })?)
        }
        None => None,
    };
    // Media that does not begin at 0 is as long as its period all the same.
    let from_start = Bounds { presentation_time_offset: 0, ..bounds };
    let count = match numbered {
        Some(count) if bounds.period.is_none() => count,
        numbered => numbered.unwrap_or(u64::MAX).min(from_start.count_until_end(0, duration)?),
    };
    bounds.check(count)?;
    Run { start: 0, duration, count }.checked()
}

/// The segments of a timeline.
pub(super) fn uneven(timeline: &[S], bounds: Bounds) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut total: u64 = 0;
    for (at, s) in timeline.iter().enumerate() {
        let start = s.t.unwrap_or(runs.last().map_or(0, |run| run.end()));
        if s.d == 0 {
            return Err(Error::invalid_input("the d of an S is 0"));
        }
        let count = match (u64::try_from(s.r), timeline.get(at + 1)) {
            (Ok(repeats), _) => repeats.saturating_add(1),
            (Err(_), None) => bounds.count_until_end(start, s.d)?,
            (Err(_), Some(S { t: Some(next), .. })) => next.saturating_sub(start).div_ceil(s.d).max(1),
            (Err(_), Some(S { t: None, .. })) => {
                return Err(Error::invalid_input(
                    "the r of an S is negative, so that it reaches to the next one, but that has no t",
                ));
            }
        };
        total = total.saturating_add(count);
        bounds.check(total)?;
        runs.push(Run { start, duration: s.d, count }.checked()?);
    }
    if runs.is_empty() {
        return Err(Error::invalid_input("the SegmentTimeline has no S"));
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    const BOUNDS: Bounds = Bounds {
        timescale: 1000,
        presentation_time_offset: 0,
        period: Some(Duration::from_secs(21)),
        max_segments: 100,
    };

    fn s(t: Option<u64>, d: u64, r: i64) -> S {
        S { t, d, r }
    }

    fn refused<T: std::fmt::Debug>(result: Result<T>, why: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(why), "{error}");
    }

    #[test]
    fn equal_segments_fill_the_period() {
        let count = |duration, end_number, bounds| equal(duration, 1, end_number, bounds).unwrap().count;
        assert_eq!(count(3000, None, BOUNDS), 7);
        assert_eq!(count(2999, None, BOUNDS), 8);
        assert_eq!(count(30_000, None, BOUNDS), 1);
        assert_eq!(count(3000, Some(5), BOUNDS), 5);
        assert_eq!(count(3000, Some(50), BOUNDS), 7);
        assert_eq!(count(3000, Some(50), Bounds { period: None, ..BOUNDS }), 50);
        assert_eq!(count(3000, None, Bounds { presentation_time_offset: 9000, ..BOUNDS }), 7);
        assert_eq!(count(u64::MAX, None, BOUNDS), 1);
        let exact = Bounds { timescale: 30_000, period: Some(Duration::from_millis(10_010)), ..BOUNDS };
        assert_eq!(count(300_300, None, exact), 1);
    }

    #[test]
    fn timelines_repeat() {
        let runs = uneven(&[s(None, 4800, 3), s(None, 1800, 0), s(Some(30_000), 10, 0)], BOUNDS).unwrap();
        assert_eq!(runs[1], Run { start: 19_200, duration: 1800, count: 1 });
        assert_eq!(runs[2].start, 30_000);
        assert_eq!(runs[0].starts().collect::<Vec<_>>(), [0, 4800, 9600, 14_400]);

        let counts = |timeline: &[S], bounds| -> Vec<u64> {
            uneven(timeline, bounds).unwrap().iter().map(|run| run.count).collect()
        };
        assert_eq!(counts(&[s(None, 2000, -1), s(Some(5000), 4000, -1)], BOUNDS), [3, 4]);
        let shifted = Bounds { presentation_time_offset: 9000, ..BOUNDS };
        assert_eq!(counts(&[s(Some(9000), 3000, -1)], shifted), [7]);
        assert_eq!(counts(&[s(Some(50_000), 3000, -1)], BOUNDS), [1]);
    }

    #[test]
    fn what_is_endless_or_too_much_is_refused() {
        let endless = Bounds { period: None, ..BOUNDS };
        for (timeline, bounds, why) in [
            (
                &[s(None, 1, i64::MAX)][..],
                BOUNDS,
                "there are 9223372036854775808 segments, but only 100 more",
            ),
            (&[s(None, u64::MAX, 1)], BOUNDS, "a segment ends later than 64 bits can tell"),
            (&[s(Some(u64::MAX), 1, 0)], BOUNDS, "a segment ends later than 64 bits can tell"),
            (&[s(None, 1, -1)], BOUNDS, "there are 21000 segments, but only 100 more"),
            (&[s(None, 1, -1), s(None, 1, 0)], BOUNDS, "it reaches to the next one, but that has no t"),
            (&[s(None, 0, 0)], BOUNDS, "the d of an S is 0"),
            (&[s(None, 1, 99), s(None, 1, 0)], BOUNDS, "there are 101 segments, but only 100 more"),
            (&[], BOUNDS, "the SegmentTimeline has no S"),
            (&[s(None, 3000, -1)], endless, "depends on the duration of the Period"),
        ] {
            refused(uneven(timeline, bounds), why);
        }
        for (duration, start_number, end_number, bounds, why) in [
            (3000, 1, None, endless, "depends on the duration of the Period"),
            (0, 1, None, BOUNDS, "the duration of a segment is 0"),
            (1, 1, None, BOUNDS, "there are 21000 segments, but only 100 more"),
            (1, 5, Some(3), BOUNDS, "endNumber is 3 and startNumber 5: there is no segment"),
            (
                1,
                0,
                Some(u64::MAX),
                endless,
                "endNumber is 18446744073709551615 and startNumber 0: there is no segment",
            ),
        ] {
            refused(equal(duration, start_number, end_number, bounds), why);
        }
    }

    proptest! {
        #[test]
        fn nothing_overflows(
            timeline in prop::collection::vec((any::<Option<u64>>(), any::<u64>(), any::<i64>()), 0..4),
            timescale in any::<u32>(), presentation_time_offset in any::<u64>(), period in any::<Option<Duration>>(),
            numbers in any::<(u64, Option<u64>)>(),
        ) {
            let bounds = Bounds { timescale, presentation_time_offset, period, max_segments: 50 };
            let timeline: Vec<_> = timeline.into_iter().map(|(t, d, r)| s(t, d, r)).collect();
            if let Ok(runs) = uneven(&timeline, bounds) {
                prop_assert!(runs.iter().flat_map(|run| run.starts()).count() <= 50);
            }
            for duration in timeline.iter().map(|s| s.d) {
                if let Ok(run) = equal(duration, numbers.0, numbers.1, bounds) {
                    prop_assert!(run.starts().count() <= 50);
                }
            }
        }
    }
}
