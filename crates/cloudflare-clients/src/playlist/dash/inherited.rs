//! What the levels of a manifest hand down.

use std::borrow::Cow;

use super::manifest::{KEPT, Kind, Level, Segments};
use super::place::Place;
use super::plan::{Media, SegmentList, Url};
use super::timeline::Run;
use crate::playlist::reference::Resolver;
use crate::{Error, Result};

/// What holds at one level of a manifest: what it says itself, and what it inherits from those above.
#[derive(Clone)]
pub(super) struct Inherited<'m, 't> {
    /// What references are relative to.
    pub(super) place: Place,
    /// Of the representation, the adaptation set and the period.
    pub(super) segments: [Option<&'m Segments<'t>>; 3],
}

impl<'m, 't> Inherited<'m, 't> {
    /// What holds for the manifest of this key.
    pub(super) fn of_manifest(key: &str, base_urls: &[String], resolver: &Resolver<'_>) -> Result<Self> {
        let own = Place::Bucket(key.to_owned());
        Ok(Self { place: base(&own, base_urls, resolver)?, segments: [None; 3] })
    }

    /// What holds for a level below, which has the number 2 for periods, 1 for adaptation sets, and 0 for representations.
    pub(super) fn below(&self, level: &'m Level<'t>, number: usize, resolver: &Resolver<'_>) -> Result<Self> {
        let mut segments = self.segments;
        segments[number] = level.segments.as_deref();
        Ok(Self { place: base(&self.place, &level.base_urls, resolver)?, segments })
    }

    /// What the lowest level says that says it.
    pub(super) fn find<T>(&self, value: impl FnMut(&'m Segments<'t>) -> Option<T>) -> Option<T> {
        self.segments.into_iter().flatten().find_map(value)
    }

    pub(super) fn kind(&self) -> Result<Option<Kind>> {
        let mut kinds = self.segments.into_iter().flatten().map(|segments| segments.kind);
        let Some(kind) = kinds.next() else { return Ok(None) };
        match kinds.find(|other| *other != kind) {
            None => Ok(Some(kind)),
            Some(other) => Err(Error::invalid_input(format!(
                "there is a {kind:?} below a {other:?}: players disagree on which it is then"
            ))),
        }
    }

    /// A list of these segments, which says what was said of them at any level.
    pub(super) fn list(
        &self,
        initialization: Option<(Url, Option<Cow<'t, str>>)>,
        timeline: Option<Vec<Run>>,
        media: Media<'t>,
    ) -> SegmentList<'t> {
        let mut kept = [None; KEPT.len()];
        for (at, kept) in kept.iter_mut().enumerate() {
            *kept = self.find(|segments| segments.kept[at]);
        }
        SegmentList {
            timescale: self.find(|segments| segments.timescale),
            presentation_time_offset: self.find(|segments| segments.presentation_time_offset),
            kept,
            duration: self.find(|segments| segments.duration).filter(|_| timeline.is_none()),
            initialization,
            timeline,
            media,
        }
    }
}

/// Where the `BaseURL`s of a level lead. Of several, which are alternatives, it is the first that leads into the bucket.
fn base(above: &Place, base_urls: &[String], resolver: &Resolver<'_>) -> Result<Place> {
    let mut first = None;
    for url in base_urls {
        let place = above.follow(url, resolver)?;
        if matches!(place, Place::Bucket(_)) {
            return Ok(place);
        }
        first.get_or_insert(place);
    }
    Ok(first.unwrap_or_else(|| above.clone()))
}
