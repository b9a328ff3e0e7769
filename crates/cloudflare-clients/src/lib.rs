//! Cloudflare R2 and Workers KV: one API in a Worker, on a server, and with no account at all.
#![deny(missing_docs)]

mod error;

pub use error::{Error, ErrorKind, Result};
