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

/// KV takes one write a second to a key.
const LEAST_WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The longest window: 30 days.
const LONGEST_WINDOW: Duration = Duration::from_secs(30 * 86_400);

/// What becomes of a request when KV cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FailMode {
    /// What was counted here and was known before decides alone.
    #[default]
    Open,
    /// It is refused.
    Closed,
}

/// A limiter whose counts are in Workers KV; see [`rate_limit`](super) for how wrong it can be.
///
/// It is made once for each limit, and shared. In a Worker it lives in a static, for as long as the isolate does.
pub struct KvRateLimiter {
    client: KvClient,
    name: Arc<str>,
    sliding: SlidingWindow,
    fail_mode: FailMode,
    read_interval: Duration,
    write_interval: Duration,
    memory: Mutex<Memory>,
}

/// A key in memory, whose length nobody bounds.
type KeyHash = [u8; 16];

struct Memory {
    entries: LruCache<KeyHash, Entry>,
    /// Those with something to write. Some may be forgotten already.
    unwritten: HashSet<KeyHash>,
}

/// A count that is to be written.
struct Write {
    hash: KeyHash,
    writer: String,
    number: u64,
    count: u64,
}

impl KvRateLimiter {
    /// So many in any `window`, in the namespace of a client.
    ///
    /// The name tells limits apart in the namespace and is told to clients: 1 to 64 letters, digits, `-`, `_` and `.` of ASCII. The
    /// window has whole seconds, and 30 days at most.
    ///
    /// The limiter asks KV once where the client would try again, since the next check or flush does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the name, the limit or the window is not like that.
    pub fn new(client: KvClient, name: &str, limit: u64, window: Duration) -> Result<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::invalid_input(format!(
                "the limit's name {name:?} is not 1 to 64 letters, digits, hyphens, underscores and dots of ASCII"
            )));
        }
        if limit == 0 {
            return Err(Error::invalid_input(format!("the limit {name} is 0: it would allow nothing")));
        }
        if window.is_zero() || window.subsec_nanos() > 0 || window > LONGEST_WINDOW {
            return Err(Error::invalid_input(format!(
                "the window of the limit {name} is {window:?}: it has to be whole seconds, from 1 s to 30 days"
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

    /// What becomes of a request when KV cannot be asked: by default [`FailMode::Open`].
    #[must_use]
    pub fn with_fail_mode(mut self, mode: FailMode) -> Self {
        self.fail_mode = mode;
        self
    }

    /// How many keys are kept in memory, 10,000 by default; 0 counts as 1. A key takes the same room, however long it is.
    ///
    /// Of more, the least recently used are forgotten. When one comes back, what was written of it is read again, and what
    /// was not is lost.
    #[must_use]
    pub fn with_capacity(self, keys: usize) -> Self {
        self.memory().entries.resize(NonZeroUsize::new(keys).unwrap_or(NonZeroUsize::MIN));
        self
    }

    /// How often KV is asked for what others have counted of a key, at most: every 10 seconds by default. Each time is one listing,
    /// for which a check waits.
    #[must_use]
    pub fn with_read_interval(mut self, interval: Duration) -> Self {
        self.read_interval = interval;
        self
    }

    /// How often a key's count is written, at most: every second by default, which is as often as KV takes it.
    #[must_use]
    pub fn with_write_interval(mut self, interval: Duration) -> Self {
        self.write_interval = interval.max(LEAST_WRITE_INTERVAL);
        self
    }

    /// How many keys are in memory.
    pub fn len(&self) -> usize {
        self.memory().entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the keys of all counts of a key begin with.
    fn prefix(&self, hash: KeyHash) -> String {
        format!("limits/{}/{}/{}/", self.name, self.sliding.window.as_secs(), hex::encode(hash))
    }

    /// What others have written for two windows.
    async fn others(&self, hash: KeyHash, number: u64, writer: &str) -> Result<Counts> {
        let prefix = self.prefix(hash);
        let mut counts = Counts::default();
        let mut listed = self.client.list().prefix(&prefix).stream();
        while let Some(key) = listed.try_next().await? {
            let unexpected = || {
                let message = format!("the key {:?} was not written by a limiter", key.name);
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

    /// The quota of a key, and whether there is any. One is counted if it is `wanted`.
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

    /// Asks KV about a key, if that is due and may change anything. It is the failure if that cannot be done.
    async fn refresh(&self, hash: KeyHash) -> Result<Option<Error>> {
        let (number, writer) = {
            let mut memory = self.memory();
            let now = self.client.now();
            let Position { number, elapsed } = self.sliding.position(now);
            let entry = self.entry(&mut memory, hash, now)?;
            // What is refused already stays so, whatever others have counted.
            if self.sliding.remaining(entry.counts(), elapsed) == 0 {
                return Ok(None);
            }
            let needed = entry.unknown && self.fail_mode == FailMode::Closed;
            if !entry.read.begin(now, self.read_interval) && !needed {
                return Ok(None);
            }
            // Until the answer is there.
            entry.unknown = true;
            (number, entry.writer.clone())
        };
        let heard = self.others(hash, number, &writer).await;
        match (heard, self.memory().entries.peek_mut(&hash)) {
            (Ok(others), Some(entry)) => {
                entry.heard(number, others);
                Ok(None)
            }
            // Forgotten meanwhile, among more keys than there is room for.
            (Ok(_), None) => Ok(None),
            (Err(failure), _) => Ok(Some(failure)),
        }
    }

    /// The entry of a key, in the window of now.
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

    /// The counts that are due to be written.
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
            tracing::warn!(%error, limit = &*self.name, "the counts of others are not known");
        }
        let closed = failure.is_some() && self.fail_mode == FailMode::Closed;
        let (allowed, quota) = self.take(hash, !closed)?;
        Ok(Decision { allowed: allowed && !closed, quota: (!closed).then_some(quota), failure })
    }

    /// Writes the counts of the keys that are due: all in one request over REST, in a Worker one by one, 8 at a time.
    async fn flush(&self) -> Result<()> {
        let due = self.due();
        if due.is_empty() {
            return Ok(());
        }
        // A count matters until the window after its own has passed.
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
