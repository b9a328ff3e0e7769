//! Parses a manifest.

use std::borrow::Cow;
use std::ops::Range;

use super::availability::Offset;
use super::cursor::{Cursor, Tag, before};
use super::manifest::{
    AdaptationSet, BaseUrl, Common, KEPT, Kind, Level, Manifest, Period, Representation, SegmentUrl,
    Segments, Source,
};
use super::quoted::quoted;
use super::timeline::S;
use super::values::{self, boolean, date, number, offset, range, time};
use quick_xml::escape::escape;

use crate::{Error, Result};

/// Maximum number of periods, adaptation sets and representations of a manifest. Each takes many times the
/// memory of its text.
const MAX_LEVELS: usize = 10_000;

/// Maximum size of the attributes of a `BaseURL` by which players choose, in bytes. Each representation below
/// may repeat them.
const MAX_CHOICE: usize = 256;

/// Parses a manifest.
///
/// # Errors
/// The text is not a manifest, or contains something that cannot be signed. The error comes with its position
/// in the text.
pub(super) fn parse(text: &str) -> std::result::Result<Manifest<'_>, (usize, Error)> {
    let mut parser = Parser { text, cursor: Cursor::new(text), levels: 0, manifest: Manifest::default() };
    match parser.document() {
        Ok(()) => Ok(parser.manifest),
        Err(error) => Err((parser.cursor.at(), error)),
    }
}

struct Parser<'t> {
    text: &'t str,
    cursor: Cursor<'t>,
    levels: usize,
    manifest: Manifest<'t>,
}

impl<'t> Parser<'t> {
    fn document(&mut self) -> Result<()> {
        let root = self.cursor.root()?;
        let (prefix, name) = root.names();
        if name != "MPD" {
            return Err(Error::invalid_input(format!(
                "this is not a DASH manifest: its root element is {}, not MPD",
                quoted(root.name)
            )));
        }
        self.manifest.prefix = prefix;
        self.mpd(root)?;
        self.cursor.end_of_document()
    }

    fn mpd(&mut self, tag: Tag<'t>) -> Result<()> {
        for attribute in tag.attributes() {
            match attribute? {
                ("type", value) => match &*value {
                    "static" => self.manifest.timing.is_dynamic = false,
                    "dynamic" => self.manifest.timing.is_dynamic = true,
                    _ => {
                        return Err(Error::invalid_input(format!(
                            "the type of the manifest is {}: only static and dynamic manifests can be signed",
                            quoted(&value)
                        )));
                    }
                },
                ("mediaPresentationDuration", value) => {
                    self.manifest.duration = Some(time("mediaPresentationDuration", &value)?);
                }
                _ => {}
            }
        }
        if self.manifest.timing.is_dynamic {
            self.timing(tag)?;
        }
        self.manifest.timing.attributes_at = tag.attributes_at();
        self.manifest.base_url_at = tag.end;
        while let Some(child) = self.next_child(tag)? {
            match self.name(child) {
                "Period" => self.period(child)?,
                "BaseURL" => {
                    let url = self.base_url(child)?;
                    self.manifest.base_urls.push(url);
                }
                "ProgramInformation" => {
                    self.other(child)?;
                    self.manifest.base_url_at = self.cursor.end();
                }
                // Updates that are not signed, and a choice among hosts that no longer exist in the manifest.
                "PatchLocation" | "ContentSteering" => self.cut(child)?,
                "Location" => {
                    let url = self.cursor.text(child)?;
                    let at = self.with_space(child.at..self.cursor.end());
                    self.manifest.locations.push((at, url));
                }
                "InitializationSet" | "InitializationGroup" | "InitializationPresentation" => {
                    return Err(unsupported(child));
                }
                _ => self.other(child)?,
            }
        }
        Ok(())
    }

