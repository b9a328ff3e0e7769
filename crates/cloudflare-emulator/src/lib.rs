//! A local server that speaks [R2's S3 API](https://developers.cloudflare.com/r2/api/s3/api/) over the embedded store.
//!
//! Presigned URLs, browsers, players and other people's S3 clients work against it without an account. Addresses are
//! path style, signatures are checked as R2 checks them, and what R2 does not have is answered with R2's own 501s.
//! `docs/fidelity.md` lists every known difference.
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
//!
//! Each request is authenticated, its operation detected and its headers screened; then the operation runs and its
//! answer is rendered. `service.rs` has these steps in their order.
#![deny(missing_docs)]

mod auth;
mod cors;
mod credentials;
mod error;
mod faults;
mod operation;
mod operations;
mod payload;
mod response;
mod screening;
mod server;
mod service;
mod target;

pub use credentials::Credentials;
pub use faults::Faults;
pub use server::Server;
