//! The S3 protocol without I/O.

pub mod endpoint;
pub mod error_code;
pub mod headers;
mod rfc2047;
pub mod xml;
