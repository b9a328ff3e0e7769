//! From a manifest to what is to change in it. Nothing of it is signed before all of it is known.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use quick_xml::escape::escape;

use super::cursor::before;
use super::inherited::Inherited;
use super::manifest::{self, AdaptationSet, Kind, Manifest, Period, Source};
use super::place::Place;
use super::plan::{Change, Media, Plan, SegmentList, SegmentUrl, Url};
use super::quoted::quoted;
use super::template::{Template, Values};
use super::timeline::{self, Bounds, Run};
use crate::playlist::reference::{Resolver, folder_of};
use crate::playlist::{PlaylistOptions, Representation};
use crate::signing::url_signer::{Folder, UrlSigner, is_plain};
use crate::{Error, Result};

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
        let inherited = Inherited::of_manifest(self.key, &manifest.base_urls, &self.resolver)?;
        for (period, duration) in manifest.periods.iter().zip(manifest.period_durations()) {
            self.at = period.at;
            self.period(period, duration, &inherited)?;
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
        inherited: &Inherited<'_, 't>,
    ) -> Result<()> {
        let inherited = inherited.below(&period.level, 2, &self.resolver)?;
        let (mut any, mut chosen) = (false, false);
        for set in &period.sets {
            any |= !set.representations.is_empty();
            chosen |= self.adaptation_set(set, duration, &inherited)?;
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
        inherited: &Inherited<'_, 't>,
    ) -> Result<bool> {
        self.at = set.at.start;
        let inherited = inherited.below(&set.level, 1, &self.resolver)?;
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
            } else if let Some(list) = self.representation(representation, duration, &inherited)? {
                lists.push((representation, list));
            } else {
                all_lists = false;
            }
        }
        if let Some((timescale, runs)) = all_lists.then(|| take_common_timeline(&mut lists)).flatten() {
            let at = before(self.text, set.representations[first].at.start);
            self.plan.changes.push((at..at, Change::Timeline { timescale, runs }));
        }
        self.plan.changes.extend(lists.into_iter().map(|(representation, list)| {
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

    /// The list of its segments, unless it is all in one object.
    fn representation(
        &mut self,
        representation: &manifest::Representation<'t>,
        duration: Option<Duration>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<Option<SegmentList<'t>>> {
        let inherited = inherited.below(&representation.level, 0, &self.resolver)?;
        let values = Values { id: representation.id.as_deref(), bandwidth: representation.bandwidth };
        self.at = inherited.segments[0].map_or(self.at, |segments| segments.at.start);
        match inherited.kind()? {
            None | Some(Kind::SegmentBase) => {
                self.object(representation, &inherited)?;
                Ok(None)
            }
            Some(Kind::SegmentList) => self.segment_list(duration, &inherited).map(Some),
            Some(Kind::SegmentTemplate) => self.segment_template(values, duration, &inherited).map(Some),
        }
    }

    /// A representation that is one object, with or without a `SegmentBase` that says where its index is.
    fn object(
        &mut self,
        representation: &manifest::Representation<'t>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<()> {
        let url = self.media(&inherited.place)?;
        let change = Change::BaseUrl { url, opened: representation.opened };
        self.plan.changes.push((representation.base_url_at.clone(), change));
        for (level, segments) in inherited.segments.into_iter().enumerate() {
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
                let url = self.source(source, &inherited.place)?;
                let change = Change::Source { name: source.name, url, range: source.range.clone() };
                self.plan.changes.push((source.at.clone(), change));
            }
        }
        Ok(())
    }

    fn segment_list(
        &mut self,
        duration: Option<Duration>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<SegmentList<'t>> {
        let urls = inherited
            .segments
            .into_iter()
            .flatten()
            .map(|segments| &segments.urls)
            .find(|urls| !urls.is_empty());
        let urls = urls.ok_or_else(|| Error::invalid_input("the SegmentList has no SegmentURL"))?;
        let bounds = self.bounds(duration, inherited);
        if urls.len() > bounds.max_segments {
            return Err(self.too_many_urls());
        }
        let runs = inherited
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
        let initialization = self.initialization(inherited)?;
        let folder = self.folder(&inherited.place);
        let mut media = Vec::with_capacity(urls.len());
        for segment in urls {
            let url = match &segment.media {
                None => self.media(&inherited.place)?,
                Some(reference) => match &folder {
                    // Parts of an object are likely to have others.
                    Some(folder)
                        if segment.media_range.is_none()
                            && self.plan.paths.push_plain(folder, reference)? =>
                    {
                        self.count_path()?
                    }
                    _ => {
                        let place = inherited.place.follow(reference, &self.resolver)?;
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
        Ok(inherited.list(initialization, runs, Media::Urls(media)))
    }

    fn segment_template(
        &mut self,
        values: Values<'_>,
        duration: Option<Duration>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<SegmentList<'t>> {
        let media = inherited
            .find(|segments| segments.media.as_deref())
            .ok_or_else(|| Error::invalid_input("the SegmentTemplate has no media"))?;
        let template = Template::parse(media, values)?;
        let first = inherited.find(|segments| segments.start_number).unwrap_or(1);
        let last = inherited.find(|segments| segments.end_number);
        let initialization = match inherited.find(|segments| segments.initialization_template.as_deref()) {
            None => self.initialization(inherited)?,
            Some(text) => {
                let template = Template::parse(text, values)?;
                if template.is_numbered() {
                    return Err(Error::invalid_input(format!(
                        "the initialization {} has the number of a segment, which it comes before",
                        quoted(text)
                    )));
                }
                let mut reference = String::new();
                template.write(0, 0, &mut reference);
                let place = inherited.place.follow(&reference, &self.resolver)?;
                Some((self.url(place)?, None))
            }
        };
        let bounds = self.bounds(duration, inherited);
        let timeline = inherited.find(|segments| segments.timeline.as_ref());
        let runs = match (timeline, inherited.find(|segments| segments.duration)) {
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
                quoted(media)
            )));
        }
        if first.checked_add(count).is_none() {
            return Err(Error::invalid_input(format!("the startNumber {first} is too large")));
        }
        let numbers = (first..).zip(runs.iter().flat_map(|run| run.starts()));
        let media = self.expanded(&template, numbers, &inherited.place)?;
        Ok(inherited.list(initialization, timeline.map(|_| runs), media))
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
    fn initialization(
        &mut self,
        inherited: &Inherited<'_, 't>,
    ) -> Result<Option<(Url, Option<Cow<'t, str>>)>> {
        let Some(source) = inherited.find(|segments| segments.initialization.as_ref()) else {
            return Ok(None);
        };
        Ok(Some((self.source(source, &inherited.place)?, source.range.clone())))
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

    fn bounds(&self, period: Option<Duration>, inherited: &Inherited<'_, 't>) -> Bounds {
        Bounds {
            timescale: inherited.find(|segments| segments.timescale).unwrap_or(1),
            presentation_time_offset: inherited
                .find(|segments| segments.presentation_time_offset)
                .unwrap_or(0),
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

    fn cut(&mut self, at: Range<usize>) {
        let start = before(self.text, at.start);
        self.plan.changes.push((start..at.end, Change::Nothing));
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
