//! [POST
//! .../namespaces](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/create/):
//! creates a namespace.

use http::Method;

use super::envelope::Envelope;
use super::namespace_json::{NamespaceJson, with_title};
use super::request::Request;
use crate::error::Result;
use crate::model::kv::{NamespaceInfo, validate_title};

/// Writes the request, which is about the account.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the title is empty or too long.
pub fn request(title: &str) -> Result<Request> {
    validate_title(title)?;
    with_title(Request::new(Method::POST, ""), title)
}

/// Returns the namespace that was created.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse(body: &[u8]) -> Result<NamespaceInfo> {
    Envelope::<NamespaceJson>::result(body).map(Into::into)
}
