//! The error of what cannot be decoded.

use std::fmt;

use crate::error::{Error, ErrorKind};

pub(super) fn not_gzip(reason: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Serialization, format!("the body is not whole gzip: {reason}"))
}
