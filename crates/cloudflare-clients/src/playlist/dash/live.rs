//! What of a live manifest is listed, and when its periods are.
//!
//! A template without a list counts its segments by the clock, so the list has those that are available when
//! a client asks. It says when each begins, by which players know them again in the next one.

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

/// How often a player has to look for periods whose segments are listed, where nothing says how long those are.
const PERIOD_CHECK: Duration = Duration::from_secs(2);

/// How many `S` may be read for all representations together, where each that inherits a timeline reads all of it.
const MAX_TIMELINES: usize = 2_000_000;

/// From here on an update is not worth waiting for: no URL is good for so long.
const NEVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A presentation that is still growing, at the time that a client asks for it.
#[derive(Debug)]
pub(super) struct Live {
    /// In nanoseconds since 1970.
    start: i128,
    /// Since then, in nanoseconds.
    passed: i128,
    /// How far back `PlaylistOptions::dvr_window` goes, and the `timeShiftBufferDepth`.
    dvr_window: Option<Duration>,
    depth: Option<Duration>,
    delay: Duration,
    update_period: Option<Duration>,
    /// How long the URLs are good that a client gets.
    life: Duration,
    periods: Vec<LivePeriod>,
    /// How many `S` the timelines of all representations have.
    timelines: usize,
    /// The longest of all segments, but for sparse ones: a player plays on without those.
    longest: Duration,
    /// How often the lists grow by the clock alone.
    growth: Option<Duration>,
}

#[derive(Debug)]
struct LivePeriod {
    /// Since the presentation began, in nanoseconds.
    start: Option<i128>,
    duration: Option<Duration>,
    /// When all of its representations have a segment, but for sparse ones.
    ready: i128,
    /// Whether any of them has one.
    has_segments: bool,
    is_listed: bool,
    /// Whether its first segments are listed, though they are not there yet.
    is_early: bool,
}

impl Live {
    pub(super) fn new(timing: &Timing, options: &PlaylistOptions<'_>, now: SystemTime) -> Result<Self> {
        let start = timing.availability_start.ok_or_else(|| {
            Error::invalid_input(
                "the manifest is dynamic and has no availabilityStartTime: which of its segments are there?",
            )
        })?;
        // Afterwards, nothing is available any more.
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

    /// The next period, whose representations follow.
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

    /// A representation of the period that was added last, whose `BaseURL`s have this offset. A sparse one is
    /// not waited for.
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
                "the SegmentTimelines of all Representations have more than {MAX_TIMELINES} S together; with \
                 `PlaylistOptions::representations`, fewer are read"
            )));
        }
        let duration = inherited.find(|segments| segments.duration).map(seconds);
        let kind = inherited.kind()?;
        // The duration of segments that are counted by the clock, and when the first of them is there.
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

    /// Decides what is listed, once all is known.
    pub(super) fn settle(&mut self) -> Result<()> {
        for period in &mut self.periods {
            period.is_listed = period.has_segments && period.ready <= self.passed;
        }
        if self.newest().is_none() && !self.periods.is_empty() {
            // An empty list stops players, so the first segment is listed before it is available.
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
            // A player that is as late as it should be has some to load.
            *window = (*window).max(self.delay.saturating_add(self.longest.saturating_mul(3)));
        }
        let update = self.update_period().unwrap_or(Duration::MAX);
        let needed = update.saturating_add(self.delay).saturating_add(self.longest);
        if update < NEVER && self.life < needed {
            return Err(Error::invalid_input(format!(
                "the URLs are good for {:?}, and players need them for {needed:?}: until the next update, and for as long as they \
                 are behind; `PlaylistOptions::expires_in` has to be longer, or `PlaylistOptions::signing_window` shorter",
                self.life
            )));
        }
        Ok(())
    }

    fn not_begun(&self) -> Error {
        let first = self.periods.iter().filter_map(|period| period.start).min();
        let Some(first) = first.filter(|first| *first > self.passed) else {
            return Error::invalid_input("no Period that has begun has a segment");
        };
        let millis = u64::try_from((self.start + first) / 1_000_000).ok();
        match millis.and_then(from_millis).filter(|at| seconds_of_a_date(*at).is_some()) {
            Some(at) => Error::invalid_input(format!(
                "no Period has begun: the first one does at {}, and is signed from then on",
                humantime::format_rfc3339_millis(at)
            )),
            None => Error::invalid_input("no Period has begun: the first one does after the year 9999"),
        }
    }

    fn newest(&self) -> Option<usize> {
        self.periods.iter().rposition(|period| period.is_listed)
    }

    /// Whether those behind this one are to come.
    pub(super) fn is_cut_behind(&self, period: usize) -> bool {
        self.newest() == Some(period) && period + 1 < self.periods.len()
    }

    pub(super) fn lists(&self, period: usize) -> bool {
        self.periods[period].is_listed
    }

    /// What is listed of a representation.
    pub(super) fn window(&self, period: usize, inherited: &Inherited<'_, '_>, base: Offset) -> Window {
        let LivePeriod { start, duration, is_early, .. } = self.periods[period];
        let passed = (self.passed - start.unwrap_or(0)).clamp(-MAX_NANOS, MAX_NANOS);
        let earlier = inherited.find(|segments| segments.offset).unwrap_or_default() + base;
        // Of what has no end, not all can be listed at once.
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

    /// How far back players may go: what is listed.
    fn depth(&self) -> Option<Duration> {
        self.depth.into_iter().chain(self.dvr_window).min()
    }

    /// How often players read the manifest again.
    fn update_period(&self) -> Option<Duration> {
        self.update_period.into_iter().chain(self.growth).min()
    }

    /// What the manifest says of that.
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
