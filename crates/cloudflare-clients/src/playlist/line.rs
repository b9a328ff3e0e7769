//! The lines of playlists, in errors.

use crate::error::Error;

/// Says of an error which line it is about.
pub(super) fn at_line(number: usize, error: &Error) -> Error {
    Error::invalid_input(format!("line {number}: {}", error.message()))
}
