//! The protocols of both services without I/O: how a request is written and its answer read.

pub mod kv_rest;
pub mod s3;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) mod temp_credentials;
