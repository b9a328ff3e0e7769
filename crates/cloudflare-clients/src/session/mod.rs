//! Sessions in Workers KV: typed, expiring, identified by a secret token.
//!
//! # Guarantees and limits
//!
//! - **No session lives longer than its lifetime.** Each session contains its end, and
//!   [`get`](SessionCache::get) compares it with the clock, whatever KV has cached.
//! - **Ending a session early takes a while to reach all locations.** Each KV location may answer from its
//!   cache for 60 seconds by default, [30](SessionCache::with_cache_ttl) at the least, *or longer*. During
//!   that time other locations may still accept a session that was [deleted](SessionCache::delete), or whose
//!   user was [logged out everywhere](SessionCache::delete_all_of). The location of the deletion usually sees
//!   it immediately, but KV does not guarantee that either. Where this is not acceptable, such as before a
//!   payment, also check a strongly consistent store: R2, D1 or a Durable Object.
//! - **Recording a use restores nothing.** Uses are stored under a separate key. A location that has not yet
//!   seen a deletion or an [`update`](SessionCache::update) cannot undo it by using the session. An *update*
//!   in such a location can: the last write wins, so one of two concurrent updates is lost, and an update
//!   that crosses a deletion restores the session. It does not undo `delete_all_of`.
//! - **Logging out everywhere is one write and covers every session.** It stores the time from which sessions
//!   of the user are valid, and each `get` reads that time in the same request. An index of a user's sessions
//!   would not work: KV's listings are as stale as its reads, so a session that is not listed yet would
//!   survive until it expires. The cost is one more key per `get`. The stored data remains until it expires,
//!   but cannot be reached.
//! - **A session created before a log-out ends; a session created after it is valid.** Within one cache and
//!   its clones this holds even within a millisecond. Between machines it depends on their clocks: a session
//!   created before the log-out may survive, and one created after it may end, if the time between them is
//!   shorter than the difference of the clocks. With equal clocks, a session created in the same millisecond
//!   as the log-out ends.
//! - **A new session can be read everywhere immediately**, because no location has looked up its key before.
//! - **A stolen store does not expose sessions.** Tokens have 128 bits from the platform's cryptographic
//!   random generator, and the store contains only their SHA-256. Tokens are not part of `Debug`, errors or
//!   traces. The user id and the data are stored in plain text. A token contains the SHA-256 of the user id,
//!   so a holder of the token can verify a guessed id.
//!
//! # Costs
//!
//! | | requests | keys read | keys written |
//! |---|---|---|---|
//! | `create` | 1 | | 1, or 2 if it slides |
//! | `get` | 1, and 1 when a rewrite is due | 2, or 3 if it slides | 1 when a rewrite is due |
//! | `update` | 2 | as `get` | 1 |
//! | `delete` | 1 | | 1, or 2 if it slides |
//! | `delete_all_of` | 1 | | 1 |
//!
//! A Worker's binding writes and deletes keys one by one, with one request per key. Tokens of earlier
//! versions do not contain their user, so a `get` of such a token sends a second request.
//!
//! **Over REST, requests are scarce.** Cloudflare's API accepts [1,200 requests in five
//! minutes](https://developers.cloudflare.com/fundamentals/api/reference/limits/) per user or token. That is
//! enough for four requests with a session per second. REST is also much slower than a Worker's binding. A
//! service with more traffic keeps sessions [in memory](SessionCache::with_memory), which delays the log-outs
//! of other processes by that time, and uses a [`RequestBudget`](crate::kv::RequestBudget) so that requests
//! wait instead of failing. If that is not enough, use the binding or another store.
//!
//! A [sliding](SessionLifetime::sliding) session is valid for its idle time after its last recorded use. A
//! use is recorded only when half of the idle time has passed since the previous record
//! ([`rewrite_after`](SessionLifetime::rewrite_after)). A session may therefore end by that much earlier than
//! its idle time after its last use, and the idle time should be many times KV's cache time. KV accepts one
//! write per second to the same key: an `update` within a second of `create` or of another `update` is
//! rejected with a 429, and [`KvClient`](crate::kv::KvClient) retries after a second. Recording a use is
//! tried once. If it fails, `get` still succeeds and logs a warning, and the next `get` tries again.
//!
//! # Example
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
//! // Ends after an hour without use, and after 30 days in any case.
//! let lifetime = SessionLifetime::sliding(Duration::from_secs(3600), Duration::from_secs(30 * 86_400));
//! let sessions = SessionCache::<Login>::new(kv, lifetime)?;
//!
//! let (token, _) = sessions.create("user-17", Login { name: "Ada".to_owned(), admin: false }).await?;
//! let cookie = format!("session={}; Secure; HttpOnly; SameSite=Lax", token.as_str());
//!
//! // The next request. A malformed token does not cost a request to KV.
//! let token = SessionToken::parse(&cookie["session=".len()..cookie.find(';').unwrap()])?;
//! let session = sessions.get(&token).await?.unwrap();
//! assert_eq!((session.user.as_str(), session.data.name.as_str()), ("user-17", "Ada"));
//!
//! sessions.delete_all_of("user-17").await?;
//! assert!(sessions.get(&token).await?.is_none());
//! # Ok(()) }
//! ```
//!
//! Sessions use the clock of their [`KvClient`](crate::kv::KvClient), which you can replace. Stored data that
//! no longer matches the type is an error: give new fields a default (`#[serde(default)]`).

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
