//! [DELETE
//! .../namespaces/{id}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/delete/):
//! deletes a namespace with its keys.

use http::Method;
use serde::de::IgnoredAny;

use super::envelope::Envelope;
use super::request::Request;
use crate::error::Result;

/// Writes the request, which is about the namespace.
pub fn request() -> Request {
    Request::new(Method::DELETE, "")
}

/// Parses the answer.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if it is not that of a success.
pub fn parse(body: &[u8]) -> Result<()> {
    Envelope::<IgnoredAny>::parse(body).map(drop)
}
