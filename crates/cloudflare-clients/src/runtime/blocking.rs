//! Work that blocks its thread.

use futures_util::TryFutureExt as _;
use futures_util::future::{Either, ready};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The work has no result.
#[derive(Debug, thiserror::Error)]
#[error("it panicked, or the runtime stopped before it began")]
pub(crate) struct Ended;

/// Runs it on a thread of Tokio's that it may block. It comes to its end when this is dropped.
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
            // Boxed: so Tokio's task is compiled once, and not for each kind of work.
            let work: Box<dyn FnOnce() + Send> = Box::new(move || {
                // Nobody may wait for it any more.
                let _ = reply.send(work());
            });
            drop(tokio.spawn_blocking(work));
            Either::Right(answer.map_err(|_| Ended))
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
