//! The limiter over Workers KV.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use lru::LruCache;
use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use super::limiter::{Decision, Quota, RateLimiter};
use super::sliding_window::{Counts, Position, SlidingWindow};
use crate::error::{Error, ErrorKind, Result};
use crate::kv::{KvClient, MIN_EXPIRATION_TTL, PutRequest};
use crate::retry::RetryPolicy;
use crate::sync::lock;

/// KV accepts one write per second to the same key.
const LEAST_WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum length of a window: 30 days.
const LONGEST_WINDOW: Duration = Duration::from_secs(30 * 86_400);

/// How a limiter decides when KV cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FailMode {
    /// Decides by the counts in memory alone: its own, and the last known ones of other limiters.
    #[default]
    Open,
    /// Refuses the request.
    Closed,
}

/// A rate limiter whose counts are in Workers KV; see [`rate_limit`](super) for how inaccurate it can be.
///
/// Create one per limit and share it. In a Worker keep it in a static, where it lives as long as the isolate.
pub struct KvRateLimiter {
    client: KvClient,
    name: Arc<str>,
    sliding: SlidingWindow,
    fail_mode: FailMode,
    read_interval: Duration,
    write_interval: Duration,
    memory: Mutex<Memory>,
}

/// The hash of a key, because keys can be of any length.
type KeyHash = [u8; 16];

struct Memory {
    entries: LruCache<KeyHash, Entry>,
    /// The keys with unwritten counts. Some may have been evicted already.
    unwritten: HashSet<KeyHash>,
}

/// A count to write.
struct Write {
    hash: KeyHash,
    writer: String,
    number: u64,
    count: u64,
}

impl KvRateLimiter {
    /// Creates a limiter that allows `limit` requests in any `window`, in the namespace of a client.
    ///
    /// The name separates limits in the namespace, and is part of the headers that clients receive: 1 to 64
    /// ASCII letters, digits, `-`, `_` and `.`. The window is a number of whole seconds, up to 30 days.
    ///
    /// The limiter does not retry requests to KV, whatever the client's policy: the next check or flush does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the name, the limit or the window is invalid.
    pub fn new(client: KvClient, name: &str, limit: u64, window: Duration) -> Result<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::invalid_input(format!(
                "the name of the limit is {name:?}: it must be 1 to 64 ASCII letters, digits, hyphens, underscores and dots"
            )));
        }
        if limit == 0 {
            return Err(Error::invalid_input(format!(
                "the limit {name} is 0 and would allow nothing: set 1 or more"
            )));
        }
        if window.is_zero() || window.subsec_nanos() > 0 || window > LONGEST_WINDOW {
            return Err(Error::invalid_input(format!(
                "the window of the limit {name} is {window:?}: it must be whole seconds, from 1 second to 30 days"
            )));
        }
        let memory = Memory { entries: LruCache::unbounded(), unwritten: HashSet::new() };
        let limiter = Self {
            client: client.with_retry(RetryPolicy::none()),
            name: name.into(),
            sliding: SlidingWindow { limit, window },
            fail_mode: FailMode::default(),
            read_interval: Duration::from_secs(10),
            write_interval: LEAST_WRITE_INTERVAL,
            memory: Mutex::new(memory),
        };
        Ok(limiter.with_capacity(10_000))
    }

    /// Sets how the limiter decides when KV cannot be reached. Default: [`FailMode::Open`].
    #[must_use]
    pub fn with_fail_mode(mut self, mode: FailMode) -> Self {
        self.fail_mode = mode;
        self
    }

    /// Sets how many keys are kept in memory. Default: 10,000; 0 counts as 1. The memory per key does not
    /// depend on its length.
    ///
    /// Beyond that the least recently used keys are evicted. If an evicted key returns, its written counts
    /// are read again, and its unwritten counts are lost.
    #[must_use]
    pub fn with_capacity(self, keys: usize) -> Self {
        self.memory().entries.resize(NonZeroUsize::new(keys).unwrap_or(NonZeroUsize::MIN));
        self
    }

    /// Sets the minimum time between two reads of a key's counts from KV. Default: 10 seconds. Each read is
    /// one listing, which a check waits for.
    #[must_use]
    pub fn with_read_interval(mut self, interval: Duration) -> Self {
        self.read_interval = interval;
        self
    }

    /// Sets the minimum time between two writes of a key's count. Default and minimum: 1 second, which is
    /// KV's limit per key.
    #[must_use]
    pub fn with_write_interval(mut self, interval: Duration) -> Self {
        self.write_interval = interval.max(LEAST_WRITE_INTERVAL);
        self
    }

    /// Returns the number of keys in memory.
    pub fn len(&self) -> usize {
        self.memory().entries.len()
    }

    /// Whether no key is in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the prefix of the KV keys that hold the counts of a key.
    fn prefix(&self, hash: KeyHash) -> String {
        format!("limits/{}/{}/{}/", self.name, self.sliding.window.as_secs(), hex::encode(hash))
    }

    /// Reads what other writers have counted in the current and the previous window.
    async fn others(&self, hash: KeyHash, number: u64, writer: &str) -> Result<Counts> {
        let prefix = self.prefix(hash);
        let mut counts = Counts::default();
        let mut listed = self.client.list().prefix(&prefix).stream();
        while let Some(key) = listed.try_next().await? {
            let unexpected = || {
                let message = format!("the key {:?} was not written by a rate limiter", key.name);
                Error::new(ErrorKind::Serialization, message)
            };
            let rest = key.name.strip_prefix(&prefix).and_then(|rest| rest.split_once('/'));
            let (window, by) = rest.ok_or_else(unexpected)?;
            if by == writer {
                continue;
            }
            let window: u64 = window.parse().map_err(|_| unexpected())?;
            let total = match number.checked_sub(window) {
                Some(0) => &mut counts.current,
                Some(1) => &mut counts.previous,
                _ => continue,
            };
            let count: u64 = key.metadata.as_ref().ok_or_else(unexpected)?.json()?;
            *total = total.saturating_add(count);
        }
        Ok(counts)
    }

    /// Decides about a key and returns its quota. An allowed request is counted if it is `wanted`.
    fn take(&self, hash: KeyHash, wanted: bool) -> Result<(bool, Quota)> {
        let mut memory = self.memory();
        let now = self.client.now();
        let Position { elapsed, .. } = self.sliding.position(now);
        let entry = self.entry(&mut memory, hash, now)?;
        let allowed = self.sliding.remaining(entry.counts(), elapsed) > 0;
        if allowed && wanted {
            entry.own.current = entry.own.current.saturating_add(1);
        }
        let counts = entry.counts();
        if allowed && wanted {
            memory.unwritten.insert(hash);
        }
        let quota = Quota {
            policy: Arc::clone(&self.name),
            limit: self.sliding.limit,
            window: self.sliding.window,
            remaining: self.sliding.remaining(counts, elapsed),
            reset: self.sliding.reset(counts, elapsed),
        };
        Ok((allowed, quota))
    }

    /// Reads the counts of other writers if that is due and can change the decision. Returns the error if the
    /// read fails.
    async fn refresh(&self, hash: KeyHash) -> Result<Option<Error>> {
        let (number, writer) = {
            let mut memory = self.memory();
            let now = self.client.now();
            let Position { number, elapsed } = self.sliding.position(now);
            let entry = self.entry(&mut memory, hash, now)?;
            // A request that is already refused stays refused, whatever others have counted.
            if self.sliding.remaining(entry.counts(), elapsed) == 0 {
                return Ok(None);
            }
            let needed = entry.unknown && self.fail_mode == FailMode::Closed;
            if !entry.read.begin(now, self.read_interval) && !needed {
                return Ok(None);
            }
            // Until the answer arrives.
            entry.unknown = true;
            (number, entry.writer.clone())
        };
        let heard = self.others(hash, number, &writer).await;
        match (heard, self.memory().entries.peek_mut(&hash)) {
            (Ok(others), Some(entry)) => {
                entry.heard(number, others);
                Ok(None)
            }
            // The key was evicted meanwhile.
            (Ok(_), None) => Ok(None),
            (Err(failure), _) => Ok(Some(failure)),
        }
    }

    /// Returns the entry of a key, moved to the current window.
    fn entry<'m>(&self, memory: &'m mut Memory, hash: KeyHash, now: SystemTime) -> Result<&'m mut Entry> {
        let Position { number, .. } = self.sliding.position(now);
        let entry = memory.entries.try_get_or_insert_mut(hash, || {
            let mut writer = [0; 8];
            self.client.runtime().fill_random(&mut writer)?;
            Ok::<_, Error>(Entry::new(hex::encode(writer), number))
        })?;
        entry.advance(number);
        Ok(entry)
    }

    /// Returns the counts that are due to be written.
    fn due(&self) -> Vec<Write> {
        let now = self.client.now();
        let Position { number, .. } = self.sliding.position(now);
        let mut memory = self.memory();
        let Memory { entries, unwritten } = &mut *memory;
        let mut due = Vec::new();
        unwritten.retain(|hash| {
            let Some(entry) = entries.peek_mut(hash) else { return false };
            entry.advance(number);
            if entry.unwritten().next().is_none() {
                return false;
            }
            if entry.write.begin(now, self.write_interval) {
                let writes = entry.unwritten().map(|(number, count)| Write {
                    hash: *hash,
                    writer: entry.writer.clone(),
                    number,
                    count,
                });
                due.extend(writes);
            }
            true
        });
        due
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }
}

