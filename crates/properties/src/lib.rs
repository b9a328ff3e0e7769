//! Properties that hold for every input. Each is a function that accepts any bytes and panics if the property
//! does not hold.
//!
//! `fuzz/` searches for such bytes with libFuzzer, and `tests/properties.rs` for a second with proptest. Both
//! start with the inputs in `fuzz/seeds/NAME`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc)]

mod documents;
mod headers;
mod keys;
mod local;
mod manifests;
mod message;
mod playlists;
mod requests;
mod signatures;

pub use documents::{kv_json, xml};
pub use headers::{headers, rfc2047};
pub use keys::{key_encoding, object_key};
pub use manifests::dash_manifest;
pub use playlists::{hls_json, hls_playlist};
pub use requests::{kv_request, raw_request, s3_request};
pub use signatures::sigv4;

/// A property, with the name of its fuzz target.
pub type Property = (&'static str, fn(&[u8]));

/// All properties.
pub const ALL: &[Property] = &[
    ("dash_manifest", dash_manifest),
    ("headers", headers),
    ("hls_json", hls_json),
    ("hls_playlist", hls_playlist),
    ("key_encoding", key_encoding),
    ("kv_json", kv_json),
    ("kv_request", kv_request),
    ("object_key", object_key),
    ("raw_request", raw_request),
    ("rfc2047", rfc2047),
    ("s3_request", s3_request),
    ("sigv4", sigv4),
    ("xml", xml),
];
