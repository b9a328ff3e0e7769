//! Reads and checks values.

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::limits::{MAX_VALUE_SIZE, validate_value_size, value_too_large};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};

/// Limits a value to the size that KV accepts. A longer value is rejected here, or while it is read if its
/// length is unknown.
pub(crate) fn bounded(value: Body) -> Result<Body> {
    if let Some(length) = value.content_length() {
        validate_value_size(length)?;
        return Ok(value);
    }
    let mut seen = 0;
    let stream = value.into_stream().and_then(move |bytes: Bytes| {
        seen += bytes.len() as u64;
        let fits = seen <= MAX_VALUE_SIZE;
        let more = format_args!("more than {MAX_VALUE_SIZE}");
        std::future::ready(if fits { Ok(bytes) } else { Err(value_too_large(more)) })
    });
    Ok(Body::from_stream(stream, None))
}

/// Reads a whole value into memory.
pub(crate) async fn collect(value: Body) -> Result<Bytes> {
    bounded(value)?.bytes().await.map_err(Error::of_body_to_send)
}

/// Converts a value to text.
pub(crate) fn text(bytes: Bytes) -> Result<String> {
    String::from_utf8(bytes.into()).map_err(|error| {
        Error::new(ErrorKind::Serialization, "the value is not UTF-8: read it with `bytes`")
            .with_source(error.utf8_error())
    })
}
