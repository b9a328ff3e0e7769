//! What a backend does: one attempt of each operation.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::Serialize;

use super::metadata::Metadata;
use crate::error::{Error, Result};
use crate::r2::Body;

/// A namespace of Workers KV as one of the backends reaches it.
///
/// Each operation is exactly one attempt and returns only what the service said: retries live in
/// [`KvClient`](super::KvClient), which calls these and has checked what it gives. All of them default to
/// [`ErrorKind::Unsupported`](crate::ErrorKind), so that a mock implements what its test needs.
///
/// A missing key is `None`; a missing namespace is an error.
///
/// ```
/// use cloudflare_clients::Result;
/// use cloudflare_clients::kv::{GetRequest, KvClient, Namespace};
/// use cloudflare_clients::r2::Body;
///
/// /// Every key holds its own name.
/// #[derive(Debug)]
/// struct Echo;
///
/// #[cloudflare_clients::async_trait]
/// impl Namespace for Echo {
///     async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
///         Ok(Some(request.key.into()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let kv = KvClient::new(Echo);
/// assert_eq!(kv.get("k").text().await?.as_deref(), Some("k"));
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Namespace: fmt::Debug + Send + Sync + 'static {
    /// A value.
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        let _ = request;
        Err(unsupported("get"))
    }

    /// A value and what is kept beside it.
    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        let _ = request;
        Err(unsupported("getWithMetadata"))
    }

    /// 1 to 100 values as text, in the order of the keys.
    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        let _ = request;
        Err(unsupported("get of many keys"))
    }

    /// Stores a value in place of the key's value, metadata and expiry. Only a stream that passes by a Worker's memory may be of
    /// unknown length.
    async fn put(&self, request: PutRequest) -> Result<()> {
        let _ = request;
        Err(unsupported("put"))
    }

    /// Deletes a key. Fine when it is not there.
    async fn delete(&self, key: &str) -> Result<()> {
        let _ = key;
        Err(unsupported("delete"))
    }

    /// Stores up to 10,000 values, which are in memory, and says of each, in the order of `requests`, whether that worked.
    async fn put_many(&self, requests: Vec<PutRequest>) -> Result<Vec<Result<()>>> {
        let _ = requests;
        Err(unsupported("put of many keys"))
    }

    /// Deletes up to 10,000 keys and says of each, in the order of `keys`, whether that worked.
    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        let _ = keys;
        Err(unsupported("delete of many keys"))
    }

    /// One page of a listing, in the order of the keys' bytes.
    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let _ = request;
        Err(unsupported("list"))
    }

    /// Whether there are [`put_many`](Self::put_many) and [`delete_many`](Self::delete_many). Otherwise
    /// [`KvClient`](super::KvClient) writes and deletes key by key.
    fn has_bulk_writes(&self) -> bool {
        false
    }
}

fn unsupported(operation: &'static str) -> Error {
    Error::unsupported(format!("this backend has no {operation}"))
}

/// What a value is to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ValueType {
    /// Bytes that are taken as they arrive.
    #[default]
    Stream,
    /// Bytes that are taken whole.
    Bytes,
    /// UTF-8 that is taken whole.
    Text,
}

/// A get for [`Namespace::get`] and [`Namespace::get_with_metadata`].
#[derive(Debug, Clone, Default)]
pub struct GetRequest {
    /// The key.
    pub key: String,
    /// For how long the location may cache what it reads: 30 seconds or more, by default 60.
    pub cache_ttl: Option<Duration>,
    /// What the value is to be. A backend returns the same bytes for each, and may get them in another way.
    pub value_type: ValueType,
}

/// A get for [`Namespace::get_many`].
#[derive(Debug, Clone, Default)]
pub struct GetManyRequest {
    /// The keys: 1 to 100.
    pub keys: Vec<String>,
    /// Whether metadata is asked for too.
    pub with_metadata: bool,
    /// For how long the location may cache what it reads: 30 seconds or more, by default 60.
    pub cache_ttl: Option<Duration>,
}

