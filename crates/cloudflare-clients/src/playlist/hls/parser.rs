//! Parses the lines and tags of a playlist.

use std::borrow::Cow;
use std::ops::Range;

use super::attributes::{Attribute, attributes};
use super::child::child_url;
use super::dvr_window::Edit;
use super::references::{References, too_many_urls};
use super::tags::{self, Kind, Target};
use super::variables::Variables;
use crate::playlist::reference::{Resolved, Resolver, folder_of};
use crate::playlist::{PlaylistOptions, at_line};
use crate::signing::url_signer::UrlSigner;
use crate::{Error, Result};

pub(super) struct Parser<'a> {
    key: &'a str,
    resolver: Resolver<'a>,
    options: &'a PlaylistOptions<'a>,
    variables: Variables,
    references: References<'a>,
    kind: Option<Kind>,
    /// Whether the next URI belongs to an `EXT-X-STREAM-INF`.
    stream_inf: bool,
    /// Whether segments may share an object from here on.
    byte_ranges: bool,
    /// Number of references with variables.
    substituted: usize,
    line_number: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(key: &'a str, options: &'a PlaylistOptions<'a>, signer: &'a UrlSigner) -> Result<Self> {
        let prefix = options.prefix_for(key)?;
        let folder = Some(folder_of(key)).filter(|folder| folder.starts_with(prefix));
        let folder = folder.map(|folder| signer.folder_signer(folder));
        Ok(Self {
            key,
            resolver: Resolver::new(signer, prefix),
            options,
            variables: Variables::default(),
            references: References::new(signer, folder, options.max_urls),
            kind: None,
            stream_inf: false,
            byte_ranges: false,
            substituted: 0,
            line_number: 0,
        })
    }

    /// Collects the references of a playlist and the other changes. Lines changed by `edits` have no
    /// references.
    ///
    /// # Errors
    /// The text is not a playlist, or contains something that cannot be signed. The error has the number of
    /// the line.
    pub(super) fn parse(mut self, text: &str, edits: Vec<Edit>) -> Result<References<'a>> {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        // As in some players, other text may follow on the line.
        let first = text[start..].lines().next().unwrap_or_default().trim_ascii_end();
        let rest = first.strip_prefix("#EXTM3U").filter(|rest| !rest.contains('\r'));
        if rest.is_none_or(|rest| !rest.is_empty() && !rest.starts_with([' ', '\t'])) {
            return Err(at_line(
                1,
                &Error::invalid_input("this is not an HLS playlist: its first line is not #EXTM3U"),
            ));
        }
        self.kind = kind_of(text);
        let removed: usize = edits.iter().map(|edit| edit.at.len()).sum();
        self.references.reserve(text.len() - removed);
        let (mut at, mut edited) = (start, 0);
        let mut edits = edits.into_iter().peekable();
        for line in text[start..].split_inclusive('\n') {
            self.line_number += 1;
            while let Some(edit) = edits.next_if(|edit| edit.at.start <= at) {
                edited = edit.at.end;
                self.references.edit(edit.at, edit.text);
            }
            if at >= edited {
                self.line(at, line).map_err(|error| at_line(self.line_number, &error))?;
            }
            at += line.len();
        }
        for edit in edits {
            self.references.edit(edit.at, edit.text);
        }
        Ok(self.references)
    }

    fn line(&mut self, at: usize, line: &str) -> Result<()> {
        if line.len() > self.options.max_line {
            return Err(Error::invalid_input(format!(
                "the line has {} bytes: the limit is {}, which `PlaylistOptions::max_line` sets",
                line.len(),
                self.options.max_line
            )));
        }
        let content = line.trim_ascii();
        if content.is_empty() {
            return Ok(());
        }
        let start = at + (line.len() - line.trim_ascii_start().len());
        match content.strip_prefix('#') {
            None => self.uri_line(start, content),
            Some(tag) if tag.starts_with("EXT") => {
                let (name, list) = match content.find(':') {
                    Some(colon) => (&content[1..colon], colon + 1),
                    None => (tag, content.len()),
                };
                match name {
                    "EXT-X-DEFINE" => self.define(start, content, list),
                    "EXT-X-SERVER-CONTROL" => self.server_control(at..at + line.len(), start, content, list),
                    _ => self.tag(name, start, content, list),
                }
            }
            Some(_) => Ok(()),
        }
    }

    fn uri_line(&mut self, at: usize, line: &str) -> Result<()> {
        if std::mem::take(&mut self.stream_inf) {
            return self.reference(at, line, Target::Playlist);
        }
        match self.kind {
            // Players skip such a line.
            Some(Kind::Multivariant) => Ok(()),
            _ => self.object(at, line, self.byte_ranges),
        }
    }

    fn tag(&mut self, name: &str, at: usize, line: &str, list: usize) -> Result<()> {
        let Some(tag) = tags::find(name) else { return Ok(()) };
        if tag.kind.is_some() && tag.kind != self.kind {
            return Err(Error::invalid_input(
                "the playlist has tags of a media playlist and of a multivariant playlist",
            ));
        }
        self.stream_inf |= name == "EXT-X-STREAM-INF";
        self.byte_ranges |= name == "EXT-X-BYTERANGE";
        // Most lists without a URI may be malformed.
        if !tag.uris.iter().any(|(name, _)| line[list..].contains(name)) {
            return Ok(());
        }
        if let [("", target)] = tag.uris {
            let value = line[list..].trim_ascii_start();
            return self.reference(at + line.len() - value.len(), value, *target);
        }
        let mut found: Vec<(Attribute, Target)> = Vec::new();
        for attribute in attributes(line, list) {
            let attribute = attribute?;
            let name = &line[attribute.name.clone()];
            self.byte_ranges |= matches!(name, "BYTERANGE" | "BYTERANGE-START");
            let Some((_, target)) = tag.uris.iter().find(|uri| uri.0 == name) else { continue };
            if found.iter().any(|(before, _)| line[before.name.clone()] == *name) {
                return Err(Error::invalid_input(format!("{name} appears twice")));
            }
            found.push((attribute, *target));
        }
        for (attribute, target) in found {
            self.attribute(at, line, &attribute, target)?;
        }
        Ok(())
    }

    fn attribute(&mut self, at: usize, line: &str, attribute: &Attribute, target: Target) -> Result<()> {
        let start = at + attribute.value.start;
        let value = &line[attribute.value.clone()];
        if attribute.quoted || value.is_empty() {
            return self.reference(start, value, target);
        }
        // Players disagree on where such a value ends, and on whether variables are substituted in it.
        if value.contains(|c: char| c.is_ascii_whitespace()) || value.contains("{$") {
            let name = &line[attribute.name.clone()];
            return Err(Error::invalid_input(format!("the value of {name} is not in quotes")));
        }
        self.reference(start, value, target)?;
        self.references.quote(start);
        Ok(())
    }

    fn reference(&mut self, at: usize, reference: &str, target: Target) -> Result<()> {
        if reference.is_empty() {
            return Ok(());
        }
        if target == Target::Object {
            return self.object(at, reference, true);
        }
        let Some(key) = self.resolve(reference)? else { return Ok(()) };
        let url = child_url(self.options, &key, target)?;
        self.references.replace(at..at + reference.len(), url)
    }

    /// Replaces a reference to an object that is presigned. If `shared`, other references may lead to the
    /// same object, which is then signed once.
    fn object(&mut self, at: usize, reference: &str, shared: bool) -> Result<()> {
        let range = at..at + reference.len();
        if !shared && self.references.sign_name(range.clone(), reference)? {
            return Ok(());
        }
        match self.resolve(reference)? {
            Some(key) => self.references.sign(range, key, shared),
            None => Ok(()),
        }
    }

    fn resolve(&mut self, reference: &str) -> Result<Option<String>> {
        let reference = self.variables.substitute(reference)?;
        if matches!(reference, Cow::Owned(_)) {
            self.substituted += 1;
            // A reference with variables may be long, whatever its target.
            if self.substituted > self.options.max_urls {
                return Err(too_many_urls(self.options.max_urls));
            }
        }
        Ok(match self.resolver.resolve(self.key, &reference)? {
            Resolved::Object(key) => Some(key),
            Resolved::Elsewhere => None,
        })
    }

    fn define(&mut self, at: usize, line: &str, list: usize) -> Result<()> {
        if let Some(definition) = self.variables.define(line, list, &self.options.variables)? {
            self.references.edit(at + list..at + line.len(), definition);
        }
        Ok(())
    }

    /// Removes the announcement of delta updates. A player that uses them keeps the URLs of older segments
    /// forever, and those expire. Complete playlists renew them.
    fn server_control(&mut self, whole: Range<usize>, at: usize, line: &str, list: usize) -> Result<()> {
        if !line.contains("CAN-SKIP-") {
            return Ok(());
        }
        let mut kept = Vec::new();
        for attribute in attributes(line, list) {
            let attribute = attribute?;
            if !matches!(&line[attribute.name.clone()], "CAN-SKIP-UNTIL" | "CAN-SKIP-DATERANGES") {
                kept.push(&line[attribute.range()]);
            }
        }
        if kept.is_empty() {
            self.references.edit(whole, "");
        } else {
            self.references.edit(at + list..at + line.len(), kept.join(","));
        }
        Ok(())
    }
}

/// Returns the kind of the first tag that only one kind of playlist can have.
fn kind_of(text: &str) -> Option<Kind> {
    text.lines().find_map(|line| {
        let tag = line.trim_ascii().strip_prefix('#')?;
        tags::find(tag.split_once(':').map_or(tag, |(name, _)| name))?.kind
    })
}
