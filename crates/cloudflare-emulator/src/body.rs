//! The body of a request, until it is read or dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use cloudflare_clients::s3::error_code::{INCOMPLETE_BODY, REQUEST_TIMEOUT};
use cloudflare_clients::{Error, ErrorKind, Runtime};
use futures_util::{Stream, stream};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::Limits;
use crate::memory::{Memory, Taken};
use crate::pace::{Pace, Pressure};
use crate::service::Service;

/// Maximum number of bytes of a refused body that are read, so that the client reads the answer.
const MAX_DRAIN: u64 = 64 << 20;

/// The body of a request. It is stored here while it is not being read.
#[derive(Clone)]
pub(crate) struct RequestBody {
    unread: Arc<Mutex<Option<Incoming>>>,
    /// Number of bytes that were read.
    received: Arc<AtomicU64>,
    runtime: Arc<dyn Runtime>,
    limits: Limits,
    memory: Memory,
    pressure: Pressure,
}

impl RequestBody {
    /// Counts the bytes that are read in `received`.
    pub(crate) fn new(body: Incoming, received: Arc<AtomicU64>, service: &Service) -> Self {
        Self {
            unread: Arc::new(Mutex::new(Some(body))),
            received,
            runtime: Arc::clone(service.store.runtime()),
            limits: service.limits,
            memory: service.memory.clone(),
            pressure: service.pressure.clone(),
        }
    }

    fn take(&self) -> Option<Incoming> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads the rest of the body.
    pub(crate) fn read(&self) -> Reading {
        Reading {
            body: self.take(),
            whole: self.clone(),
            pace: Pace::new(&self.limits, self.pressure.clone()),
        }
    }

    /// Reserves memory for `bytes` bytes of the body. Returns `None` if the server's memory is used up.
    pub(crate) fn take_memory(&self, bytes: u64) -> Option<Taken> {
        self.memory.take(bytes)
    }

    /// The body as it arrives.
    pub(crate) fn stream(&self) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        stream::try_unfold(self.read(), |mut reading| async move {
            Ok(reading.next().await?.map(|piece| (piece, reading)))
        })
    }

    /// Reads what an operation left unread: otherwise the connection would be reset, and the client lose the
    /// answer. Gives up on a large or slow body.
    pub(crate) async fn drain(&self) {
        let Some(mut body) = self.take() else { return };
        let read = async {
            let mut left = MAX_DRAIN;
            while !body.is_end_stream() && body.size_hint().upper().is_none_or(|upper| upper <= left) {
                let Some(Ok(frame)) = body.frame().await else { return };
                let read = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.received.fetch_add(read, Ordering::Relaxed);
                let Some(rest) = left.checked_sub(read) else { return };
                left = rest;
            }
        };
        let _ = self.runtime.within(self.limits.drain, read).await;
    }
}

/// A body that is being read. Dropping it leaves the rest to [`RequestBody::drain`].
pub(crate) struct Reading {
    body: Option<Incoming>,
    whole: RequestBody,
    pace: Pace,
}

impl Reading {
    /// Returns the next piece.
    ///
    /// # Errors
    /// The client stopped sending, sends too slowly, or disconnected.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(body) = self.body.as_mut() else { return Ok(None) };
            let (runtime, patience) = (&self.whole.runtime, self.pace.next_wait());
            let began = runtime.monotonic();
            let frame = runtime.within(patience, body.frame()).await;
            let (waited, bytes) = match &frame {
                None => (patience, 0),
                Some(frame) => {
                    let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                    (runtime.monotonic().saturating_sub(began), data.map_or(0, Bytes::len))
                }
            };
            if self.pace.after(waited, bytes).is_err() {
                // Do not wait for the rest.
                self.body = None;
                return Err(Error::new(ErrorKind::Timeout, "the client stopped sending")
                    .with_code(REQUEST_TIMEOUT.name));
            }
            let Some(frame) = frame else { continue };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| incomplete().with_source(error))?;
            if let Ok(piece) = frame.into_data() {
                self.whole.received.fetch_add(piece.len() as u64, Ordering::Relaxed);
                return Ok(Some(piece));
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        *self.whole.unread.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

pub(crate) fn incomplete() -> Error {
    Error::new(ErrorKind::Connection, "the body ended early").with_code(INCOMPLETE_BODY.name)
}
