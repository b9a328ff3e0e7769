//! Acquires locks.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{self, Either};

use super::conditions::{Conditions, PROBE};
use super::guard::Lock;
use super::record::{LockInfo, Record, Seen, lease_end};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::validate_key;
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{Conditional, R2Service};
use crate::runtime::Runtime;

/// R2 accepts one write per second to the same key.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
const MIN_TTL: Duration = Duration::from_millis(1);
const MAX_OWNER: usize = 1024;
/// How often a lock is read again if it is replaced while it is read.
const READS: u32 = 3;

/// Locks in a bucket. See the [module](super) for their guarantees.
///
/// Create it once and clone it freely: the first acquisition checks whether the service supports conditional
/// puts. Requests are retried according to the service's [`RetryPolicy`](crate::RetryPolicy). After a 429 the
/// first retry waits one second, because R2 accepts one write per second to the same key.
#[derive(Clone)]
pub struct Locks {
    r2: R2Service,
    prefix: String,
    owner: Option<String>,
    ttl: Duration,
    clock_skew: Duration,
    conditions: Conditions,
}

impl Locks {
    /// Creates locks in the service's bucket. They use the service's clock and timer.
    pub fn new(r2: R2Service) -> Self {
        let retry = r2.attempts().retry.clone().rate_limit_delay_or(WRITE_INTERVAL);
        Self {
            r2: r2.with_retry(retry),
            prefix: "locks/".to_owned(),
            owner: None,
            ttl: Duration::from_secs(30),
            clock_skew: Duration::from_secs(5),
            conditions: Conditions::default(),
        }
    }

