//! Cloudflare R2 and Workers KV: one API in a Worker, on a server, and with no account at all.
#![deny(missing_docs)]

mod backend;
mod error;
pub mod r2;
mod retry;
mod runtime;
pub mod s3;
pub mod sigv4;

pub use async_trait::async_trait;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
pub use backend::local::{BucketInfo, LocalBucket, LocalStore};
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use backend::{S3Bucket, Timeouts};
pub use bytes::Bytes;
pub use error::{Error, ErrorKind, Result};
pub use http::Method;
pub use retry::{RetryDecision, RetryPolicy};
pub use runtime::Runtime;
#[cfg(not(target_arch = "wasm32"))]
pub use runtime::TokioRuntime;
