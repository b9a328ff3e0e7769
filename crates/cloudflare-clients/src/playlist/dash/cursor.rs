//! The elements of an XML document and their positions in its text.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::events::attributes::{Attribute, Attributes};
use quick_xml::reader::Reader;

use crate::wire::s3::xml::{malformed, resolved};
use crate::{Error, Result};

/// Reads a document from its start to its end.
pub(super) struct Cursor<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    /// The length of the byte order mark.
    bom: usize,
    at: usize,
}

/// The start tag of an element, or the tag of an empty element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'t> {
    pub(super) name: &'t str,
    /// Where the tag starts.
    pub(super) at: usize,
    /// The position after its `>`.
    pub(super) end: usize,
    /// Whether it ends with `/>`, so the element has no content.
    pub(super) is_empty: bool,
    /// The text between its `<` and its `>` or `/>`.
    inside: &'t str,
}

enum Node<'t> {
    Start(Tag<'t>),
    End,
    Text(Event<'t>),
    EndOfDocument,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let document = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, reader: Reader::from_str(document), bom: text.len() - document.len(), at: 0 }
    }

    /// Returns where the last node starts.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Returns the position after the last node.
    pub(super) fn end(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX).saturating_add(self.bom)
    }

    /// Returns the start tag of the root element.
    pub(super) fn root(&mut self) -> Result<Tag<'t>> {
        // The reader would skip a second mark, and all positions would be wrong.
        if self.text[self.bom..].starts_with('\u{feff}') {
            return Err(malformed("it begins with two byte order marks"));
        }
        loop {
            match self.next()? {
                Node::Start(root) => return Ok(root),
                Node::Text(event) if is_space(&event) => {}
                _ => return Err(malformed("it does not begin with an element")),
            }
        }
    }

    /// Reads to the end of the document. Only space may follow the root.
    pub(super) fn end_of_document(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Node::EndOfDocument => return Ok(()),
                Node::Text(event) if is_space(&event) => {}
                _ => return Err(malformed("something follows its root element")),
            }
        }
    }

    /// Returns the start tag of the next child of an element, or `None` at the element's end. A child has to
    /// be read to its end before the next call.
    pub(super) fn next_child(&mut self, parent: Tag<'t>) -> Result<Option<Tag<'t>>> {
        if parent.is_empty {
            return Ok(None);
        }
        loop {
            match self.next()? {
                Node::Start(child) => return Ok(Some(child)),
                Node::End => return Ok(None),
                Node::Text(_) => {}
                Node::EndOfDocument => return Err(malformed("it ends early")),
            }
        }
    }

    /// Reads an element to its end and ignores its content.
    pub(super) fn skip(&mut self, tag: Tag<'t>) -> Result<()> {
        let mut open = usize::from(!tag.is_empty);
        while open > 0 {
            match self.next()? {
                Node::Start(tag) => open += usize::from(!tag.is_empty),
                Node::End => open -= 1,
                Node::Text(_) => {}
                Node::EndOfDocument => return Err(malformed("it ends early")),
            }
        }
        Ok(())
    }

    /// Reads an element to its end, and returns its text without surrounding space.
    pub(super) fn text(&mut self, tag: Tag<'t>) -> Result<String> {
        let mut text = String::new();
        if tag.is_empty {
            return Ok(text);
        }
        loop {
            match self.next()? {
                Node::Start(child) => self.skip(child)?,
                Node::End => break,
                Node::Text(Event::Text(part)) => text.push_str(&part.xml10_content()),
                Node::Text(Event::CData(part)) => text.push_str(&part.xml10_content()),
                Node::Text(Event::GeneralRef(reference)) => text.push(resolved(&reference)?),
                Node::Text(_) => {}
                Node::EndOfDocument => return Err(malformed("it ends early")),
            }
        }
        text.truncate(text.trim_end().len());
        Ok(text.split_off(text.len() - text.trim_start().len()))
    }

    fn next(&mut self) -> Result<Node<'t>> {
        loop {
            self.at = self.end();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
                    self.at = at.saturating_add(self.bom).min(self.text.len());
                    return Err(malformed(error));
                }
            };
            return Ok(match event {
                Event::Start(start) => Node::Start(self.tag(start.name().0.len(), false)?),
                Event::Empty(start) => Node::Start(self.tag(start.name().0.len(), true)?),
                Event::End(_) => Node::End,
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => Node::Text(event),
                Event::Eof => Node::EndOfDocument,
                Event::DocType(_) => return Err(malformed("it has a document type")),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => continue,
            });
        }
    }

    fn tag(&self, name_len: usize, is_empty: bool) -> Result<Tag<'t>> {
        let end = self.end();
        let inside = self.text.get(self.at + 1..end - 1 - usize::from(is_empty));
        let (inside, name) = inside
            .and_then(|inside| Some((inside, inside.get(..name_len)?)))
            .ok_or_else(|| malformed("it has a tag without an end"))?;
        Ok(Tag { name, at: self.at, end, is_empty, inside })
    }
}

