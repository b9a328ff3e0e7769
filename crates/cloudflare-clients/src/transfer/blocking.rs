//! Work that blocks a thread.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime;

/// Runs `work` on a thread that it may block. It runs to its end even if the future is dropped.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime::blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(ErrorKind::Storage, "the thread that worked on a file ended early")
                .with_source(error))
        }
    }
}

/// An error about a file, as `PATH WHAT: ERROR`.
pub(super) fn storage(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}
