//! Writes the manifest: the changes between the unchanged parts.

use std::fmt::Write as _;

use super::manifest::KEPT;
use super::plan::{Change, Media, Part, Plan, SegmentList, Url};
use super::timeline::Run;
use crate::signing::url_signer::UrlSigner;
use crate::sigv4::Signature;

/// Maximum number of bytes per segment in addition to its URL.
const PER_SEGMENT: usize = 64;

pub(super) fn write(text: &str, prefix: &str, plan: &Plan<'_>, signer: &UrlSigner) -> String {
    let escapes = signer.query().matches('&').count() * "amp;".len();
    let capacity = text.len() + plan.url_bytes + plan.url_count * (escapes + PER_SEGMENT);
    // A call of `collect` would duplicate the signer's code.
    let mut urls = Vec::with_capacity(plan.paths.len());
    for url in signer.signatures(&plan.paths) {
        urls.push(url);
    }
    let mut writer = Writer {
        out: String::with_capacity(capacity),
        prefix,
        origin: signer.origin(),
        query: signer.query().replace('&', "&amp;"),
        urls,
    };
    let mut copied = 0;
    for (at, change) in &plan.changes {
        // Changes within a removed part are removed with it.
        if at.start >= copied {
            writer.out.push_str(&text[copied..at.start]);
            writer.change(change);
            copied = at.end;
        }
    }
    writer.out.push_str(&text[copied..]);
    writer.out
}

struct Writer<'a> {
    out: String,
    prefix: &'a str,
    /// The start of all URLs, and their query up to the signature.
    origin: &'a str,
    query: String,
    /// The paths and signatures of all URLs.
    urls: Vec<(&'a str, Signature)>,
}

// Writing to a String cannot fail.
impl Writer<'_> {
    fn change(&mut self, change: &Change<'_>) {
        let prefix = self.prefix;
        match change {
            Change::Nothing => {}
            Change::Text(text) => self.out.push_str(text),
            Change::Room { base_url } => {
                let _ = write!(self.out, "\n<{prefix}BaseURL>{base_url}</{prefix}BaseURL>");
            }
            Change::BaseUrls { urls, opened } => self.within(*opened, |writer| {
                for (url, attributes) in urls {
                    let _ = write!(writer.out, "\n<{prefix}BaseURL{attributes}>");
                    writer.url(url);
                    let _ = write!(writer.out, "</{prefix}BaseURL>");
                }
            }),
            Change::Source { name, url, range } => {
                let _ = write!(self.out, "<{name}");
                self.attribute("sourceURL", url);
                self.range("range", range.as_deref());
                self.out.push_str("/>");
            }
            Change::Timeline { timescale, runs } => {
                let _ = write!(self.out, "\n<{prefix}SegmentList");
                self.number("timescale", *timescale);
                self.out.push('>');
                self.timeline(runs);
                let _ = write!(self.out, "</{prefix}SegmentList>");
            }
            Change::Segments { list, opened } => self.within(*opened, |writer| writer.segment_list(list)),
        }
    }

    /// Writes the content of an element. An element that was empty is opened first.
    fn within(&mut self, opened: Option<&str>, content: impl FnOnce(&mut Self)) {
        if opened.is_some() {
            self.out.push('>');
        }
        content(self);
        if let Some(name) = opened {
            let _ = write!(self.out, "\n</{name}>");
        }
    }

    fn segment_list(&mut self, list: &SegmentList<'_>) {
        let prefix = self.prefix;
        if list.timeline.as_ref().is_some_and(Vec::is_empty) {
            return self.nothing_yet(list);
        }
        let _ = write!(self.out, "\n<{prefix}SegmentList");
        self.number("timescale", list.timescale);
        self.number("presentationTimeOffset", list.presentation_time_offset);
        for (name, value) in KEPT.into_iter().zip(list.kept) {
            self.number(name, value);
        }
        self.number("duration", list.duration);
        self.number("availabilityTimeOffset", list.offset);
        self.number("availabilityTimeComplete", list.complete);
        self.out.push('>');
        self.part("Initialization", list.initialization.as_ref());
        if let Some(runs) = &list.timeline {
            self.timeline(runs);
        }
        self.part("BitstreamSwitching", list.switching.as_ref());
        match &list.media {
            Media::Paths(numbers) => {
                let open = format!("\n<{prefix}SegmentURL media=\"");
                for number in numbers.clone() {
                    self.out.push_str(&open);
                    self.signed_url(number);
                    self.out.push_str("\"/>");
                }
            }
            Media::Urls(urls) => {
                for segment in urls {
                    let _ = write!(self.out, "\n<{prefix}SegmentURL");
                    self.attribute("media", &segment.url);
                    self.range("mediaRange", segment.media_range.as_deref());
                    self.range("indexRange", segment.index_range.as_deref());
                    self.out.push_str("/>");
                }
            }
        }
        let _ = write!(self.out, "\n</{prefix}SegmentList>");
    }

    /// Writes a template that produces nothing. Shaka Player accepts it, but not an empty list.
    fn nothing_yet(&mut self, list: &SegmentList<'_>) {
        let prefix = self.prefix;
        let _ = write!(self.out, "\n<{prefix}SegmentTemplate");
        self.number("timescale", list.timescale);
        self.number("presentationTimeOffset", list.presentation_time_offset);
        if let Some((url, _)) = &list.initialization {
            self.attribute("initialization", url);
        }
        let _ = write!(self.out, "><{prefix}SegmentTimeline/></{prefix}SegmentTemplate>");
    }

    fn part(&mut self, name: &str, part: Option<&Part<'_>>) {
        if let Some((url, range)) = part {
            let _ = write!(self.out, "\n<{}{name}", self.prefix);
            self.attribute("sourceURL", url);
            self.range("range", range.as_deref());
            self.out.push_str("/>");
        }
    }

    /// Writes one `S` per segment: dash.js uses the n-th `SegmentURL` for the n-th `S`, whether it repeats or
    /// not.
    fn timeline(&mut self, runs: &[Run]) {
        let prefix = self.prefix;
        let _ = write!(self.out, "\n<{prefix}SegmentTimeline>");
        let mut end = None;
        for run in runs {
            for start in run.starts() {
                self.out.push_str("\n<");
                self.out.push_str(prefix);
                self.out.push('S');
                self.number("t", (end != Some(start)).then_some(start));
                self.number("d", Some(run.duration));
                self.out.push_str("/>");
                end = Some(start + run.duration);
            }
        }
        let _ = write!(self.out, "\n</{prefix}SegmentTimeline>");
    }

    fn number(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            let _ = write!(self.out, " {name}=\"{value}\"");
        }
    }

    /// Writes a byte range, which consists of digits and a dash.
    fn range(&mut self, name: &str, value: Option<&str>) {
        self.number(name, value);
    }

    fn attribute(&mut self, name: &str, url: &Url) {
        let _ = write!(self.out, " {name}=\"");
        self.url(url);
        self.out.push('"');
    }

    fn url(&mut self, url: &Url) {
        match url {
            Url::Signed(number) => self.signed_url(*number),
            Url::Elsewhere(url) => self.out.push_str(url),
        }
    }

    /// Writes a presigned URL. Only its query needs escaping.
    #[inline]
    fn signed_url(&mut self, number: usize) {
        let (path, signature) = &self.urls[number];
        self.out.push_str(self.origin);
        self.out.push_str(path);
        self.out.push_str(&self.query);
        self.out.push_str(signature.as_str());
    }
}
