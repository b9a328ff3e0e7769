//! Optional behavior of Workers KV in production: eventual consistency and its limits.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cloudflare_clients::kv::{GetRequest, Namespace as _, ValueWithMetadata};
use cloudflare_clients::r2::Body;
use cloudflare_clients::{LocalStore, Result};
use lru::LruCache;

use crate::write_limit::WriteLimit;

/// Minimum time between two writes to a key.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum size of cached values, in bytes. The least recently read ones are evicted first.
const MAX_CACHED: usize = 256 * 1024 * 1024;

/// Behavior of Workers KV in production that a server reproduces. The default is none: it slows tests down,
/// or makes them fail if they do not expect it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvBehaviour {
    /// Time for which reads of a key return the value of the first read, or that the key is missing,
    /// regardless of writes.
    ///
    /// KV does not guarantee more. In practice, a location mostly sees its own writes immediately; here it
    /// never does. Expired keys are always missing. Listings are never stale.
    pub cache_ttl: Option<Duration>,
    /// Whether a second write to a key within a second is refused: with 429 for one key, and in
    /// `unsuccessful_keys` for many.
    pub limits_writes: bool,
    /// Whether an empty page comes before each page of keys, as it can in KV after keys were deleted.
    pub empty_pages: bool,
}

impl KvBehaviour {
    /// Enables all of it, with KV's default of 60 seconds for cached values. See
    /// [how KV works](https://developers.cloudflare.com/kv/concepts/how-kv-works/).
    pub fn as_in_production() -> Self {
        Self { cache_ttl: Some(Duration::from_secs(60)), limits_writes: true, empty_pages: true }
    }

    /// Sets how long reads of a key return the value of the first read. With `None`, reads see every write
    /// immediately.
    #[must_use]
    pub fn cache_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.cache_ttl = ttl.into();
        self
    }

    /// Sets whether a second write to a key within a second is refused.
    #[must_use]
    pub fn limits_writes(mut self, limits: bool) -> Self {
        self.limits_writes = limits;
        self
    }

    /// Sets whether an empty page comes before each page of keys.
    #[must_use]
    pub fn empty_pages(mut self, empty: bool) -> Self {
        self.empty_pages = empty;
        self
    }
}

/// A namespace's id and a key.
type Name = (String, String);

/// Result of reading a key.
#[derive(Clone)]
struct Cached {
    read: SystemTime,
    found: Option<ValueWithMetadata<Bytes>>,
}

struct Cache {
    entries: LruCache<Name, Cached>,
    bytes: usize,
}

/// The behavior of a server, with its state.
pub(crate) struct Eventual {
    behaviour: KvBehaviour,
    cache: Mutex<Cache>,
    writes: WriteLimit,
}

impl Eventual {
    pub(crate) fn new(behaviour: KvBehaviour) -> Self {
        let cache = Cache { entries: LruCache::unbounded(), bytes: 0 };
        let writes = WriteLimit::new(behaviour.limits_writes.then_some(WRITE_INTERVAL));
        Self { behaviour, cache: Mutex::new(cache), writes }
    }

    pub(crate) fn has_empty_pages(&self) -> bool {
        self.behaviour.empty_pages
    }

    /// Whether a write comes late enough after the previous one.
    pub(crate) fn admits_write(&self, namespace: &str, key: &str, now: SystemTime) -> bool {
        self.writes.admits(namespace, key, now)
    }

    /// Returns a value, which may come from the cache.
    pub(crate) async fn find(
        &self,
        store: &LocalStore,
        namespace: &str,
        key: &str,
    ) -> Result<Option<ValueWithMetadata<Body>>> {
        let request = GetRequest::new(key);
        let values = store.namespace(namespace);
        let Some(ttl) = self.behaviour.cache_ttl else {
            return values.get_with_metadata(request).await;
        };
        let (now, name) = (store.now(), (namespace.to_owned(), key.to_owned()));
        if let Some(cached) = self.cached(&name, ttl, now) {
            return Ok(cached.found.map(|found| found.map(Body::from)));
        }
        let found = match values.get_with_metadata(request).await? {
            None => None,
            Some(found) => {
                let (value, found) = found.split();
                let value = value.bytes().await?;
                Some(found.map(|()| value))
            }
        };
        self.cache(name, Cached { read: now, found: found.clone() });
        Ok(found.map(|found| found.map(Body::from)))
    }

    /// Returns the cached result, unless its TTL is over or the key has expired.
    fn cached(&self, name: &Name, ttl: Duration, now: SystemTime) -> Option<Cached> {
        let mut cache = locked(&self.cache);
        let Cached { read, found } = cache.entries.get(name)?.clone();
        let alive = |found: &ValueWithMetadata<Bytes>| found.expiration.is_none_or(|at| at > now);
        now.duration_since(read)
            .is_ok_and(|age| age < ttl)
            .then(|| Cached { read, found: found.filter(alive) })
    }

    fn cache(&self, name: Name, cached: Cached) {
        let cost = |name: &Name, cached: &Cached| {
            name.1.len() + cached.found.as_ref().map_or(0, |found| found.value.len()) + 200
        };
        let mut cache = locked(&self.cache);
        let Cache { entries, bytes } = &mut *cache;
        *bytes += cost(&name, &cached);
        if let Some((name, old)) = entries.push(name, cached) {
            *bytes -= cost(&name, &old);
        }
        while *bytes > MAX_CACHED
            && let Some((name, oldest)) = entries.pop_lru()
        {
            *bytes -= cost(&name, &oldest);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Eventual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eventual").field("behaviour", &self.behaviour).finish_non_exhaustive()
    }
}
