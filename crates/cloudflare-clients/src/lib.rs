//! Cloudflare's R2 object storage and Workers KV: one API over the services themselves, over a store embedded
//! in the process, and over a local server.
//!
//! - [`r2::R2Service`] is what most code holds: every operation of a bucket, with retries and verified bytes.
//! - A [`r2::Bucket`] is where it goes: [`S3Bucket`] (feature `http`, on by default) reaches R2 over its S3
//!   API, [`LocalBucket`] (feature `local`) is a bucket in a folder of this machine, `WorkersBucket` (feature
//!   `workers`, for wasm32) is the binding of a Worker, and a mock is a few lines.
//! - [`kv::KvClient`] is the same for Workers KV, over a [`kv::Namespace`]: `RestNamespace` (feature `http`),
//!   [`LocalNamespace`] (feature `local`) and `WorkersNamespace` (feature `workers`).
//! - [`r2::R2SigningClient`] makes presigned URLs, anywhere that Rust runs.
//! - [`playlist`] signs HLS playlists and DASH manifests, every segment of them.
//! - [`session`] and [`rate_limit`] are built on Workers KV; [`lock`] on R2's conditional puts,
//!   `analytics` (feature of that name) on either. Each page begins with what it guarantees and what it does not.
//! - [`Error`] is the one error type, [`RetryPolicy`] says when a request is sent again.
//! - [`sigv4`], [`s3`] and [`kv::rest`] are the protocols themselves, without I/O, for those who need no
//!   more. Semantic versioning covers `sigv4`, but not `s3` and `kv::rest`: these may change in a minor
//!   version.
//!
//! The README shows each of them at work.
//!
//! # Features
//!
//! | feature | what it brings | on |
//! |---|---|---|
//! | `http` (default) | `S3Bucket` and `RestNamespace`, over `HyperClient` | native targets |
//! | `native-roots` | `HyperClient::with_native_roots`: the system's authorities; with it `http` | native targets |
//! | `local` | `LocalStore`, `LocalBucket` and `LocalNamespace`: the embedded store, with SQLite | native targets |
//! | `workers` | `WorkersBucket`, `WorkersNamespace` and the rest of a Worker | wasm32 |
//! | `gzip` | `ObjectBody::decoded`: objects that are stored as gzip, decoded | every target; a Worker has it without |
//! | `analytics` | `analytics`: events in compressed objects; with it `gzip` | every target |
//! | `testing` | `testing`: mocks whose answers a test writes, and a clock that it moves | every target |
//!
//! On other targets a feature does nothing: it compiles, adds no item and no dependency. So a workspace that
//! has a Worker and a server may share one set of features, and `--all-features` builds everywhere.
//!
//! # Crates of this interface
//!
//! [`http`] and [`bytes`] are re-exported: `cloudflare_clients::http::Method` and
//! `cloudflare_clients::bytes::Bytes` are the types that methods take and return, whatever version of those
//! crates you have besides. [`async_trait`](macro@async_trait) is there to implement [`r2::Bucket`] and the
//! other traits with.
//!
//! Of four further crates the interface has traits, which code of yours has from the crates themselves:
//! the `Stream` of `futures-core` 0.3, as `futures-util` has it too, for what is listed or read piece by piece;
//! the `Body` of `http-body` 1, which [`Body`] implements and [`Body::from_http_body`] takes; `Serialize`
//! and `Deserialize` of `serde` 1; and, on native targets, the `AsyncRead`, `AsyncWrite` and `AsyncSeek` of
//! `tokio` 1, for the streams of `transfer`. With the feature `workers` it has types of `worker` 0.8, whose
//! `web_sys::ReadableStream` is one of them.
#![deny(missing_docs)]
// What needs a feature says so, where docs.rs builds the documentation.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
#[cfg(feature = "analytics")]
pub mod analytics;
mod backend;
mod body;
mod client;
pub mod env;
mod error;
// Its examples use these features.
#[cfg(all(doc, feature = "analytics", feature = "http", feature = "local", feature = "testing"))]
pub mod guide;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
mod js;
mod json;
pub mod kv;
pub mod lock;
mod model;
mod mutation;
pub mod playlist;
pub mod r2;
pub mod rate_limit;
mod retry;
mod runtime;
mod secret;
pub mod session;
mod signing;
pub mod sigv4;
#[cfg(all(feature = "simulation", not(target_arch = "wasm32")))]
#[doc(hidden)]
pub mod simulation;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
mod store;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
#[cfg(not(target_arch = "wasm32"))]
pub mod transfer;
mod transport;
mod wire;

pub use async_trait::async_trait;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub use backend::workers::{MadeUpEnv, WorkersBucket, WorkersNamespace, WorkersRateLimiter};
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use backend::{HyperClient, RestNamespace, RestNamespaces, S3Bucket, S3Buckets, TempCredentialsApi};
pub use body::{Body, ByteStream};
pub use bytes;
pub use error::{Error, ErrorKind, Result};
pub use http;
pub use retry::{RetryDecision, RetryPolicy};
pub use runtime::Runtime;
#[cfg(not(target_arch = "wasm32"))]
pub use runtime::TokioRuntime;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub use runtime::WorkersRuntime;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
pub use store::{
    BackupReport, Damage, LifecycleReport, LocalBucket, LocalNamespace, LocalStore, R2Events, ScrubReport,
    StoreUsage,
};
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use transport::{HttpClient, ReasonPhrase, Timeouts};
pub use wire::s3;

/// Its example runs as a test.
#[cfg(all(doctest, feature = "local"))]
#[doc = include_str!("../README.md")]
struct Readme;
