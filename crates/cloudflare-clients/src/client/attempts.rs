//! Attempts at an operation, one after another, until one succeeds, the policy says stop, or the deadline
//! passes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, BoxFuture, Either};
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span};

use super::operation::Operation;
#[cfg(not(target_arch = "wasm32"))]
use super::pace::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::retry::{RetryDecision, RetryPolicy, slows_down};
use crate::runtime::Runtime;

/// How a service makes its attempts.
#[derive(Clone)]
pub(crate) struct Attempts {
    span: OperationSpan,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) retry: RetryPolicy,
    pub(crate) deadline: Option<Duration>,
    permits: Option<Arc<Semaphore>>,
    /// The pace of the transfer that the operations belong to.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) pace: Option<Arc<Pace>>,
    /// Called for each failed attempt that is retried.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) on_retry: Option<OnRetry>,
}

#[cfg(not(target_arch = "wasm32"))]
type OnRetry = Arc<dyn Fn(&Error) + Send + Sync>;

/// Creates the span of an operation. Its name must be a constant.
pub(crate) type OperationSpan = fn(&Operation<'_>) -> Span;

/// An [`OperationSpan`] with this name.
macro_rules! operation_span {
    ($name:literal) => {
        |operation| {
            tracing::info_span!(
                $name,
                operation = operation.name,
                key = operation.key,
                bytes = operation.bytes,
                attempts = tracing::field::Empty,
                status = tracing::field::Empty,
            )
        }
    };
}
pub(crate) use operation_span;

impl Attempts {
    /// The default policy, without a deadline or a limit of concurrent operations.
    pub(crate) fn new(span: OperationSpan, runtime: Arc<dyn Runtime>) -> Self {
        Self {
            span,
            runtime,
            retry: RetryPolicy::default(),
            deadline: None,
            permits: None,
            #[cfg(not(target_arch = "wasm32"))]
            pace: None,
            #[cfg(not(target_arch = "wasm32"))]
            on_retry: None,
        }
    }

    /// Limits how many operations run concurrently. 0 counts as 1.
    pub(crate) fn set_max_concurrency(&mut self, operations: usize) {
        let permits = operations.clamp(1, Semaphore::MAX_PERMITS);
        self.permits = Some(Arc::new(Semaphore::new(permits)));
    }

    /// Runs an operation: attempts until one succeeds, the policy stops, or the deadline passes.
    ///
    /// `attempt` starts the next attempt. It returns `None` if the body cannot be sent again.
    pub(crate) async fn run<'a, T: Send>(
        &self,
        operation: &Operation<'_>,
        attempt: impl FnMut() -> Option<BoxFuture<'a, Result<T>>> + Send,
    ) -> Result<T> {
        let span = (self.span)(operation);
        let mut progress = Progress::default();
        let outcome = {
            let attempts = self.attempts(attempt, &mut progress).instrument(span.clone());
            match self.deadline {
                None => Ok(attempts.await),
                Some(deadline) => {
                    match future::select(Box::pin(attempts), self.runtime.timeout(deadline)).await {
                        Either::Left((result, _)) => Ok(result),
                        Either::Right(((), _)) => Err(deadline),
                    }
                }
            }
        };
        span.record("attempts", progress.attempts);
        match outcome {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(progress.explain(error, operation, &span)),
            Err(deadline) => {
                let error = deadline_passed(deadline, progress.last.take());
                Err(progress.explain(error, operation, &span))
            }
        }
    }

    async fn attempts<'a, T: Send>(
        &self,
        mut attempt: impl FnMut() -> Option<BoxFuture<'a, Result<T>>> + Send,
        progress: &mut Progress,
    ) -> Result<T> {
        let begun = self.runtime.monotonic();
        let _permit = match &self.permits {
            // The semaphore is never closed.
            Some(permits) => permits.acquire().await.ok(),
            None => None,
        };
        let mut call = attempt().ok_or_else(|| not_replayable(None))?;
        loop {
            progress.attempts += 1;
            let error = match self.paced(call).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(delay) = self.delay_after(&error, begun, progress) else { return Err(error) };
            call = match attempt() {
                Some(next) => next,
                None => return Err(not_replayable(Some(error))),
            };
            self.note_failure(error, delay, progress);
            self.runtime.sleep(delay).await;
        }
    }

    // These functions are not generic, so that they are compiled once and not for each operation.

    /// The delay before the next attempt, or `None` if the operation fails with this error.
    fn delay_after(&self, error: &Error, begun: Duration, progress: &mut Progress) -> Option<Duration> {
        // Slowdowns do not count against the retries for other failures.
        let slowed_down = slows_down(error);
        let retries = progress.attempts - 1 - if slowed_down { 0 } else { progress.slowdowns };
        progress.slowdowns += u32::from(slowed_down);
        let delay = match self.retry.decide(error, retries, progress.waited, self.runtime.random()) {
            RetryDecision::Retry(delay) => delay,
            RetryDecision::Stop => return None,
        };
        progress.waited = progress.waited.saturating_add(delay);
        // If the clock was set back, count at least the time spent waiting.
        let elapsed = self.runtime.monotonic().saturating_sub(begun).saturating_add(delay);
        let elapsed = elapsed.max(progress.waited);
        self.deadline.is_none_or(|deadline| elapsed < deadline).then_some(delay)
    }

    /// Records a failed attempt that will be retried.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(clippy::unused_self, reason = "`on_retry` does not exist there")
    )]
    fn note_failure(&self, error: Error, delay: Duration, progress: &mut Progress) {
        tracing::debug!(attempt = progress.attempts, ?delay, %error, "attempt failed; retrying");
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(report) = &self.on_retry {
            report(&error);
        }
        progress.may_be_done |= error.kind() != ErrorKind::RateLimited;
        progress.last = Some(error);
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Attempts {
    /// Makes one attempt, at the pace of its transfer.
    async fn paced<T>(&self, call: BoxFuture<'_, Result<T>>) -> Result<T> {
        let Some(pace) = &self.pace else { return call.await };
        let begun = pace.begin().await;
        let result = call.await;
        match &result {
            Ok(_) => pace.succeeded(),
            Err(error) => pace.failed(begun, error),
        }
        result
    }
}

#[cfg(target_arch = "wasm32")]
impl Attempts {
    async fn paced<T>(&self, call: BoxFuture<'_, Result<T>>) -> Result<T> {
        call.await
    }
}

/// The progress of an operation. It is known even if the deadline ends the operation during an attempt.
#[derive(Default)]
struct Progress {
    /// The number of attempts that were started.
    attempts: u32,
    /// The error of the last attempt that has ended.
    last: Option<Error>,
    /// Whether an attempt that is retried may have taken effect. A request that is refused with a 429 has
    /// not.
    may_be_done: bool,
    /// The total time waited between attempts.
    waited: Duration,
    /// The number of attempts that were answered with a 429 or 503.
    slowdowns: u32,
}

impl Progress {
    /// Completes the error of the whole operation.
    fn explain(self, error: Error, operation: &Operation<'_>, span: &Span) -> Error {
        span.record("status", error.status().map(|status| status.as_u16()));
        error.during(operation.name, operation.key).after_attempts(self.attempts).repeating(self.may_be_done)
    }
}

fn deadline_passed(deadline: Duration, last: Option<Error>) -> Error {
    let message = format!("not completed within the deadline of {deadline:?}");
    match last {
        Some(last) => {
            let message = format!("{message}; the last failed attempt: {}", last.message());
            Error::new(ErrorKind::Timeout, message).with_source(last)
        }
        None => Error::new(ErrorKind::Timeout, message),
    }
}

/// The error if a request should be sent again, but its body cannot. It keeps the service's message.
fn not_replayable(cause: Option<Error>) -> Error {
    match cause {
        Some(cause) => cause
            .explain("the body is a stream that has been read and cannot be sent again after this failure")
            .with_kind(ErrorKind::BodyNotReplayable),
        None => Error::new(ErrorKind::BodyNotReplayable, "the body is a stream that has already been read"),
    }
}
