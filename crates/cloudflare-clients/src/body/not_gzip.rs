//! The error for bytes that cannot be decoded as gzip.

use std::fmt;

use crate::error::{Error, ErrorKind};

pub(super) fn not_gzip(reason: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Serialization, format!("the body is not complete gzip: {reason}"))
}
