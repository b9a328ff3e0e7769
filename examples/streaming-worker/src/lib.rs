//! Private video from R2: a Worker that a platform of creators deploys.
//!
//! Every creator owns a folder of the bucket ([`keys`]). A token identifies the caller ([`access`]). A
//! manifest describes a piece of content and lists who may see it ([`manifest`]). Clients read and write
//! objects directly in R2, by presigned URLs, or through the Worker, which streams them without buffering.

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