/// A value and what is kept beside it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueWithMetadata<V> {
    /// The value.
    pub value: V,
    /// The metadata, where the key has some and it was asked for.
    pub metadata: Option<Metadata>,
    /// When the key expires, where the service says so: the binding does not.
    pub expiration: Option<SystemTime>,
    /// The binding's `cacheStatus`, where it says one.
    pub cache_status: Option<String>,
}

impl<V> ValueWithMetadata<V> {
    /// A value of which no more is known.
    pub fn new(value: V) -> Self {
        Self { value, metadata: None, expiration: None, cache_status: None }
    }

    pub(super) fn map<U>(self, map: impl FnOnce(V) -> Result<U>) -> Result<ValueWithMetadata<U>> {
        let Self { value, metadata, expiration, cache_status } = self;
        Ok(ValueWithMetadata { value: map(value)?, metadata, expiration, cache_status })
    }
}

/// A put for [`Namespace::put`], or one of many for [`KvClient::put_many`](super::KvClient::put_many).
///
/// ```
/// # use std::time::Duration;
/// use cloudflare_clients::kv::PutRequest;
///
/// let put = PutRequest::new("session/1", "value").expiration_ttl(Duration::from_secs(3600)).metadata(&["admin"])?;
/// # let _ = put;
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Debug)]
pub struct PutRequest {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Body,
    /// When the key expires; in whole seconds, and 60 seconds ahead or more.
    pub expiration: Option<SystemTime>,
    /// After how long the key expires; in whole seconds, 60 or more. It wins over `expiration`.
    pub expiration_ttl: Option<Duration>,
    /// What to keep beside the value.
    pub metadata: Option<Metadata>,
}

impl PutRequest {
    /// A put without expiry and metadata.
    pub fn new(key: impl Into<String>, value: impl Into<Body>) -> Self {
        Self { key: key.into(), value: value.into(), expiration: None, expiration_ttl: None, metadata: None }
    }

    /// When the key expires.
    #[must_use]
    pub fn expiration(mut self, at: SystemTime) -> Self {
        self.expiration = Some(at);
        self
    }

    /// After how long the key expires. It wins over [`expiration`](Self::expiration).
    #[must_use]
    pub fn expiration_ttl(mut self, ttl: Duration) -> Self {
        self.expiration_ttl = Some(ttl);
        self
    }

    /// What to keep beside the value, as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): it cannot be JSON.
    pub fn metadata<T: Serialize + ?Sized>(mut self, metadata: &T) -> Result<Self> {
        self.metadata = Metadata::new(metadata)?.unless_null();
        Ok(self)
    }

    /// The same put with another value.
    pub(crate) fn with_value(&self, value: Body) -> Self {
        Self {
            key: self.key.clone(),
            value,
            expiration: self.expiration,
            expiration_ttl: self.expiration_ttl,
            metadata: self.metadata.clone(),
        }
    }
}

impl<K: Into<String>, V: Into<Body>> From<(K, V)> for PutRequest {
    fn from((key, value): (K, V)) -> Self {
        Self::new(key, value)
    }
}

/// A list for [`Namespace::list`].
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// How many keys a page has at most: 1 to 1,000, by default 1,000.
    pub limit: Option<u32>,
    /// Where the page begins: the cursor of the one before.
    pub cursor: Option<String>,
}

/// One page of keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListPage {
    /// The keys, in the order of their bytes. There may be none on a page that is not the last.
    pub keys: Vec<ListedKey>,
    /// Whether this is the last page.
    pub list_complete: bool,
    /// Where the next page begins.
    pub cursor: Option<String>,
}

/// A key in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedKey {
    /// The key.
    pub name: String,
    /// When it expires.
    pub expiration: Option<SystemTime>,
    /// What is kept beside its value.
    pub metadata: Option<Metadata>,
}

/// A time as KV has it: whole seconds since 1970.
pub(crate) fn to_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A time from KV.
pub(crate) fn from_seconds(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
