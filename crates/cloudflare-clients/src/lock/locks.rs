//! Acquiring locks.

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

/// A key takes one write a second.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
const MIN_TTL: Duration = Duration::from_millis(1);
const MAX_OWNER: usize = 1024;
/// How often a lock is read anew that is replaced while it is read.
const READS: u32 = 3;

/// Locks in a bucket. The [module](super) says what they guarantee.
///
/// It is cheap to clone, and can be shared by threads and tasks: make it once, since the first acquisition
/// first tries out whether the service honours conditions. Requests are retried as the service's
/// [`RetryPolicy`](crate::RetryPolicy) says; of a 429, the first retry waits a second, as R2 takes one write
/// a second to a key.
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
    /// Locks in the service's bucket, by the service's clock and timer.
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

    /// What the keys of the locks begin with, before their names; `locks/` by default.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// What the holder is called in [`inspect`](Self::inspect) and in errors of those who wait; up to 1,024 bytes. It is stored in the
    /// bucket as it is.
    #[must_use]
    pub fn with_owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// How long a lock is held unless it is renewed; 30 s by default, a millisecond at least. It counts from before the request that
    /// acquires or renews it.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The most by which the clocks of those who use a lock differ; 5 s by default. It is how long an expired lock is left alone. With
    /// one that is too short, a lock may have two holders.
    #[must_use]
    pub fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.clock_skew = clock_skew;
        self
    }

    /// Takes the lock if it is free, in one go: `None` where somebody has it, or was faster.
    ///
    /// The future should not be dropped before it is done: a lock that was taken without anybody knowing is free again when it
    /// expires.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`]: under this name there is something else than a lock. Those of R2; the lock
    /// may then be taken until it expires, where that could not be found out. [`ErrorKind::Unsupported`]: the
    /// service ignores conditions of puts, which the first acquisition tries out. [`ErrorKind::Timeout`]: the
    /// answer took longer than the ttl. [`ErrorKind::InvalidInput`], before anything is sent: the name, the ttl
    /// or the owner cannot be used.
    pub async fn try_acquire(&self, name: &str) -> Result<Option<Lock>> {
        let key = self.key(name)?;
        match self.attempt(name, &key).await? {
            Attempt::Acquired(lock) => Ok(Some(*lock)),
            Attempt::Taken(_) => Ok(None),
        }
    }

    /// Takes the lock, and waits for it up to `max_wait`.
    ///
    /// It looks again after the delays of the service's [`RetryPolicy`](crate::RetryPolicy): 100 ms, doubled up to 2 s, with jitter, and
    /// after failures that may pass too. There is no order among those who wait. An attempt that is under way when the time is over
    /// is not cut off.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`]: somebody else has it, whom the error names. Otherwise as [`try_acquire`](Self::try_acquire).
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

    /// What is known of a lock, at the time of the request; `None` where it was never taken. Nothing changes by it, and by the time
    /// that the answer is there it may be otherwise: to decide by it who may do something is no lock.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    pub async fn inspect(&self, name: &str) -> Result<Option<LockInfo>> {
        Ok(self.read(&self.key(name)?).await?.map(|seen| seen.record.into()))
    }

    /// The key of a lock's object. Nothing is sent for what is refused here.
    fn key(&self, name: &str) -> Result<String> {
        let key = format!("{}{name}", self.prefix);
        let refused = |message| Err(Error::invalid_input(message).during("acquire", Some(&key)));
        if name.is_empty() {
            return refused("the name of a lock must not be empty".to_owned());
        }
        if name == PROBE {
            return refused(format!("{PROBE:?} is the name of what conditions are tried on: take another"));
        }
        if self.ttl < MIN_TTL {
            return refused(format!("the ttl of {:?} is less than {MIN_TTL:?}", self.ttl));
        }
        if let Some(owner) = &self.owner
            && owner.len() > MAX_OWNER
        {
            return refused(format!("the owner has {} bytes: {MAX_OWNER} is the most", owner.len()));
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
            Error::new(ErrorKind::Serialization, "the lock has no greater token than its last")
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
            // It may have happened all the same, where an answer was lost.
            match self.read(key).await {
                Ok(Some(seen)) if seen.record.nonce == record.nonce => Ok(Ok(seen.etag)),
                Ok(seen) if error.kind() == ErrorKind::PreconditionFailed => Ok(Err(seen)),
                Err(unknown) if error.kind() == ErrorKind::PreconditionFailed => Err(unknown),
                Ok(_) => Err(error),
                Err(unknown) => {
                    tracing::warn!(key, error = %unknown, "whether a lock was acquired is unknown, so it may be taken until it expires");
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
        let message = format!("the answer took longer than the ttl of {:?}", self.ttl);
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
                // It was replaced between the head and the rest of the answer.
                Err(error) if error.kind() == ErrorKind::Integrity && reads < READS => {
                    tracing::debug!(key, %error, "reading a lock again");
                }
                read => return read.map(Some).map_err(|error| error.during("inspect", Some(key))),
            }
        }
    }

    /// The etag of what was written. Of an error it is not known whether that has happened.
    pub(super) async fn write(&self, key: &str, record: &Record, only_if: Conditional) -> Result<String> {
        Ok(self.r2.put_json(key, record).only_if(only_if).await?.etag)
    }

    /// When a lease ends that begins now.
    pub(super) fn lease_end(&self) -> Result<SystemTime> {
        lease_end(self.runtime().now(), self.ttl)
    }

    /// What `work` gives, unless it takes longer than `limit`.
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

/// What became of one attempt.
enum Attempt {
    Acquired(Box<Lock>),
    /// Somebody has it or was faster, and this is what was seen then.
    Taken(Option<Record>),
}

fn not_free(by: Option<Record>, max_wait: Duration, key: &str) -> Error {
    let holder = by.map(|record| (record.expires_at(), record.owner));
    let by = match holder {
        Some((Some(expires_at), owner)) => {
            let owner = owner.map_or_else(|| "somebody".to_owned(), |owner| format!("{owner:?}"));
            format!("{owner} has it until {}", humantime::format_rfc3339_millis(expires_at))
        }
        _ => "others were faster".to_owned(),
    };
    let message = format!("the lock was not free within {max_wait:?}: {by}");
    Error::new(ErrorKind::Timeout, message).during("acquire", Some(key))
}
