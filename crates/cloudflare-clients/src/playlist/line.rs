//! Line numbers in errors.

use crate::error::Error;

/// Adds the number of the line to an error.
pub(super) fn at_line(number: usize, error: &Error) -> Error {
    Error::invalid_input(format!("line {number}: {}", error.message()))
}
