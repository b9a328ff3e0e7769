//! A local server that speaks [R2's S3 API](https://developers.cloudflare.com/r2/api/s3/api/) and
//! [Workers KV's REST API](https://developers.cloudflare.com/api/resources/kv/) over the embedded store, on one port.
//!
//! Presigned URLs, browsers, players and other people's clients work against it without an account. A request with a signature is
//! one to R2: addresses are path style, signatures are checked as R2 checks them, and what R2 does not have is answered with R2's own
//! 501s. A request with a bearer token is one to KV. `docs/fidelity.md` lists every known difference.
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
//! `protocol.rs` tells whom a request is for; `s3` and `kv` authenticate it, find its operation, run it and render the answer.
#![deny(missing_docs)]

mod api_token;
mod body;
mod connection_timer;
mod cors;
mod credentials;
mod eventual;
mod faults;
mod kv;
mod protocol;
mod protocol_error;
mod respond;
mod response;
mod s3;
mod server;
mod service;
mod uri;

pub use credentials::Credentials;
pub use eventual::KvBehaviour;
pub use faults::Faults;
pub use server::Server;
