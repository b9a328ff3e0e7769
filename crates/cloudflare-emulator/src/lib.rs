//! R2 and Workers KV on this machine, for tests and without an account: a server that speaks
//! [R2's S3 API](https://developers.cloudflare.com/r2/api/s3/api/) and
//! [Workers KV's REST API](https://developers.cloudflare.com/api/resources/kv/) over the embedded store, on one port.
//!
//! ```
//! use cloudflare_clients::kv::KvClient;
//! use cloudflare_clients::r2::R2Service;
//! use cloudflare_clients::{RestNamespace, S3Bucket};
//! use cloudflare_emulator::Emulator;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! let emulator = Emulator::start().await?;
//! let r2 = R2Service::new(S3Bucket::new(emulator.create_bucket("media").await?)?);
//! let kv = KvClient::new(RestNamespace::new(emulator.create_namespace("sessions").await?)?);
//! r2.put("a.txt", "hello").await?;
//! kv.put("user", "17").await?;
//!
//! assert!(r2.head("a.txt").await?.is_some());
//! assert_eq!(kv.get("user").text().await?.as_deref(), Some("17"));
//! # Ok(()) }
//! ```
//!
//! - An [`Emulator`] has a free port, an empty store in a temporary folder and random credentials. Other
//!   people's clients take [`endpoint`](Emulator::endpoint), [`kv_base_url`](Emulator::kv_base_url) and
//!   [`credentials`](Emulator::credentials).
//! - It ends when it is dropped: it listens no more, and the folder is gone. [`Emulator::stop`] waits for the
//!   requests under way before that.
//! - Signatures, conditions, limits and errors are R2's and KV's own. A request with a signature is one to
//!   R2, with the bucket in its path or in front of its host (`media.localhost`); what R2 does not have is
//!   answered with R2's own 501s. A request with a bearer token is one to KV. `docs/fidelity.md` lists every
//!   known difference.
//! - Pages of a browser are let in by the CORS rules of each bucket, which
//!   [`R2Service::set_cors`](cloudflare_clients::r2::R2Service::set_cors) and `cfstore r2 cors` set. Without rules no
//!   page is, as with R2; [`EmulatorBuilder::open_cors`] lets every page of this machine do everything.
//! - [`KvBehaviour`] adds what KV does over a network: stale reads, a limit of writes, empty pages. [`R2Behaviour`]
//!   does so for R2 in production: a limit of writes, short and empty pages, compressed answers.
//!
//! # Failures
//!
//! [`Faults`] makes the next requests fail, without an effect: here two, which the client's retries get over.
//!
//! ```
//! # use cloudflare_clients::S3Bucket;
//! # use cloudflare_clients::r2::R2Service;
//! # use cloudflare_emulator::Emulator;
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let emulator = Emulator::start().await?;
//! # let r2 = R2Service::new(S3Bucket::new(emulator.create_bucket("media").await?)?);
//! use cloudflare_clients::RetryPolicy;
//! use http::StatusCode;
//!
//! emulator.faults().fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
//! r2.put("a.txt", "hello").await?;
//!
//! emulator.faults().fail_next(1, StatusCode::SERVICE_UNAVAILABLE);
//! let error = r2.with_retry(RetryPolicy::none()).put("a.txt", "bye").await.unwrap_err();
//! assert_eq!(error.code(), Some("ServiceUnavailable"));
//! # Ok(()) }
//! ```
//!
//! A [`FaultPlan`] makes a share of all requests fail, for as long as it is followed: statuses, connections
//! that are closed before, after or in the middle of what they are to do, and waits. A request orders its own
//! failure with the header `x-emulator-fault`.
//!
//! # Time
//!
//! With a [`ManualClock`] the test says what time it is for the emulator, and need not wait for what expires: a
//! key, a presigned URL, an upload in parts. As R2 does, the emulator refuses requests that were signed more than
//! 15 minutes before or after its time: where it is set further, give it to the client too, with
//! `S3Bucket::with_runtime`. KV's tokens have no time.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use cloudflare_clients::RestNamespace;
//! use cloudflare_clients::kv::KvClient;
//! use cloudflare_emulator::{Emulator, ManualClock};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! let clock = ManualClock::at(SystemTime::now());
//! let emulator = Emulator::builder().with_runtime(clock.clone()).start().await?;
//! let kv = KvClient::new(RestNamespace::new(emulator.create_namespace("sessions").await?)?);
//! kv.put("user", "17").expiration_ttl(Duration::from_hours(1)).await?;
//!
//! clock.advance(Duration::from_hours(1));
//! assert_eq!(kv.get("user").text().await?, None);
//! # Ok(()) }
//! ```
//!
//! # A server of one's own
//!
//! A [`Server`] takes a store, credentials and an address, and runs for as long as it is told, as `cfstore
//! serve` does:
//!
//! ```no_run
//! use cloudflare_clients::LocalStore;
//! use cloudflare_emulator::{Credentials, Server};
//!
//! # async fn serve() -> cloudflare_clients::Result<()> {
//! let store = LocalStore::open(".cfstore").await?;
//! let credentials = Credentials::load_or_create(".cfstore".as_ref())?;
//! let server = Server::bind(store, credentials, ([127, 0, 0, 1], 9710).into()).await?;
//! println!("http://{}", server.local_addr());
//! server.run(std::future::pending()).await;
//! # Ok(()) }
//! ```
// `protocol.rs` tells whom a request is for; `s3` and `kv` authenticate it, find its operation, run it and
// render the answer.
#![deny(missing_docs)]

mod api_token;
mod body;
mod chunking_clients;
mod compression;
mod connection;
mod connection_timer;
mod connections;
mod cors;
mod credentials;
mod emulator;
mod eventual;
mod exchange;
mod fault_plan;
mod faults;
mod keys;
mod kv;
mod limits;
mod memory;
mod metrics;
mod pace;
mod paced_stream;
mod page;
mod protocol;
mod protocol_error;
mod r2_behaviour;
mod respond;
mod response;
mod s3;
mod server;
mod service;
mod shortened;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod tls;
mod trusted_file;
mod uri;
mod virtual_hosts;
mod without_continue;
mod write_limit;

pub use cloudflare_clients::testing::ManualClock;
pub use credentials::Credentials;
pub use emulator::{Emulator, EmulatorBuilder};
pub use eventual::KvBehaviour;
pub use fault_plan::FaultPlan;
pub use faults::Faults;
pub use keys::{Key, Keys};
pub use limits::Limits;
pub use metrics::Metrics;
pub use r2_behaviour::R2Behaviour;
pub use server::Server;
pub use tls::Tls;

/// Its example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
