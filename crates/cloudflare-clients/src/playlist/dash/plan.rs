//! What is to change in a manifest. Nothing of it is signed before all of it is known.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use quick_xml::escape::escape;

use super::base::Place;
use super::document::{self, AdaptationSet, KEPT, Kind, Level, Manifest, Period, Segments, Source};
use super::shown;
use super::template::{Template, Values};
use super::timeline::{self, Bounds, Run};
use crate::playlist::reference::{Resolver, folder_of};
use crate::playlist::{PlaylistOptions, Representation};
use crate::signing::url_signer::{Folder, Paths, UrlSigner, is_plain};
use crate::{Error, Result};

/// The changes, and the paths of the URLs in them.
#[derive(Debug, Default)]
pub(super) struct Plan<'t> {
    pub(super) changes: Vec<(Range<usize>, Change<'t>)>,
    pub(super) paths: Paths,
    pub(super) url_count: usize,
    /// How many bytes the URLs have together.
    pub(super) url_bytes: usize,
}

/// What comes in the place of a part of the text.
#[derive(Debug)]
pub(super) enum Change<'t> {
    Nothing,
    /// A `BaseURL` that makes room: see [`Planner::make_room`].
    Room {
        base_url: String,
    },
    BaseUrl {
        url: Url,
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
    pub(super) initialization: Option<(Url, Option<Cow<'t, str>>)>,
    pub(super) timeline: Option<Vec<Run>>,
    pub(super) media: Media<'t>,
}

#[derive(Debug)]
pub(super) enum Media<'t> {
    /// The paths of these numbers.
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
    /// The presigned URL of the path of this number.
    Signed(usize),
    /// One of another host, escaped for XML.
    Elsewhere(String),
}

/// The most bytes that all URLs of a manifest may have together.
const MAX_URL_BYTES: usize = 32 * 1024 * 1024;

pub(super) struct Planner<'a, 't> {
    text: &'t str,
    key: &'a str,
    options: &'a PlaylistOptions<'a>,
    signer: &'a UrlSigner,
    resolver: Resolver<'a>,
    plan: Plan<'t>,
    /// The numbers of paths by key: only where a key may come again.
    numbers: HashMap<String, usize>,
    /// The bytes of the longest URL.
    longest: usize,
    /// What is looked at.
    at: usize,
}

/// One level of a manifest within the ones above.
#[derive(Clone)]
struct Scope<'m, 't> {
    place: Place,
    segments: [Option<&'m Segments<'t>>; 3],
}

impl<'a, 't> Planner<'a, 't> {
    pub(super) fn new(
        text: &'t str,
        key: &'a str,
        options: &'a PlaylistOptions<'a>,
        signer: &'a UrlSigner,
    ) -> Result<Self> {
        Ok(Self {
            text,
            key,
            options,
            signer,
            resolver: Resolver::new(signer, options.prefix_for(key)?),
            plan: Plan::default(),
            numbers: HashMap::new(),
            longest: 0,
            at: 0,
        })
    }

