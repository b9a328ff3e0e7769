//! Cloudflare's R2 object storage and Workers KV: one API in a Worker (bindings), on a server (R2's S3 API
//! and KV's REST API), and without an account (a store embedded in the process).
//!
//! ```
//! # #[cfg(not(feature = "local"))] fn main() {}
//! # #[cfg(feature = "local")] #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cloudflare_clients::LocalBucket;
//! use cloudflare_clients::r2::R2Service;
//!
//! // On R2: S3Bucket::from_env()?. In a Worker: R2Service::from_worker_env(&env, "MEDIA_BUCKET")?.
//! let folder = tempfile::tempdir()?;
//! let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
//!
//! r2.put("creator-123/notes.txt", "hello").content_type("text/plain").await?;
//! let object = r2.get("creator-123/notes.txt").await?.ok_or("the key is missing")?;
//! assert_eq!(object.text().await?, "hello");
//! # Ok(()) }
//! ```
//!
//! The [`guide`] starts with the [operations of a bucket](guide::operations) and leads to
//! [production](guide::production_checklist).
//!
//! # Overview
//!
//! | to | use |
//! |---|---|
//! | store and read objects | [`r2::R2Service`]: every operation of a bucket, with retries and verified bytes |
//! | store and read values | [`kv::KvClient`]: every operation of a namespace |
//! | choose where they go | a [`r2::Bucket`]: [`S3Bucket`], [`LocalBucket`] or `WorkersBucket`; a [`kv::Namespace`]: [`RestNamespace`], [`LocalNamespace`] or `WorkersNamespace` |
//! | presign URLs | [`r2::R2SigningClient`], without I/O, on every target |
//! | transfer files, streams and folders | [`transfer`] |
//! | play private video | [`playlist`]: HLS playlists and DASH manifests, signed with all their segments |
//! | build on both services | [`session`], [`rate_limit`], [`lock`], [`analytics`] |
//! | decide what is retried | [`RetryPolicy`], and [`Error`], the one error type |
//! | test | [`testing`]: mocks, and a clock that a test moves |
//! | speak the protocols without I/O | [`sigv4`], [`s3`], [`kv::rest`] |
//!
//! Semantic versioning covers everything except [`s3`] and [`kv::rest`], which may change in a minor version.
//!
//! # Features
//!
//! | feature | adds | on |
//! |---|---|---|
//! | `http` (default) | `S3Bucket` and `RestNamespace`, over `HyperClient` | native targets |
//! | `native-roots` | `HyperClient::with_native_roots`, which trusts the system's certificate authorities; enables `http` | native targets |
//! | `local` | `LocalStore`, `LocalBucket` and `LocalNamespace`: the embedded store, on SQLite | native targets |
//! | `workers` | `WorkersBucket`, `WorkersNamespace` and conversions from and to a Worker's types | wasm32 |
//! | `gzip` | `ObjectBody::decoded`, which decodes objects stored as gzip | every target; in a Worker it needs no feature |
//! | `analytics` | `analytics`: events in compressed batches; enables `gzip` | every target |
//! | `testing` | `testing`: mocks with scripted answers, and a clock that a test moves | every target |
//!
//! On other targets a feature has no effect: it adds neither items nor dependencies. So a workspace with a
//! Worker and a server can share one set of features, and `--all-features` builds everywhere.
//!
//! # Crates in this interface
//!
//! [`http`] and [`bytes`] are re-exported, so `cloudflare_clients::http::Method` and
//! `cloudflare_clients::bytes::Bytes` always are the types that methods expect.
//! [`async_trait`](macro@async_trait) is re-exported for implementations of [`r2::Bucket`] and the other
//! traits.
//!
//! Other crates appear in the interface by their traits: `Stream` of `futures-core` 0.3 for lists and bodies,
//! `Body` of `http-body` 1, which [`Body`] implements and [`Body::from_http_body`] accepts, `Serialize` and
//! `Deserialize` of `serde` 1, and on native targets `AsyncRead`, `AsyncWrite` and `AsyncSeek` of `tokio` 1
//! in [`transfer`]. With the feature `workers`, types of `worker` 0.8 appear, such as
//! `web_sys::ReadableStream`.
#![deny(missing_docs)]
// On docs.rs each item names the feature that it needs.
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
