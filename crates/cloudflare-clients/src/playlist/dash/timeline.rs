//! The start times and durations of segments, in units of a timescale.

use std::time::Duration;

use crate::{Error, Result};

/// Consecutive segments of the same duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The number of the first segment.
    pub(super) number: u64,
    pub(super) start: u64,
    pub(super) duration: u64,
    pub(super) count: u64,
}

impl Run {
    /// Returns the start times of its segments.
    pub(super) fn starts(self) -> impl Iterator<Item = u64> {
        (0..self.count).map(move |number| self.start + number * self.duration)
    }

    /// Returns the numbers and start times of its segments.
    pub(super) fn numbers(self) -> impl Iterator<Item = (u64, u64)> {
        // Not `number..`, which would overflow after the last 64-bit number.
        (0..self.count).zip(self.starts()).map(move |(at, start)| (self.number + at, start))
    }

    /// Whether its segments have the same times as those of the other run.
    pub(super) fn is_at_the_time_of(self, other: Self) -> bool {
        Self { number: other.number, ..self } == other
    }

    /// Returns the run moved to a later time.
    pub(super) fn shifted(self, by: u64) -> Result<Self> {
        Self { start: self.start.saturating_add(by), ..self }.checked()
    }

    /// Returns the run without its first segments.
    fn without(self, first: u64) -> Self {
        Self {
            number: self.number + first,
            start: self.start + first * self.duration,
            count: self.count - first,
            ..self
        }
    }

    /// Returns when its last segment ends.
    pub(super) fn end(self) -> u64 {
        self.start + self.count * self.duration
    }

    fn checked(self) -> Result<Self> {
        let end = self.count.checked_mul(self.duration).and_then(|length| self.start.checked_add(length));
        if end.is_none() {
            return Err(Error::invalid_input("the end of a segment does not fit into 64 bits"));
        }
        if self.number.checked_add(self.count).is_none() {
            return Err(Error::invalid_input(format!("the startNumber {} is too large", self.number)));
        }
        Ok(self)
    }
}

/// An `S` of a `SegmentTimeline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct S {
    /// The number of its first segment, if it is not the next one.
    pub(super) n: Option<u64>,
    /// The start time. Default: the end of the previous `S`.
    pub(super) t: Option<u64>,
    pub(super) d: u64,
    /// Number of repetitions. Negative: repeats until the next `S` or the end of the period.
    pub(super) r: i64,
}

/// The listed part of a live period, in nanoseconds since its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Segments that end later are not available yet.
    pub(super) available: i128,
    /// Whether the first segment is listed although it is not available yet.
    pub(super) is_early: bool,
    /// Segments with a common duration that ended earlier are omitted.
    pub(super) from: Option<i128>,
    /// Segments of a timeline that ended earlier are omitted.
    pub(super) listed_from: Option<i128>,
    /// Minimum number of segments that remain.
    pub(super) at_least: u64,
}

/// The end of a period on the timeline of its segments, and how many of them are allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) timescale: u32,
    pub(super) presentation_time_offset: u64,
    pub(super) period: Option<Duration>,
    pub(super) max_segments: usize,
    /// The listed part of a live period.
    pub(super) window: Option<Window>,
}

/// A unit of a timescale, in billionths of it. In these, nanoseconds convert without a remainder.
const UNIT: i128 = 1_000_000_000;

/// Maximum number of nanoseconds in calculations. No stream reaches it.
pub(super) const MAX_NANOS: i128 = 1 << 90;

impl Bounds {
    /// Returns the number of segments of this duration from `start`, at most `known`. For a live period, only
    /// the available ones.
    fn count(self, start: u64, duration: u64, known: Option<u64>) -> Result<u64> {
        let all = match known {
            Some(count) if self.period.is_none() => count,
            None if self.period.is_none() && self.window.is_some() => u64::MAX,
            known => known.unwrap_or(u64::MAX).min(self.count_until_end(start, duration)?),
        };
        let available = self
            .window
            .map(|window| self.count_available(start, duration, window).max(u64::from(window.is_early)));
        Ok(all.min(available.unwrap_or(u64::MAX)))
    }

    /// Returns how many segments of this duration fill the period from `start`: at least one. The last one
    /// may extend beyond the period.
    fn count_until_end(self, start: u64, duration: u64) -> Result<u64> {
        let period = self.period.ok_or_else(|| {
            Error::invalid_input(
                "the number of segments depends on the duration of the Period, but neither the Period nor the MPD has one",
            )
        })?;
        let nanos = i128::try_from(period.as_nanos()).unwrap_or(MAX_NANOS);
        let left = (self.place_of(nanos) - i128::from(start) * UNIT).max(0).cast_unsigned();
        let count = left.div_ceil(u128::from(duration) * UNIT.cast_unsigned());
        Ok(u64::try_from(count).unwrap_or(u64::MAX).max(1))
    }

