//! Answers of both protocols.

use bytes::Bytes;
use cloudflare_clients::r2::{self, ByteStream};
use cloudflare_clients::{Error, Result};
use futures_util::stream::{self, BoxStream, InspectErr, MapOk};
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use http::{HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Collected, Either, Full, StreamBody};

type Frames = MapOk<InspectErr<ByteStream, fn(&Error)>, fn(Bytes) -> Frame<Bytes>>;

/// A body in memory, or a stream from the store.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<Frames>>;

/// An answer.
pub(crate) type Response = http::Response<Body>;

pub(crate) fn full(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = http::Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response
}

pub(crate) fn empty(status: StatusCode) -> Response {
    full(status, Bytes::new())
}

/// An XML document.
pub(crate) fn xml(status: StatusCode, document: String) -> Response {
    let mut response = full(status, document);
    let content_type = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Logs what ended an answer early, after its status was sent. The message names the file.
fn log(error: &Error) {
    tracing::error!(key = error.key(), %error, "the store failed in the middle of an answer");
}

/// Returns a body with these bytes.
pub(crate) fn body_of(bytes: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Body {
    // Errors were logged at their source.
    let stream = r2::Body::from_stream(bytes, None).into_stream().inspect_err((|_| ()) as fn(&Error));
    Either::Right(StreamBody::new(stream.map_ok(Frame::data as fn(Bytes) -> Frame<Bytes>)))
}

/// The bytes of a body.
pub(crate) fn stream_of(body: Body) -> BoxStream<'static, Result<Bytes>> {
    match body {
        Either::Left(full) => {
            // The value is always present.
            let bytes = full.collect().now_or_never().and_then(Result::ok).map(Collected::to_bytes);
            stream::iter(bytes.map(Ok)).boxed()
        }
        Either::Right(frames) => frames.map_ok(|frame| frame.into_data().unwrap_or_default()).boxed(),
    }
}

/// A stream from the store. Its length is announced, so that clients notice an early end.
pub(crate) fn stored_bytes(status: StatusCode, body: r2::Body) -> Response {
    let length = body.content_length();
    let mut response = if let Some(bytes) = body.as_bytes() {
        full(status, bytes.clone())
    } else {
        let stream = body.into_stream().inspect_err(log as fn(&Error));
        let frames = stream.map_ok(Frame::data as fn(Bytes) -> Frame<Bytes>);
        let mut response = http::Response::new(Either::Right(StreamBody::new(frames)));
        *response.status_mut() = status;
        response
    };
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}
