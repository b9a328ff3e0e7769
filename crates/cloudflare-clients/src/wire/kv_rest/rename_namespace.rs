//! [PUT
//! .../namespaces/{id}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/update/):
//! changes the title of a namespace.

use http::Method;
use serde::de::IgnoredAny;

use super::envelope::Envelope;
use super::namespace_json::with_title;
use super::request::Request;
use crate::error::Result;
use crate::model::kv::validate_title;

/// Writes the request, which is about the namespace.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the title is empty or too long.
pub fn request(title: &str) -> Result<Request> {
    validate_title(title)?;
    with_title(Request::new(Method::PUT, ""), title)
}

/// Parses the answer.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if it is not that of a success.
pub fn parse(body: &[u8]) -> Result<()> {
    Envelope::<IgnoredAny>::parse(body).map(drop)
}
