//! What the store stands on: a disk, threads and a clock.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::disk::{Disk, OperatingSystem};
use super::threads::{SystemThreads, Threads};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Runtime;

/// All that the store asks of the machine. A test may run the store on another one.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Where files and the database are.
    pub disk: Arc<dyn Disk>,
    /// Where work runs.
    pub threads: Arc<dyn Threads>,
    /// The clock and the timer.
    pub runtime: Arc<dyn Runtime>,
}

impl Platform {
    /// This machine, with a clock.
    pub(super) fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self { disk: Arc::new(OperatingSystem), threads: Arc::new(SystemThreads), runtime }
    }

    /// Runs what blocks off the async threads. It runs to its end, even where nobody waits for it any more.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.threads.run_blocking(Box::new(move || {
            // Where nobody waits any more, the caller was cancelled.
            let _ = reply.send(work());
        }));
        answer.await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Storage, "the store's work was stopped").with_source(error))
        })
    }
}

/// Whether this is the error of work that was dropped, as it is where the runtime has ended.
pub(super) fn was_stopped(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<oneshot::error::RecvError>)
}
