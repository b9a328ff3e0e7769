//! An acquired lock.

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

/// An acquired lock, until it is released, expires or is lost.
///
/// Dropping it does no I/O and does not release it: the lock stays held until it expires. Call
/// [`release`](Self::release).
#[must_use = "a lock that is dropped stays taken until it expires"]
pub struct Lock {
    locks: Locks,
    name: String,
    key: String,
    /// The lock's object, as far as it is known.
    seen: Seen,
    /// The number of the last write that was sent.
    writes: u32,
    lost: bool,
}

impl Lock {
    pub(super) fn new(locks: Locks, name: String, key: String, seen: Seen) -> Self {
        Self { locks, name, key, writes: seen.record.writes, seen, lost: false }
    }

    /// Returns the name that it was acquired under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the fencing token. It is greater than the tokens of all earlier acquisitions of this lock.
    /// Pass it to the protected resource, which should reject tokens smaller than the greatest one it has
    /// seen.
    pub fn token(&self) -> u64 {
        self.seen.record.token
    }

    /// Returns when the lock expires unless it is renewed, by the clock of the [`Runtime`](crate::Runtime).
    pub fn expires_at(&self) -> SystemTime {
        self.seen.record.expires_at().unwrap_or(UNIX_EPOCH)
    }

    /// Returns how much longer the lock is held without being renewed. Zero if it has expired or is lost.
    pub fn remaining(&self) -> Duration {
        if self.lost {
            return Duration::ZERO;
        }
        self.expires_at().duration_since(self.locks.runtime().now()).unwrap_or_default()
    }

    /// Whether the lock is held, as far as this clock and the last answer of R2 show. Others do not acquire
    /// it while this is true, as long as their clocks differ by less than their
    /// [`with_clock_skew`](Locks::with_clock_skew).
    pub fn is_held(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Extends the lock by another TTL from now.
    ///
    /// After an error other than [`ErrorKind::LockLost`] the lock is held until
    /// [`expires_at`](Self::expires_at), and you can try again. The same applies if the future is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`]: the lock has expired, another holder has it, or no answer arrived before it
    /// expired. The errors of R2.
    pub async fn renew(&mut self) -> Result<()> {
        let remaining = self.remaining();
        if is_mutated(Mutation::LeaseNotRenewed) {
            return Ok(());
        }
        if remaining.is_zero() {
            return Err(self.expired("renew"));
        }
        // Others may rely on the expiry that they have seen, so it never moves back.
        let expires_at = self.locks.lease_end()?.max(self.expires_at());
        let locks = self.locks.clone();
        match locks.within(remaining, self.replace(Some(expires_at))).await {
            Some(result) => result?,
            None => self.lost = true,
        }
        if self.is_held() { Ok(()) } else { Err(self.expired("renew")) }
    }

    /// Releases the lock with one write. R2 rejects that write within a second of the acquisition or the last
    /// renewal; it is then sent again after a wait.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`]: the lock expired and another holder has acquired it since, so the work done
    /// under it may have conflicted with that holder's work. The errors of R2: the lock then becomes free
    /// when it expires, if it is not free already. Releasing a lock that has expired but was not acquired by
    /// another holder is not an error.
    pub async fn release(mut self) -> Result<()> {
        self.replace(None).await
    }

    /// Runs `work` and renews the lock meanwhile, after each third of the TTL. Stops the work if the lock is
    /// lost. `Ok` means that the lock was held until the work was done.
    ///
    /// Both run in the same task: work that blocks its thread prevents the renewals, and cannot be stopped.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`]: `work` was dropped before it was done, or finished after the lock had been
    /// lost.
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
                    tracing::debug!(key = self.key, %error, "failed to renew a lock, trying again");
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

    /// Replaces the last write of this acquisition, if it is still the current one.
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
            // The write may have happened and its answer been lost.
            let seen = match self.locks.read(&self.key).await {
                Ok(seen) => seen,
                Err(unknown) => {
                    tracing::warn!(key = self.key, error = %unknown, "cannot tell whether a lock was renewed or released");
                    // Another write has come first, by an unknown writer. The failed read may succeed later
                    // and identify it.
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
                    // An earlier write of ours, whose answer was lost, came first. Continue from it.
                    if error.kind() != ErrorKind::PreconditionFailed || !overtaken {
                        return Err(error);
                    }
                }
                // Before the lease ends the lock can only have been acquired by others if it was released.
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
