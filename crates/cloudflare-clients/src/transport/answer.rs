//! The answer to a request.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http::{HeaderMap, Response, StatusCode};

use super::ReasonPhrase;
use crate::body::Body;
use crate::error::{Error, Result};

/// The head of an answer, and its body, which may not have arrived yet.
#[derive(Debug)]
pub(crate) struct Answer(Response<Body>);

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Self {
        Self(response)
    }
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The reason phrase, if it is not HTTP's standard one.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.extensions().get().map(|reason: &ReasonPhrase| reason.as_str().to_owned())
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Returns the body, of at most `limit` bytes.
    pub(crate) async fn bytes(self, limit: usize) -> Result<Bytes> {
        let mut pieces = self.0.into_body().into_stream();
        let mut collected = BytesMut::new();
        while let Some(piece) = pieces.try_next().await? {
            if collected.len() + piece.len() > limit {
                return Err(Error::unexpected(format!("the answer is larger than {limit} bytes")));
            }
            collected.extend_from_slice(&piece);
        }
        Ok(collected.freeze())
    }

    /// Returns the error that `parse` creates from the body, or as much of it as arrives, up to `limit`
    /// bytes: an error is useful even without its text. If the body was cut off before the error's code, the
    /// service's answer is unknown, and the request may be retried.
    pub(crate) async fn into_error(self, limit: usize, parse: impl FnOnce(&[u8]) -> Error) -> Error {
        let mut pieces = self.0.into_body().into_stream();
        let mut collected = BytesMut::new();
        let is_cut_off = loop {
            if collected.len() >= limit {
                break false;
            }
            match pieces.try_next().await {
                Ok(Some(piece)) => collected.extend_from_slice(&piece),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let error = parse(&collected);
        if is_cut_off && error.code().is_none() { error.retryable(true) } else { error }
    }

    /// Returns the body as it arrives. It must have this length, if one is given.
    pub(crate) fn into_body(self, length: Option<u64>) -> Body {
        let body = self.0.into_body().received();
        if length.is_none() || body.content_length() == length {
            return body;
        }
        Body::from_stream(body.into_stream(), length).received()
    }
}
