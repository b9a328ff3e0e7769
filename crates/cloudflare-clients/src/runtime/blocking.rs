//! Work that blocks its thread.

use futures_util::future::{Either, ready};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinError;

/// Why work has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It panicked, or the runtime stopped before it began.
    #[error(transparent)]
    Task(#[from] JoinError),
    #[error("the work gave no result")]
    NoResult(#[from] oneshot::error::RecvError),
}

/// Runs it on a thread of Tokio's that it may block. It runs to its end even where this is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Ended> {
    begin_blocking(work).await
}

/// As [`blocking`], and begins at once, before anybody waits for it. Where Tokio does not run, it runs on
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
            // The box has Tokio's task compiled once, and not for each kind of work.
            let work: Box<dyn FnOnce() + Send> = Box::new(move || {
                // Where nobody waits any more, the caller was cancelled.
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

/// Has what blocks run in this thread, at once, when this thread asks for it.
#[cfg(feature = "simulation")]
pub fn run_blocking_here() {
    RUNS_HERE.set(true);
}
