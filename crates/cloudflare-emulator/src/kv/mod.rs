//! Workers KV's REST API.

mod auth;
mod error;
mod expiry;
mod handle;
mod json_list;
mod limits;
mod operation;
mod operations;
mod request;
mod response;
mod upload;

pub(crate) use self::handle::handle;
pub(crate) use self::operation::API;
