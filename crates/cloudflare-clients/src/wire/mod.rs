//! The protocols of both services without I/O: how a request is written and its answer read.

pub mod kv_rest;
pub mod s3;
