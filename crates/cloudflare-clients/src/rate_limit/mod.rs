//! Rate limits: over Workers KV, or with the platform's own binding in a Worker.
//!
//! # Guarantees and limits
//!
//! **A limit on KV is approximate.** KV has no counter that several writers can increment, and a write of one
//! location is visible to others after 60 seconds or more. A limiter on KV keeps clients from using far more
//! than their share over minutes and hours. It does not protect operations that must not happen once too
//! often, and it does not stop a flood.
//!
//! - **In one place** (one process, or one isolate of a Worker) each check counts immediately and no count is
//!   lost. The sliding window consists of two counters, of the current and the previous window, and assumes
//!   that the requests of the previous window were spread evenly. If they were not, up to twice the limit can
//!   pass in a period as long as a window: the whole limit at the end of one window, and as much in the next
//!   one as the first slides out.
//! - **With several places** each can allow the whole limit before it sees the counts of the others. N places
//!   can allow up to N times the limit, or twice that because of the previous point. How close they come
//!   depends on how long the window is compared with a minute. A Cloudflare location runs many isolates, and
//!   each of them is a place.
//! - **A refused request is not counted**, and costs no request to KV. Counts are too high only by the error
//!   of the assumed even spread, unless clocks differ: places with different clocks count into different
//!   windows.
//! - **Counts that were not flushed are lost** when the process or the isolate ends, or when a key is evicted
//!   from memory.
//!
//! The table shows by how much a limit of 100 is exceeded in the worst window. It comes from a simulation of
//! KV that is as slow as the documentation allows: other locations see a write after up to 5 seconds, and
//! then behind a cache of 60 seconds. Requests arrive at random locations, and each location is one place.
//!
#![doc = include_str!("overshoot.md")]
//!
//! The last column shows why each writer has a separate key here, which the others find by listing. If all
//! writers share one key and write what they have read plus what they have counted, the last write wins and
//! discards the counts of the others. KV also rejects most of the writes with a 429, because it accepts one
//! write per second to the same key. The shared key is worse for windows of ten minutes and more; for windows
//! of a minute neither is an effective limit. The simulation is `examples/rate_limit_overshoot` of this
//! crate, and a test compares its output with the table.
//!
//! **For a window of a minute or less use the platform's binding** (`WorkersRateLimiter`). It counts for a
//! whole location and costs nothing. It does not count across locations, but KV cannot do that within a
//! minute either.
//!
//! # Costs
//!
//! For a key that is checked, a place sends at most one listing every [10
//! seconds](KvRateLimiter::with_read_interval), which one check waits for, and at most one write [per
//! second](KvRateLimiter::with_write_interval), which no check waits for. Only allowed requests are written.
//! In each window a place therefore makes at most as many writes as the limit allows requests, and at most as
//! many as the window has seconds. A key that is seen once costs one listing and one write; KV bills each of
//! them like ten reads, and its free plan includes a thousand of each per day. Writing every 10 seconds costs
//! a tenth for a busy key, but others see the counts that much later. Keys expire after two windows, at the
//! earliest after 60 seconds.
//!
//! **Over REST, requests are scarce.** Cloudflare's API accepts [1,200 requests in five
//! minutes](https://developers.cloudflare.com/fundamentals/api/reference/limits/) per user or token. A
//! constantly busy key costs 1.1 requests per second by default, so four such keys use up the whole
//! allowance, and each further client that is seen once costs two requests. Longer intervals cost less:
//! reading and writing once a minute takes a thirtieth of a request per second. A server with more keys
//! should limit them in its own memory or in another store.
//!
//! # Example
//!
//! [`check`](RateLimiter::check) decides and counts. [`flush`](RateLimiter::flush) writes the due counts.
//! Call it where no request waits for it: in a Worker in `waitUntil` after each request, on a server in a
//! task that runs every second.
//!
//! ```
//! use std::time::Duration;
//! use cloudflare_clients::kv::KvClient;
//! use cloudflare_clients::rate_limit::{FailMode, KvRateLimiter, RateLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let kv = KvClient::new(cloudflare_clients::LocalNamespace::open(folder.path(), "limits").await?);
//! // A check waits for KV for at most this long.
//! let kv = kv.with_deadline(Duration::from_millis(500));
//! let hour = Duration::from_secs(3600);
//! let limiter = KvRateLimiter::new(kv, "exports", 2, hour)?.with_fail_mode(FailMode::Closed);
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
//! In a Worker keep the limiter in a static. It lives as long as the isolate: an isolate can end at any time,
//! and there can be many of them. The clock of a Worker stands still while code runs and advances with I/O,
//! so checks in a loop all happen at one moment.
//!
//! If KV fails, [`FailMode`] says whether the counts in memory decide or the request is refused. The
//! [`failure`](Decision::failure) is part of the decision and is logged as a warning. While the first request
//! for a key waits for KV, concurrent requests for that key are decided from memory.

mod entry;
mod kv_limiter;
mod limiter;
mod sliding_window;
#[cfg(feature = "local")]
#[cfg(test)]
mod tests;

pub use kv_limiter::{FailMode, KvRateLimiter};
pub use limiter::{Decision, Quota, RateLimiter};
