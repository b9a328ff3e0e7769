//! Cloudflare R2 and Workers KV: one API in a Worker, on a server, and with no account at all.
#![deny(missing_docs)]

mod error;
pub mod r2;
pub mod s3;
pub mod sigv4;

pub use error::{Error, ErrorKind, Result};
