//! The lines and tags of a playlist.

use super::attributes::attributes;
use super::references::References;
use super::variables::Variables;
use crate::model::r2::validate_key;
use crate::playlist::reference::{Resolved, Resolver, folder_of};
use crate::playlist::{PlaylistOptions, at_line};
use crate::signing::url_signer::{Folder, UrlSigner};
use crate::{Error, Result};

/// What a playlist lists: what is in it says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Media,
    Multivariant,
}

/// What is done with the `URI` of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uri {
    Object,
    Child,
}

pub(super) struct Parser<'a> {
    key: &'a str,
    resolver: Resolver<'a>,
    options: &'a PlaylistOptions<'a>,
    /// The folder of the playlist, unless that lies outside the prefix.
    folder: Option<Folder>,
    variables: Variables,
    references: References<'a>,
    kind: Option<Kind>,
    /// The line of an `EXT-X-STREAM-INF` whose URI is still to come.
    stream_inf: Option<usize>,
    /// Segments may share an object from here on.
    byte_ranges: bool,
    line_number: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(key: &'a str, options: &'a PlaylistOptions<'a>, signer: &'a UrlSigner) -> Result<Self> {
        let prefix = options.prefix_for(key)?;
        let folder = folder_of(key);
        Ok(Self {
            key,
            resolver: Resolver::new(signer, prefix),
            options,
            folder: folder.starts_with(prefix).then(|| signer.folder(folder)),
            variables: Variables::default(),
            references: References::new(signer, options.max_urls),
            kind: None,
            stream_inf: None,
            byte_ranges: false,
            line_number: 0,
        })
    }

    /// The references of a playlist.
    ///
    /// # Errors
    /// The text is no playlist, or has what cannot be signed, with the number of its line.
    pub(super) fn parse(mut self, text: &str) -> Result<References<'a>> {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        if text[start..].lines().next().is_none_or(|line| line.trim_end() != "#EXTM3U") {
            return Err(at_line(
                1,
                &Error::invalid_input("this is no HLS playlist, which begins with a line #EXTM3U"),
            ));
        }
        self.references.reserve(&text[start..]);
        let mut at = start;
        for line in text[start..].split_inclusive('\n') {
            self.line_number += 1;
            self.line(at, line).map_err(|error| at_line(self.line_number, &error))?;
            at += line.len();
        }
        match self.stream_inf {
            Some(line) => Err(at_line(line, &without_uri())),
            None => Ok(self.references),
        }
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
        let at = at + (line.len() - line.trim_ascii_start().len());
        match content.strip_prefix('#') {
            None => self.uri_line(at, content),
            Some(tag) => match tag.strip_prefix("EXT") {
                Some(_) => self.tag(at, content),
                None => Ok(()),
            },
        }
    }

    fn tag(&mut self, at: usize, line: &str) -> Result<()> {
        let (name, list) = match line.find(':') {
            Some(colon) => (&line[..colon], colon + 1),
            None => (line, line.len()),
        };
        match name {
            "#EXTINF" => self.is(Kind::Media),
            "#EXT-X-BYTERANGE" => {
                self.byte_ranges = true;
                self.is(Kind::Media)
            }
            "#EXT-X-MAP" | "#EXT-X-KEY" | "#EXT-X-PART" | "#EXT-X-PRELOAD-HINT" => {
                self.is(Kind::Media)?;
                self.uri_attribute(at, line, list, Uri::Object)
            }
            "#EXT-X-RENDITION-REPORT" => {
                self.is(Kind::Media)?;
                self.uri_attribute(at, line, list, Uri::Child)
            }
            "#EXT-X-STREAM-INF" => {
                self.is(Kind::Multivariant)?;
                match self.stream_inf.replace(self.line_number) {
                    Some(_) => Err(without_uri()),
                    None => Ok(()),
                }
            }
            "#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF" => {
                self.is(Kind::Multivariant)?;
                self.uri_attribute(at, line, list, Uri::Child)
            }
            "#EXT-X-SESSION-KEY" => {
                self.is(Kind::Multivariant)?;
                self.uri_attribute(at, line, list, Uri::Object)
            }
            "#EXT-X-DEFINE" => self.variables.define(line, list),
            _ => Ok(()),
        }
    }

    fn uri_line(&mut self, at: usize, line: &str) -> Result<()> {
        if self.stream_inf.take().is_some() {
            return self.child(at, line);
        }
        if self.kind == Some(Kind::Multivariant) {
            return Err(Error::invalid_input("no EXT-X-STREAM-INF stands before this URI"));
        }
        self.kind = Some(Kind::Media);
        self.object(at, line, self.byte_ranges)
    }

    fn uri_attribute(&mut self, at: usize, line: &str, list: usize, uri: Uri) -> Result<()> {
        let mut value = None;
        for attribute in attributes(line, list) {
            let attribute = attribute?;
            match &line[attribute.name] {
                "URI" if !attribute.quoted => {
                    return Err(Error::invalid_input("the value of URI is not in quotes"));
                }
                "URI" if value.is_some() => return Err(Error::invalid_input("URI is there twice")),
                "URI" => value = Some(attribute.value),
                "BYTERANGE" | "BYTERANGE-START" => self.byte_ranges = true,
                _ => {}
            }
        }
        match (value, uri) {
            (None, _) => Ok(()),
            (Some(value), Uri::Object) => self.object(at + value.start, &line[value], true),
            (Some(value), Uri::Child) => self.child(at + value.start, &line[value]),
        }
    }

    /// A reference to what is presigned; `shared` where others may be to the same object, which is signed once then.
    fn object(&mut self, at: usize, reference: &str, shared: bool) -> Result<()> {
        let range = at..at + reference.len();
        if let Some(folder) = &self.folder
            && !shared
            && self.references.sign_plain(range.clone(), folder, reference)?
        {
            return Ok(());
        }
        match self.resolve(reference)? {
            Some(key) => self.references.sign(range, key, shared),
            None => Ok(()),
        }
    }

    /// A reference to a playlist, whose own references have to be signed in their turn.
    fn child(&mut self, at: usize, reference: &str) -> Result<()> {
        let Some(key) = self.resolve(reference)? else { return Ok(()) };
        validate_key(&key)?;
        let url = self.options.child_url.as_ref().ok_or_else(|| {
            Error::invalid_input(format!(
                "{key:?} is a playlist, whose own references need signing too: say with `PlaylistOptions::child_url` where \
                 it is signed"
            ))
        })?(&key)?;
        if url.is_empty() || url.starts_with('#') || url.contains(|c: char| c.is_control() || c == '"') {
            return Err(Error::invalid_input(format!(
                "the URL that `PlaylistOptions::child_url` gives for {key:?} cannot stand in a playlist: \
                 it is empty, begins with `#`, or has a quote or a control character"
            )));
        }
        self.references.replace(at..at + reference.len(), url)
    }

    fn resolve(&self, reference: &str) -> Result<Option<String>> {
        let reference = self.variables.substitute(reference, self.options.max_line)?;
        Ok(match self.resolver.resolve(self.key, &reference)? {
            Resolved::Object(key) => Some(key),
            Resolved::Elsewhere => None,
        })
    }

    fn is(&mut self, kind: Kind) -> Result<()> {
        if *self.kind.get_or_insert(kind) == kind {
            return Ok(());
        }
        Err(Error::invalid_input("the playlist has tags of a media playlist and of a multivariant playlist"))
    }
}

fn without_uri() -> Error {
    Error::invalid_input("an EXT-X-STREAM-INF has no URI in the line behind it")
}
