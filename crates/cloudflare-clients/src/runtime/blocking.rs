//! Work that blocks its thread.

use futures_util::future::{Either, ready};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinError;

/// Why work has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It panicked, or the runtime stopped before it started.
    #[error(transparent)]
    Task(#[from] JoinError),
    #[error("the work returned no result")]
    NoResult(#[from] oneshot::error::RecvError),
}

/// Runs `work` on one of Tokio's blocking threads. It runs to its end even if the future is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Ended> {
    begin_blocking(work).await
}

/// Like [`blocking`], but starts immediately, before the future is polled. If Tokio does not run, it runs on
/// this thread.
pub(crate) fn begin_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Ended>> + Send {
    #[cfg(feature = "simulation")]
    if RUNS_HERE.get() {
        return Either::Left(ready(Ok(work())));
    }
    match Handle::try_current() {
        Ok(tokio) => {
            let (reply, answer) = oneshot::channel();
            // The box lets Tokio's task be compiled once, and not for each kind of work.
            let work: Box<dyn FnOnce() + Send> = Box::new(move || {
                // Sending fails if the caller was cancelled.
                let _ = reply.send(work());
            });
            let task = tokio.spawn_blocking(work);
            Either::Right(async move {
                task.await?;
                Ok(answer.await?)
            })
        }
        Err(_) => Either::Left(ready(Ok(work()))),
    }
}

#[cfg(feature = "simulation")]
thread_local! {
    static RUNS_HERE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Makes blocking work that this thread starts run on this thread, immediately.
#[cfg(feature = "simulation")]
pub fn run_blocking_here() {
    RUNS_HERE.set(true);
}
