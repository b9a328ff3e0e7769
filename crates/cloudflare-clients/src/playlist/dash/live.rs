//! Determines which segments and periods of a live manifest are listed.
//!
//! A template without a list counts its segments by the clock, so the list contains those that are available
//! when a client requests it. It contains the start time of each segment, by which players recognize it in
//! the next list.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::availability::Offset;
use super::duration;
use super::inherited::Inherited;
use super::manifest::{Kind, Span, Timing};
use super::plan::Change;
use super::timeline::{MAX_NANOS, Window};
use crate::playlist::PlaylistOptions;
use crate::time::{from_millis, seconds_of_a_date};
use crate::{Error, Result};

/// Time after which a player reads the manifest again to find new periods, if the duration of segments is
/// unknown.
const PERIOD_CHECK: Duration = Duration::from_secs(2);

/// Maximum number of `S` read for all representations together. Each representation that inherits a timeline
/// reads all of it.
const MAX_TIMELINES: usize = 2_000_000;

/// An update period from which on URLs cannot last until the update.
const NEVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A growing presentation, at the time at which a client requests it.
#[derive(Debug)]
pub(super) struct Live {
    /// Nanoseconds since 1970.
    start: i128,
    /// Nanoseconds since the start.
    passed: i128,
    /// `PlaylistOptions::dvr_window`, and the `timeShiftBufferDepth`.
    dvr_window: Option<Duration>,
    depth: Option<Duration>,
    delay: Duration,
    update_period: Option<Duration>,
    /// For how long the URLs are valid when a client receives them.
    life: Duration,
    periods: Vec<LivePeriod>,
    /// Number of `S` in the timelines of all representations.
    timelines: usize,
    /// The longest segment, except for sparse representations: players continue without those.
    longest: Duration,
    /// How often the lists grow by the clock alone.
    growth: Option<Duration>,
}

#[derive(Debug)]
struct LivePeriod {
    /// Nanoseconds since the start of the presentation.
    start: Option<i128>,
    duration: Option<Duration>,
    /// When all of its representations, except sparse ones, have a segment.
    ready: i128,
    /// Whether any representation has a segment.
    has_segments: bool,
    is_listed: bool,
    /// Whether its first segments are listed although they are not available yet.
    is_early: bool,
}

impl Live {
    pub(super) fn new(timing: &Timing, options: &PlaylistOptions<'_>, now: SystemTime) -> Result<Self> {
        let start = timing.availability_start.ok_or_else(|| {
            Error::invalid_input(
                "the manifest is dynamic but has no availabilityStartTime, so its available segments are unknown",
            )
        })?;
        // After the end, nothing becomes available any more.
        let now_nanos = nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let latest = timing.availability_end.map_or(now_nanos, |end| now_nanos.min(end));
        Ok(Self {
            start,
            passed: latest - start,
            dvr_window: options.dvr_window,
            depth: timing.time_shift_buffer_depth,
            delay: timing.presentation_delay.unwrap_or_default(),
            update_period: timing.update_period,
            life: options.least_life(now),
            periods: Vec::new(),
            timelines: 0,
            longest: Duration::ZERO,
            growth: None,
        })
    }

    /// Adds the next period. Its representations follow.
    pub(super) fn add_period(&mut self, span: Span) {
        let start = span.start.map(nanos);
        self.periods.push(LivePeriod {
            start,
            duration: span.duration,
            ready: start.unwrap_or(MAX_NANOS),
            has_segments: false,
            is_listed: false,
            is_early: false,
        });
    }

    /// Adds a representation of the last period. `base` is the offset of its `BaseURL`s. The period does not
    /// wait for a sparse representation.
    pub(super) fn add_representation(
        &mut self,
        inherited: &Inherited<'_, '_>,
        base: Offset,
        is_sparse: bool,
    ) -> Result<()> {
        let passed = self.passed;
        let Some(period) = self.periods.last_mut() else { return Ok(()) };
        let timescale = u128::from(inherited.timescale());
        let seconds = |units: u64| {
            let nanos = (u128::from(units) * 1_000_000_000 / timescale).max(1);
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        };
        let timeline = inherited.find(|segments| segments.timeline.as_ref());
        self.timelines = self.timelines.saturating_add(timeline.map_or(0, Vec::len));
        if self.timelines > MAX_TIMELINES {
            return Err(Error::invalid_input(format!(
                "the SegmentTimelines of all Representations have more than {MAX_TIMELINES} S together: choose \
                 fewer representations with `PlaylistOptions::representations`"
            )));
        }
        let duration = inherited.find(|segments| segments.duration).map(seconds);
        let kind = inherited.kind()?;
        // The duration of segments counted by the clock, and when the first of them is available.
        let (longest, growth, first) = match (timeline, duration) {
            (Some(timeline), _) => {
                let open = timeline.last().filter(|s| s.r < 0).map(|s| seconds(s.d));
                (timeline.iter().map(|s| s.d).max().map(seconds), open, Duration::ZERO)
            }
            (None, Some(duration)) if kind == Some(Kind::SegmentTemplate) => {
                let first = period.duration.map_or(duration, |period| duration.min(period));
                (Some(duration), Some(duration), first)
            }
            (None, duration) => (duration, None, Duration::ZERO),
        };
        period.has_segments |= timeline.is_none_or(|timeline| !timeline.is_empty());
        if let Some(start) = period.start.filter(|_| !is_sparse) {
            let earlier = inherited.find(|segments| segments.offset).unwrap_or_default() + base;
            let ready = start + (nanos(first) - earlier.nanos()).clamp(-MAX_NANOS, MAX_NANOS);
            period.ready = period.ready.max(ready);
        }
        if let Some(longest) = longest.filter(|_| !is_sparse) {
            self.longest = self.longest.max(longest);
        }
        let end = period.start.zip(period.duration).map(|(start, duration)| start + nanos(duration));
        if let Some(growth) = growth.filter(|_| end.is_none_or(|end| end > passed)) {
            self.growth = Some(self.growth.map_or(growth, |shortest| shortest.min(growth)));
        }
        Ok(())
    }