    /// Returns how many of the segments of this duration that fill a live period from `start` are available.
    fn count_available(self, start: u64, duration: u64, window: Window) -> u64 {
        let end =
            self.period.map_or(MAX_NANOS, |period| i128::try_from(period.as_nanos()).unwrap_or(MAX_NANOS));
        if self.period.is_some() && window.available >= end {
            return u64::MAX;
        }
        let passed = self.place_of(window.available) - i128::from(start) * UNIT;
        u64::try_from(passed.max(0) / (i128::from(duration) * UNIT)).unwrap_or(u64::MAX)
    }

    /// Returns the position of a time of the period on the timeline, in billionths of a unit. It cannot
    /// overflow: the terms have at most 123 and 94 bits.
    fn place_of(self, nanos: i128) -> i128 {
        let nanos = nanos.clamp(-MAX_NANOS, MAX_NANOS);
        nanos * i128::from(self.timescale) + i128::from(self.presentation_time_offset) * UNIT
    }

    /// Returns the duration of the period in units of the timescale, rounded up.
    pub(super) fn whole_period(self) -> Option<u64> {
        let nanos = self.period?.as_nanos().checked_mul(u128::from(self.timescale))?;
        u64::try_from(nanos.div_ceil(UNIT.cast_unsigned())).ok().filter(|duration| *duration > 0)
    }

    /// Returns how many of the first segments ended more than their own duration before `from`: they stay
    /// available for that long.
    fn outdated(self, run: Run, from: i128) -> u64 {
        let passed = (self.place_of(from) - i128::from(run.start) * UNIT).max(0).cast_unsigned();
        let begun = passed.div_ceil(u128::from(run.duration) * UNIT.cast_unsigned());
        u64::try_from(begun.saturating_sub(2)).unwrap_or(u64::MAX).min(run.count)
    }

    /// Removes segments that ended before `from`, as long as enough remain.
    fn without_outdated(self, mut runs: Vec<Run>, from: Option<i128>, window: Window) -> Vec<Run> {
        let Some(from) = from else { return runs };
        let total = runs.iter().fold(0, |total: u64, run| total.saturating_add(run.count));
        let mut spare = total.saturating_sub(window.at_least);
        let mut whole = 0;
        for run in &mut runs {
            let outdated = self.outdated(*run, from).min(spare);
            spare -= outdated;
            if outdated < run.count {
                *run = run.without(outdated);
                break;
            }
            whole += 1;
        }
        runs.drain(..whole);
        // The runs are kept until all representations have been listed.
        runs.shrink_to_fit();
        runs
    }

    fn check(self, count: u64) -> Result<()> {
        if usize::try_from(count).is_ok_and(|count| count <= self.max_segments) {
            return Ok(());
        }
        let why = match self.window {
            Some(Window { from: None, .. }) => {
                "; the manifest has no timeShiftBufferDepth, so all segments since its start are listed: \
                 set `PlaylistOptions::dvr_window` to list fewer"
            }
            Some(_) => "; a shorter `PlaylistOptions::dvr_window` needs fewer",
            None => "",
        };
        Err(Error::invalid_input(format!(
            "there are {count} segments, but only {} more URLs are allowed: `PlaylistOptions::max_urls` sets the limit{why}",
            self.max_segments
        )))
    }
}

/// Returns the segments of a common duration that fill a period, or those up to the number `end_number`.
pub(super) fn equal(
    duration: u64,
    start_number: u64,
    end_number: Option<u64>,
    bounds: Bounds,
) -> Result<Vec<Run>> {
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
    // Media that does not start at 0 is still as long as its period.
    let from_start = Bounds { presentation_time_offset: 0, ..bounds };
    let count = from_start.count(0, duration, numbered)?;
    let run = Run { number: start_number, start: 0, duration, count }.checked()?;
    let runs = if count > 0 { vec![run] } else { Vec::new() };
    let runs = match bounds.window {
        Some(window) => from_start.without_outdated(runs, window.from, window),
        None => runs,
    };
    bounds.check(runs.iter().map(|run| run.count).sum())?;
    Ok(runs)
}

/// Returns the segments of a list with a common duration. `start_number` is the number of the first one in
/// its period. The numbers of the result are positions in the list.
pub(super) fn listed(duration: u64, start_number: u64, count: usize, bounds: Bounds) -> Result<Vec<Run>> {
    let before = start_number.saturating_sub(1);
    let start =
        before.checked_mul(duration).and_then(|time| time.checked_add(bounds.presentation_time_offset));
    let repeats = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
    uneven(&[S { n: None, t: Some(start.unwrap_or(u64::MAX)), d: duration, r: repeats }], 1, bounds)
}

