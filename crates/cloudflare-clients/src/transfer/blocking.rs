//! Work that blocks a thread.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime;

/// Runs it on a thread that it may block. It runs to its end even where this is dropped.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime::blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(ErrorKind::Storage, "the work on a file was ended").with_source(error)),
    }
}

/// The error of a file.
pub(super) fn storage(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}
