//! Work that blocks its thread.

use futures_util::future::{Either, ready};
use tokio::runtime::Handle;
use tokio::task::JoinError;

/// Runs it on a thread of Tokio's that it may block. It comes to its end when this is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    begin_blocking(work).await
}

/// As [`blocking`], and begins at once, before anybody waits for it. Where Tokio does not run, it runs on
/// this thread.
pub(crate) fn begin_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, JoinError>> + Send {
    #[cfg(feature = "simulation")]
    if RUNS_HERE.get() {
        return Either::Left(ready(Ok(work())));
    }
    match Handle::try_current() {
        Ok(tokio) => Either::Right(tokio.spawn_blocking(work)),
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
