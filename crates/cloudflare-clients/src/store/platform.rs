//! What the store runs on: a disk, threads and a clock.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::disk::{Disk, OperatingSystem};
use super::threads::{SystemThreads, Threads};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Runtime;

/// The services of the machine that the store uses. Tests may replace them.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Access to files and the database.
    pub disk: Arc<dyn Disk>,
    /// Threads for blocking work and tasks.
    pub threads: Arc<dyn Threads>,
    /// The clock and the timer.
    pub runtime: Arc<dyn Runtime>,
}

impl Platform {
    /// The real disk and threads, with the given clock.
    pub(super) fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self { disk: Arc::new(OperatingSystem), threads: Arc::new(SystemThreads), runtime }
    }

    /// Runs blocking work off the async threads. It runs to its end, even if nobody waits for it any more.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.threads.run_blocking(Box::new(move || {
            // Sending fails if the caller was cancelled.
            let _ = reply.send(work());
        }));
        answer.await.unwrap_or_else(|error| {
            Err(Error::new(
                ErrorKind::Storage,
                "the store's work was cancelled, because the runtime has ended",
            )
            .with_source(error))
        })
    }
}

/// Whether this is the error of work that was cancelled because the runtime has ended.
pub(super) fn was_stopped(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<oneshot::error::RecvError>)
}
