//! The errors of `tokio::io`'s traits, in both directions.

use std::io;

use crate::error::{Error, ErrorKind};

/// As `AsyncRead` and `AsyncWrite` have it: the error is its inner one.
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

/// Of a reader whose bytes are uploaded. What a [`Reader`](super::Reader) gives keeps its own error.
pub(super) fn of_given(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error.of_body_to_send(),
        Err(error) => {
            Error::invalid_input(format!("what is uploaded could not be read: {error}")).with_source(error)
        }
    }
}
