//! The body of an answer on its way in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::failure::root_cause;
use super::upload::Upload;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Runtime;

/// What a body arrives from.
pub(super) struct Download {
    pub(super) incoming: Incoming,
    /// The rest of the request is not sent when nobody waits for the answer any more.
    pub(super) upload: Upload,
    pub(super) idle: Duration,
    pub(super) runtime: Arc<dyn Runtime>,
}

impl Download {
    pub(super) fn into_body(self) -> Body {
        let length = self.incoming.size_hint().exact();
        let pieces = stream::try_unfold(self, |mut download| async move {
            let piece = download.piece().await?;
            Ok(piece.map(|piece| (piece, download)))
        });
        Body::from_stream(pieces, length)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(frame) = self.runtime.within(self.idle, self.incoming.frame()).await else {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    format!("the answer stalled: nothing came for {:?}", self.idle),
                ));
            };
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
