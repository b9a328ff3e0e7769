//! Requests to a namespace, and pages of keys.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;
use crate::body::Body;
use crate::error::Result;

/// How the caller reads a value. A backend can fetch it in the cheapest way for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ValueType {
    /// Bytes, read as they arrive.
    #[default]
    Stream,
    /// Bytes, read whole.
    Bytes,
    /// UTF-8 text, read whole.
    Text,
}

/// A get request, for [`Namespace::get`](crate::kv::Namespace::get) and
/// [`Namespace::get_with_metadata`](crate::kv::Namespace::get_with_metadata).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetRequest {
    /// The key: 1 to 512 bytes.
    pub key: String,
    /// For how long the location may cache the value: whole seconds, 30 or more. Default: 60 seconds.
    pub cache_ttl: Option<Duration>,
    /// How the value is read. A backend returns the same bytes for each type, but may fetch them differently.
    pub value_type: ValueType,
}

impl GetRequest {
    /// Creates a request for a value as a stream.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), cache_ttl: None, value_type: ValueType::default() }
    }
}

/// A bulk get request, for [`Namespace::get_many`](crate::kv::Namespace::get_many).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetManyRequest {
    /// The keys: 1 to 100, each of 1 to 512 bytes.
    pub keys: Vec<String>,
    /// Whether to return metadata too.
    pub with_metadata: bool,
    /// For how long the location may cache the values: whole seconds, 30 or more. Default: 60 seconds.
    pub cache_ttl: Option<Duration>,
}

impl GetManyRequest {
    /// Creates a request for values without metadata.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect(), with_metadata: false, cache_ttl: None }
    }
}

/// A put request, for [`Namespace::put`](crate::kv::Namespace::put) or as one of a [`PutManyRequest`].
///
/// ```
/// # use std::time::Duration;
/// use cloudflare_clients::kv::PutRequest;
///
/// let hour = Duration::from_secs(3600);
/// let put = PutRequest::new("session/1", "value").expiration_ttl(hour).metadata(&["admin"])?;
/// # let _ = put;
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct PutRequest {
    /// The key: 1 to 512 bytes.
    pub key: String,
    /// The value: up to 25 MiB.
    pub value: Body,
    /// When the key expires: at least 60 seconds from now, at the latest in the year 9999. Fractions of a
    /// second are cut off.
    pub expiration: Option<SystemTime>,
    /// Time until the key expires: whole seconds, 60 or more, at the latest in the year 9999. Other values
    /// are rejected. It overrides `expiration`.
    pub expiration_ttl: Option<Duration>,
    /// The metadata: up to 1,024 bytes of JSON.
    pub metadata: Option<Metadata>,
}

impl PutRequest {
    /// Creates a put without expiration and metadata.
    pub fn new(key: impl Into<String>, value: impl Into<Body>) -> Self {
        Self { key: key.into(), value: value.into(), expiration: None, expiration_ttl: None, metadata: None }
    }

    /// Sets when the key expires. Fractions of a second are cut off.
    #[must_use]
    pub fn expiration(mut self, at: SystemTime) -> Self {
        self.expiration = Some(at);
        self
    }

    /// Sets the time until the key expires, in whole seconds. It overrides [`expiration`](Self::expiration).
    #[must_use]
    pub fn expiration_ttl(mut self, ttl: Duration) -> Self {
        self.expiration_ttl = Some(ttl);
        self
    }

    /// Serializes the metadata as JSON. `null` sets no metadata.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the metadata cannot be serialized.
    pub fn metadata<T: Serialize + ?Sized>(mut self, metadata: &T) -> Result<Self> {
        self.metadata = Metadata::new(metadata)?.unless_null();
        Ok(self)
    }

    /// Returns the same put with another value.
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

/// A bulk put request, for [`Namespace::put_many`](crate::kv::Namespace::put_many).
#[derive(Debug)]
#[non_exhaustive]
pub struct PutManyRequest {
    /// One put per value: up to 10,000.
    pub puts: Vec<PutRequest>,
}

impl PutManyRequest {
    /// Creates a bulk put from pairs of a key and a value, or from [`PutRequest`]s.
    pub fn new<P: Into<PutRequest>>(puts: impl IntoIterator<Item = P>) -> Self {
        Self { puts: puts.into_iter().map(Into::into).collect() }
    }
}

impl<K: Into<String>, V: Into<Body>> From<(K, V)> for PutRequest {
    fn from((key, value): (K, V)) -> Self {
        Self::new(key, value)
    }
}

/// A delete request, for [`Namespace::delete`](crate::kv::Namespace::delete).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteRequest {
    /// The key: 1 to 512 bytes.
    pub key: String,
}

impl DeleteRequest {
    /// Creates a request to delete a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }
}

/// A bulk delete request, for [`Namespace::delete_many`](crate::kv::Namespace::delete_many).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteManyRequest {
    /// The keys: up to 10,000, each of 1 to 512 bytes.
    pub keys: Vec<String>,
}

impl DeleteManyRequest {
    /// Creates a request to delete these keys.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect() }
    }
}

/// A list request, for [`Namespace::list`](crate::kv::Namespace::list).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ListRequest {
    /// Lists only keys that start with this prefix. Default: empty, for all keys.
    pub prefix: String,
    /// Maximum number of keys per page: 1 to 1,000. Default: 1,000.
    pub limit: Option<u32>,
    /// The [`cursor`](ListPage::cursor) of the previous page. `None` lists the first page.
    pub cursor: Option<String>,
}

impl ListRequest {
    /// Creates a request for all keys.
    pub fn new() -> Self {
        Self::default()
    }
}

/// One page of keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListPage {
    /// The keys, ordered by their bytes. A page may be empty without being the last one.
    pub keys: Vec<ListedKey>,
    /// Whether this is the last page.
    pub list_complete: bool,
    /// The cursor to request the next page with. `None` on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl ListPage {
    /// Creates the last page, or the only one, with these keys.
    pub fn new(keys: Vec<ListedKey>) -> Self {
        Self { keys, list_complete: true, cursor: None }
    }

    /// Marks that more pages follow, starting at this cursor.
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
    /// The name of the key.
    pub name: String,
    /// When the key expires. `None` if it does not expire.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<SystemTime>,
    /// The metadata of its value, if it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl ListedKey {
    /// Creates a key without expiration and metadata.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), expiration: None, metadata: None }
    }
}
