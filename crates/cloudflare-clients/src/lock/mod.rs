//! Locks over R2: one holder at a time among processes, machines and Workers.
//!
//! # What it guarantees
//! - **One holder at a time**, as long as the clocks of all who use a lock differ by less than
//!   [`with_clock_skew`](Locks::with_clock_skew) (5 s by default), and as long as a holder stops when
//!   [`Lock::is_held`] says so. It rests on R2's conditional puts, which are strongly consistent: of several
//!   who try, R2 lets one through. Some other services ignore conditions. So the first acquisition of a
//!   [`Locks`] over S3 tries them on an object `.conditions` beside the locks, and fails with
//!   [`Unsupported`](crate::ErrorKind) where one that does not hold is not refused.
//! - **Tokens that only grow.** Each acquisition has a [`token`](Lock::token) greater than all before it, whatever the clocks say.
//! - **No lock outlives its holder** by more than the rest of its lease and the clock skew: 35 s at most by default. A holder that was
//!   killed, or whose Worker was evicted, needs no help.
//! - **A lost answer is no guess.** Where a request fails and may have happened all the same, the lock is read back; what is written
//!   bears a nonce, so that everyone knows what is theirs. What cannot be read back counts as not held.
//!
//! # What it does not guarantee
//! - **That a holder notices in time.** A process that is paused (a debugger, a suspended laptop, a stalled disk) goes on behind the
//!   end of its lease without knowing; no lock with an expiry can prevent that, and neither a clock that is wrong by more than the
//!   skew. What protects a resource is the *token*: give it along with each write, and have the resource refuse tokens less than the
//!   greatest that it has seen. On R2 itself that is a conditional put.
//! - **Speed.** R2 takes [one write a second to a key](https://developers.cloudflare.com/r2/platform/limits/), and acquiring, renewing
//!   and releasing are a write each. So **a lock turns over about every two seconds at best**: what is released within a second of
//!   its acquisition is refused with a 429 first, and sent again after 1 to 1.5 s, as is an acquisition right behind a release. Many
//!   locks side by side do not hinder each other.
//! - **Order.** Who waits looks again and again, with jitter; who comes first is luck. Nobody starves by design, nor is anybody
//!   promised a turn.
//! - **Re-entry.** A holder that acquires the same lock again waits for itself.
//! - **Against deletion.** Who deletes the lock's object (a rule of the bucket's lifecycle, say) frees the lock and sets its token
//!   back. Keep the prefix out of both.
//!
//! KV cannot make a lock: it has no compare-and-swap, and its reads may be a minute old.
//!
//! How the first part is tested: a simulation of four clients whose clocks differ by up to the skew, and whose requests are slow, fail, or
//! lose their answers (thousands of acquisitions, never two holders; with clocks further apart than the skew it does find some);
//! 8 processes that contend for 10,000 acquisitions over S3 while they are killed; requests to a Worker that contend over its binding.
//!
//! # How it works
//! A lock is one object with a few bytes of JSON: token, nonce, expiry, and who holds it. Acquiring creates it (`If-None-Match: *`) or,
//! where it was released or has expired, replaces what was seen (`If-Match`). Renewing and releasing replace what the holder wrote
//! last. A released lock stays as a tombstone: R2 cannot delete on a condition, and the token has to go on from there. No two writes
//! have the same bytes, so an etag, which is their MD5, stands for one write, and a request that arrives late changes nothing once
//! there was another write.
//!
//! | what | requests, where nothing fails |
//! |---|---|
//! | acquire | a read and a write; a read while somebody else holds it |
//! | the first acquire of a [`Locks`] and its clones | two writes more, which are refused; three in a new bucket |
//! | renew | a write |
//! | release | a write |
//! | [`inspect`](Locks::inspect) | a read |
//!
//! **The time.** A lease is counted by the holder's clock from *before* its request is sent, so a slow answer makes it shorter, never
//! longer: the holder stops when its own clock reaches the expiry that it has written. Others wait until *their* clock is past that
//! expiry by the clock skew. As the two clocks differ by less, the holder's has reached it by then. A holder that cannot tell whether a
//! renewal has happened goes by the expiry before.
//!
//! - A holder whose clock is ahead by an hour keeps the lock an hour too long if it dies: clocks have to be synchronised.
//! - In a Worker [the clock stands still](https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading)
//!   while code computes, and goes on with I/O: ask [`is_held`](Lock::is_held) after I/O.
//! - A [`ttl`](Locks::with_ttl) of less than some 5 s leaves R2's limit of writes no room for renewals.
//!
//! # How to use it
//! ```
//! use std::time::Duration;
//! use cloudflare_clients::{LocalBucket, lock::Locks, r2::R2Service};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
//! let locks = Locks::new(r2).with_owner("report-worker-7");
//!
//! // Waits for a minute at most.
//! let mut lock = locks.acquire("nightly-report", Duration::from_secs(60)).await?;
//! assert!(locks.try_acquire("nightly-report").await?.is_none());
//!
//! // Renews the lock while the work runs, and stops the work if the lock is lost.
//! let token = lock.token();
//! let lines = lock.hold(async { format!("written under token {token}").lines().count() }).await?;
//! assert_eq!(lines, 1);
//!
//! lock.release().await?;
//! let again = locks.try_acquire("nightly-report").await?.expect("it is free");
//! assert_eq!(again.token(), token + 1);
//! # Ok(()) }
//! ```
//!
//! A [`Lock`] that is dropped cannot tell R2: it stays taken until it expires. Call [`Lock::release`].

mod conditions;
mod guard;
mod locks;
mod record;

pub use guard::Lock;
pub use locks::Locks;
pub use record::{Holder, LockInfo};
