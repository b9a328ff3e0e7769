//! Bodies from requests to a Worker, and from JavaScript streams.

use worker::web_sys::ReadableStream;

use super::error;
use crate::body::{Body, Readable};
use crate::error::{Error, Result};

impl Body {
    /// The body of a request to the Worker. Its length is that of the `Content-Length` header.
    ///
    /// A put or a part streams it to R2 without holding it in the Worker's memory. It can be sent only once,
    /// so a failed attempt is not retried.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the request cannot be read or its `Content-Length` is
    /// not a number. A body of unknown length is rejected by the put.
    pub fn from_worker_request(request: &worker::Request) -> Result<Self> {
        let Some(stream) = request.inner().body() else {
            return Ok(Self::empty());
        };
        let length = request.headers().get("content-length").map_err(|failed| error::from_worker(&failed))?;
        let length = length.map(|length| {
            length.trim().parse().map_err(|_| {
                Error::invalid_input(format!(
                    "the request's Content-Length is {length:?}, which is not a number of bytes"
                ))
            })
        });
        Ok(Self::from_readable_stream(stream, length.transpose()?))
    }

    /// A body from a JavaScript stream. To put it, the runtime must know its length: it must be the body of a
    /// request or response with a `Content-Length`, the body of an object, or the readable half of a
    /// [`FixedLengthStream`](https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#fixedlengthstream).
    ///
    /// A put streams it without holding it in the Worker's memory, as for
    /// [`from_worker_request`](Self::from_worker_request).
    pub fn from_readable_stream(stream: ReadableStream, length: Option<u64>) -> Self {
        Self::from_readable(Readable::new(stream, length, error::explain))
    }
}