    /// Decides which periods are listed, after all have been added.
    pub(super) fn settle(&mut self) -> Result<()> {
        for period in &mut self.periods {
            period.is_listed = period.has_segments && period.ready <= self.passed;
        }
        if self.newest().is_none() && !self.periods.is_empty() {
            // Players stop at an empty list, so the first segment is listed before it is available.
            let begun = |period: &&mut LivePeriod| {
                period.has_segments && period.start.is_some_and(|start| start <= self.passed)
            };
            match self.periods.iter_mut().rfind(begun) {
                Some(period) => (period.is_listed, period.is_early) = (true, true),
                None => return Err(self.not_begun()),
            }
        }
        if self.periods.iter().any(|period| period.has_segments && !period.is_listed) {
            self.growth = Some(self.growth.unwrap_or(PERIOD_CHECK));
        }
        if let Some(window) = &mut self.dvr_window {
            // A player that plays with the suggested delay needs some segments to load.
            *window = (*window).max(self.delay.saturating_add(self.longest.saturating_mul(3)));
        }
        let update = self.update_period().unwrap_or(Duration::MAX);
        let needed = update.saturating_add(self.delay).saturating_add(self.longest);
        if update < NEVER && self.life < needed {
            return Err(Error::invalid_input(format!(
                "the URLs are valid for {:?}, but players need them for {needed:?}, until the next update plus their delay: set a \
                 longer `PlaylistOptions::expires_in` or a shorter `PlaylistOptions::signing_window`",
                self.life
            )));
        }
        Ok(())
    }

    fn not_begun(&self) -> Error {
        let first = self.periods.iter().filter_map(|period| period.start).min();
        let Some(first) = first.filter(|first| *first > self.passed) else {
            return Error::invalid_input("no Period that has started has a segment");
        };
        let millis = u64::try_from((self.start + first) / 1_000_000).ok();
        match millis.and_then(from_millis).filter(|at| seconds_of_a_date(*at).is_some()) {
            Some(at) => Error::invalid_input(format!(
                "no Period has started: the first one starts at {}, and the manifest can be signed from then on",
                humantime::format_rfc3339_millis(at)
            )),
            None => Error::invalid_input("no Period has started: the first one starts after the year 9999"),
        }
    }

    fn newest(&self) -> Option<usize> {
        self.periods.iter().rposition(|period| period.is_listed)
    }

    /// Whether later periods are omitted after this one.
    pub(super) fn is_cut_behind(&self, period: usize) -> bool {
        self.newest() == Some(period) && period + 1 < self.periods.len()
    }

    pub(super) fn lists(&self, period: usize) -> bool {
        self.periods[period].is_listed
    }

    /// Returns the window of a representation's segments that is listed.
    pub(super) fn window(&self, period: usize, inherited: &Inherited<'_, '_>, base: Offset) -> Window {
        let LivePeriod { start, duration, is_early, .. } = self.periods[period];
        let passed = (self.passed - start.unwrap_or(0)).clamp(-MAX_NANOS, MAX_NANOS);
        let earlier = inherited.find(|segments| segments.offset).unwrap_or_default() + base;
        // A representation without an end cannot be listed completely.
        let earlier = if earlier.is_infinite() && duration.is_none() { Offset::default() } else { earlier };
        let back = |window: Option<Duration>| window.map(|window| passed - nanos(window));
        Window {
            available: (passed + earlier.nanos()).clamp(-MAX_NANOS, MAX_NANOS),
            is_early,
            from: back(self.depth()),
            listed_from: back(self.dvr_window),
            at_least: if self.newest() == Some(period) { 3 } else { 1 },
        }
    }

    /// Returns how far back players may seek: everything that is listed.
    fn depth(&self) -> Option<Duration> {
        self.depth.into_iter().chain(self.dvr_window).min()
    }

    /// Returns how often players read the manifest again.
    fn update_period(&self) -> Option<Duration> {
        self.update_period.into_iter().chain(self.growth).min()
    }

    /// Returns the changes of the manifest's attributes.
    pub(super) fn changes<'t>(&self, timing: &Timing) -> Vec<(Range<usize>, Change<'t>)> {
        let attributes = [
            ("timeShiftBufferDepth", &timing.time_shift_buffer_depth_at, self.depth, self.depth()),
            ("minimumUpdatePeriod", &timing.update_period_at, self.update_period, self.update_period()),
        ];
        let changed = attributes.into_iter().filter(|(_, _, before, after)| before != after);
        changed
            .filter_map(|(name, at, _, after)| {
                let value = duration::write(after?);
                Some(if let Some(at) = at {
                    (at.clone(), Change::Text(value))
                } else {
                    let at = timing.attributes_at;
                    (at..at, Change::Text(format!(" {name}=\"{value}\"")))
                })
            })
            .collect()
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(MAX_NANOS).min(MAX_NANOS)
}
