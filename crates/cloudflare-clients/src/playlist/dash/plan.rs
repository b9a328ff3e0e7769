//! The changes of a manifest.

use std::borrow::Cow;
use std::ops::Range;

use super::availability::Offset;
use super::manifest::KEPT;
use super::timeline::Run;
use crate::signing::url_signer::Paths;

/// The changes, and the paths of their URLs.
#[derive(Debug, Default)]
pub(super) struct Plan<'t> {
    pub(super) changes: Vec<(Range<usize>, Change<'t>)>,
    pub(super) paths: Paths,
    pub(super) url_count: usize,
    /// Total size of the URLs, in bytes.
    pub(super) url_bytes: usize,
}

/// What replaces a part of the text.
#[derive(Debug)]
pub(super) enum Change<'t> {
    Nothing,
    Text(String),
    /// A `BaseURL` that makes players reserve enough memory for the longest URL.
    Room {
        base_url: String,
    },
    /// A `BaseURL` per alternative, with its other attributes.
    BaseUrls {
        urls: Vec<(Url, String)>,
        opened: Option<&'t str>,
    },
    Source {
        name: &'t str,
        url: Url,
        range: Option<Cow<'t, str>>,
    },
    /// A `SegmentList` with the timeline of all representations of an adaptation set.
    Timeline {
        timescale: Option<u32>,
        runs: Vec<Run>,
    },
    Segments {
        list: Box<SegmentList<'t>>,
        opened: Option<&'t str>,
    },
}

#[derive(Debug)]
pub(super) struct SegmentList<'t> {
    pub(super) timescale: Option<u32>,
    pub(super) presentation_time_offset: Option<u64>,
    pub(super) kept: [Option<i64>; KEPT.len()],
    pub(super) duration: Option<u64>,
    pub(super) offset: Option<Offset>,
    pub(super) complete: Option<bool>,
    pub(super) initialization: Option<Part<'t>>,
    pub(super) switching: Option<Part<'t>>,
    pub(super) timeline: Option<Vec<Run>>,
    pub(super) media: Media<'t>,
}

/// An object, or a range of its bytes.
pub(super) type Part<'t> = (Url, Option<Cow<'t, str>>);

#[derive(Debug)]
pub(super) enum Media<'t> {
    /// The paths with these numbers.
    Paths(Range<usize>),
    Urls(Vec<SegmentUrl<'t>>),
}

#[derive(Debug)]
pub(super) struct SegmentUrl<'t> {
    pub(super) url: Url,
    pub(super) media_range: Option<Cow<'t, str>>,
    pub(super) index_range: Option<Cow<'t, str>>,
}

#[derive(Debug)]
pub(super) enum Url {
    /// The presigned URL of the path with this number.
    Signed(usize),
    /// The URL of another host, escaped for XML.
    Elsewhere(String),
}
