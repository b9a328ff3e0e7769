//! The body of a response that is being received.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::failure::root_cause;
use super::peer_wait::PeerWait;
use super::upload::Upload;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Runtime;
use crate::transport::Timeouts;

/// The state of a response body.
pub(super) struct Download {
    incoming: Incoming,
    /// If nobody waits for the answer any more, the rest of the request is not sent.
    upload: Upload,
    timeouts: Timeouts,
    runtime: Arc<dyn Runtime>,
    waiting: PeerWait,
    /// Number of bytes that arrived in the current speed window.
    received: u64,
}

impl Download {
    pub(super) fn new(
        incoming: Incoming,
        upload: Upload,
        timeouts: Timeouts,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let waiting = PeerWait::new(Arc::clone(&runtime));
        Self { incoming, upload, timeouts, runtime, waiting, received: 0 }
    }

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
            let idle = self.timeouts.idle;
            let frame = self.waiting.during(self.incoming.frame());
            let Some(frame) = self.runtime.within(idle, frame).await else {
                let message = format!("the answer stalled: no bytes arrived for {idle:?}");
                return Err(Error::new(ErrorKind::Timeout, message));
            };
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => {
                        self.check_speed(bytes.len())?;
                        if !bytes.is_empty() {
                            return Ok(Some(bytes));
                        }
                    }
                    Err(_trailers) => {}
                },
                Some(Err(error)) => return Err(self.broken(error)),
            }
        }
    }

    /// Counts the bytes that arrived, and checks the speed at the end of each window.
    fn check_speed(&mut self, arrived: usize) -> Result<()> {
        let Timeouts { min_speed, speed_window, .. } = self.timeouts;
        self.received += arrived as u64;
        let waited = self.waiting.waited();
        if waited < speed_window {
            return Ok(());
        }
        let least = u128::from(min_speed) * waited.as_millis() / 1000;
        if u128::from(self.received) < least {
            let message = format!("the answer is too slow: {} bytes arrived in {waited:?}", self.received);
            return Err(Error::new(ErrorKind::Timeout, message));
        }
        self.received = 0;
        self.waiting.restart();
        Ok(())
    }

    fn broken(&self, error: hyper::Error) -> Error {
        if let Some(error) = self.upload.take_error() {
            return error;
        }
        let message =
            format!("the connection was closed in the middle of the answer: {}", root_cause(&error));
        Error::new(ErrorKind::Connection, message).with_source(error)
    }
}