impl<'t> Tag<'t> {
    /// Returns its attributes. An attribute that refers to another document is an error.
    pub(super) fn attributes(&self) -> AttributesOf<'t> {
        let mut attributes = Attributes::new(self.inside, self.name.len());
        // Players reject duplicate attributes. Here the last one counts.
        attributes.with_checks(false);
        AttributesOf { tag: *self, attributes }
    }

    /// Returns the positions of an attribute and of its value without quotes. They exclude the surrounding
    /// space, which may be missing on either side.
    pub(super) fn places_of(&self, name: &str) -> Option<(Range<usize>, Range<usize>)> {
        let mut attributes = Attributes::new(self.inside, self.name.len());
        attributes.with_checks(false);
        let attribute = attributes.flatten().filter(|attribute| attribute.key.0 == name).last()?;
        // Both are slices of the text.
        let place = |part: &str| {
            let start = part.as_ptr().addr().checked_sub(self.inside.as_ptr().addr())?;
            Some(self.at + 1 + start..self.at + 1 + start + part.len())
        };
        let (name, value) = (place(attribute.key.0)?, place(&attribute.value)?);
        Some((name.start..value.end + 1, value))
    }

    /// Returns where an attribute can be inserted.
    pub(super) fn attributes_at(&self) -> usize {
        self.at + 1 + self.name.len()
    }

    /// Whether it is a reference to another document that declares the element to be empty.
    pub(super) fn resolves_to_zero(&self) -> bool {
        let mut attributes = Attributes::new(self.inside, self.name.len());
        attributes.with_checks(false);
        self.inside.contains(":href")
            && attributes.flatten().any(|attribute| {
                attribute.key.0.ends_with(":href")
                    && attribute.value.trim() == "urn:mpeg:dash:resolve-to-zero:2013"
            })
    }

    /// Splits the name into the namespace prefix with its colon, which may be empty, and the local name.
    pub(super) fn names(&self) -> (&'t str, &'t str) {
        self.name.split_at(self.name.find(':').map_or(0, |colon| colon + 1))
    }
}

/// The iterator of [`Tag::attributes`].
pub(super) struct AttributesOf<'t> {
    tag: Tag<'t>,
    attributes: Attributes<'t>,
}

impl<'t> AttributesOf<'t> {
    /// Returns the name and value of an attribute, with entities resolved.
    fn read(&self, attribute: &Attribute<'t>) -> Result<(&'t str, Cow<'t, str>)> {
        let name = attribute.key.0;
        if name.ends_with(":href") {
            return Err(Error::invalid_input(format!(
                "the {:.40} comes from another document ({name:.40}), which is not signed",
                self.tag.name
            )));
        }
        Ok((name, attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?))
    }
}

impl<'t> Iterator for AttributesOf<'t> {
    type Item = Result<(&'t str, Cow<'t, str>)>;

    /// Not inlined, so that a Worker contains it once.
    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        let attribute = self.attributes.next()?;
        Some(attribute.map_err(malformed).and_then(|attribute| self.read(&attribute)))
    }
}

fn is_space(event: &Event<'_>) -> bool {
    matches!(event, Event::Text(text) if text.xml10_content().trim().is_empty())
}

/// Returns the end of the tag before `at` if there is only space between them, otherwise `at`.
pub(super) fn before(text: &str, at: usize) -> usize {
    let before = text[..at].trim_ascii_end();
    if before.ends_with('>') { before.len() } else { at }
}