    /// # Errors
    /// Something of the manifest cannot be signed. Where that is in the text comes along.
    pub(super) fn plan(mut self, manifest: &Manifest<'t>) -> std::result::Result<Plan<'t>, (usize, Error)> {
        match self.manifest(manifest) {
            Ok(()) => Ok(self.plan),
            Err(error) => Err((self.at, error)),
        }
    }

    fn manifest(&mut self, manifest: &Manifest<'t>) -> Result<()> {
        let own = Place::Bucket(self.key.to_owned());
        let scope = Scope { place: self.base(&own, &manifest.base_urls)?, segments: [None; 3] };
        for (period, duration) in manifest.periods.iter().zip(durations(manifest)) {
            self.at = period.at;
            self.period(period, duration, &scope)?;
        }
        self.make_room(manifest);
        let cuts = manifest.cuts.iter().map(|cut| (cut.clone(), Change::Nothing));
        self.plan.changes.extend(cuts);
        // What is put in goes before what is cut out behind it.
        self.plan.changes.sort_by_key(|(at, _)| (at.start, at.end));
        Ok(())
    }

    /// ffmpeg's demuxer reserves the room for a URL by the `BaseURL`s of the manifest, and cuts off what is longer. So there is one
    /// that is as long as the longest URL, but for the `&`s, which it does not understand in a `BaseURL`. Nothing is relative to it.
    fn make_room(&mut self, manifest: &Manifest<'t>) {
        let has_lists = self.plan.changes.iter().any(|(_, change)| matches!(change, Change::Segments { .. }));
        if has_lists {
            let mut base_url = format!("{}{}?", self.resolver.origin, self.resolver.bucket_path);
            base_url.extend(std::iter::repeat_n('-', self.longest.saturating_sub(base_url.len())));
            let at = manifest.base_url_at;
            self.plan.changes.push((at..at, Change::Room { base_url }));
        }
    }

    fn period(
        &mut self,
        period: &Period<'t>,
        duration: Option<Duration>,
        scope: &Scope<'_, 't>,
    ) -> Result<()> {
        let scope = self.scope(scope, &period.level, 2)?;
        let (mut any, mut chosen) = (false, false);
        for set in &period.sets {
            any |= !set.representations.is_empty();
            chosen |= self.adaptation_set(set, duration, &scope)?;
        }
        if any && !chosen {
            self.at = period.at;
            return Err(Error::invalid_input(
                "`PlaylistOptions::representations` chooses none of the representations of the Period",
            ));
        }
        Ok(())
    }

    /// Whether any of its representations is chosen.
    fn adaptation_set(
        &mut self,
        set: &AdaptationSet<'t>,
        duration: Option<Duration>,
        scope: &Scope<'_, 't>,
    ) -> Result<bool> {
        self.at = set.at.start;
        let scope = self.scope(scope, &set.level, 1)?;
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
            } else if let Some(list) = self.representation(representation, duration, &scope)? {
                lists.push((representation, list));
            } else {
                all_lists = false;
            }
        }
        if let Some((timescale, runs)) = all_lists.then(|| take_common_timeline(&mut lists)).flatten() {
            let at = document::before(self.text, set.representations[first].at.start);
            self.plan.changes.push((at..at, Change::Timeline { timescale, runs }));
        }
        self.plan.changes.extend(lists.into_iter().map(|(representation, list)| {
            let change = Change::Segments { list: Box::new(list), opened: representation.opened };
            (representation.segments_at.clone(), change)
        }));
        Ok(true)
    }

    fn is_chosen(&self, set: &AdaptationSet<'t>, representation: &document::Representation<'t>) -> bool {
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

    /// The list of its segments, unless it is all in one object.
    fn representation(
        &mut self,
        representation: &document::Representation<'t>,
        duration: Option<Duration>,
        scope: &Scope<'_, 't>,
    ) -> Result<Option<SegmentList<'t>>> {
        let scope = self.scope(scope, &representation.level, 0)?;
        let values = Values { id: representation.id.as_deref(), bandwidth: representation.bandwidth };
        self.at = scope.segments[0].map_or(self.at, |segments| segments.at.start);
        match scope.kind()? {
            None | Some(Kind::SegmentBase) => {
                self.object(representation, &scope)?;
                Ok(None)
            }
            Some(Kind::SegmentList) => self.segment_list(duration, &scope).map(Some),
            Some(Kind::SegmentTemplate) => self.segment_template(values, duration, &scope).map(Some),
        }
    }

    /// A representation that is one object, with or without a `SegmentBase` that says where its index is.
    fn object(&mut self, representation: &document::Representation<'t>, scope: &Scope<'_, 't>) -> Result<()> {
        let url = self.media(&scope.place)?;
        let change = Change::BaseUrl { url, opened: representation.opened };
        self.plan.changes.push((representation.base_url_at.clone(), change));
        for (level, segments) in scope.segments.into_iter().enumerate() {
            let sources =
                segments.into_iter().flat_map(|segments| [&segments.initialization, &segments.index]);
            for source in sources.flatten().filter(|source| source.url.is_some()) {
                if level > 0 {
                    self.at = source.at.start;
                    return Err(Error::invalid_input(format!(
                        "the {} of a SegmentBase that several representations share has a sourceURL, which may mean another URL \
                         for each: it has to be in the Representation",
                        source.name
                    )));
                }
                let url = self.source(source, &scope.place)?;
                let change = Change::Source { name: source.name, url, range: source.range.clone() };
                self.plan.changes.push((source.at.clone(), change));
            }
        }
        Ok(())
    }

    fn segment_list(&mut self, duration: Option<Duration>, scope: &Scope<'_, 't>) -> Result<SegmentList<'t>> {
        let urls =
            scope.segments.into_iter().flatten().map(|segments| &segments.urls).find(|urls| !urls.is_empty());
        let urls = urls.ok_or_else(|| Error::invalid_input("the SegmentList has no SegmentURL"))?;
        let bounds = self.bounds(duration, scope);
        if urls.len() > bounds.max_segments {
            return Err(self.too_many_urls());
        }
        let runs = scope
            .find(|segments| segments.timeline.as_ref())
            .map(|timeline| timeline::uneven(timeline, bounds));
        let runs = runs.transpose()?;
        if let Some(runs) = &runs {
            let count: u64 = runs.iter().map(|run| run.count).sum();
            if usize::try_from(count).is_ok_and(|count| count != urls.len()) {
                return Err(Error::invalid_input(format!(
                    "the SegmentTimeline has {count} segments, but there are {} SegmentURLs",
                    urls.len()
                )));
            }
        }
        let initialization = self.initialization(scope)?;
        let folder = self.folder(&scope.place);
        let mut media = Vec::with_capacity(urls.len());
        for segment in urls {
            let url = match &segment.media {
                None => self.media(&scope.place)?,
                Some(reference) => match &folder {
                    // Parts of an object are likely to have others.
                    Some(folder)
                        if segment.media_range.is_none()
                            && self.plan.paths.push_plain(folder, reference)? =>
                    {
                        self.count_path()?
                    }
                    _ => {
                        let place = scope.place.follow(reference, &self.resolver)?;
                        self.url(place)?
                    }
                },
            };
            media.push(SegmentUrl {
                url,
                media_range: segment.media_range.clone(),
                index_range: segment.index_range.clone(),
            });
        }
        Ok(scope.list(initialization, runs, Media::Urls(media)))
    }

    fn segment_template(
        &mut self,
        values: Values<'_>,
        duration: Option<Duration>,
        scope: &Scope<'_, 't>,
    ) -> Result<SegmentList<'t>> {
        let media = scope
            .find(|segments| segments.media.as_deref())
            .ok_or_else(|| Error::invalid_input("the SegmentTemplate has no media"))?;
        let template = Template::parse(media, values)?;
        let first = scope.find(|segments| segments.start_number).unwrap_or(1);
        let last = scope.find(|segments| segments.end_number);
        let initialization = match scope.find(|segments| segments.initialization_template.as_deref()) {
            None => self.initialization(scope)?,
            Some(text) => {
                let template = Template::parse(text, values)?;
                if template.is_numbered() {
                    return Err(Error::invalid_input(format!(
                        "the initialization {} has the number of a segment, which it comes before",
                        shown(text)
                    )));
                }
                let mut reference = String::new();
                template.write(0, 0, &mut reference);
                let place = scope.place.follow(&reference, &self.resolver)?;
                Some((self.url(place)?, None))
            }
        };
        let bounds = self.bounds(duration, scope);
        let timeline = scope.find(|segments| segments.timeline.as_ref());
        let runs = match (timeline, scope.find(|segments| segments.duration)) {
            (Some(timeline), _) => timeline::uneven(timeline, bounds)?,
            (None, Some(duration)) => vec![timeline::equal(duration, first, last, bounds)?],
            (None, None) if template.is_numbered() => {
                return Err(Error::invalid_input(
                    "the SegmentTemplate has neither a duration nor a SegmentTimeline: how many segments are there?",
                ));
            }
            (None, None) => vec![Run { start: 0, duration: 0, count: 1 }],
        };
        let count: u64 = runs.iter().map(|run| run.count).sum();
        if count > 1 && !template.is_numbered() {
            return Err(Error::invalid_input(format!(
                "the media {} has neither $Number$ nor $Time$, but there are {count} segments",
                shown(media)
            )));
        }
        if first.checked_add(count).is_none() {
            return Err(Error::invalid_input(format!("the startNumber {first} is too large")));
        }
        let numbers = (first..).zip(runs.iter().flat_map(|run| run.starts()));
        let media = self.expanded(&template, numbers, &scope.place)?;
        Ok(scope.list(initialization, timeline.map(|_| runs), media))
    }

    /// The URLs of the segments that have these numbers and times.
    fn expanded(
        &mut self,
        template: &Template,
        numbers: impl Iterator<Item = (u64, u64)>,
        place: &Place,
    ) -> Result<Media<'t>> {
        let mut name = String::new();
        template.write(0, 0, &mut name);
        // What has digits in the place of others is no less plain.
        if let Some(folder) = self.folder(place).filter(|_| is_plain(&name)) {
            let start = self.plan.paths.len();
            for (number, time) in numbers {
                self.plan.paths.push_written(&folder, |out| template.write(number, time, out))?;
                self.count_path()?;
            }
            return Ok(Media::Paths(start..self.plan.paths.len()));
        }
        let mut urls = Vec::new();
        for (number, time) in numbers {
            name.clear();
            template.write(number, time, &mut name);
            let url = self.url(place.follow(&name, &self.resolver)?)?;
            urls.push(SegmentUrl { url, media_range: None, index_range: None });
        }
        Ok(Media::Urls(urls))
    }

    /// The `Initialization` of a list, or of a template that has none of its own.
    fn initialization(&mut self, scope: &Scope<'_, 't>) -> Result<Option<(Url, Option<Cow<'t, str>>)>> {
        let Some(source) = scope.find(|segments| segments.initialization.as_ref()) else { return Ok(None) };
        Ok(Some((self.source(source, &scope.place)?, source.range.clone())))
    }

    fn source(&mut self, source: &Source<'t>, place: &Place) -> Result<Url> {
        match &source.url {
            Some(reference) => {
                let place = place.follow(reference, &self.resolver)?;
                self.url(place)
            }
            None => self.media(place),
        }
    }

    /// The URL of what the `BaseURL`s lead to.
    fn media(&mut self, place: &Place) -> Result<Url> {
        if matches!(place, Place::Bucket(key) if key == self.key || key.is_empty() || key.ends_with('/')) {
            return Err(Error::invalid_input(
                "the media of the Representation has no URL: neither its segments nor a BaseURL name an object",
            ));
        }
        self.url(place.clone())
    }

    /// The URL of an object, which is signed once.
    fn url(&mut self, place: Place) -> Result<Url> {
        let key = match place {
            Place::Bucket(key) => key,
            Place::Elsewhere(url) => {
                let url = escape(url.as_str()).into_owned();
                self.count_url(url.len())?;
                return Ok(Url::Elsewhere(url));
            }
        };
        self.resolver.check(&key)?;
        if let Some(number) = self.numbers.get(&key) {
            let number = *number;
            self.count_url(self.signer.url_len(self.plan.paths.path_len(number)))?;
            return Ok(Url::Signed(number));
        }
        self.signer.push_path(&key, &mut self.plan.paths)?;
        self.numbers.insert(key, self.plan.paths.len() - 1);
        self.count_path()
    }

    /// Counts the URL of the path that was added last.
    #[inline]
    fn count_path(&mut self) -> Result<Url> {
        let number = self.plan.paths.len() - 1;
        self.count_url(self.signer.url_len(self.plan.paths.path_len(number)))?;
        Ok(Url::Signed(number))
    }

    #[inline]
    fn count_url(&mut self, length: usize) -> Result<()> {
        self.plan.url_count += 1;
        self.plan.url_bytes += length;
        self.longest = self.longest.max(length);
        if self.plan.url_count > self.options.max_urls {
            return Err(self.too_many_urls());
        }
        if self.plan.url_bytes > MAX_URL_BYTES {
            return Err(Error::invalid_input(format!(
                "the URLs of the manifest would have more than {MAX_URL_BYTES} bytes together"
            )));
        }
        Ok(())
    }

    fn too_many_urls(&self) -> Error {
        Error::invalid_input(format!(
            "the manifest has more than {} URLs, the limit that `PlaylistOptions::max_urls` sets; with \
             `PlaylistOptions::representations`, fewer are needed",
            self.options.max_urls
        ))
    }

    fn bounds(&self, period: Option<Duration>, scope: &Scope<'_, 't>) -> Bounds {
        Bounds {
            timescale: scope.find(|segments| segments.timescale).unwrap_or(1),
            presentation_time_offset: scope.find(|segments| segments.presentation_time_offset).unwrap_or(0),
            period,
            max_segments: self.options.max_urls.saturating_sub(self.plan.url_count),
        }
    }

    /// The folder that references are relative to, if it lies below the prefix.
    fn folder(&self, place: &Place) -> Option<Folder> {
        match place {
            Place::Bucket(key) => {
                let folder = folder_of(key);
                folder.starts_with(self.resolver.prefix).then(|| self.signer.folder(folder))
            }
            Place::Elsewhere(_) => None,
        }
    }

    /// A level below `above`, which has the number 2 for periods, 1 for adaptation sets, and 0 for representations.
    fn scope<'m>(&self, above: &Scope<'m, 't>, level: &'m Level<'t>, number: usize) -> Result<Scope<'m, 't>> {
        let mut segments = above.segments;
        segments[number] = level.segments.as_deref();
        Ok(Scope { place: self.base(&above.place, &level.base_urls)?, segments })
    }

    /// Where the `BaseURL`s of a level lead. Of several, which are alternatives, it is the first that leads into the bucket.
    fn base(&self, above: &Place, base_urls: &[String]) -> Result<Place> {
        let mut first = None;
        for url in base_urls {
            let place = above.follow(url, &self.resolver)?;
            if matches!(place, Place::Bucket(_)) {
                return Ok(place);
            }
            first.get_or_insert(place);
        }
        Ok(first.unwrap_or_else(|| above.clone()))
    }

    fn cut(&mut self, at: Range<usize>) {
        let start = document::before(self.text, at.start);
        self.plan.changes.push((start..at.end, Change::Nothing));
    }
}

