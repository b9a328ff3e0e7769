//! Sessions in Workers KV: typed, expiring, found by a secret token.
//!
//! # What it guarantees, and what it does not
//!
//! - **No session lives longer than it should.** Its end is part of it and is compared with the clock at each
//!   [`get`](SessionCache::get), whatever KV has cached.
//! - **Ending one early takes a while to be known everywhere.** KV lets each location answer from its cache, for 60 seconds by default
//!   and [30](SessionCache::with_cache_ttl) at the least, *or more*. For as long, a session that was [deleted](SessionCache::delete), or
//!   whose user was [logged out everywhere](SessionCache::delete_all_of), may go on being accepted elsewhere. In the location
//!   of the deletion that is usually over at once, which KV does not promise either. Where it must not happen (before money is
//!   moved), ask something that is strongly consistent too: R2, D1, a Durable Object.
//! - **A rewrite brings nothing back.** That a session was used is kept under a key of its own, so that a location which has not heard of
//!   a deletion or of an [`update`](SessionCache::update) yet cannot undo it by using the session. An *update* in such a location does:
//!   the last write wins, so of two updates one is lost, and one that crosses a deletion restores the session. It does not undo
//!   `delete_all_of`.
//! - **Logging out everywhere is one write, and finds every session.** It stores since when sessions of the
//!   user are good, and each `get` reads that, in the same request. An index of a user's sessions could not
//!   do it: KV's listings are as stale as its reads, and a session that is not listed yet would be left until
//!   it expires. The price is a second key that each `get` reads; and what was stored stays until it expires,
//!   though nobody can get at it.
//! - **What was made before a log-out ends, and what is made after it is good.** Of what a cache and its
//!   clones do, that holds within a millisecond too. Otherwise the clocks of the machines that made the
//!   session and logged it out decide: a session made within their difference before the log-out may survive,
//!   and one made as shortly after it may be ended. With clocks that agree, one made in the log-out's own
//!   millisecond is ended.
//! - **A new session can be read everywhere at once**, as nobody has looked for its key before.
//! - **A stolen store opens no session.** Tokens have 128 bits from the platform's strong randomness, and the
//!   store has their SHA-256, never them. Nor are they part of `Debug`, errors or traces. The user's id and
//!   the data are stored as they are. A token has the SHA-256 of the user's id, from which whoever has the
//!   token can tell a guessed id to be right.
//!
//! # What it costs
//!
//! | | requests | keys read | keys written |
//! |---|---|---|---|
//! | `create` | 1 | | 1, or 2 if it slides |
//! | `get` | 1, and 1 when a rewrite is due | 2, or 3 if it slides | 1 when a rewrite is due |
//! | `update` | 2 | as `get` | 1 |
//! | `delete` | 1 | | 1, or 2 if it slides |
//! | `delete_all_of` | 1 | | 1 |
//!
//! In a Worker, which writes and deletes keys one by one, a request each. Tokens of earlier versions do not
//! say whose session they are, and a `get` of one takes a second request.
//!
//! **Over REST, requests are scarce.** Cloudflare's API takes [1,200 requests in five
//! minutes](https://developers.cloudflare.com/fundamentals/api/reference/limits/) of a user or token, which
//! is four logged-in requests a second, and each waits for an API that is far slower than a Worker's binding.
//! A service with more keeps what it has read [in memory](SessionCache::with_memory), where a log-out by
//! another process is heard of that much later, and lets requests wait rather than fail with a
//! [`RequestBudget`](crate::kv::RequestBudget). Where that is not enough, KV over REST is the wrong store:
//! take the binding, or a store of your own.
//!
//! A session that [slides](SessionLifetime::sliding) is good for its idle time after it was last used, as far as that is known: it
//! is written down only when half of the idle time has passed since that was last done
//! ([`rewrite_after`](SessionLifetime::rewrite_after)). So it may end that much earlier than its idle time after its last use, and an
//! idle time should be many times as long as KV caches. KV takes one write a second to a key: an `update` within a second of
//! `create` or of another one is refused with a 429, and [`KvClient`](crate::kv::KvClient) waits a second and tries again. A rewrite
//! that is due is tried once; if it fails, `get` succeeds all the same, says so in a warning, and the next `get` tries again.
//!
//! # How to use it
//!
//! ```
//! use std::time::Duration;
//! use cloudflare_clients::kv::KvClient;
//! use cloudflare_clients::session::{SessionCache, SessionLifetime, SessionToken};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Login {
//!     name: String,
//!     admin: bool,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let kv = KvClient::new(cloudflare_clients::LocalNamespace::open(folder.path(), "sessions").await?);
//! // Ends when it was not used for an hour, and after 30 days in any case.
//! let lifetime = SessionLifetime::sliding(Duration::from_secs(3600), Duration::from_secs(30 * 86_400));
//! let sessions = SessionCache::<Login>::new(kv, lifetime)?;
//!
//! let (token, _) = sessions.create("user-17", Login { name: "Ada".to_owned(), admin: false }).await?;
//! let cookie = format!("session={}; Secure; HttpOnly; SameSite=Lax", token.as_str());
//!
//! // The next request. What is no token costs no request to KV.
//! let token = SessionToken::parse(&cookie["session=".len()..cookie.find(';').unwrap()])?;
//! let session = sessions.get(&token).await?.unwrap();
//! assert_eq!((session.user.as_str(), session.data.name.as_str()), ("user-17", "Ada"));
//!
//! sessions.delete_all_of("user-17").await?;
//! assert!(sessions.get(&token).await?.is_none());
//! # Ok(()) }
//! ```
//!
//! With a [`KvClient`](crate::kv::KvClient) whose clock is your own, sessions go by it. What cannot be read as the type any more is
//! an error: let new fields have a default (`#[serde(default)]`).

mod cache;
mod lifetime;
mod memory;
mod order;
mod record;
#[cfg(feature = "local")]
#[cfg(test)]
mod tests;
mod token;

pub use cache::{Session, SessionCache};
pub use lifetime::SessionLifetime;
pub use token::SessionToken;
