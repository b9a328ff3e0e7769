//! Rate limits: over Workers KV, or by the platform's own binding in a Worker.
//!
//! # What it guarantees, and what it does not
//!
//! **A limit on KV is approximate.** KV has no counter that several can add to, and what one location writes another sees after
//! 60 seconds or more. It keeps clients from using far more than their share over minutes and hours; it does not protect what must not
//! be done once too often, and not against a flood.
//!
//! - **In one place** (one process, or one isolate of a Worker) each check counts at once, and none is lost. Its sliding window consists of
//!   two counters, of this window and of the one before, as though that had been used evenly. When it was not, up to twice the limit can
//!   pass in some stretch as long as a window: all of it at the end of one, and in the next as much as the first slides out.
//! - **With several places** each may let through the whole limit before it has heard of the others, so that N of them pass up to N times
//!   as much, or twice that by the last point. How near it comes to that depends on whether the window is long beside a minute. A location
//!   of Cloudflare runs many isolates, and each is a place.
//! - **What is refused is not counted**, and costs no request to KV. Counts are never too high by more than the evenness that is
//!   assumed, except where clocks differ: places with other times count into other windows.
//! - **What was counted and not flushed is lost** with the process or the isolate, or when the memory has room for other keys only.
//!
//! By how much the limit is passed in the worst window, of a limit of 100 in a simulation of KV as slow as its documentation allows (a
//! write is seen elsewhere after up to 5 seconds, then behind a cache of 60), where requests come to the locations at random, and
//! each location is one place:
//!
#![doc = include_str!("overshoot.md")]
//!
//! The last column is why each writer has a key of its own here, which others find by a listing: with one key that everybody writes to
//! what he has read and what he has counted, the last write wins and takes with it what others have counted, and KV refuses
//! most writes with a 429, since a key takes one a second. From ten minutes on it does worse, in windows of a minute both are no limit to
//! speak of. The simulation is `examples/rate_limit_overshoot` of this crate, and a test keeps the figures true.
//!
//! **For a window of a minute or less take the platform's binding** (`WorkersRateLimiter`): it counts for a whole location, costs
//! nothing, and what it does not do, counting across locations, KV does not do in a minute either.
//!
//! # What it costs
//!
//! A key that is checked costs a place one listing every [10 seconds](KvRateLimiter::with_read_interval) at most, for which that one
//! check waits, and one write [a second](KvRateLimiter::with_write_interval) at most, for which none does: what was allowed is written, so
//! in each window a place makes at most as many writes as the limit allows requests, and as the window has seconds. A key that is
//! seen once costs a listing and a write, each of which is billed as ten reads are (KV's free plan has a thousand of both a day). To
//! write every 10 seconds makes it a tenth for a busy key, and others hear of it that much later. Keys vanish after two windows,
//! 60 seconds at the least.
//!
//! **Over REST, requests are scarce.** Cloudflare's API takes [1,200 requests in five
//! minutes](https://developers.cloudflare.com/fundamentals/api/reference/limits/) of a user or token. A key
//! that is busy all the time costs 1.1 a second as it is, so that four such keys use up all of it, and one
//! client more that is seen once costs two. Longer intervals make it less: reading and writing every minute
//! costs a thirtieth of a request a second. A server with more keys than that limits them in its own memory,
//! or in a store of its own.
//!
//! # How to use it
//!
//! [`check`](RateLimiter::check) asks and counts. [`flush`](RateLimiter::flush) writes what is due and belongs where no request waits for
//! it: in a Worker into `waitUntil` after each request, on a server into a task that calls it every second.
//!
//! ```
//! use std::time::Duration;
//! use cloudflare_clients::kv::KvClient;
//! use cloudflare_clients::rate_limit::{FailMode, KvRateLimiter, RateLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let kv = KvClient::new(cloudflare_clients::LocalNamespace::open(folder.path(), "limits").await?);
//! // A check waits no longer for KV than this.
//! let kv = kv.with_deadline(Duration::from_millis(500));
//! let limiter = KvRateLimiter::new(kv, "exports", 2, Duration::from_secs(3600))?.with_fail_mode(FailMode::Closed);
//!
//! assert!(limiter.check("user-17").await?.allowed);
//! assert!(limiter.check("user-17").await?.allowed);
//! let decision = limiter.check("user-17").await?;
//! assert!(!decision.allowed);
//! let headers = decision.headers(); // RateLimit-Policy, RateLimit, Retry-After: for a 429
//! assert!(headers.contains_key("Retry-After"));
//! limiter.flush().await?;
//! # Ok(()) }
//! ```
//!
//! In a Worker a limiter lives in a static, for as long as the isolate does, and no longer: an isolate may be ended at any time, and there
//! may be many of them. Its clock stands still while code runs and goes on with I/O, so that what is checked in a loop is checked at
//! one moment.
//!
//! When KV fails, [`FailMode`] says whether what is known in memory decides or the request is refused; the
//! [`failure`](Decision::failure) is part of the decision, and a warning. Requests that come while the first one of a key waits for KV
//! are decided by memory.

mod entry;
mod kv_limiter;
mod limiter;
mod sliding_window;
#[cfg(feature = "local")]
#[cfg(test)]
mod tests;

pub use kv_limiter::{FailMode, KvRateLimiter};
pub use limiter::{Decision, Quota, RateLimiter};
