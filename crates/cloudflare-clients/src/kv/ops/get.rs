//! Reads a value.

use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use crate::body::Body;
use crate::client::operation::Operation;
use crate::error::Result;
use crate::json;
use crate::kv::client::KvClient;
use crate::model::kv::limits::{validate_cache_ttl, validate_key};
use crate::model::kv::{GetRequest, ValueType, ValueWithMetadata, value};

impl KvClient {
    /// Reads a value: `kv.get(key).text().await?`, `.bytes()` or `.json()`. Awaiting the request itself
    /// returns a [`Body`] to stream.
    pub fn get(&self, key: impl Into<String>) -> Get {
        Get(Read::new(self.clone(), key.into(), false))
    }

    /// Reads a value with its metadata.
    ///
    /// Over REST, `text` and `json` send one request. `bytes` and a streamed value send two: if the key is
    /// written between them, the metadata belongs to another value.
    pub fn get_with_metadata(&self, key: impl Into<String>) -> GetWithMetadata {
        GetWithMetadata(Read::new(self.clone(), key.into(), true))
    }
}

/// A [get request](https://developers.cloudflare.com/kv/api/read-key-value-pairs/). Read the value with
/// [`text`](Self::text), [`json`](Self::json) or [`bytes`](Self::bytes). Awaiting the request itself returns
/// the value as a stream; a stream that is cut off ends with an error. A missing key is `None`.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Get(Read);

/// A get request for a value with its metadata; see [`Get`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetWithMetadata(Read);

impl Get {
    /// Sets for how long this location may answer from its cache before it reads the value again: whole
    /// seconds, 30 or more. Default: 60 seconds. Use a longer time for values that seldom change.
    ///
    /// REST has no cache and returns [`ErrorKind::Unsupported`](crate::ErrorKind). The embedded store has no
    /// cache either; it ignores the time and never returns stale values.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.0.request.cache_ttl = Some(ttl);
        self
    }

    /// Returns the value as bytes.
    pub async fn bytes(self) -> Result<Option<Bytes>> {
        Ok(self.0.whole(ValueType::Bytes, Ok).await?.map(|found| found.value))
    }

    /// Returns the value as text.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the value is not UTF-8.
    pub async fn text(self) -> Result<Option<String>> {
        Ok(self.0.whole(ValueType::Text, value::text).await?.map(|found| found.value))
    }

    /// Deserializes the value from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the value is not JSON, or does not match the type.
    pub async fn json<T: DeserializeOwned>(self) -> Result<Option<T>> {
        Ok(self
            .0
            .whole(ValueType::Text, |bytes| json::from_slice("the value", &bytes))
            .await?
            .map(|found| found.value))
    }
}

impl IntoFuture for Get {
    type Output = Result<Option<Body>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move { Ok(self.0.body().await?.map(|found| found.value)) }.boxed()
    }
}

impl GetWithMetadata {
    /// Sets the cache time; see [`Get::cache_ttl`].
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.0.request.cache_ttl = Some(ttl);
        self
    }

    /// Returns the value as bytes, with its metadata. Over REST this sends two requests.
    pub async fn bytes(self) -> Result<Option<ValueWithMetadata<Bytes>>> {
        self.0.whole(ValueType::Bytes, Ok).await
    }

    /// Returns the value as text, with its metadata.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the value is not UTF-8.
    pub async fn text(self) -> Result<Option<ValueWithMetadata<String>>> {
        self.0.whole(ValueType::Text, value::text).await
    }

    /// Deserializes the value from JSON, and returns it with its metadata.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the value is not JSON, or does not match the type.
    pub async fn json<T: DeserializeOwned>(self) -> Result<Option<ValueWithMetadata<T>>> {
        self.0.whole(ValueType::Text, |bytes| json::from_slice("the value", &bytes)).await
    }
}

impl IntoFuture for GetWithMetadata {
    type Output = Result<Option<ValueWithMetadata<Body>>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.body().boxed()
    }
}

/// The shared part of both get requests.
#[derive(Debug, Clone)]
pub(super) struct Read {
    client: KvClient,
    pub(super) request: GetRequest,
    with_metadata: bool,
    /// The name of the public method that sends it, for errors and spans.
    name: &'static str,
}

impl Read {
    pub(super) fn new(client: KvClient, key: String, with_metadata: bool) -> Self {
        let name = if with_metadata { "get_with_metadata" } else { "get" };
        Self { client, request: GetRequest::new(key), with_metadata, name }
    }

    /// Names another method in errors and spans.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn operation(&self) -> Operation<'_> {
        Operation::new(self.name, &self.request.key)
    }

    /// Returns the value as a stream.
    async fn body(self) -> Result<Option<ValueWithMetadata<Body>>> {
        let operation = self.operation();
        operation.check(self.validate())?;
        let found = self.client.attempts().run(&operation, || Some(self.attempt().boxed())).await?;
        Ok(found.map(|found| found.map(|body| body.read_by(self.name, &self.request.key))))
    }

    /// Reads the whole value within the attempt. `read` converts it afterwards, because a second attempt
    /// would return the same bytes.
    pub(super) async fn whole<T>(
        mut self,
        value_type: ValueType,
        read: impl FnOnce(Bytes) -> Result<T>,
    ) -> Result<Option<ValueWithMetadata<T>>> {
        self.request.value_type = value_type;
        let operation = self.operation();
        operation.check(self.validate())?;
        let attempt = || async {
            let Some(found) = self.attempt().await? else { return Ok(None) };
            let (value, found) = found.split();
            let value = value.read_by(self.name, &self.request.key).bytes().await?;
            Ok(Some(found.map(|()| value)))
        };
        let found = self.client.attempts().run(&operation, || Some(attempt().boxed())).await?;
        operation.check_answer(found.map(|found| found.try_map(read)).transpose())
    }

    fn validate(&self) -> Result<()> {
        validate_key(&self.request.key)?;
        validate_cache_ttl(self.request.cache_ttl)
    }

    async fn attempt(&self) -> Result<Option<ValueWithMetadata<Body>>> {
        let (namespace, request) = (self.client.namespace(), self.request.clone());
        if self.with_metadata {
            return namespace.get_with_metadata(request).await;
        }
        Ok(namespace.get(request).await?.map(ValueWithMetadata::new))
    }
}