    /// Parses the times that apply to dynamic manifests. In other manifests they may have any value.
    fn timing(&mut self, tag: Tag<'t>) -> Result<()> {
        let timing = &mut self.manifest.timing;
        for attribute in tag.attributes() {
            let (name, value) = attribute?;
            match name {
                "availabilityStartTime" => timing.availability_start = Some(date(name, &value)?),
                "availabilityEndTime" => timing.availability_end = Some(date(name, &value)?),
                "minimumUpdatePeriod" => timing.update_period = Some(time(name, &value)?),
                "timeShiftBufferDepth" => timing.time_shift_buffer_depth = Some(time(name, &value)?),
                "suggestedPresentationDelay" => timing.presentation_delay = Some(time(name, &value)?),
                _ => {}
            }
        }
        // One position for each, even if the attribute is repeated.
        let value_of = |name| tag.places_of(name).map(|(_, value)| value);
        timing.update_period_at = value_of("minimumUpdatePeriod");
        timing.time_shift_buffer_depth_at = value_of("timeShiftBufferDepth");
        Ok(())
    }

    fn period(&mut self, tag: Tag<'t>) -> Result<()> {
        self.count_level()?;
        let mut period = Period {
            at: tag.at..tag.end,
            attributes_at: tag.attributes_at(),
            duration_at: None,
            start: None,
            duration: None,
            level: Level::default(),
            sets: Vec::new(),
        };
        for attribute in tag.attributes() {
            match attribute? {
                ("start", value) => period.start = Some(time("start", &value)?),
                ("duration", value) => period.duration = Some(time("duration", &value)?),
                _ => {}
            }
        }
        period.duration_at = tag.places_of("duration").map(|(whole, _)| whole);
        while let Some(child) = self.next_child(tag)? {
            match self.name(child) {
                "AdaptationSet" => period.sets.push(self.adaptation_set(child)?),
                name => self.level(child, name, &mut period.level)?,
            }
        }
        period.at.end = self.cursor.end();
        self.manifest.periods.push(period);
        Ok(())
    }

