//! Private video from R2: a Worker that a platform of creators deploys.
//!
//! Every creator owns a folder of the bucket ([`keys`]). A token names who is asking ([`access`]). A manifest says what a piece
//! of content is and who may see it ([`manifest`]). Bytes go past the Worker, through presigned URLs, or by way of it, from R2 to
//! the client without passing through its memory.

pub mod accept_encoding;
pub mod access;
pub mod keys;
pub mod manifest;

#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod cors;
#[cfg(target_arch = "wasm32")]
mod error;
#[cfg(target_arch = "wasm32")]
mod routes;
#[cfg(target_arch = "wasm32")]
mod warm_up;
