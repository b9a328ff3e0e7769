//! Shared test tools of this repository.
//!
//! - [`content`] creates bytes to store, and [`pieces`] a stream of them.
//! - `mock!` creates a mock from the methods of a fake.
//! - `ManualClock` and `RunningClock` are runtimes whose time and randomness the test controls.
//! - `ScriptedServer` answers HTTP requests according to a script, byte for byte.
//! - `LocalServer` is the emulator with a separate store.
//! - `HttpProxy` is a proxy of the kind that `HTTP_PROXY` names.
//! - `Proxy` stands between a client and a server, and fails on demand.
//! - `Log` collects what the library logs.
//!
//! Any failure in here panics, and fails the test that uses it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

#[cfg(feature = "native")]
mod clock;
mod content;
#[cfg(feature = "native")]
mod http_proxy;
#[cfg(feature = "native")]
mod local_server;
#[cfg(feature = "native")]
mod log;
#[cfg(feature = "native")]
mod mock;
#[cfg(feature = "native")]
mod proxy;
#[cfg(feature = "native")]
mod scripted_server;

#[cfg(feature = "native")]
pub use clock::{RunningClock, begin};
pub use cloudflare_clients::testing::ManualClock;
pub use content::{content, pieces};
#[cfg(feature = "native")]
pub use http_proxy::HttpProxy;
#[cfg(feature = "native")]
pub use local_server::{BUCKET, LocalServer};
#[cfg(feature = "native")]
pub use log::Log;
#[cfg(feature = "native")]
pub use proxy::{Call, ContentLength, Fault, Kind, Proxy};
#[cfg(feature = "native")]
pub use scripted_server::{Connection, Request, ScriptedServer, answer};
