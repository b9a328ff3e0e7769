//! Plans the changes of a manifest. Nothing is signed before all of them are known.

mod lists;

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::cursor::before;
use super::duration;
use super::inherited::{Base, Inherited};
use super::live::Live;
use super::manifest::{self, AdaptationSet, Kind, Manifest, Period};
use super::place::Place;
use super::plan::{Change, Plan, SegmentList};
use super::template::Values;
use super::timeline::{Run, Window};
use super::urls::Urls;
use crate::playlist::reference::Resolved;
use crate::playlist::{PlaylistOptions, Representation};
use crate::signing::url_signer::UrlSigner;
use crate::{Error, Result};

pub(super) struct Planner<'a, 't> {
    text: &'t str,
    key: &'a str,
    options: &'a PlaylistOptions<'a>,
    /// When a client requests the manifest.
    now: SystemTime,
    urls: Urls<'a>,
    changes: Vec<(Range<usize>, Change<'t>)>,
    /// The targets of the `Initialization`s and `RepresentationIndex`es of `SegmentBase`s, by position.
    sources: HashMap<usize, Place>,
    /// The position of the current element, for errors.
    at: usize,
}

/// The time of a period, as needed for the segments of its representations.
#[derive(Clone, Copy)]
struct Extent<'l> {
    duration: Option<Duration>,
    /// The live presentation and the index of the period, if the manifest is live.
    live: Option<(&'l Live, usize)>,
}

impl<'a, 't> Planner<'a, 't> {
    pub(super) fn new(
        text: &'t str,
        key: &'a str,
        options: &'a PlaylistOptions<'a>,
        signer: &'a UrlSigner,
        now: SystemTime,
    ) -> Result<Self> {
        let urls = Urls::new(key, options, signer)?;
        Ok(Self { text, key, options, now, urls, changes: Vec::new(), sources: HashMap::new(), at: 0 })
    }

