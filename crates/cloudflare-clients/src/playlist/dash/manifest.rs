//! The parts of a manifest that say where its media is ([ISO/IEC
//! 23009-1](https://www.iso.org/standard/89027.html), clause 5.3), with their positions in the text.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use super::availability::Offset;
use super::timeline::S;

#[derive(Debug, Default)]
pub(super) struct Manifest<'t> {
    /// The namespace prefix of its elements with a colon, usually empty.
    pub(super) prefix: &'t str,
    pub(super) duration: Option<Duration>,
    /// The times of a live manifest.
    pub(super) timing: Timing,
    pub(super) base_urls: Vec<BaseUrl>,
    /// Where a `BaseURL` of the `MPD` can be inserted.
    pub(super) base_url_at: usize,
    /// The `Location`s, with their positions.
    pub(super) locations: Vec<(Range<usize>, String)>,
    pub(super) periods: Vec<Period<'t>>,
    /// The parts that are removed: those that said where media is, and those that lead to other manifests.
    pub(super) cuts: Vec<Range<usize>>,
}

/// The times and durations of an `MPD`.
#[derive(Debug, Default)]
pub(super) struct Timing {
    pub(super) is_dynamic: bool,
    /// Nanoseconds since 1970. Negative for streams that number their segments by a clock from before 1970.
    pub(super) availability_start: Option<i128>,
    pub(super) availability_end: Option<i128>,
    pub(super) update_period: Option<Duration>,
    pub(super) time_shift_buffer_depth: Option<Duration>,
    pub(super) presentation_delay: Option<Duration>,
    /// The positions of their values, or where an attribute can be inserted.
    pub(super) update_period_at: Option<Range<usize>>,
    pub(super) time_shift_buffer_depth_at: Option<Range<usize>>,
    pub(super) attributes_at: usize,
}

/// A `BaseURL`.
#[derive(Debug)]
pub(super) struct BaseUrl {
    pub(super) url: String,
    /// The attributes by which players choose among alternatives, as XML.
    pub(super) choice: String,
    pub(super) offset: Offset,
    pub(super) complete: Option<bool>,
}

#[derive(Debug)]
pub(super) struct Period<'t> {
    pub(super) at: Range<usize>,
    /// Where an attribute can be inserted.
    pub(super) attributes_at: usize,
    /// The position of its `duration`.
    pub(super) duration_at: Option<Range<usize>>,
    pub(super) start: Option<Duration>,
    pub(super) duration: Option<Duration>,
    pub(super) level: Level<'t>,
    pub(super) sets: Vec<AdaptationSet<'t>>,
}

#[derive(Debug)]
pub(super) struct AdaptationSet<'t> {
    pub(super) at: Range<usize>,
    pub(super) language: Option<Cow<'t, str>>,
    pub(super) content_type: Option<Cow<'t, str>>,
    pub(super) common: Common<'t>,
    pub(super) level: Level<'t>,
    pub(super) representations: Vec<Representation<'t>>,
}

#[derive(Debug)]
pub(super) struct Representation<'t> {
    pub(super) at: Range<usize>,
    pub(super) id: Option<Cow<'t, str>>,
    pub(super) bandwidth: Option<u64>,
    pub(super) common: Common<'t>,
    pub(super) level: Level<'t>,
    /// Where its `BaseURL` is inserted.
    pub(super) base_url_at: Range<usize>,
    /// Where its segments are inserted.
    pub(super) segments_at: Range<usize>,
    /// Its name if it is an empty element, which has to be opened first.
    pub(super) opened: Option<&'t str>,
}

/// The attributes of an `AdaptationSet` for all of its representations, or of a representation.
#[derive(Debug, Default)]
pub(super) struct Common<'t> {
    pub(super) mime_type: Option<Cow<'t, str>>,
    pub(super) codecs: Option<Cow<'t, str>>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

/// The elements that every level can have.
#[derive(Debug, Default)]
pub(super) struct Level<'t> {
    pub(super) base_urls: Vec<BaseUrl>,
    pub(super) segments: Option<Box<Segments<'t>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "these are their names")]
pub(super) enum Kind {
    SegmentBase,
    SegmentList,
    SegmentTemplate,
}

/// A `SegmentBase`, `SegmentList` or `SegmentTemplate`.
#[derive(Debug)]
pub(super) struct Segments<'t> {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
    pub(super) timescale: Option<u32>,
    pub(super) presentation_time_offset: Option<u64>,
    /// The values of [`KEPT`].
    pub(super) kept: [Option<i64>; KEPT.len()],
    pub(super) duration: Option<u64>,
    pub(super) start_number: Option<u64>,
    pub(super) end_number: Option<u64>,
    pub(super) media: Option<Cow<'t, str>>,
    pub(super) initialization_template: Option<Cow<'t, str>>,
    pub(super) switching_template: Option<Cow<'t, str>>,
    pub(super) offset: Option<Offset>,
    pub(super) complete: Option<bool>,
    pub(super) initialization: Option<Source<'t>>,
    pub(super) index: Option<Source<'t>>,
    pub(super) switching: Option<Source<'t>>,
    pub(super) timeline: Option<Vec<S>>,
    pub(super) urls: Vec<SegmentUrl<'t>>,
}

/// An `Initialization`, `RepresentationIndex` or `BitstreamSwitching`.
#[derive(Debug)]
pub(super) struct Source<'t> {
    pub(super) at: Range<usize>,
    pub(super) name: &'t str,
    pub(super) url: Option<Cow<'t, str>>,
    pub(super) range: Option<Cow<'t, str>>,
}

#[derive(Debug, Default)]
pub(super) struct SegmentUrl<'t> {
    pub(super) media: Option<Cow<'t, str>>,
    pub(super) media_range: Option<Cow<'t, str>>,
    pub(super) index_range: Option<Cow<'t, str>>,
}

/// The attributes that a list of segments keeps from its source, and that have no meaning here.
pub(super) const KEPT: [&str; 3] = ["presentationDuration", "eptDelta", "pdDelta"];

impl Manifest<'_> {
    /// Returns the start and duration of the periods. Missing values are derived from the next period or the
    /// end of the presentation.
    pub(super) fn period_spans(&self) -> Vec<Span> {
        let ends = self.periods.iter().skip(1).map(|next| next.start).chain([self.duration]);
        let mut before = Some(Duration::ZERO);
        let span = |(period, end): (&Period<'_>, Option<Duration>)| {
            let start = period.start.or(before);
            let duration = period.duration.or_else(|| end?.checked_sub(start?));
            before = start.zip(duration).and_then(|(start, duration)| start.checked_add(duration));
            Span { start, duration }
        };
        self.periods.iter().zip(ends).map(span).collect()
    }
}

/// The start and duration of a period, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: Option<Duration>,
    pub(super) duration: Option<Duration>,
}