impl<'m, 't> Scope<'m, 't> {
    /// What the lowest level says that says it.
    fn find<T>(&self, value: impl FnMut(&'m Segments<'t>) -> Option<T>) -> Option<T> {
        self.segments.into_iter().flatten().find_map(value)
    }

    fn kind(&self) -> Result<Option<Kind>> {
        let mut kinds = self.segments.into_iter().flatten().map(|segments| segments.kind);
        let Some(kind) = kinds.next() else { return Ok(None) };
        match kinds.find(|other| *other != kind) {
            None => Ok(Some(kind)),
            Some(other) => Err(Error::invalid_input(format!(
                "there is a {kind:?} below a {other:?}: players disagree on which it is then"
            ))),
        }
    }

    fn list(
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

/// Takes the timeline out of the lists, if it is the same in all.
///
/// With it in the adaptation set, ffmpeg's demuxer can seek: it does not look for one in a representation's list.
fn take_common_timeline<R>(lists: &mut [(R, SegmentList<'_>)]) -> Option<(Option<u32>, Vec<Run>)> {
    let (first, others) = lists.split_first_mut()?;
    let (timescale, timeline) = (first.1.timescale, first.1.timeline.as_ref()?);
    if !others.iter().all(|(_, list)| list.timescale == timescale && list.timeline.as_ref() == Some(timeline))
    {
        return None;
    }
    for (_, list) in others {
        list.timeline = None;
    }
    Some((timescale, first.1.timeline.take()?))
}

/// How long the periods are: by their own word, or as far as the next one or the end of the presentation.
fn durations(manifest: &Manifest<'_>) -> Vec<Option<Duration>> {
    let ends = manifest.periods.iter().skip(1).map(|next| next.start).chain([manifest.duration]);
    let mut before = Some(Duration::ZERO);
    let duration = |(period, end): (&Period<'_>, Option<Duration>)| {
        let start = period.start.or(before);
        let duration = period.duration.or_else(|| end?.checked_sub(start?));
        before = start.zip(duration).and_then(|(start, duration)| start.checked_add(duration));
        duration
    };
    manifest.periods.iter().zip(ends).map(duration).collect()
}
