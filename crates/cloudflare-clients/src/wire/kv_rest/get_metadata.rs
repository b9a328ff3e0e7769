//! [GET
//! .../metadata/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/metadata/methods/get/):
//! returns the metadata of a key.

use http::Method;

use super::envelope::Envelope;
use super::request::Request;
use crate::error::Result;
use crate::model::kv::Metadata;

/// Writes the request.
pub fn request(key: &str) -> Request {
    Request::of_key(Method::GET, "metadata", key)
}

/// Returns the metadata, if the key has any.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse(body: &[u8]) -> Result<Option<Metadata>> {
    Ok(Envelope::<Metadata>::parse(body)?.result)
}
