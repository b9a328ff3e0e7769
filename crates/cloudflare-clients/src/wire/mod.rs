//! The protocols of both services without I/O: writing requests and parsing answers.

pub mod kv_rest;
pub mod s3;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) mod temp_credentials;
