//! The values that the levels of a manifest inherit.

use std::rc::Rc;

use super::availability::Offset;
use super::manifest::{BaseUrl, Kind, Level, Segments};
use super::place::Place;
use crate::playlist::reference::Resolver;
use crate::{Error, Result};

/// Maximum number of alternative URLs of a representation.
const MAX_BASES: usize = 16;

/// The values that apply at one level of a manifest: its own, and those inherited from the levels above.
#[derive(Clone)]
pub(super) struct Inherited<'m, 't> {
    /// The URLs that references are relative to: one, or alternatives.
    pub(super) bases: Rc<[Base]>,
    /// Of the representation, the adaptation set and the period.
    pub(super) segments: [Option<&'m Segments<'t>>; 3],
}

/// The result of following the `BaseURL`s of all levels.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) place: Place,
    /// The attributes by which players choose among alternatives, as XML.
    pub(super) choice: String,
    /// The sum of the `availabilityTimeOffset`s.
    pub(super) offset: Offset,
    pub(super) complete: Option<bool>,
}

impl<'m, 't> Inherited<'m, 't> {
    /// Returns the values that apply to the manifest with this key.
    pub(super) fn of_manifest(key: &str, base_urls: &[BaseUrl], resolver: &Resolver<'_>) -> Result<Self> {
        let own = Base {
            place: Place::Bucket(key.to_owned()),
            choice: String::new(),
            offset: Offset::default(),
            complete: None,
        };
        Ok(Self { bases: bases([own].into(), base_urls, resolver)?, segments: [None; 3] })
    }

    /// Returns the values that apply to a level below. Its number is 2 for periods, 1 for adaptation sets,
    /// and 0 for representations.
    pub(super) fn below(&self, level: &'m Level<'t>, number: usize, resolver: &Resolver<'_>) -> Result<Self> {
        let mut segments = self.segments;
        segments[number] = level.segments.as_deref();
        Ok(Self { bases: bases(Rc::clone(&self.bases), &level.base_urls, resolver)?, segments })
    }

    /// Returns the first alternative that may be signed, or else the first that leads into the bucket.
    pub(super) fn base(&self, resolver: &Resolver<'_>) -> &Base {
        let rank = |base: &&Base| match &base.place {
            Place::Bucket(key) => usize::from(!key.starts_with(resolver.prefix)),
            Place::Elsewhere(_) => 2,
        };
        self.bases.iter().min_by_key(rank).unwrap_or(&self.bases[0])
    }

    /// Returns the value of the lowest level that has one.
    pub(super) fn find<T>(&self, value: impl FnMut(&'m Segments<'t>) -> Option<T>) -> Option<T> {
        self.segments.into_iter().flatten().find_map(value)
    }

    pub(super) fn kind(&self) -> Result<Option<Kind>> {
        let mut kinds = self.segments.into_iter().flatten().map(|segments| segments.kind);
        let Some(kind) = kinds.next() else { return Ok(None) };
        match kinds.find(|other| *other != kind) {
            None => Ok(Some(kind)),
            Some(other) => Err(Error::invalid_input(format!(
                "there is a {kind:?} below a {other:?}: players disagree on which one applies"
            ))),
        }
    }

    pub(super) fn timescale(&self) -> u32 {
        self.find(|segments| segments.timescale).unwrap_or(1)
    }
}

/// Combines the `BaseURL`s of a level, which are alternatives, with those above.
fn bases(above: Rc<[Base]>, base_urls: &[BaseUrl], resolver: &Resolver<'_>) -> Result<Rc<[Base]>> {
    if base_urls.is_empty() {
        return Ok(above);
    }
    if above.len() * base_urls.len() > MAX_BASES {
        return Err(Error::invalid_input(format!(
            "the BaseURLs of all levels make more than {MAX_BASES} alternatives"
        )));
    }
    let mut below = Vec::with_capacity(above.len() * base_urls.len());
    for base in &*above {
        for url in base_urls {
            below.push(Base {
                place: base.place.follow(&url.url, resolver)?,
                choice: if url.choice.is_empty() { &base.choice } else { &url.choice }.clone(),
                offset: base.offset + url.offset,
                complete: url.complete.or(base.complete),
            });
        }
    }
    Ok(below.into())
}
