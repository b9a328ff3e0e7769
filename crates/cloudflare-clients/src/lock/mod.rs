//! Locks over R2: one holder at a time among processes, machines and Workers.
//!
//! # Guarantees
//! - **One holder at a time**, as long as the clocks of all users of a lock differ by less than
//!   [`with_clock_skew`](Locks::with_clock_skew) (default: 5 seconds), and holders stop when
//!   [`Lock::is_held`] is false. This relies on R2's conditional puts, which are strongly consistent: of
//!   several concurrent attempts R2 accepts one. Some other services ignore conditions. Therefore the first
//!   acquisition of a [`Locks`] over S3 checks them on an object `.conditions` next to the locks, and fails
//!   with [`Unsupported`](crate::ErrorKind) if a put is accepted although its condition does not hold.
//! - **Tokens only grow.** Each acquisition has a [`token`](Lock::token) greater than all before it, whatever
//!   the clocks show.
//! - **No lock outlives its holder** by more than the rest of its lease plus the clock skew: 35 seconds at
//!   most by default. If a holder is killed, or its Worker is evicted, nothing has to be cleaned up.
//! - **A lost answer is resolved.** If a request fails but may have been executed, the lock is read back.
//!   Each write contains a nonce, so every holder recognizes its own writes. A lock that cannot be read back
//!   counts as not held.
//!
//! # Limits
//! - **A holder may notice too late.** A process that is paused (a debugger, a suspended laptop, a stalled
//!   disk) continues after the end of its lease without knowing. No lock with an expiry can prevent that, nor
//!   a clock that is wrong by more than the skew. The *token* protects the resource: send it with each write,
//!   and let the resource reject tokens smaller than the greatest one it has seen. On R2 itself, use a
//!   conditional put.
//! - **Speed.** R2 accepts [one write per second to the same
//!   key](https://developers.cloudflare.com/r2/platform/limits/), and acquiring, renewing and releasing are
//!   one write each. **A lock changes hands about every two seconds at best**: a release within a second of
//!   the acquisition is first rejected with a 429 and sent again after 1 to 1.5 seconds, and so is an
//!   acquisition right after a release. Different locks do not slow each other down.
//! - **Order.** Waiters try again and again, with jitter, and any of them may be next. No waiter starves by
//!   design, but none is guaranteed a turn.
//! - **Reentrancy.** A holder that acquires the same lock again waits for itself.
//! - **Deletion.** Deleting the lock's object, by hand or by a lifecycle rule of the bucket, frees the lock
//!   and resets its token. Exclude the prefix from both.
//!
//! KV cannot implement locks: it has no compare-and-swap, and its reads may be a minute old.
//!
//! The guarantees are tested by a simulation of four clients whose clocks differ by up to the skew, and whose
//! requests are slow, fail, or lose their answers (thousands of acquisitions, never two holders; with clocks
//! further apart than the skew it does find two); by 8 processes that contend for 10,000 acquisitions over S3
//! while they are killed; and by requests to a Worker that contend over its binding.
//!
//! # How it works
//! A lock is one object with a few bytes of JSON: token, nonce, expiry and owner. Acquiring it creates the
//! object (`If-None-Match: *`) or, if it was released or has expired, replaces the version that was read
//! (`If-Match`). Renewing and releasing replace the holder's last write. A released lock stays as a
//! tombstone, because R2 cannot delete conditionally and the token has to continue from there. No two writes
//! have the same bytes. An etag, which is their MD5, therefore identifies one write, and a request that
//! arrives late changes nothing after another write.
//!
//! | operation | requests without failures |
//! |---|---|
//! | acquire | a read and a write; a read while another holder has it |
//! | the first acquire of a [`Locks`] and its clones | two more writes, which fail; three in a new bucket |
//! | renew | a write |
//! | release | a write |
//! | [`inspect`](Locks::inspect) | a read |
//!
//! **Time.** The lease is measured by the holder's clock from *before* its request is sent, so a slow answer
//! makes it shorter and never longer. The holder stops when its own clock reaches the expiry that it has
//! written. Others wait until *their* clock has passed that expiry by the clock skew. The clocks differ by
//! less than that, so the holder's clock has reached the expiry too. A holder that does not know whether a
//! renewal succeeded uses the previous expiry.
//!
//! - A holder whose clock is an hour ahead keeps the lock an hour too long if it dies: keep clocks
//!   synchronized.
//! - In a Worker [the clock stands
//!   still](https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading)
//!   while code computes, and advances with I/O: call [`is_held`](Lock::is_held) after I/O.
//! - A [`ttl`](Locks::with_ttl) of less than about 5 seconds leaves no room for renewals within R2's write
//!   limit.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use cloudflare_clients::{LocalBucket, lock::Locks, r2::R2Service};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
//! let locks = Locks::new(r2).with_owner("report-worker-7");
//!
//! // Waits for up to a minute.
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
//! Dropping a [`Lock`] does not release it: it stays held until it expires. Call [`Lock::release`].

mod conditions;
mod guard;
mod locks;
mod record;

pub use guard::Lock;
pub use locks::Locks;
pub use record::{Holder, LockInfo};
