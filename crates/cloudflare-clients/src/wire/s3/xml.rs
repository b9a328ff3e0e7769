//! XML as S3 uses it: elements and text, and no attributes except the namespace.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, Event};
use quick_xml::reader::Reader;

use crate::error::{Error, Result};
use crate::model::r2::error_code::MALFORMED_XML;

/// The namespace of S3's documents. R2's errors have none.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Maximum number of nested elements. S3's deepest document has five levels.
const MAX_DEPTH: usize = 16;

/// Maximum number of elements. S3's largest document completes an upload of 10,000 parts and has half as
/// many. An element needs many times the memory of the `<a/>` that creates it.
const MAX_ELEMENTS: usize = 100_000;

/// Whether a document can carry this text so that every reader gets it unchanged. XML 1.0 has no control
/// characters and excludes the two non-characters, and some readers trim white space: the key would become
/// that of another object.
pub fn can_carry(text: &str) -> bool {
    !text.contains(|c| matches!(c, '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}'))
        && !text.starts_with(is_trimmed)
        && !text.ends_with(is_trimmed)
}

fn is_trimmed(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// An element with its text and children. Namespace prefixes are removed, comments and attributes are
/// skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Parses a document and returns its root element.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `MalformedXML` if the document is not
    /// well-formed UTF-8 XML, has a document type, an entity that XML does not define, more than 16 levels or
    /// more than 100,000 elements.
    pub fn parse(document: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(document).map_err(|_| malformed("it is not UTF-8"))?;
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut elements = 0;
        loop {
            let event = reader.read_event().map_err(|error| malformed(&error).with_source(error))?;
            if matches!(event, Event::Start(_) | Event::Empty(_)) {
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return Err(malformed("it has too many elements"));
                }
            }
            let closed = match event {
                Event::Start(start) => {
                    if root.is_some() {
                        return Err(malformed("it has more than one root"));
                    }
                    if open.len() == MAX_DEPTH {
                        return Err(malformed("it is nested too deeply"));
                    }
                    open.push(Self::named(start.local_name().as_ref()));
                    continue;
                }
                Event::Empty(start) => Self::named(start.local_name().as_ref()),
                Event::End(_) => {
                    open.pop().ok_or_else(|| malformed("it closes an element that was never opened"))?
                }
                Event::Text(text) => {
                    add_text(&mut open, &text.xml10_content())?;
                    continue;
                }
                Event::CData(text) => {
                    add_text(&mut open, &text.xml10_content())?;
                    continue;
                }
                Event::GeneralRef(reference) => {
                    add_text(&mut open, resolved(&reference)?.encode_utf8(&mut [0; 4]))?;
                    continue;
                }
                Event::DocType(_) => return Err(malformed("it has a document type")),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof => break,
            };
            match open.last_mut() {
                Some(parent) => parent.children.push(closed),
                None if root.is_none() => root = Some(closed),
                None => return Err(malformed("it has more than one root")),
            }
        }
        match root {
            Some(root) if open.is_empty() => Ok(root),
            _ => Err(malformed("it ends early")),
        }
    }

    fn named(name: impl AsRef<str>) -> Self {
        Self { name: name.as_ref().to_owned(), ..Self::default() }
    }

    /// Returns the name without a namespace prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text, decoded and not trimmed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the first child with this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the children with this name, in order.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Fails if the element has a child that is not listed, or one of `once` more than once. Children named
    /// `many` may be repeated.
    pub(crate) fn has_only(&self, once: &[&str], many: &str) -> Result<()> {
        for (index, child) in self.children.iter().enumerate().filter(|(_, child)| child.name != many) {
            let name = child.name();
            if !once.contains(&name) {
                return Err(malformed(format!("a <{}> has a <{name}>", self.name)));
            }
            if self.children[..index].iter().any(|before| before.name == name) {
                return Err(malformed(format!("a <{}> has more than one <{name}>", self.name)));
            }
        }
        Ok(())
    }

    /// Returns the text of the child with this name.
    ///
    /// # Errors
    /// Like [`parse`](Self::parse), if the child is missing.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.child(name).map(Self::text).ok_or_else(|| malformed(format!("<{}> has no <{name}>", self.name)))
    }

    /// Returns the text of the child with this name, trimmed and parsed, for example as a number or a bool.
    /// `None` if the child is missing.
    ///
    /// # Errors
    /// Like [`parse`](Self::parse), if the text cannot be parsed.
    pub fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(child) = self.child(name) else {
            return Ok(None);
        };
        let parsed = child.text.trim().parse();
        parsed.map(Some).map_err(|_| malformed(format!("<{name}> has an invalid value")))
    }
}

