//! A lock that is held.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{self, Either};

use super::locks::Locks;
use super::record::Seen;
use crate::error::{Error, ErrorKind, Result};
use crate::mutation::{Mutation, is_mutated};
use crate::r2::Conditional;

/// A lock that was acquired, until it is released, expires, or is lost.
///
/// Dropping it does no I/O, and so frees nothing: the lock stays taken until it expires. Call [`release`](Self::release).
#[must_use = "a lock that is dropped stays taken until it expires"]
pub struct Lock {
    locks: Locks,
    name: String,
    key: String,
    /// What is in the bucket, as far as is known.
    seen: Seen,
    /// The number of the last write that was sent.
    writes: u32,
    lost: bool,
}

impl Lock {
    pub(super) fn new(locks: Locks, name: String, key: String, seen: Seen) -> Self {
        Self { locks, name, key, writes: seen.record.writes, seen, lost: false }
    }

    /// The name that it was acquired under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fencing token: greater than that of each acquisition of this lock before. Give it to what the lock protects, which should
    /// refuse tokens that are less than the greatest it has seen.
    pub fn token(&self) -> u64 {
        self.seen.record.token
    }

    /// When it expires unless it is renewed, by the clock of the [`Runtime`](crate::Runtime).
    pub fn expires_at(&self) -> SystemTime {
        self.seen.record.expires_at().unwrap_or(UNIX_EPOCH)
    }

    /// How much longer it is held without being renewed; zero once it has expired or is lost.
    pub fn remaining(&self) -> Duration {
        if self.lost {
            return Duration::ZERO;
        }
        self.expires_at().duration_since(self.locks.runtime().now()).unwrap_or_default()
    }

    /// Whether it is held, as far as this clock and the last answer of R2 tell. Others take it over no sooner than this has become false,
    /// as long as their clocks differ by less than their [`with_clock_skew`](Locks::with_clock_skew).
    pub fn is_held(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Holds it for another ttl from now on.
    ///
    /// An error other than [`ErrorKind::LockLost`] leaves it held until [`expires_at`](Self::expires_at), and it may be tried again. If the
    /// future is dropped, the same holds.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`]: it has expired, somebody else has it, or no answer came before it expired. Those of R2.
    pub async fn renew(&mut self) -> Result<()> {
        let remaining = self.remaining();
        if is_mutated(Mutation::LeaseNotRenewed) {
            return Ok(());
        }
        if remaining.is_zero() {
            return Err(self.expired("renew"));
        }
        // Whoever has seen the lease before may rely on it: it is never made shorter.
        let expires_at = self.locks.lease_end()?.max(self.expires_at());
        let locks = self.locks.clone();
        match locks.within(remaining, self.replace(Some(expires_at))).await {
            Some(result) => result?,
            None => self.lost = true,
        }
        if self.is_held() { Ok(()) } else { Err(self.expired("renew")) }
    }

    /// Gives the lock back. What it does is one write; on R2 that is refused within a second of the acquisition or the last renewal, and
    /// then waited for and sent again.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`]: the lease has ended and somebody else has taken the lock since, so what was done under it may have met
    /// with what they did.
    /// Those of R2: it is then free when it expires, if not already. A lock that has expired, but that nobody has taken, is
    /// released without an error.
    pub async fn release(mut self) -> Result<()> {
        self.replace(None).await
    }

    /// Runs `work`, renewing the lock in between (after a third of the ttl), and stops it if the lock is lost: `Ok` says that it was held
    /// until the work was done.
    ///
    /// Both run in the same task: work that blocks its thread keeps the renewals from being sent, and itself from being stopped.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`]: `work` was dropped where it stood, or was done when the lock had been lost already.
    pub async fn hold<F: Future>(&mut self, work: F) -> Result<F::Output> {
        let (runtime, ttl) = (Arc::clone(self.locks.runtime()), self.locks.ttl());
        let mut work = pin!(work);
        let mut pause = ttl / 3;
        let mut failure = None;
        let output = loop {
            let left = if is_mutated(Mutation::LeaseNotRenewed) { pause } else { self.remaining() };
            let sleep = runtime.timeout(pause.min(left));
            if let Either::Left((output, _)) = future::select(work.as_mut(), sleep).await {
                break output;
            }
            let renewed = match future::select(work.as_mut(), pin!(self.renew())).await {
                Either::Left((output, _)) => break output,
                Either::Right((renewed, _)) => renewed,
            };
            match (renewed, failure.take()) {
                (Ok(()), _) => pause = ttl / 3,
                (Err(error), _) if self.is_held() => {
                    tracing::debug!(key = self.key, %error, "a lock was not renewed, trying again");
                    pause = ttl / 10;
                    failure = Some(error);
                }
                (Err(error), Some(cause)) => return Err(error.with_source(cause)),
                (Err(error), None) => return Err(error),
            }
        };
        if self.is_held() || is_mutated(Mutation::LeaseNotRenewed) {
            Ok(output)
        } else {
            Err(self.expired("hold"))
        }
    }

    /// Replaces what this acquisition has written last, where that is still there.
    async fn replace(&mut self, expires_at: Option<SystemTime>) -> Result<()> {
        loop {
            self.writes = self.writes.saturating_add(1);
            let next = self.seen.record.rewritten(self.writes, expires_at);
            let only_if = Conditional::new().etag_matches(&self.seen.etag);
            let error = match self.locks.write(&self.key, &next, only_if).await {
                Ok(etag) => {
                    self.seen = Seen { record: next, etag };
                    return Ok(());
                }
                Err(error) => error,
            };
            // It may have happened all the same, where an answer was lost.
            let seen = match self.locks.read(&self.key).await {
                Ok(seen) => seen,
                Err(unknown) => {
                    tracing::warn!(key = self.key, error = %unknown, "whether a lock was renewed or released is unknown");
                    // That somebody else has written says nothing of who: this failure may pass, and tell.
                    let is_refused = error.kind() == ErrorKind::PreconditionFailed;
                    return Err(if is_refused { unknown.with_source(error) } else { error });
                }
            };
            match seen {
                Some(seen) if seen.record.nonce == next.nonce => {
                    let overtaken = seen.etag != self.seen.etag;
                    self.seen = seen;
                    if self.seen.record == next {
                        return Ok(());
                    }
                    // A write of ours whose answer was lost before has come in between: this one goes on from there.
                    if error.kind() != ErrorKind::PreconditionFailed || !overtaken {
                        return Err(error);
                    }
                }
                // Nobody can have taken it before the lease ends, unless it was released.
                Some(_) if expires_at.is_none() && self.is_held() => return Ok(()),
                other => {
                    self.lost = true;
                    let why = match other {
                        Some(other) => format!("it was taken over with token {}", other.record.token),
                        None => "its object was deleted".to_owned(),
                    };
                    let operation = if expires_at.is_some() { "renew" } else { "release" };
                    return Err(self.lost(operation, &why).with_source(error));
                }
            }
        }
    }

    fn expired(&self, operation: &'static str) -> Error {
        self.lost(operation, "it has expired")
    }

    fn lost(&self, operation: &'static str, why: &str) -> Error {
        let message = format!("the lock with token {} is lost: {why}", self.token());
        Error::new(ErrorKind::LockLost, message).during(operation, Some(&self.key))
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("name", &self.name)
            .field("token", &self.token())
            .field("expires_at", &self.expires_at())
            .field("held", &self.is_held())
            .finish_non_exhaustive()
    }
}
