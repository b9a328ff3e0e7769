//! Conversion of errors to and from those of `tokio::io`'s traits.

use std::io;

use crate::error::{Error, ErrorKind};

/// Wraps an error for `AsyncRead` and `AsyncWrite`: it becomes the inner error.
pub(super) fn to_io(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NoSuchKey | ErrorKind::NoSuchBucket | ErrorKind::NoSuchUpload => {
            io::ErrorKind::NotFound
        }
        ErrorKind::Forbidden | ErrorKind::Credentials => io::ErrorKind::PermissionDenied,
        ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
        ErrorKind::Integrity => io::ErrorKind::InvalidData,
        ErrorKind::Timeout => io::ErrorKind::TimedOut,
        ErrorKind::Unsupported => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// The error of a reader whose bytes are uploaded. A [`Reader`](super::Reader) keeps its own error.
pub(super) fn of_given(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error.of_body_to_send(),
        Err(error) => {
            Error::invalid_input(format!("the reader to upload from failed: {error}")).with_source(error)
        }
    }
}