#[async_trait]
impl RateLimiter for KvRateLimiter {
    async fn check(&self, key: &str) -> Result<Decision> {
        let mut hash = KeyHash::default();
        hash.copy_from_slice(&Sha256::digest(key)[..16]);
        let failure = self.refresh(hash).await?;
        if let Some(error) = &failure {
            tracing::warn!(%error, limit = &*self.name, "failed to read the counts of other limiters");
        }
        let closed = failure.is_some() && self.fail_mode == FailMode::Closed;
        let (allowed, quota) = self.take(hash, !closed)?;
        Ok(Decision { allowed: allowed && !closed, quota: (!closed).then_some(quota), failure })
    }

    /// Writes the due counts: in one request over REST, and one by one in a Worker, up to 8 concurrently.
    async fn flush(&self) -> Result<()> {
        let due = self.due();
        if due.is_empty() {
            return Ok(());
        }
        // A count matters until the window after its own has ended.
        let ttl = (self.sliding.window * 2).max(MIN_EXPIRATION_TTL);
        let put = |write: &Write| {
            let key = format!("{}{}/{}", self.prefix(write.hash), write.number, write.writer);
            Ok(PutRequest::new(key, "").metadata(&write.count)?.expiration_ttl(ttl))
        };
        let puts: Vec<_> = due.iter().map(put).collect::<Result<_>>()?;
        let outcomes = self.client.put_many(puts).await?;
        let mut failure = None;
        let mut memory = self.memory();
        for (write, (_, outcome)) in due.iter().zip(outcomes.results) {
            match (outcome, memory.entries.peek_mut(&write.hash)) {
                (Ok(()), Some(entry)) if entry.writer == write.writer => {
                    entry.wrote(write.number, write.count);
                }
                (Ok(()), _) => {}
                (Err(error), _) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for KvRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvRateLimiter")
            .field("client", &self.client)
            .field("name", &self.name)
            .field("sliding", &self.sliding)
            .field("fail_mode", &self.fail_mode)
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}
