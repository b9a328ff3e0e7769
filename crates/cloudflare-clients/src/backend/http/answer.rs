//! The answer to a request on its way in.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;

use super::root_cause;
use super::upload::Upload;
use crate::error::{Error, ErrorKind, Result};

/// The head of an answer, and its body to come.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response<Incoming>,
    /// The rest of the request is not sent when nobody waits for the answer any more.
    upload: Upload,
    idle: Duration,
}

impl Answer {
    pub(super) fn new(response: Response<Incoming>, upload: Upload, idle: Duration) -> Self {
        Self { response, upload, idle }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The reason phrase, if it is not HTTP's own.
    pub(crate) fn reason(&self) -> Option<String> {
        let reason: &ReasonPhrase = self.response.extensions().get()?;
        Some(String::from_utf8_lossy(reason.as_bytes()).into_owned())
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The body, of at most `limit` bytes.
    pub(crate) async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let mut collected = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if collected.len() + piece.len() > limit {
                return Err(Error::new(
                    ErrorKind::UnexpectedResponse,
                    format!("the answer has more than {limit} bytes"),
                ));
            }
            collected.extend_from_slice(&piece);
        }
        Ok(collected.freeze())
    }

    /// What can be had of the body, up to `limit` bytes: for errors, which are worth reporting without their text.
    pub(crate) async fn start(mut self, limit: usize) -> Bytes {
        let mut collected = BytesMut::new();
        while collected.len() < limit
            && let Ok(Some(piece)) = self.piece().await
        {
            collected.extend_from_slice(&piece);
        }
        collected.freeze()
    }

    /// The body, piece by piece.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        stream::try_unfold(self, |mut answer| async move {
            let piece = answer.piece().await?;
            Ok(piece.map(|piece| (piece, answer)))
        })
    }

    async fn piece(&mut self) -> Result<Option<Bytes>> {
        loop {
            let frame = tokio::time::timeout(self.idle, self.response.body_mut().frame()).await;
            let frame = frame.map_err(|_| {
                Error::new(
                    ErrorKind::Timeout,
                    format!("the answer stalled: nothing came for {:?}", self.idle),
                )
            })?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_trailers) => {}
                },
                Some(Err(error)) => return Err(self.broken(error)),
            }
        }
    }

    fn broken(&self, error: hyper::Error) -> Error {
        if let Some(error) = self.upload.take_error() {
            return error;
        }
        let message = format!("the connection broke in the middle of the answer: {}", root_cause(&error));
        Error::new(ErrorKind::Connection, message).with_source(error)
    }
}
