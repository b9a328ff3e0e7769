//! A response, and what all responses have in common.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode;

use super::error_code::parse_error;
use super::headers::unquote;
use super::xml::Element;
use crate::error::{Error, Result};
use crate::model::r2::StorageClass;
use crate::model::r2::headers::check_etag;

/// The response of a success, with its whole body.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status of the response.
    pub status: StatusCode,
    /// The reason phrase, if it is not HTTP's standard one.
    pub reason: Option<String>,
    /// All headers of the response.
    pub headers: HeaderMap,
    /// The whole body, usually an XML document.
    pub body: Bytes,
    /// Time at which the response arrived.
    pub received: SystemTime,
}

impl Response {
    fn error(&self) -> Error {
        parse_error(self.status, self.reason.as_deref(), &self.headers, &self.body, self.received)
    }

    /// Parses the document of a success. Some operations send `200 OK` before they are done, and report a
    /// failure in the document.
    pub(super) fn xml(&self, root: &str) -> Result<Element> {
        let document = Element::parse(&self.body).map_err(unreadable)?;
        match document.name() {
            name if name == root => Ok(document),
            "Error" => Err(self.error()),
            name => {
                Err(Error::unexpected(format!("the answer is a <{name}> document instead of a <{root}>")))
            }
        }
    }
}

/// A malformed response is the service's fault, not the caller's.
pub(super) fn unreadable(error: Error) -> Error {
    Error::unexpected("could not parse the answer").with_source(error)
}

/// The etag in an element of an answer.
pub(super) fn etag(element: &Element) -> Result<&str> {
    check_etag(unquote(element.required("ETag").map_err(unreadable)?))
}

/// The texts of a listing, which are percent-encoded if it says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing<'a> {
    document: &'a Element,
    url_encoded: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn new(document: &'a Element) -> Self {
        let encoding = document.child("EncodingType").map(|encoding| encoding.text().trim());
        Self { document, url_encoded: encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("url")) }
    }

    /// Decodes a key or prefix. Some services write a space as `+`; all write a plus as `%2B`.
    pub(super) fn decode(self, text: &str) -> Result<String> {
        if !self.url_encoded {
            return Ok(text.to_owned());
        }
        let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
        let decoded = percent_decode(text.as_bytes()).decode_utf8();
        decoded.map(Cow::into_owned).map_err(|_| Error::unexpected("a key of the listing is not UTF-8"))
    }

    /// Decodes the key or prefix in the child with this name, if it exists and is not empty.
    pub(super) fn decoded(self, name: &str) -> Result<Option<String>> {
        match self.document.child(name).map(Element::text) {
            None | Some("") => Ok(None),
            Some(text) => self.decode(text).map(Some),
        }
    }

    /// The prefixes that keys were grouped by.
    pub(super) fn delimited_prefixes(self) -> Result<Vec<String>> {
        let groups = self.document.children("CommonPrefixes");
        groups.map(|group| self.decode(group.required("Prefix").map_err(unreadable)?)).collect()
    }

    pub(super) fn truncated(self) -> Result<bool> {
        Ok(self.document.optional("IsTruncated").map_err(unreadable)?.unwrap_or(false))
    }
}

/// Parses the time in the child with this name.
pub(super) fn time(element: &Element, name: &str) -> Result<SystemTime> {
    let text = element.required(name).map_err(unreadable)?.trim();
    humantime::parse_rfc3339(text)
        .map_err(|_| Error::unexpected(format!("the {name} of the answer is {text:?}, which is not a time")))
}

pub(super) fn storage_class(element: &Element) -> Option<StorageClass> {
    StorageClass::from_s3(element.child("StorageClass")?.text().trim())
}
