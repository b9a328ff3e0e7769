//! Answers, of whichever protocol.

use bytes::Bytes;
use cloudflare_clients::Error;
use cloudflare_clients::r2::{Body, ByteStream};
use futures_util::TryStreamExt as _;
use futures_util::stream::{InspectErr, MapOk};
use http::{HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};

type Frames = MapOk<InspectErr<ByteStream, fn(&Error)>, fn(Bytes) -> Frame<Bytes>>;

/// An answer: its body is in memory, or streams out of the store.
pub(crate) type Response = http::Response<Either<Full<Bytes>, StreamBody<Frames>>>;

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

/// Says what ended an answer early, whose status is sent by then. The message names the file.
fn log(error: &Error) {
    tracing::error!(key = error.key(), %error, "the store failed in the middle of an answer");
}

/// Bytes out of the store. Their number is announced, so that a client notices when they end early.
pub(crate) fn stored_bytes(status: StatusCode, body: Body) -> Response {
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
