//! The body of a request that is being sent, and its progress.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};

use crate::body::{Body, ByteStream, wrong_length};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Runtime;
use crate::sync::lock;
use crate::transport::Timeouts;

/// Maximum size of a piece that is given to the connection, in bytes. One piece must be sent within the idle
/// timeout.
const PIECE: usize = 64 * 1024;

/// The sender's half of an upload. Dropping it stops the upload.
#[derive(Debug)]
pub(super) struct Upload(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    runtime: Arc<dyn Runtime>,
    state: Mutex<State>,
    stopped: AtomicBool,
    connection: AtomicWaker,
}

#[derive(Debug)]
struct State {
    /// On the runtime's monotonic clock.
    last_progress: Duration,
    step: Step,
    error: Option<Error>,
}

/// What an upload waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The connection, to accept more bytes.
    Connection,
    /// The body's own stream, to return more bytes.
    Source,
    /// The answer, as everything is sent.
    Answer,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn progress(&self, step: Step) {
        let now = self.runtime.monotonic();
        let mut state = self.state();
        state.last_progress = now;
        state.step = step;
    }
}

impl Upload {
    /// Starts the clock when the connection is open.
    pub(super) fn connected(&self) {
        let now = self.0.runtime.monotonic();
        self.0.state().last_progress = now;
    }

    /// Takes the error of the body's own stream, which is hidden by the connection's error.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.0.state().error.take()
    }

    /// Whether the connection has accepted the whole body.
    pub(super) fn is_whole(&self) -> bool {
        self.0.state().step == Step::Answer
    }

    /// Returns the time by which bytes must move, and the error if they do not.
    pub(super) fn deadline(&self, timeouts: Timeouts) -> (Duration, impl FnOnce() -> Error + use<>) {
        let state = self.0.state();
        let step = state.step;
        let limit = if step == Step::Answer { timeouts.first_byte } else { timeouts.idle };
        let error = move || {
            Error::new(
                ErrorKind::Timeout,
                match step {
                    Step::Connection => {
                        format!("the upload stalled: the service accepted no bytes for {limit:?}")
                    }
                    Step::Source => {
                        format!("the upload stalled: the body's stream returned no bytes for {limit:?}")
                    }
                    Step::Answer => format!("the service did not answer within {limit:?} of the request"),
                },
            )
        };
        (state.last_progress.saturating_add(limit), error)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.connection.wake();
    }
}

/// The connection's half of an upload.
pub(super) struct RequestBody {
    stream: ByteStream,
    piece: Bytes,
    length: u64,
    /// Number of bytes that the connection does not have yet.
    left: u64,
    stream_ended: bool,
    shared: Arc<Shared>,
}

/// The upload was stopped, or its source failed; the [`Upload`] has the error.
#[derive(Debug, thiserror::Error)]
#[error("the upload was stopped")]
pub(super) struct GivenUp;

impl RequestBody {
    /// A body, whose length must be known.
    pub(super) fn new(body: Body, runtime: Arc<dyn Runtime>) -> Result<(Self, Upload)> {
        let length = body
            .content_length()
            .ok_or_else(|| Error::invalid_input("the length of the request's body is unknown"))?;
        let step = if length == 0 { Step::Answer } else { Step::Connection };
        let last_progress = runtime.monotonic();
        let shared = Arc::new(Shared {
            runtime,
            state: Mutex::new(State { last_progress, step, error: None }),
            stopped: AtomicBool::new(false),
            connection: AtomicWaker::new(),
        });
        let body = Self {
            stream: body.into_stream(),
            piece: Bytes::new(),
            length,
            left: length,
            stream_ended: false,
            shared: Arc::clone(&shared),
        };
        Ok((body, Upload(shared)))
    }

    fn fail(&self, error: Error) -> GivenUp {
        self.shared.state().error = Some(error);
        GivenUp
    }

    /// Fills `piece`. For the last piece, checks whether the stream ends there: a body that is too long must
    /// not be stored.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), GivenUp>> {
        while !self.stream_ended && (self.piece.is_empty() || self.piece.len() as u64 >= self.left) {
            match ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(bytes)) if self.piece.is_empty() => self.piece = bytes,
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    let more = bytes.len() as u64;
                    return Poll::Ready(Err(self.fail(self.wrong_length("has at least", more))));
                }
                Some(Err(error)) => return Poll::Ready(Err(self.fail(error))),
                None => self.stream_ended = true,
            }
        }
        match self.piece.len() as u64 {
            0 => Poll::Ready(Err(self.fail(self.wrong_length("ended after", 0)))),
            piece if piece > self.left => Poll::Ready(Err(self.fail(self.wrong_length("has at least", 0)))),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// The error of a body that does not have its announced length, with `more` bytes after the current
    /// piece.
    fn wrong_length(&self, what: &str, more: u64) -> Error {
        let count = self.length - self.left + self.piece.len() as u64 + more;
        wrong_length(count, what, self.length)
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let this = &mut *self;
        this.shared.connection.register(cx.waker());
        if this.shared.stopped.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        if this.left == 0 {
            return Poll::Ready(None);
        }
        match this.poll_source(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                // The connection took all bytes, so the source's time starts.
                let waits = this.shared.state().step == Step::Source;
                if !waits {
                    this.shared.progress(Step::Source);
                }
                return Poll::Pending;
            }
        }
        let piece = this.piece.split_to(this.piece.len().min(PIECE));
        this.left = this.left.saturating_sub(piece.len() as u64);
        this.shared.progress(if this.left == 0 { Step::Answer } else { Step::Connection });
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
