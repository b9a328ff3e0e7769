//! The backends, which do the I/O: one file or folder for each way to reach a bucket or a namespace.

#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) mod http;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) mod kv_rest;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) mod s3;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
mod temp_credentials;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) mod workers;

#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::http::HyperClient;
#[cfg(all(feature = "simulation", not(target_arch = "wasm32")))]
pub use self::http::{Dial, Stream};
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::kv_rest::{RestNamespace, RestNamespaces};
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::s3::{S3Bucket, S3Buckets};
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::temp_credentials::TempCredentialsApi;
