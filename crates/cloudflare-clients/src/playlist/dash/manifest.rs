//! What a manifest says about where its media is
//! ([ISO/IEC 23009-1](https://www.iso.org/standard/89027.html), clause 5.3), and where in the text it says so.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use super::availability::Offset;
use super::timeline::S;

#[derive(Debug, Default)]
pub(super) struct Manifest<'t> {
    /// The namespace prefix of its elements, with a colon; mostly empty.
    pub(super) prefix: &'t str,
    pub(super) duration: Option<Duration>,
    /// What a live one says of time.
    pub(super) timing: Timing,
    pub(super) base_urls: Vec<BaseUrl>,
    /// Where a `BaseURL` of the `MPD` goes.
    pub(super) base_url_at: usize,
    /// Where it may be read again, and where it says so.
    pub(super) locations: Vec<(Range<usize>, String)>,
    pub(super) periods: Vec<Period<'t>>,
    /// What is not in the signed manifest: that which said where media is, and all that leads to other manifests.
    pub(super) cuts: Vec<Range<usize>>,
}

/// The times and durations of an `MPD`.
#[derive(Debug, Default)]
pub(super) struct Timing {
    pub(super) is_dynamic: bool,
    /// In nanoseconds since 1970, before which streams that number their segments by a clock may begin.
    pub(super) availability_start: Option<i128>,
    pub(super) availability_end: Option<i128>,
    pub(super) update_period: Option<Duration>,
    pub(super) time_shift_buffer_depth: Option<Duration>,
    pub(super) presentation_delay: Option<Duration>,
    /// Where the values of these are, or where an attribute may be put in.
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
    /// Where an attribute may be put in.
    pub(super) attributes_at: usize,
    /// Where its `duration` is said.
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
    /// Where its `BaseURL` goes.
    pub(super) base_url_at: Range<usize>,
    /// Where its segments go.
    pub(super) segments_at: Range<usize>,
    /// Its name, where it is empty and so has to be opened first.
    pub(super) opened: Option<&'t str>,
}

/// What an `AdaptationSet` says for all of its representations, or one for itself.
#[derive(Debug, Default)]
pub(super) struct Common<'t> {
    pub(super) mime_type: Option<Cow<'t, str>>,
    pub(super) codecs: Option<Cow<'t, str>>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

/// What every level may have.
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

/// The numbers that are the same for a list of segments as for what it was made of, and mean nothing here.
pub(super) const KEPT: [&str; 3] = ["presentationDuration", "eptDelta", "pdDelta"];

impl Manifest<'_> {
    /// When the periods begin, and how long they are: by their own word, or as far as the next one or the end of the presentation.
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

/// When a period begins and how long it is, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: Option<Duration>,
    pub(super) duration: Option<Duration>,
}
