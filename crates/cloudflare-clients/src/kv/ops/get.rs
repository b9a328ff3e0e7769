//! Reading a value.

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
    /// A value: `kv.get(key).text().await?`, or `.bytes()` or `.json()`; awaited itself, a [`Body`] to read as it arrives.
    pub fn get(&self, key: impl Into<String>) -> Get {
        Get(Read::new(self.clone(), key.into(), false))
    }

    /// A value with its metadata.
    ///
    /// Over REST, `text` and `json` are one request; `bytes` and the value as it arrives are two, and if the key is written
    /// between them the metadata is not that of the value.
    pub fn get_with_metadata(&self, key: impl Into<String>) -> GetWithMetadata {
        GetWithMetadata(Read::new(self.clone(), key.into(), true))
    }
}

/// A [get](https://developers.cloudflare.com/kv/api/read-key-value-pairs/): read it with [`text`](Self::text),
/// [`json`](Self::json) or [`bytes`](Self::bytes). Awaiting it gives the value to read as it arrives; one that is then cut off is
/// an error. It is `None` when there is no such key.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Get(Read);

/// A get of a value with its metadata; see [`Get`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetWithMetadata(Read);

impl Get {
    /// For how long this location may answer from its cache before it asks again: whole seconds, 30 or more, by default 60. For values
    /// that seldom change.
    ///
    /// REST has no cache: there it is [`ErrorKind::Unsupported`](crate::ErrorKind). The embedded store has none either, and is never
    /// stale.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.0.request.cache_ttl = Some(ttl);
        self
    }

    /// The bytes.
    pub async fn bytes(self) -> Result<Option<Bytes>> {
        Ok(self.0.whole(ValueType::Bytes, Ok).await?.map(|found| found.value))
    }

    /// The value as UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): it is not.
    pub async fn text(self) -> Result<Option<String>> {
        Ok(self.0.whole(ValueType::Text, value::text).await?.map(|found| found.value))
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): it is not, or not of this type.
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
    /// As [`Get::cache_ttl`].
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.0.request.cache_ttl = Some(ttl);
        self
    }

    /// The bytes. Over REST these are two requests.
    pub async fn bytes(self) -> Result<Option<ValueWithMetadata<Bytes>>> {
        self.0.whole(ValueType::Bytes, Ok).await
    }

    /// The value as UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): it is not.
    pub async fn text(self) -> Result<Option<ValueWithMetadata<String>>> {
        self.0.whole(ValueType::Text, value::text).await
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): it is not, or not of this type.
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

/// What both gets are.
#[derive(Debug, Clone)]
pub(super) struct Read {
    client: KvClient,
    pub(super) request: GetRequest,
    with_metadata: bool,
    /// The method that it is a part of.
    name: &'static str,
}

impl Read {
    pub(super) fn new(client: KvClient, key: String, with_metadata: bool) -> Self {
        let name = if with_metadata { "get_with_metadata" } else { "get" };
        Self { client, request: GetRequest::new(key), with_metadata, name }
    }

    /// The same as a part of another method.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn operation(&self) -> Operation<'_> {
        Operation::new(self.name, &self.request.key)
    }

    /// The value as it arrives.
    async fn body(self) -> Result<Option<ValueWithMetadata<Body>>> {
        let operation = self.operation();
        operation.check(self.validate())?;
        let found = self.client.attempts().run(&operation, || Some(self.attempt().boxed())).await?;
        Ok(found.map(|found| found.map(|body| body.read_by(self.name, &self.request.key))))
    }

    /// All of the value, read within the attempt. What it is read as does not change when it is read again.
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