/// Returns the segments of a timeline.
pub(super) fn uneven(timeline: &[S], start_number: u64, bounds: Bounds) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, s) in timeline.iter().enumerate() {
        let (number, start) =
            runs.last().map_or((start_number, 0), |run| (run.number + run.count, run.end()));
        let (number, start) = (s.n.unwrap_or(number), s.t.unwrap_or(start));
        if s.d == 0 {
            return Err(Error::invalid_input("the d of an S is 0"));
        }
        let count = match (u64::try_from(s.r), timeline.get(at + 1)) {
            (Ok(repeats), _) => repeats.saturating_add(1),
            (Err(_), None) => bounds.count(start, s.d, None)?.max(1),
            (Err(_), Some(S { t: Some(next), .. })) => next.saturating_sub(start).div_ceil(s.d).max(1),
            (Err(_), Some(S { t: None, .. })) => {
                return Err(Error::invalid_input(
                    "the r of an S is negative, so it extends to the next one, but that one has no t",
                ));
            }
        };
        runs.push(Run { number, start, duration: s.d, count }.checked()?);
    }
    if runs.is_empty() {
        return Err(Error::invalid_input("the SegmentTimeline has no S"));
    }
    if let Some(window) = bounds.window {
        runs = bounds.without_outdated(runs, window.listed_from, window);
    }
    bounds.check(runs.iter().fold(0, |total, run| total.saturating_add(run.count)))?;
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
        window: None,
    };

    fn s(t: Option<u64>, d: u64, r: i64) -> S {
        S { n: None, t, d, r }
    }

    fn one(duration: u64, start_number: u64, end_number: Option<u64>, bounds: Bounds) -> Run {
        equal(duration, start_number, end_number, bounds).unwrap()[0]
    }

    fn refused<T: std::fmt::Debug>(result: Result<T>, why: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(why), "{error}");
    }

    #[test]
    fn equal_segments_fill_the_period() {
        let count = |duration, end_number, bounds| one(duration, 1, end_number, bounds).count;
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
    fn numbers_end_with_the_last_of_64_bits() {
        let run = one(4, u64::MAX - 1, Some(u64::MAX - 1), BOUNDS);
        assert_eq!(run.numbers().collect::<Vec<_>>(), [(u64::MAX - 1, 0)]);
    }

    #[test]
    fn timelines_repeat() {
        let runs = uneven(&[s(None, 4800, 3), s(None, 1800, 0), s(Some(30_000), 10, 0)], 1, BOUNDS).unwrap();
        assert_eq!(runs[1], Run { number: 5, start: 19_200, duration: 1800, count: 1 });
        assert_eq!(runs[2].start, 30_000);
        assert_eq!(runs[0].starts().collect::<Vec<_>>(), [0, 4800, 9600, 14_400]);

        let counts = |timeline: &[S], bounds| -> Vec<u64> {
            uneven(timeline, 1, bounds).unwrap().iter().map(|run| run.count).collect()
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
            (
                &[S { n: Some(u64::MAX), ..s(None, 1, 0) }],
                BOUNDS,
                "the startNumber 18446744073709551615 is too large",
            ),
            (&[s(None, u64::MAX, 1)], BOUNDS, "the end of a segment does not fit into 64 bits"),
            (&[s(Some(u64::MAX), 1, 0)], BOUNDS, "the end of a segment does not fit into 64 bits"),
            (&[s(None, 1, -1)], BOUNDS, "there are 21000 segments, but only 100 more"),
            (&[s(None, 1, -1), s(None, 1, 0)], BOUNDS, "it extends to the next one, but that one has no t"),
            (&[s(None, 0, 0)], BOUNDS, "the d of an S is 0"),
            (&[s(None, 1, 99), s(None, 1, 0)], BOUNDS, "there are 101 segments, but only 100 more"),
            (&[], BOUNDS, "the SegmentTimeline has no S"),
            (&[s(None, 3000, -1)], endless, "depends on the duration of the Period"),
        ] {
            refused(uneven(timeline, 1, bounds), why);
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

    #[test]
    fn a_number_may_be_given() {
        let timeline = [s(None, 10, 1), S { n: Some(7), ..s(None, 10, 0) }, s(None, 10, 0)];
        let runs = uneven(&timeline, 1, BOUNDS).unwrap();
        assert_eq!(runs.iter().map(|run| run.number).collect::<Vec<_>>(), [1, 7, 8]);
    }

    const SECOND: i128 = 1_000_000_000;

    fn live(available: i128, from: Option<i128>) -> Bounds {
        let window = Window { available, is_early: true, from, listed_from: from, at_least: 1 };
        Bounds { period: None, window: Some(window), ..BOUNDS }
    }

    #[test]
    fn what_is_left_out_takes_no_memory() {
        let timeline = vec![s(None, 1000, 0); 5000];
        let runs = uneven(&timeline, 1, live(5000 * SECOND, Some(4990 * SECOND))).unwrap();
        assert_eq!(runs.len(), 12);
        assert!(runs.capacity() < 100, "{}", runs.capacity());
    }

    #[test]
    fn a_window_has_what_is_available() {
        let listed = |bounds| {
            let run = one(3000, 1, None, bounds);
            (run.number, run.start, run.count)
        };
        assert_eq!(listed(live(10 * SECOND, None)), (1, 0, 3));
        assert_eq!(listed(live(9 * SECOND, None)), (1, 0, 3));
        assert_eq!(listed(live(9 * SECOND - 1, None)), (1, 0, 2));
        // A segment that has ended stays available for its own duration.
        assert_eq!(listed(live(30 * SECOND, Some(15 * SECOND))), (4, 9000, 7));
        assert_eq!(listed(live(30 * SECOND, Some(15 * SECOND + 1))), (5, 12_000, 6));
        assert_eq!(listed(live(30 * SECOND, Some(99 * SECOND))), (10, 27_000, 1));
        assert_eq!(listed(live(-30 * SECOND, None)), (1, 0, 1));
        let mut late = live(3 * SECOND - 1, None);
        late.window.as_mut().unwrap().is_early = false;
        assert_eq!(equal(3000, 1, None, late).unwrap(), []);
        // The last segment of a period is shorter.
        let ending = |available| Bounds { period: Some(Duration::from_secs(20)), ..live(available, None) };
        assert_eq!(listed(ending(20 * SECOND - 1)), (1, 0, 6));
        assert_eq!(listed(ending(20 * SECOND)), (1, 0, 7));
        assert_eq!(listed(ending(MAX_NANOS)), (1, 0, 7));

        let runs = |bounds| uneven(&[s(Some(500), 2000, 2), s(None, 1000, -1)], 5, bounds).unwrap();
        assert_eq!(runs(live(9 * SECOND, None)).iter().map(|run| run.count).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(
            runs(live(9 * SECOND, Some(8 * SECOND + 500_000_001))),
            [Run { number: 9, start: 7500, duration: 1000, count: 1 }]
        );
        assert_eq!(runs(live(0, None))[1].count, 1);
    }

    proptest! {
        #[test]
        fn nothing_overflows(
            timeline in prop::collection::vec((any::<(Option<u64>, Option<u64>)>(), any::<u64>(), any::<i64>()), 0..4),
            timescale in any::<u32>(), presentation_time_offset in any::<u64>(), period in any::<Option<Duration>>(),
            numbers in any::<(u64, Option<u64>)>(), window in any::<Option<(i128, bool, Option<i128>, Option<i128>, u64)>>(),
        ) {
            let window = window.map(|(available, is_early, from, listed_from, at_least)| Window { available, is_early, from, listed_from, at_least });
            let bounds = Bounds { timescale, presentation_time_offset, period, max_segments: 50, window };
            let timeline: Vec<_> = timeline.into_iter().map(|((n, t), d, r)| S { n, t, d, r }).collect();
            if let Ok(runs) = uneven(&timeline, numbers.0, bounds) {
                prop_assert!(runs.iter().flat_map(|run| run.numbers()).count() <= 50);
            }
            for duration in timeline.iter().map(|s| s.d) {
                if let Ok(runs) = equal(duration, numbers.0, numbers.1, bounds) {
                    prop_assert!(runs.iter().flat_map(|run| run.starts()).count() <= 50);
                }
            }
        }

        /// A segment in two windows has the same number and time in both, and no segment between them is
        /// missing.
        #[test]
        fn windows_slide(
            duration in 1_u64..5000, start in 0_i128..100_000, later in 0_i128..20_000, depth in 0_i128..60_000, period in 1_u64..100_000,
        ) {
            let listed = |now: i128| {
                let from = Some((now - depth) * 1_000_000);
                let window = Window { available: now * 1_000_000, is_early: true, from, listed_from: from, at_least: 3 };
                let bounds = Bounds { period: Some(Duration::from_millis(period)), max_segments: usize::MAX, window: Some(window), ..BOUNDS };
                equal(duration, 7, None, bounds).unwrap()[0]
            };
            let (first, second) = (listed(start), listed(start + later));
            for run in [first, second] {
                prop_assert_eq!(run.start, (run.number - 7) * duration);
            }
            prop_assert!(second.number >= first.number);
            prop_assert!(second.number + second.count >= first.number + first.count);
            let end = first.number + first.count;
            // Everything that is available and may be requested.
            let whole = (start.min(i128::from(period)) / i128::from(duration)).max(1);
            prop_assert!(i128::from(end - 7) >= whole);
            prop_assert!(first.number == 7 || i128::from(first.start) <= start - depth || first.count == 3);
        }
    }
}
