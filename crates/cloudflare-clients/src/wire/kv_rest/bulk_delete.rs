//! [POST
//! .../bulk/delete](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_delete/):
//! deletes up to 10,000 keys.

use http::Method;

use super::bulk_result::outcomes;
use super::request::Request;
use crate::error::Result;

/// Writes the request.
///
/// # Errors
/// No error is known: keys are text.
pub fn request(keys: &[String]) -> Result<Request> {
    Request::new(Method::POST, "/bulk/delete").json(keys)
}

/// Returns the outcome for each key, in order.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse(keys: &[String], body: &[u8]) -> Result<Vec<Result<()>>> {
    outcomes(keys.iter().map(String::as_str), body)
}
