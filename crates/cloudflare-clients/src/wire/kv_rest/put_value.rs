//! [PUT
//! .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/update/):
//! stores a value. With metadata it is sent as a multipart form.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::Method;
use serde::de::IgnoredAny;

use super::envelope::Envelope;
use super::request::Request;
use crate::body::Body;
use crate::error::{Error, Result};
use crate::model::kv::PutRequest;
use crate::time::to_seconds;

/// Writes the request. `boundary` is 1 to 70 letters and digits that must not occur in the value. Use random
/// ones, as otherwise the author of the value could end it early.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the length of a value with metadata is unknown.
pub fn request(put: PutRequest, boundary: &str) -> Result<Request> {
    let PutRequest { key, value, expiration, expiration_ttl, metadata } = put;
    let mut request = Request::of_key(Method::PUT, "values", &key)
        .query_if_some("expiration", expiration.map(to_seconds))
        .query_if_some("expiration_ttl", expiration_ttl.map(|ttl| ttl.as_secs()));
    let Some(metadata) = metadata else {
        request.content_type = Some("application/octet-stream".to_owned());
        request.body = value;
        return Ok(request);
    };
    let length = value.content_length().ok_or_else(|| {
        Error::invalid_input(
            "the length of the value is unknown, and the API needs it: collect the value into bytes",
        )
    })?;
    let before = Bytes::from(format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"value\"; filename=\"value\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        metadata.as_str()
    ));
    let after = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let length = before.len() as u64 + length + after.len() as u64;
    let piece = |piece| stream::iter([Ok(piece)]);
    let form = piece(before).chain(value.into_stream()).chain(piece(after));
    request.content_type = Some(format!("multipart/form-data; boundary={boundary}"));
    request.body = Body::from_stream(form, Some(length));
    Ok(request)
}

/// Parses the answer.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if it is not that of a success.
pub fn parse(body: &[u8]) -> Result<()> {
    Envelope::<IgnoredAny>::parse(body).map(drop)
}
