//! [DELETE
//! .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/delete/):
//! deletes a key.

use http::Method;
use serde::de::IgnoredAny;

use super::envelope::Envelope;
use super::request::Request;
use crate::error::Result;
use crate::model::kv::DeleteRequest;

/// Writes the request.
pub fn request(request: &DeleteRequest) -> Request {
    Request::of_key(Method::DELETE, "values", &request.key)
}

/// Parses the answer.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if it is not that of a success.
pub fn parse(body: &[u8]) -> Result<()> {
    Envelope::<IgnoredAny>::parse(body).map(drop)
}
