//! A local server for Cloudflare R2 and Workers KV, for tests and without an account. It speaks [R2's S3
//! API](https://developers.cloudflare.com/r2/api/s3/api/) and [Workers KV's REST
//! API](https://developers.cloudflare.com/api/resources/kv/) over the embedded store, on one port.
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
//! - An [`Emulator`] has a free port, an empty store in a temporary folder and random credentials. Configure
//!   other clients with [`endpoint`](Emulator::endpoint), [`kv_base_url`](Emulator::kv_base_url) and
//!   [`credentials`](Emulator::credentials).
//! - Dropping it stops the server and removes the folder. [`Emulator::stop`] first waits for the requests in
//!   progress.
//! - Signatures, conditions, limits and errors are those of R2 and KV. A signed request goes to R2, with the
//!   bucket in the path or in the host (`media.localhost`); features that R2 lacks get R2's own 501. A
//!   request with a bearer token goes to KV. `docs/fidelity.md` lists every known difference.
//! - Web pages can use a bucket if its CORS rules allow it. Set them with
//!   [`R2Service::set_cors`](cloudflare_clients::r2::R2Service::set_cors) or `cfstore r2 cors`. As in R2, a
//!   bucket without rules refuses all pages. [`EmulatorBuilder::open_cors`] allows everything to pages of
//!   this machine.
//! - [`KvBehaviour`] adds the behavior of KV over a network: stale reads, a write limit, empty pages.
//!   [`R2Behaviour`] adds that of R2 in production: a write limit, short and empty pages, compressed answers.
//!
//! # Failures
//!
//! [`Faults`] makes the next requests fail without an effect. Here two fail, and the client retries:
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
//! A [`FaultPlan`] makes a share of all requests fail: with a status, with a connection closed before, during
//! or after the answer, or with a delay. A request can order its own failure with the header
//! `x-emulator-fault`.
//!
//! # Time
//!
//! With a [`ManualClock`] a test sets the time of the emulator, and does not have to wait until a key, a
//! presigned URL or a multipart upload expires. Like R2, the emulator refuses requests that were signed more
//! than 15 minutes before or after its time. If you move the clock further, pass it to the client too, with
//! `S3Bucket::with_runtime`. KV's tokens do not depend on the time.
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
//! kv.put("user", "17").expiration_ttl(Duration::from_secs(3600)).await?;
//!
//! clock.advance(Duration::from_secs(3600));
//! assert_eq!(kv.get("user").text().await?, None);
//! # Ok(()) }
//! ```
//!
//! # Custom servers
//!
//! A [`Server`] has a given store, credentials and address, and runs until it is told to stop, like `cfstore
//! serve`:
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
// `protocol.rs` finds the protocol of a request; `s3` and `kv` authenticate it, find its operation, run it and
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

/// Runs the example of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
