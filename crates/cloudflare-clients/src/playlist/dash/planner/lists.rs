//! Plans the lists of segments of representations.

use super::{Extent, Planner};
use crate::playlist::dash::inherited::{Base, Inherited};
use crate::playlist::dash::manifest::{KEPT, Source};
use crate::playlist::dash::place::Place;
use crate::playlist::dash::plan::{Media, Part, SegmentList, SegmentUrl};
use crate::playlist::dash::quoted::quoted;
use crate::playlist::dash::template::{Template, Values};
use crate::playlist::dash::timeline::{self, Bounds, Run};
use crate::signing::url_signer::is_plain;
use crate::{Error, Result};

/// The parts of a list of segments that are known before its URLs.
struct Outline<'t> {
    initialization: Option<Part<'t>>,
    switching: Option<Part<'t>>,
    /// The duration of each segment, if they have the same one and there is no timeline.
    duration: Option<u64>,
    timeline: Option<Vec<Run>>,
}

impl<'t> Planner<'_, 't> {
    pub(super) fn segment_list(
        &mut self,
        extent: Extent<'_>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<SegmentList<'t>> {
        let base = inherited.base(&self.urls.resolver);
        let urls = inherited
            .segments
            .into_iter()
            .flatten()
            .map(|segments| &segments.urls)
            .find(|urls| !urls.is_empty());
        let urls = urls.ok_or_else(|| Error::invalid_input("the SegmentList has no SegmentURL"))?;
        let bounds = self.bounds(extent, inherited, base);
        let first = inherited.find(|segments| segments.start_number).unwrap_or(1);
        let duration = inherited.find(|segments| segments.duration);
        let timeline = inherited.find(|segments| segments.timeline.as_ref());
        let runs = match (timeline, duration) {
            (Some(timeline), _) => Some(timeline::uneven(timeline, 1, bounds)?),
            // Players recognize segments of a changing list by their times.
            (None, Some(duration)) if bounds.window.is_some() => {
                Some(timeline::listed(duration, first, urls.len(), bounds)?)
            }
            _ => None,
        };
        let mut urls = &urls[..];
        if let Some(runs) = &runs {
            let last = runs.last().map_or(0, |run| run.number + (run.count - 1));
            let first = runs.first().map_or(1, |run| run.number);
            if usize::try_from(last).is_ok_and(|count| count != urls.len()) {
                return Err(Error::invalid_input(format!(
                    "the SegmentTimeline has {last} segments, but there are {} SegmentURLs",
                    urls.len()
                )));
            }
            urls = &urls[usize::try_from(first - 1).unwrap_or(0).min(urls.len())..];
        }
        if urls.len() > bounds.max_segments {
            return Err(self.urls.too_many());
        }
        let initialization = self.part(inherited.find(|segments| segments.initialization.as_ref()), base)?;
        let switching = self.part(inherited.find(|segments| segments.switching.as_ref()), base)?;
        let folder = self.urls.folder(&base.place);
        let mut media = Vec::with_capacity(urls.len());
        for segment in urls {
            let url = match &segment.media {
                None => self.urls.media(&base.place)?,
                Some(reference) => match &folder {
                    // A byte range of an object is likely not the only one.
                    Some(folder)
                        if segment.media_range.is_none()
                            && self.urls.paths.push_plain(folder, reference)? =>
                    {
                        self.urls.add_path()?
                    }
                    _ => {
                        let place = base.place.follow(reference, &self.urls.resolver)?;
                        self.urls.url(place)?
                    }
                },
            };
            media.push(SegmentUrl {
                url,
                media_range: segment.media_range.clone(),
                index_range: segment.index_range.clone(),
            });
        }
        let outline = Outline { initialization, switching, duration, timeline: runs };
        Ok(list(inherited, base, bounds, outline, Media::Urls(media)))
    }

    pub(super) fn segment_template(
        &mut self,
        values: Values<'_>,
        extent: Extent<'_>,
        inherited: &Inherited<'_, 't>,
    ) -> Result<SegmentList<'t>> {
        let base = inherited.base(&self.urls.resolver);
        let bounds = self.bounds(extent, inherited, base);
        let timeline = inherited.find(|segments| segments.timeline.as_ref());
        let is_empty = bounds.window.is_some() && timeline.is_some_and(Vec::is_empty);
        let media = inherited
            .find(|segments| segments.media.as_deref())
            .or(is_empty.then_some(""))
            .ok_or_else(|| Error::invalid_input("the SegmentTemplate has no media"))?;
        let template = Template::parse(media, values)?;
        let first = inherited.find(|segments| segments.start_number).unwrap_or(1);
        let last = inherited.find(|segments| segments.end_number);
        let initialization = match inherited.find(|segments| segments.initialization_template.as_deref()) {
            Some(text) => Some(self.unnumbered("initialization", text, values, base)?),
            None => self.part(inherited.find(|segments| segments.initialization.as_ref()), base)?,
        };
        let switching = match inherited.find(|segments| segments.switching_template.as_deref()) {
            Some(text) => Some(self.unnumbered("bitstreamSwitching", text, values, base)?),
            None => self.part(inherited.find(|segments| segments.switching.as_ref()), base)?,
        };
        let bounds = Bounds { max_segments: self.urls.left(), ..bounds };
        let mut duration = inherited.find(|segments| segments.duration);
        let runs = match (timeline, duration) {
            _ if is_empty => Vec::new(),
            (Some(timeline), _) => timeline::uneven(timeline, first, bounds)?,
            (None, Some(duration)) => timeline::equal(duration, first, last, bounds)?,
            (None, None) if template.is_numbered() => {
                return Err(Error::invalid_input(
                    "the SegmentTemplate has neither a duration nor a SegmentTimeline, so the number of its segments is unknown",
                ));
            }
            (None, None) => {
                duration = bounds.whole_period();
                vec![Run { number: first, start: 0, duration: 0, count: 1 }]
            }
        };
        let count: u64 = runs.iter().map(|run| run.count).sum();
        if count > 1 && !template.is_numbered() {
            return Err(Error::invalid_input(format!(
                "the media {} has neither $Number$ nor $Time$, but there are {count} segments",
                quoted(media)
            )));
        }
        let media = self.expanded(&template, runs.iter().flat_map(|run| run.numbers()), &base.place)?;
        let timeline = match bounds.window {
            _ if timeline.is_some() => Some(runs),
            Some(_) if runs.first().is_none_or(|run| run.duration > 0) => {
                let offset = bounds.presentation_time_offset;
                Some(runs.into_iter().map(|run| run.shifted(offset)).collect::<Result<_>>()?)
            }
            _ => None,
        };
        let outline = Outline { initialization, switching, duration, timeline };
        Ok(list(inherited, base, bounds, outline, media))
    }

    /// Returns the URLs of the segments with these numbers and times.
    fn expanded(
        &mut self,
        template: &Template,
        numbers: impl Iterator<Item = (u64, u64)>,
        place: &Place,
    ) -> Result<Media<'t>> {
        let mut name = String::new();
        template.write(0, 0, &mut name);
        // A name with other digits is as plain as this one.
        if let Some(folder) = self.urls.folder(place).filter(|_| is_plain(&name)) {
            let start = self.urls.paths.len();
            for (number, time) in numbers {
                self.urls.paths.push_written(&folder, |out| template.write(number, time, out))?;
                self.urls.add_path()?;
            }
            return Ok(Media::Paths(start..self.urls.paths.len()));
        }
        let mut urls = Vec::new();
        for (number, time) in numbers {
            name.clear();
            template.write(number, time, &mut name);
            let url = self.urls.url(place.follow(&name, &self.urls.resolver)?)?;
            urls.push(SegmentUrl { url, media_range: None, index_range: None });
        }
        Ok(Media::Urls(urls))
    }

    /// Returns the object of a template that is the same for all segments.
    fn unnumbered(&mut self, name: &str, text: &str, values: Values<'_>, base: &Base) -> Result<Part<'t>> {
        let template = Template::parse(text, values)?;
        if template.is_numbered() {
            return Err(Error::invalid_input(format!(
                "the {name} {} contains the number of a segment, but is the same for all segments",
                quoted(text)
            )));
        }
        let mut reference = String::new();
        template.write(0, 0, &mut reference);
        let place = base.place.follow(&reference, &self.urls.resolver)?;
        Ok((self.urls.url(place)?, None))
    }

    /// Returns the target of an `Initialization` or `BitstreamSwitching`.
    fn part(&mut self, source: Option<&Source<'t>>, base: &Base) -> Result<Option<Part<'t>>> {
        let Some(source) = source else { return Ok(None) };
        let url = match &source.url {
            Some(reference) => {
                let place = base.place.follow(reference, &self.urls.resolver)?;
                self.urls.url(place)?
            }
            None => self.urls.media(&base.place)?,
        };
        Ok(Some((url, source.range.clone())))
    }

    fn bounds(&self, extent: Extent<'_>, inherited: &Inherited<'_, 't>, base: &Base) -> Bounds {
        Bounds {
            timescale: inherited.timescale(),
            presentation_time_offset: inherited
                .find(|segments| segments.presentation_time_offset)
                .unwrap_or(0),
            period: extent.duration,
            max_segments: self.urls.left(),
            window: extent.window(inherited, base),
        }
    }
}

/// Creates the list of these segments, with the attributes inherited from all levels.
fn list<'t>(
    inherited: &Inherited<'_, 't>,
    base: &Base,
    bounds: Bounds,
    outline: Outline<'t>,
    media: Media<'t>,
) -> SegmentList<'t> {
    let Outline { initialization, switching, duration, timeline } = outline;
    let mut kept = [None; KEPT.len()];
    for (at, kept) in kept.iter_mut().enumerate() {
        *kept = inherited.find(|segments| segments.kept[at]);
    }
    // In a live list these tell players how much earlier segments are available.
    let is_live = bounds.window.is_some();
    let offset = inherited.find(|segments| segments.offset).unwrap_or_default() + base.offset;
    let complete = inherited.find(|segments| segments.complete).or(base.complete);
    SegmentList {
        timescale: inherited.find(|segments| segments.timescale),
        presentation_time_offset: inherited.find(|segments| segments.presentation_time_offset),
        kept,
        duration: duration.filter(|_| timeline.is_none()),
        offset: (is_live && offset.nanos() != 0).then_some(offset),
        complete: complete.filter(|_| is_live),
        initialization,
        switching,
        timeline,
        media,
    }
}
