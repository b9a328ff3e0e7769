//! Work that blocks its thread.

use tokio::runtime::Handle;
use tokio::task::JoinError;

/// Runs it on a thread of Tokio's that it may block. It comes to its end when this is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    #[cfg(feature = "simulation")]
    if RUNS_HERE.get() {
        return Ok(work());
    }
    Handle::current().spawn_blocking(work).await
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
