//! R2's S3 API.

mod access;
mod auth;
mod authorize;
mod copy_source;
mod error;
mod handle;
mod known_error;
mod operation;
mod operations;
mod parameters;
mod payload;
mod request;
mod resource;
mod response;
mod screening;
mod signed_chunks;

pub(crate) use self::error::S3Error;
pub(crate) use self::handle::handle;
pub(crate) use self::resource::bucket_of;
