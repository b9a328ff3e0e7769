//! The body of a request on its way out, and what is known of how far it got.

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

/// The largest piece that is given to the connection at once. The idle timeout allows for the time that one piece takes.
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
    /// By the runtime's monotonic time.
    last_progress: Duration,
    step: Step,
    error: Option<Error>,
}

/// What an upload waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The connection, to take more.
    Connection,
    /// The body's own stream, to give more.
    Source,
    /// The answer: all is sent.
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
    /// The time begins to count.
    pub(super) fn connected(&self) {
        let now = self.0.runtime.monotonic();
        self.0.state().last_progress = now;
    }

    /// The error of the body's own stream, which hides behind the connection's.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.0.state().error.take()
    }

    /// Whether the connection has taken all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.0.state().step == Step::Answer
    }

    /// When it has to have gone on, and the error if it has not.
    pub(super) fn deadline(&self, timeouts: Timeouts) -> (Duration, impl FnOnce() -> Error + use<>) {
        let state = self.0.state();
        let step = state.step;
        let limit = if step == Step::Answer { timeouts.first_byte } else { timeouts.idle };
        let error = move || {
            Error::new(
                ErrorKind::Timeout,
                match step {
                    Step::Connection => format!("the upload stalled: the service took nothing for {limit:?}"),
                    Step::Source => format!("the upload stalled: the body gave nothing for {limit:?}"),
                    Step::Answer => format!("no answer within {limit:?} of the request"),
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
    /// What is not yet with the connection.
    left: u64,
    stream_ended: bool,
    shared: Arc<Shared>,
}

/// The upload was stopped, or its source failed; the error is with the [`Upload`].
#[derive(Debug, thiserror::Error)]
#[error("the upload was given up")]
pub(super) struct GivenUp;

impl RequestBody {
    /// A body, whose length has to be known.
    pub(super) fn new(body: Body, runtime: Arc<dyn Runtime>) -> Result<(Self, Upload)> {
        let length = body
            .content_length()
            .ok_or_else(|| Error::invalid_input("the length of the request's body is not known"))?;
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

    /// Fills `piece`, and for the last one looks whether the stream ends there: a body that goes on must not be stored.
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

    /// The error of a body that is not as long as it was announced, `more` bytes behind the piece at hand.
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
                // The connection took all there was, so the source's time begins.
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
