//! What is asked of a namespace, and the pages that it answers with.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;
use crate::body::Body;
use crate::error::Result;

/// What a value is to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ValueType {
    /// Bytes that are taken as they arrive.
    #[default]
    Stream,
    /// Bytes that are taken whole.
    Bytes,
    /// UTF-8 that is taken whole.
    Text,
}

/// A get for [`Namespace::get`](crate::kv::Namespace::get) and [`Namespace::get_with_metadata`](crate::kv::Namespace::get_with_metadata).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetRequest {
    /// The key.
    pub key: String,
    /// For how long the location may cache what it reads: whole seconds, 30 or more, by default 60.
    pub cache_ttl: Option<Duration>,
    /// What the value is to be. A backend returns the same bytes for each, and may get them in another way.
    pub value_type: ValueType,
}

impl GetRequest {
    /// A get of a value as a stream.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), cache_ttl: None, value_type: ValueType::default() }
    }
}

/// A get for [`Namespace::get_many`](crate::kv::Namespace::get_many).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetManyRequest {
    /// The keys: 1 to 100.
    pub keys: Vec<String>,
    /// Whether metadata is asked for too.
    pub with_metadata: bool,
    /// For how long the location may cache what it reads: whole seconds, 30 or more, by default 60.
    pub cache_ttl: Option<Duration>,
}

impl GetManyRequest {
    /// A get of values without their metadata.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect(), with_metadata: false, cache_ttl: None }
    }
}

/// A put for [`Namespace::put`](crate::kv::Namespace::put), or one of many for [`PutManyRequest`].
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
#[non_exhaustive]
pub struct PutRequest {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Body,
    /// When the key expires: 60 seconds ahead or more, and by the year 9999. It is cut to whole seconds.
    pub expiration: Option<SystemTime>,
    /// After how long the key expires: whole seconds, 60 or more, and by the year 9999; others are refused. It
    /// wins over `expiration`.
    pub expiration_ttl: Option<Duration>,
    /// What to keep beside the value.
    pub metadata: Option<Metadata>,
}

impl PutRequest {
    /// A put without expiry and metadata.
    pub fn new(key: impl Into<String>, value: impl Into<Body>) -> Self {
        Self { key: key.into(), value: value.into(), expiration: None, expiration_ttl: None, metadata: None }
    }

    /// When the key expires, cut to whole seconds.
    #[must_use]
    pub fn expiration(mut self, at: SystemTime) -> Self {
        self.expiration = Some(at);
        self
    }

    /// After how long the key expires, in whole seconds. It wins over [`expiration`](Self::expiration).
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

/// A put of many values for [`Namespace::put_many`](crate::kv::Namespace::put_many).
#[derive(Debug)]
#[non_exhaustive]
pub struct PutManyRequest {
    /// A put for each value: up to 10,000.
    pub puts: Vec<PutRequest>,
}

impl PutManyRequest {
    /// A put of many values: pairs of a key and a value, or [`PutRequest`]s.
    pub fn new<P: Into<PutRequest>>(puts: impl IntoIterator<Item = P>) -> Self {
        Self { puts: puts.into_iter().map(Into::into).collect() }
    }
}

impl<K: Into<String>, V: Into<Body>> From<(K, V)> for PutRequest {
    fn from((key, value): (K, V)) -> Self {
        Self::new(key, value)
    }
}

/// A delete for [`Namespace::delete`](crate::kv::Namespace::delete).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteRequest {
    /// The key.
    pub key: String,
}

impl DeleteRequest {
    /// A delete of a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }
}

/// A delete of many keys for [`Namespace::delete_many`](crate::kv::Namespace::delete_many).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteManyRequest {
    /// The keys: up to 10,000.
    pub keys: Vec<String>,
}

impl DeleteManyRequest {
    /// A delete of these keys.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect() }
    }
}

/// A list for [`Namespace::list`](crate::kv::Namespace::list).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ListRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// How many keys a page has at most: 1 to 1,000, by default 1,000.
    pub limit: Option<u32>,
    /// Where the page begins: the cursor of the one before.
    pub cursor: Option<String>,
}

impl ListRequest {
    /// A list of all keys.
    pub fn new() -> Self {
        Self::default()
    }
}

/// One page of keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListPage {
    /// The keys, in the order of their bytes. There may be none on a page that is not the last.
    pub keys: Vec<ListedKey>,
    /// Whether this is the last page.
    pub list_complete: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl ListPage {
    /// The last page, or the only one, with these keys.
    pub fn new(keys: Vec<ListedKey>) -> Self {
        Self { keys, list_complete: true, cursor: None }
    }

    /// The same page with more after it, which begin at this cursor.
    #[must_use]
    pub fn truncated_at(mut self, cursor: impl Into<String>) -> Self {
        self.list_complete = false;
        self.cursor = Some(cursor.into());
        self
    }
}

/// A key in a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListedKey {
    /// The key.
    pub name: String,
    /// When it expires.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<SystemTime>,
    /// What is kept beside its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl ListedKey {
    /// A key without expiry and metadata.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), expiration: None, metadata: None }
    }
}