    /// Sets the prefix of the locks' keys. Default: `locks/`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the name of the holder, shown by [`inspect`](Self::inspect) and in the errors of those who wait:
    /// up to 1,024 bytes. Default: none. It is stored in the bucket in plain text.
    #[must_use]
    pub fn with_owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets how long a lock is held unless it is renewed. Default: 30 seconds; minimum: 1 millisecond. The
    /// time counts from before the request that acquires or renews the lock.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the maximum difference between the clocks of all users of a lock. Default: 5 seconds. An expired
    /// lock is left alone for this long. If it is too short, a lock may have two holders.
    #[must_use]
    pub fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.clock_skew = clock_skew;
        self
    }

    /// Tries once to acquire the lock. Returns `None` if another holder has it or was faster.
    ///
    /// Do not drop the future before it completes: a lock that was acquired without a result becomes free
    /// when it expires.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`]: the object with this name is not a lock. [`ErrorKind::Unsupported`]: the
    /// service ignores conditions on puts, which the first acquisition checks. [`ErrorKind::Timeout`]: the
    /// answer took longer than the TTL. [`ErrorKind::InvalidInput`], before anything is sent: the name, the
    /// TTL or the owner is invalid. The errors of R2; if it cannot be determined whether the lock was
    /// acquired, it may be held until it expires.
    pub async fn try_acquire(&self, name: &str) -> Result<Option<Lock>> {
        let key = self.key(name)?;
        match self.attempt(name, &key).await? {
            Attempt::Acquired(lock) => Ok(Some(*lock)),
            Attempt::Taken(_) => Ok(None),
        }
    }

    /// Acquires the lock, waiting for it up to `max_wait`.
    ///
    /// It tries again after the delays of the service's [`RetryPolicy`](crate::RetryPolicy): 100 ms, doubling
    /// up to 2 s, with jitter. It also tries again after temporary failures. Waiters are not ordered. An
    /// attempt that is running when the time is over is not cut off.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`]: another holder has the lock; the error names it. Otherwise the errors of
    /// [`try_acquire`](Self::try_acquire).
    pub async fn acquire(&self, name: &str, max_wait: Duration) -> Result<Lock> {
        let key = self.key(name)?;
        let mut waited = Duration::ZERO;
        let begun = self.runtime().now();
        let mut tries = 0;
        loop {
            let unsuccessful = match self.attempt(name, &key).await {
                Ok(Attempt::Acquired(lock)) => return Ok(*lock),
                Ok(Attempt::Taken(by)) => Ok(by),
                Err(error) if error.is_retryable() => Err(error),
                Err(error) => return Err(error),
            };
            let delay = self.r2.attempts().retry.delay(tries, self.runtime().random());
            // A clock that is set back must not make the wait endless.
            waited = waited.max(self.runtime().now().duration_since(begun).unwrap_or_default()) + delay;
            if waited > max_wait {
                return Err(unsuccessful.map_or_else(|error| error, |by| not_free(by, max_wait, &key)));
            }
            tries += 1;
            self.runtime().sleep(delay).await;
        }
    }

    /// Returns the state of a lock at the time of the request, or `None` if it was never acquired. It changes
    /// nothing. The state may be outdated when the answer arrives: do not use it to decide who may do
    /// something.
    ///
    /// # Errors
    /// The errors of [`try_acquire`](Self::try_acquire).
    pub async fn inspect(&self, name: &str) -> Result<Option<LockInfo>> {
        Ok(self.read(&self.key(name)?).await?.map(|seen| seen.record.into()))
    }

    /// Returns the key of a lock's object. Checks all settings before anything is sent.
    fn key(&self, name: &str) -> Result<String> {
        let key = format!("{}{name}", self.prefix);
        let refused = |message| Err(Error::invalid_input(message).during("acquire", Some(&key)));
        if name.is_empty() {
            return refused("the name of the lock must not be empty".to_owned());
        }
        if name == PROBE {
            return refused(format!(
                "{PROBE:?} is reserved for the check of conditional puts: choose another name"
            ));
        }
        if self.ttl < MIN_TTL {
            return refused(format!("the TTL of {:?} is less than the minimum of {MIN_TTL:?}", self.ttl));
        }
        if let Some(owner) = &self.owner
            && owner.len() > MAX_OWNER
        {
            return refused(format!("the owner has {} bytes: the maximum is {MAX_OWNER}", owner.len()));
        }
        let valid = validate_key(&key).and_then(|()| self.lease_end());
        valid.map_err(|error| error.during("acquire", Some(&key)))?;
        Ok(key)
    }

    async fn attempt(&self, name: &str, key: &str) -> Result<Attempt> {
        let seen = self.read(key).await?;
        if let Some(Seen { record, .. }) = &seen
            && record.is_held(
                self.runtime().now(),
                if is_mutated(Mutation::LockTakenEarly) { Duration::ZERO } else { self.clock_skew },
            )
        {
            return Ok(Attempt::Taken(Some(record.clone())));
        }
        self.conditions.prove(&self.r2, &self.prefix).await?;
        let (last_token, only_if) = match &seen {
            None => (0, Conditional::new().etag_does_not_match("*")),
            Some(Seen { record, etag }) => (record.token, Conditional::new().etag_matches(etag)),
        };
        let last_token =
            if is_mutated(Mutation::TokenRepeated) { last_token.saturating_sub(1) } else { last_token };
        let token = last_token.checked_add(1).ok_or_else(|| {
            Error::new(
                ErrorKind::Serialization,
                "the last token of the lock is the maximum, so there is no greater token",
            )
            .during("acquire", Some(key))
        })?;
        let mut nonce = [0; 16];
        self.runtime().fill_random(&mut nonce)?;
        let record = Record::acquired(token, nonce, self.owner.clone(), self.lease_end()?);

        let taken = async {
            let error = match self.write(key, &record, only_if).await {
                Ok(etag) => return Ok(Ok(etag)),
                Err(error) => error,
            };
            // The write may have happened and its answer been lost.
            match self.read(key).await {
                Ok(Some(seen)) if seen.record.nonce == record.nonce => Ok(Ok(seen.etag)),
                Ok(seen) if error.kind() == ErrorKind::PreconditionFailed => Ok(Err(seen)),
                Err(unknown) if error.kind() == ErrorKind::PreconditionFailed => Err(unknown),
                Ok(_) => Err(error),
                Err(unknown) => {
                    tracing::warn!(key, error = %unknown, "cannot tell whether a lock was acquired: it may be held until it expires");
                    Err(error)
                }
            }
        };
        let etag = match self.within(self.ttl, taken).await {
            None => return Err(self.too_late(key)),
            Some(Err(error)) => return Err(error),
            Some(Ok(Err(seen))) => return Ok(Attempt::Taken(seen.map(|seen| seen.record))),
            Some(Ok(Ok(etag))) => etag,
        };
        let lock = Lock::new(self.clone(), name.to_owned(), key.to_owned(), Seen { record, etag });
        if lock.is_held() { Ok(Attempt::Acquired(Box::new(lock))) } else { Err(self.too_late(key)) }
    }

    fn too_late(&self, key: &str) -> Error {
        let message = format!("the answer took longer than the TTL of {:?}", self.ttl);
        Error::new(ErrorKind::Timeout, message).during("acquire", Some(key))
    }

    pub(super) async fn read(&self, key: &str) -> Result<Option<Seen>> {
        let mut reads = 0;
        loop {
            reads += 1;
            let read = match self.r2.get(key).await? {
                Some(object) => Seen::read(object).await,
                None => return Ok(None),
            };
            match read {
                // The object was replaced between the headers and the rest of the answer.
                Err(error) if error.kind() == ErrorKind::Integrity && reads < READS => {
                    tracing::debug!(key, %error, "reading a lock again");
                }
                read => return read.map(Some).map_err(|error| error.during("inspect", Some(key))),
            }
        }
    }

    /// Writes the object and returns its etag. After an error it is unknown whether the write has happened.
    pub(super) async fn write(&self, key: &str, record: &Record, only_if: Conditional) -> Result<String> {
        Ok(self.r2.put_json(key, record).only_if(only_if).await?.etag)
    }

    /// Returns when a lease that starts now ends.
    pub(super) fn lease_end(&self) -> Result<SystemTime> {
        lease_end(self.runtime().now(), self.ttl)
    }

    /// Returns the result of `work`, or `None` if it takes longer than `limit`.
    pub(super) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        match future::select(pin!(work), self.runtime().timeout(limit)).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(((), _)) => None,
        }
    }

    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        self.r2.runtime()
    }

    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("r2", &self.r2)
            .field("prefix", &self.prefix)
            .field("owner", &self.owner)
            .field("ttl", &self.ttl)
            .field("clock_skew", &self.clock_skew)
            .finish_non_exhaustive()
    }
}

/// The result of one attempt.
enum Attempt {
    Acquired(Box<Lock>),
    /// Another holder has the lock or was faster. Contains the record that was seen.
    Taken(Option<Record>),
}

fn not_free(by: Option<Record>, max_wait: Duration, key: &str) -> Error {
    let holder = by.map(|record| (record.expires_at(), record.owner));
    let by = match holder {
        Some((Some(expires_at), owner)) => {
            let owner = owner.map_or_else(|| "another holder".to_owned(), |owner| format!("{owner:?}"));
            format!("{owner} holds it until {}", humantime::format_rfc3339_millis(expires_at))
        }
        _ => "others acquired it first".to_owned(),
    };
    let message = format!("the lock was not free within {max_wait:?}: {by}");
    Error::new(ErrorKind::Timeout, message).during("acquire", Some(key))
}
