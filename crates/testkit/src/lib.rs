//! What the tests of this repository share.
//!
//! - [`content`] makes bytes to store, and [`pieces`] a stream of them.
//! - `mock!` makes a mock of the methods of a fake.
//! - `ManualClock` and `RunningClock` are runtimes whose time and randomness the test decides.
//! - `ScriptedServer` answers HTTP requests by a script, byte for byte.
//! - `LocalServer` is the emulator over a store of its own.
//! - `HttpProxy` is one as `HTTP_PROXY` names them.
//! - `Proxy` is between a client and it, and fails as it is told.
//! - `Log` is what the library logs.
//!
//! Whatever fails in here panics: the test that uses it has failed.
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