    /// Plans all changes.
    ///
    /// # Errors
    /// A part of the manifest cannot be signed. The error comes with its position in the text.
    pub(super) fn plan(mut self, manifest: &Manifest<'t>) -> std::result::Result<Plan<'t>, (usize, Error)> {
        match self.manifest(manifest) {
            Ok(()) => Ok(Plan {
                changes: self.changes,
                paths: self.urls.paths,
                url_count: self.urls.count,
                url_bytes: self.urls.bytes,
            }),
            Err(error) => Err((self.at, error)),
        }
    }

    fn manifest(&mut self, manifest: &Manifest<'t>) -> Result<()> {
        let inherited = Inherited::of_manifest(self.key, &manifest.base_urls, &self.urls.resolver)?;
        let spans = manifest.period_spans();
        let live = self.live(manifest, &spans, &inherited)?;
        let mut is_cut = false;
        for (number, (period, span)) in manifest.periods.iter().zip(&spans).enumerate() {
            self.at = period.at.start;
            let listed = live.as_ref().map(|live| (live, number));
            if listed.is_some_and(|(live, number)| !live.lists(number)) {
                self.cut(period.at.clone());
                is_cut = true;
                continue;
            }
            // The period starts when the omitted one before it ends.
            if let (None, Some(start), true) = (period.start, span.start, std::mem::take(&mut is_cut)) {
                let start = Change::Text(format!(" start=\"{}\"", duration::write(start)));
                self.changes.push((period.attributes_at..period.attributes_at, start));
            }
            // dash.js stops at the end of the last period.
            let is_last = listed.is_some_and(|(live, number)| live.is_cut_behind(number));
            if let (Some(at), true) = (&period.duration_at, is_last) {
                self.changes.push((at.clone(), Change::Nothing));
            }
            self.period(period, Extent { duration: span.duration, live: listed }, &inherited)?;
        }
        self.locations(manifest)?;
        self.make_room(manifest);
        let cuts = manifest.cuts.iter().map(|cut| (cut.clone(), Change::Nothing));
        self.changes.extend(cuts);
        // Insertions come before removals that start at the same position.
        self.changes.sort_by_key(|(at, _)| (at.start, at.end));
        Ok(())
    }

    /// Determines what is listed of a live manifest, and plans the changes of its attributes.
    fn live(
        &mut self,
        manifest: &Manifest<'t>,
        spans: &[manifest::Span],
        inherited: &Inherited<'_, 't>,
    ) -> Result<Option<Live>> {
        if !manifest.timing.is_dynamic {
            return Ok(None);
        }
        let mut live = Live::new(&manifest.timing, self.options, self.now)?;
        for (period, span) in manifest.periods.iter().zip(spans) {
            live.add_period(*span);
            let inherited = inherited.below(&period.level, 2, &self.urls.resolver)?;
            for set in &period.sets {
                let inherited = inherited.below(&set.level, 1, &self.urls.resolver)?;
                for one in set.representations.iter().filter(|one| self.is_chosen(set, one)) {
                    let inherited = inherited.below(&one.level, 0, &self.urls.resolver)?;
                    live.add_representation(
                        &inherited,
                        inherited.base(&self.urls.resolver).offset,
                        is_sparse(set, one),
                    )?;
                }
            }
        }
        live.settle()?;
        self.changes.extend(live.changes(&manifest.timing));
        Ok(Some(live))
    }

    /// Replaces the `Location`s by URLs at which the signed manifest is served.
    fn locations(&mut self, manifest: &Manifest<'t>) -> Result<()> {
        for (at, url) in &manifest.locations {
            self.at = at.start;
            let resolver = &self.urls.resolver;
            let change = match (&self.options.child_url, resolver.follow(self.key, url)) {
                (Some(child_url), Ok(Resolved::Object(key))) if resolver.check(&key).is_ok() => {
                    let url = child_url(&key)?;
                    self.urls.add(url.len())?;
                    let (prefix, url) = (manifest.prefix, quick_xml::escape::escape(&*url));
                    Change::Text(format!("\n<{prefix}Location>{url}</{prefix}Location>"))
                }
                _ => Change::Nothing,
            };
            self.changes.push((at.clone(), change));
        }
        Ok(())
    }

    /// ffmpeg's demuxer reserves memory for a URL according to the `BaseURL`s of the manifest, and cuts off
    /// longer URLs. This adds one that is as long as the longest URL, without `&`s, which ffmpeg
    /// misinterprets in a `BaseURL`. No reference is relative to it.
    fn make_room(&mut self, manifest: &Manifest<'t>) {
        let has_lists = self.changes.iter().any(|(_, change)| matches!(change, Change::Segments { .. }));
        if has_lists {
            let mut base_url = format!("{}{}?", self.urls.resolver.origin, self.urls.resolver.bucket_path);
            base_url.extend(std::iter::repeat_n('-', self.urls.longest.saturating_sub(base_url.len())));
            let at = manifest.base_url_at;
            self.changes.push((at..at, Change::Room { base_url }));
        }
    }

    fn period(
        &mut self,
        period: &Period<'t>,
        extent: Extent<'_>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<()> {
        let inherited = inherited.below(&period.level, 2, &self.urls.resolver)?;
        let (mut any, mut chosen) = (false, false);
        for set in &period.sets {
            any |= !set.representations.is_empty();
            chosen |= self.adaptation_set(set, extent, &inherited)?;
        }
        if any && !chosen {
            self.at = period.at.start;
            return Err(Error::invalid_input(
                "`PlaylistOptions::representations` chooses none of the representations of the Period",
            ));
        }
        Ok(())
    }

    /// Plans an adaptation set, and returns whether any of its representations is chosen.
    fn adaptation_set(
        &mut self,
        set: &AdaptationSet<'t>,
        extent: Extent<'_>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<bool> {
        self.at = set.at.start;
        let inherited = inherited.below(&set.level, 1, &self.urls.resolver)?;
        let chosen: Vec<_> = set.representations.iter().map(|one| self.is_chosen(set, one)).collect();
        let Some(first) = chosen.iter().position(|chosen| *chosen) else {
            if !chosen.is_empty() {
                self.cut(set.at.clone());
            }
            return Ok(false);
        };
        let mut lists = Vec::new();
        let mut all_lists = true;
        for (representation, chosen) in set.representations.iter().zip(chosen) {
            self.at = representation.at.start;
            if !chosen {
                self.cut(representation.at.clone());
            } else if let Some(list) = self.representation(representation, extent, &inherited)? {
                lists.push((representation, list));
            } else {
                all_lists = false;
            }
        }
        if let Some((timescale, runs)) = all_lists.then(|| take_common_timeline(&mut lists)).flatten() {
            let at = before(self.text, set.representations[first].at.start);
            self.changes.push((at..at, Change::Timeline { timescale, runs }));
        }
        self.changes.extend(lists.into_iter().map(|(representation, list)| {
            let change = Change::Segments { list: Box::new(list), opened: representation.opened };
            (representation.segments_at.clone(), change)
        }));
        Ok(true)
    }

    fn is_chosen(&self, set: &AdaptationSet<'t>, representation: &manifest::Representation<'t>) -> bool {
        let Some(choose) = &self.options.representations else { return true };
        let (own, common) = (&representation.common, &set.common);
        choose(&Representation {
            id: representation.id.as_deref(),
            bandwidth: representation.bandwidth,
            width: own.width.or(common.width),
            height: own.height.or(common.height),
            mime_type: own.mime_type.as_deref().or(common.mime_type.as_deref()),
            codecs: own.codecs.as_deref().or(common.codecs.as_deref()),
            content_type: set.content_type.as_deref(),
            language: set.language.as_deref(),
        })
    }

    /// Plans a representation. Returns its list of segments, or `None` if it is a single object.
    fn representation(
        &mut self,
        representation: &manifest::Representation<'t>,
        extent: Extent<'_>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<Option<SegmentList<'t>>> {
        let inherited = inherited.below(&representation.level, 0, &self.urls.resolver)?;
        let values = Values { id: representation.id.as_deref(), bandwidth: representation.bandwidth };
        self.at = inherited.segments[0].map_or(self.at, |segments| segments.at.start);
        match inherited.kind()? {
            None | Some(Kind::SegmentBase) => {
                self.object(representation, &inherited)?;
                Ok(None)
            }
            Some(Kind::SegmentList) => self.segment_list(extent, &inherited).map(Some),
            Some(Kind::SegmentTemplate) => self.segment_template(values, extent, &inherited).map(Some),
        }
    }

    /// Plans a representation that is a single object, with or without a `SegmentBase` for its index.
    fn object(
        &mut self,
        representation: &manifest::Representation<'t>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<()> {
        let main = inherited.base(&self.urls.resolver);
        let mut bases: Vec<&Base> = Vec::new();
        for base in &*inherited.bases {
            if self.urls.is_object(&base.place) && bases.iter().all(|other| other.place != base.place) {
                bases.push(base);
            }
        }
        if bases.is_empty() {
            bases.push(main);
        }
        let mut urls = Vec::new();
        for base in bases {
            self.urls.add_bytes(base.choice.len())?;
            urls.push((self.urls.media(&base.place)?, base.choice.clone()));
        }
        let change = Change::BaseUrls { urls, opened: representation.opened };
        self.changes.push((representation.base_url_at.clone(), change));
        for segments in inherited.segments.into_iter().flatten() {
            for source in [&segments.initialization, &segments.index].into_iter().flatten() {
                let Some(reference) = &source.url else { continue };
                let place = main.place.follow(reference, &self.urls.resolver)?;
                match self.sources.insert(source.at.start, place.clone()) {
                    Some(before) if before == place => continue,
                    Some(_) => {
                        self.at = source.at.start;
                        return Err(Error::invalid_input(format!(
                            "the sourceURL of the {} of a shared SegmentBase leads to different URLs for its representations: \
                             move it into each Representation",
                            source.name
                        )));
                    }
                    None => {}
                }
                let url = self.urls.url(place)?;
                let change = Change::Source { name: source.name, url, range: source.range.clone() };
                self.changes.push((source.at.clone(), change));
            }
        }
        Ok(())
    }

    fn cut(&mut self, at: Range<usize>) {
        let start = before(self.text, at.start);
        self.changes.push((start..at.end, Change::Nothing));
    }
}

impl Extent<'_> {
    /// Returns the window of a representation's segments that is listed.
    fn window(self, inherited: &Inherited<'_, '_>, base: &Base) -> Option<Window> {
        let (live, period) = self.live?;
        Some(live.window(period, inherited, base.offset))
    }
}

/// Whether players continue without segments of the representation, as for subtitles and thumbnails, whose
/// segments may be long.
fn is_sparse(set: &AdaptationSet<'_>, representation: &manifest::Representation<'_>) -> bool {
    let mime_type = representation.common.mime_type.as_deref().or(set.common.mime_type.as_deref());
    let kind = set.content_type.as_deref().or_else(|| mime_type?.split('/').next());
    matches!(kind, Some("text" | "image" | "application"))
}

/// Removes the timeline from the lists and returns it, if it is the same in all of them.
///
/// With the timeline in the adaptation set, ffmpeg's demuxer can seek: it does not look for one in a
/// representation's list.
fn take_common_timeline<R>(lists: &mut [(R, SegmentList<'_>)]) -> Option<(Option<u32>, Vec<Run>)> {
    let (first, others) = lists.split_first_mut()?;
    let timescale = first.1.timescale;
    let timeline = first.1.timeline.as_ref().filter(|timeline| !timeline.is_empty())?;
    let is_same = |runs: &[Run]| {
        runs.len() == timeline.len() && runs.iter().zip(timeline).all(|(a, b)| a.is_at_the_time_of(*b))
    };
    if !others
        .iter()
        .all(|(_, list)| list.timescale == timescale && list.timeline.as_deref().is_some_and(is_same))
    {
        return None;
    }
    for (_, list) in others {
        list.timeline = None;
    }
    Some((timescale, first.1.timeline.take()?))
}
