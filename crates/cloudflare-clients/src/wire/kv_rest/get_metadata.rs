//! [GET .../metadata/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/metadata/methods/get/):
//! what is kept beside a value.

use http::Method;

use super::envelope::Envelope;
use super::request::Request;
use crate::error::Result;
use crate::model::kv::Metadata;

/// Writes the request.
pub fn request(key: &str) -> Request {
    Request::of_key(Method::GET, "metadata", key)
}

/// The metadata, where the key has some.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): the answer cannot be read.
pub fn parse(body: &[u8]) -> Result<Option<Metadata>> {
    Ok(Envelope::<Metadata>::parse(body)?.result)
}