fn add_text(open: &mut [Element], text: &str) -> Result<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(malformed("it has text outside of its root")),
    }
    Ok(())
}

/// The character that a reference in text stands for.
pub(crate) fn resolved(reference: &BytesRef<'_>) -> Result<char> {
    let character = reference.resolve_char_ref().map_err(malformed)?;
    match (character, &**reference) {
        (Some(character), _) => Ok(character),
        (None, "amp") => Ok('&'),
        (None, "lt") => Ok('<'),
        (None, "gt") => Ok('>'),
        (None, "quot") => Ok('"'),
        (None, "apos") => Ok('\''),
        (None, name) => Err(malformed(format!("the entity &{name}; is unknown"))),
    }
}

pub(crate) fn malformed(why: impl fmt::Display) -> Error {
    Error::invalid_input(format!("the XML is malformed: {why}")).with_code(MALFORMED_XML.name)
}

/// Writes an XML document.
///
/// ```
/// use cloudflare_clients::s3::xml::Writer;
///
/// let xml = Writer::document("Delete", None, |delete| {
///     delete.element("Object", |object| object.text("Key", "a&b"));
/// });
/// assert_eq!(
///     xml,
///     r#"<?xml version="1.0" encoding="UTF-8"?><Delete><Object><Key>a&amp;b</Key></Object></Delete>"#,
/// );
/// ```
#[derive(Debug)]
pub struct Writer(String);

impl Writer {
    /// Writes a document with this root element, in this namespace.
    pub fn document(root: &str, namespace: Option<&str>, content: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self(String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#));
        writer.open(root, namespace);
        content(&mut writer);
        writer.close(root);
        writer.0
    }

    /// Writes an element with children.
    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name, None);
        content(self);
        self.close(name);
    }

    /// Writes an element with text, which is escaped.
    pub fn text(&mut self, name: &str, text: impl fmt::Display) {
        self.open(name, None);
        self.content(text);
        self.close(name);
    }

    /// Writes text, which is escaped. Characters that XML cannot carry are written as character references,
    /// as S3 does: many readers accept them.
    pub fn content(&mut self, text: impl fmt::Display) {
        for character in escape(text.to_string()).chars() {
            if character.is_ascii_control() && !matches!(character, '\t' | '\n') {
                let _ = write!(self.0, "&#x{:x};", u32::from(character));
            } else {
                self.0.push(character);
            }
        }
    }

    fn open(&mut self, name: &str, namespace: Option<&str>) {
        // Writing to a String cannot fail.
        let _ = match namespace {
            Some(namespace) => write!(self.0, r#"<{name} xmlns="{}">"#, escape(namespace)),
            None => write!(self.0, "<{name}>"),
        };
    }

    fn close(&mut self, name: &str) {
        let _ = write!(self.0, "</{name}>");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_decoded_and_kept_as_it_is() {
        let root = Element::parse(
            br#"<?xml version="1.0"?><!-- c --><s:R xmlns:s="urn:x"><Key> a&amp;b&#x20AC;<![CDATA[<c>]]> </Key><E/></s:R>"#,
        )
        .unwrap();
        assert_eq!(root.name(), "R");
        assert_eq!(root.required("Key").unwrap(), " a&b\u{20ac}<c> ");
        assert_eq!(root.required("E").unwrap(), "");
        assert_eq!(root.required("F").unwrap_err().code(), Some("MalformedXML"));
    }

    #[test]
    fn what_a_reader_may_change_is_not_carried() {
        assert!(["a b", "a&<b>", "ü\u{85}x"].into_iter().all(can_carry));
        for text in ["a\0b", "a\nb", " a", "a\u{a0}", "\u{feff}a", "\u{ffff}"] {
            assert!(!can_carry(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_a_whole_document_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(17), "</a>".repeat(17));
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        for document in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<a></a>x",
            "<a>&nbsp;</a>",
            "<a>&#xD800;</a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            &deep,
            &wide,
        ] {
            let error = Element::parse(document.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Some("MalformedXML"), "{document:.40}");
        }
    }

    proptest! {
        #[test]
        fn hostile_documents_never_panic(document in r"(<[ab/!?]{0,2}>?|&#?x?[0-9a-z]{0,6};?|[^\x00]|]]>|<!\[CDATA\[|<!--){0,40}") {
            let _ = Element::parse(document.as_bytes());
        }

        #[test]
        fn text_round_trips(text in any::<String>()) {
            prop_assume!(can_carry(&text));
            let document = Writer::document("R", Some(NAMESPACE), |root| root.text("T", &text));
            let root = Element::parse(document.as_bytes()).unwrap();
            prop_assert_eq!(root.required("T").unwrap(), text);
        }
    }
}