    fn adaptation_set(&mut self, tag: Tag<'t>) -> Result<AdaptationSet<'t>> {
        self.count_level()?;
        let mut set = AdaptationSet {
            at: tag.at..tag.end,
            language: None,
            content_type: None,
            common: Common::default(),
            level: Level::default(),
            representations: Vec::new(),
        };
        for attribute in tag.attributes() {
            match attribute? {
                ("lang", value) => set.language = Some(value),
                ("contentType", value) => set.content_type = Some(value),
                (name, value) => set.common.set(name, value)?,
            }
        }
        while let Some(child) = self.next_child(tag)? {
            match self.name(child) {
                "Representation" => set.representations.push(self.representation(child)?),
                name => self.level(child, name, &mut set.level)?,
            }
        }
        set.at.end = self.cursor.end();
        Ok(set)
    }

    fn representation(&mut self, tag: Tag<'t>) -> Result<Representation<'t>> {
        self.count_level()?;
        let (mut id, mut bandwidth, mut common) = (None, None, Common::default());
        for attribute in tag.attributes() {
            match attribute? {
                ("id", value) => id = Some(value),
                ("bandwidth", value) => bandwidth = Some(number("bandwidth", &value)?),
                (name, value) => common.set(name, value)?,
            }
        }
        let mut level = Level::default();
        let mut base_url_at = None;
        while let Some(child) = self.next_child(tag)? {
            let name = self.name(child);
            // In the schema these elements follow a BaseURL.
            if matches!(name, "BaseURL" | "ExtendedBandwidth" | "SubRepresentation" | "SegmentBase") {
                base_url_at.get_or_insert(self.before(child.at));
            }
            self.level(child, name, &mut level)?;
        }
        let end = self.cursor.end();
        let segments_at = if tag.is_empty {
            end - 2..end
        } else {
            let end = self.before(self.cursor.at());
            end..end
        };
        Ok(Representation {
            at: tag.at..end,
            id,
            bandwidth,
            common,
            level,
            base_url_at: base_url_at.map_or(segments_at.clone(), |at| at..at),
            segments_at,
            opened: tag.is_empty.then_some(tag.name),
        })
    }

    /// Parses a child that every level can have.
    fn level(&mut self, child: Tag<'t>, name: &'t str, level: &mut Level<'t>) -> Result<()> {
        let kind = match name {
            "BaseURL" => {
                level.base_urls.push(self.base_url(child)?);
                return Ok(());
            }
            "SegmentBase" => Kind::SegmentBase,
            "SegmentList" => Kind::SegmentList,
            "SegmentTemplate" => Kind::SegmentTemplate,
            _ => return self.other(child),
        };
        let segments = self.segments(child, kind)?;
        if kind != Kind::SegmentBase {
            let cut = self.with_space(segments.at.clone());
            self.manifest.cuts.push(cut);
        }
        if level.segments.replace(Box::new(segments)).is_some() {
            return Err(Error::invalid_input("segments are defined twice at this level"));
        }
        Ok(())
    }

    fn base_url(&mut self, tag: Tag<'t>) -> Result<BaseUrl> {
        let (mut choice, mut offset, mut complete) = (String::new(), Offset::default(), None);
        for attribute in tag.attributes() {
            let (name, value) = attribute?;
            match name {
                "availabilityTimeOffset" => offset = values::offset(&value)?,
                "availabilityTimeComplete" => complete = Some(boolean(&value)),
                _ if name == "serviceLocation"
                    || name.ends_with(":priority")
                    || name.ends_with(":weight") =>
                {
                    choice.extend([" ", name, "=\"", &escape(&*value), "\""]);
                    if choice.len() > MAX_CHOICE {
                        return Err(Error::invalid_input(format!(
                            "the serviceLocation, priority and weight of a BaseURL have more than {MAX_CHOICE} bytes"
                        )));
                    }
                }
                _ => {}
            }
        }
        let url = self.cursor.text(tag)?;
        let cut = self.with_space(tag.at..self.cursor.end());
        self.manifest.cuts.push(cut);
        Ok(BaseUrl { url, choice, offset, complete })
    }

    fn segments(&mut self, tag: Tag<'t>, kind: Kind) -> Result<Segments<'t>> {
        let mut segments = Segments {
            kind,
            at: tag.at..tag.end,
            timescale: None,
            presentation_time_offset: None,
            kept: [None; KEPT.len()],
            duration: None,
            start_number: None,
            end_number: None,
            media: None,
            initialization_template: None,
            switching_template: None,
            offset: None,
            complete: None,
            initialization: None,
            index: None,
            switching: None,
            timeline: None,
            urls: Vec::new(),
        };
        for attribute in tag.attributes() {
            match attribute? {
                ("timescale", value) => segments.timescale = Some(number("timescale", &value)?),
                ("presentationTimeOffset", value) => {
                    segments.presentation_time_offset = Some(number("presentationTimeOffset", &value)?);
                }
                ("duration", value) => segments.duration = Some(number("duration", &value)?),
                ("startNumber", value) => segments.start_number = Some(number("startNumber", &value)?),
                ("endNumber", value) => segments.end_number = Some(number("endNumber", &value)?),
                ("media", value) => segments.media = Some(value),
                ("initialization", value) => segments.initialization_template = Some(value),
                ("bitstreamSwitching", value) => segments.switching_template = Some(value),
                ("availabilityTimeOffset", value) => segments.offset = Some(offset(&value)?),
                ("availabilityTimeComplete", value) => segments.complete = Some(boolean(&value)),
                (name, value) => {
                    if let Some(at) = KEPT.iter().position(|kept| *kept == name) {
                        segments.kept[at] = Some(number(name, &value)?);
                    }
                }
            }
        }
        if segments.timescale == Some(0) {
            return Err(Error::invalid_input("the timescale is 0"));
        }
        while let Some(child) = self.next_child(tag)? {
            match self.name(child) {
                "Initialization" => segments.initialization = Some(self.source(child)?),
                "RepresentationIndex" => segments.index = Some(self.source(child)?),
                "SegmentTimeline" => segments.timeline = Some(self.timeline(child)?),
                "SegmentURL" => segments.urls.push(self.segment_url(child)?),
                "BitstreamSwitching" => segments.switching = Some(self.source(child)?),
                _ => self.other(child)?,
            }
        }
        segments.at.end = self.cursor.end();
        Ok(segments)
    }

    fn source(&mut self, tag: Tag<'t>) -> Result<Source<'t>> {
        let mut source = Source { at: tag.at..tag.end, name: tag.name, url: None, range: None };
        for attribute in tag.attributes() {
            match attribute? {
                ("sourceURL", value) => source.url = Some(value),
                ("range", value) => source.range = Some(range(value)?),
                _ => {}
            }
        }
        self.cursor.skip(tag)?;
        source.at.end = self.cursor.end();
        Ok(source)
    }

    fn segment_url(&mut self, tag: Tag<'t>) -> Result<SegmentUrl<'t>> {
        let (mut url, mut has_index) = (SegmentUrl::default(), false);
        for attribute in tag.attributes() {
            match attribute? {
                ("media", value) => url.media = Some(value),
                ("mediaRange", value) => url.media_range = Some(range(value)?),
                ("indexRange", value) => url.index_range = Some(range(value)?),
                ("index", _) => has_index = true,
                _ => {}
            }
        }
        // Players work without a separate index, and the range refers to it.
        url.index_range = url.index_range.filter(|_| !has_index);
        self.cursor.skip(tag)?;
        Ok(url)
    }

    fn timeline(&mut self, tag: Tag<'t>) -> Result<Vec<S>> {
        let mut timeline = Vec::new();
        while let Some(child) = self.cursor.next_child(tag)? {
            if self.name(child) != "S" {
                return Err(unsupported(child));
            }
            let (mut n, mut t, mut d, mut r) = (None, None, None, 0);
            for attribute in child.attributes() {
                match attribute? {
                    ("t", value) => t = Some(number("t", &value)?),
                    ("d", value) => d = Some(number("d", &value)?),
                    ("r", value) => r = number("r", &value)?,
                    ("n", value) => n = Some(number("n", &value)?),
                    ("k", value) if value.trim() == "1" => {}
                    (name @ ("k" | "p" | "pE"), _) => {
                        return Err(Error::invalid_input(format!(
                            "the {name} of an S cannot be signed: only n, t, d and r can"
                        )));
                    }
                    _ => {}
                }
            }
            let d = d.ok_or_else(|| Error::invalid_input("an S has no d"))?;
            timeline.push(S { n, t, d, r });
            self.cursor.skip(child)?;
        }
        Ok(timeline)
    }

    /// Reads an element that stays unchanged.
    fn other(&mut self, tag: Tag<'t>) -> Result<()> {
        let element = self.name(tag);
        let property = matches!(element, "EssentialProperty" | "SupplementalProperty");
        for attribute in tag.attributes() {
            let (name, value) = attribute?;
            if property && name == "schemeIdUri" && value.starts_with("urn:mpeg:dash:urlparam:") {
                // A player may ignore this property, and could not play anything with it.
                if element == "SupplementalProperty" {
                    return self.cut(tag);
                }
                return Err(Error::invalid_input(format!(
                    "the manifest asks players to add query parameters to its URLs ({value:.60}), which presigned URLs do not allow"
                )));
            }
        }
        self.cursor.skip(tag)
    }

    fn cut(&mut self, tag: Tag<'t>) -> Result<()> {
        self.cursor.skip(tag)?;
        let cut = self.with_space(tag.at..self.cursor.end());
        self.manifest.cuts.push(cut);
        Ok(())
    }

    /// Returns the next child that is not declared to be empty.
    fn next_child(&mut self, parent: Tag<'t>) -> Result<Option<Tag<'t>>> {
        while let Some(child) = self.cursor.next_child(parent)? {
            if !child.resolves_to_zero() {
                return Ok(Some(child));
            }
            self.cut(child)?;
        }
        Ok(None)
    }

    /// Returns the local name of an element, or an empty string if it is not an element of DASH.
    fn name(&self, tag: Tag<'t>) -> &'t str {
        let (prefix, name) = tag.names();
        if prefix == self.manifest.prefix { name } else { "" }
    }

    fn count_level(&mut self) -> Result<()> {
        self.levels += 1;
        if self.levels <= MAX_LEVELS {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "the manifest has more than {MAX_LEVELS} periods, adaptation sets and representations"
        )))
    }

    /// Returns the end of the text before `at`, without the space between.
    fn before(&self, at: usize) -> usize {
        before(self.text, at)
    }

    fn with_space(&self, at: Range<usize>) -> Range<usize> {
        self.before(at.start)..at.end
    }
}

impl<'t> Common<'t> {
    fn set(&mut self, name: &str, value: Cow<'t, str>) -> Result<()> {
        match name {
            "mimeType" => self.mime_type = Some(value),
            "codecs" => self.codecs = Some(value),
            "width" => self.width = Some(number("width", &value)?),
            "height" => self.height = Some(number("height", &value)?),
            _ => {}
        }
        Ok(())
    }
}

fn unsupported(tag: Tag<'_>) -> Error {
    Error::invalid_input(format!("{:.60} cannot be expressed with presigned URLs", tag.name))
}
