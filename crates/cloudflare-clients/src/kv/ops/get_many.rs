//! Reads many values.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::CONCURRENCY;
use super::get::Read;
use crate::client::operation::Operation;
use crate::client::outcomes::{Outcomes, one_for_each};
use crate::error::Result;
use crate::json;
use crate::kv::client::KvClient;
use crate::model::kv::limits::{validate_cache_ttl, validate_key};
use crate::model::kv::{GetManyRequest, MAX_BULK_GET, ValueType, ValueWithMetadata, value};

impl KvClient {
    /// Reads many values, 100 per request: `kv.get_many(keys).text().await?`, or `.json()`. `.bytes()` sends
    /// one request per key, 8 concurrently, because KV's bulk reads return text only.
    pub fn get_many<K: Into<String>>(&self, keys: impl IntoIterator<Item = K>) -> GetMany {
        GetMany(ReadMany::new(self, keys, false))
    }

    /// Reads many values with their metadata; see [`get_many`](Self::get_many).
    pub fn get_many_with_metadata<K: Into<String>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> GetManyWithMetadata {
        GetManyWithMetadata(ReadMany::new(self, keys, true))
    }
}

type Found<T> = Option<ValueWithMetadata<T>>;

/// A [request to get many
/// keys](https://developers.cloudflare.com/kv/api/read-key-value-pairs/#request-multiple-keys-with-the-get-method).
/// Read the values with [`text`](Self::text), [`json`](Self::json) or [`bytes`](Self::bytes). A missing key
/// is `None`.
///
/// If a request of 100 keys fails, each of its keys gets the error; the other requests are still sent.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetMany(ReadMany);

/// A request to get many keys with their metadata; see [`GetMany`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetManyWithMetadata(ReadMany);

impl GetMany {
    /// Sets the cache time; see [`Get::cache_ttl`](super::Get::cache_ttl).
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.0.cache_ttl = Some(ttl);
        self
    }

    /// Returns the values as text. KV replaces bytes that are not UTF-8: read such values with
    /// [`bytes`](Self::bytes).
    ///
    /// # Errors
    /// A key that KV would reject fails the whole request before anything is sent.
    pub async fn text(self) -> Result<Outcomes<Option<String>>> {
        Ok(without_metadata(self.0.texts().await?))
    }

    /// Deserializes the values from JSON. A value that is not JSON of this type is
    /// [`ErrorKind::Serialization`](crate::ErrorKind) for its own key only.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    pub async fn json<T: DeserializeOwned>(self) -> Result<Outcomes<Option<T>>> {
        Ok(without_metadata(parsed(self.0.name(), self.0.texts().await?)))
    }

    /// Returns the values as bytes. Sends one request per key, 8 concurrently.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    pub async fn bytes(self) -> Result<Outcomes<Option<Bytes>>> {
        Ok(without_metadata(self.0.bytes().await?))
    }
}

impl GetManyWithMetadata {
    /// Sets the cache time; see [`Get::cache_ttl`](super::Get::cache_ttl).
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.0.cache_ttl = Some(ttl);
        self
    }

    /// Returns the values as text, with their metadata; see [`GetMany::text`].
    ///
    /// # Errors
    /// The errors of [`GetMany::text`].
    pub async fn text(self) -> Result<Outcomes<Option<ValueWithMetadata<String>>>> {
        self.0.texts().await
    }

    /// Deserializes the values from JSON, and returns them with their metadata; see [`GetMany::json`].
    ///
    /// # Errors
    /// The errors of [`GetMany::text`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<Outcomes<Option<ValueWithMetadata<T>>>> {
        Ok(parsed(self.0.name(), self.0.texts().await?))
    }

    /// Returns the values as bytes, with their metadata; see [`GetMany::bytes`]. Over REST this sends two
    /// requests per key.
    ///
    /// # Errors
    /// The errors of [`GetMany::text`].
    pub async fn bytes(self) -> Result<Outcomes<Option<ValueWithMetadata<Bytes>>>> {
        self.0.bytes().await
    }
}

fn without_metadata<T>(found: Outcomes<Found<T>>) -> Outcomes<Option<T>> {
    found.map(|_, found| Ok(found.map(|found| found.value)))
}

fn parsed<T: DeserializeOwned>(
    operation: &'static str,
    texts: Outcomes<Found<String>>,
) -> Outcomes<Found<T>> {
    texts.map(|key, found| {
        let parsed = found
            .map(|found| found.try_map(|text| json::from_slice("the value", text.as_bytes())))
            .transpose();
        Operation::new(operation, key).check_answer(parsed)
    })
}

/// The shared part of both requests.
#[derive(Debug, Clone)]
struct ReadMany {
    client: KvClient,
    keys: Vec<String>,
    cache_ttl: Option<Duration>,
    with_metadata: bool,
}

impl ReadMany {
    fn new<K: Into<String>>(
        client: &KvClient,
        keys: impl IntoIterator<Item = K>,
        with_metadata: bool,
    ) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self { client: client.clone(), keys, cache_ttl: None, with_metadata }
    }

    /// Returns the name of the public method.
    fn name(&self) -> &'static str {
        if self.with_metadata { "get_many_with_metadata" } else { "get_many" }
    }

    fn validate(&self) -> Result<()> {
        for key in &self.keys {
            Operation::new(self.name(), key).check(validate_key(key))?;
        }
        Operation::without_key(self.name()).check(validate_cache_ttl(self.cache_ttl))
    }

    async fn texts(&self) -> Result<Outcomes<Found<String>>> {
        self.validate()?;
        let chunk = |keys: &[String]| {
            let &Self { ref client, cache_ttl, with_metadata, .. } = self;
            Self { client: client.clone(), keys: keys.to_vec(), cache_ttl, with_metadata }.request()
        };
        let requests: Vec<_> = self.keys.chunks(MAX_BULK_GET).map(chunk).collect();
        let results: Vec<_> = stream::iter(requests).buffered(CONCURRENCY).collect().await;
        Ok(Outcomes { results: results.into_iter().flatten().collect() })
    }

    /// Sends one request. If the values are too large together, it reads them one by one.
    fn request(self) -> BoxFuture<'static, Vec<(String, Result<Found<String>>)>> {
        async move {
            let Self { client, keys, cache_ttl, with_metadata } = &self;
            let operation = Operation::without_key(self.name());
            let request =
                GetManyRequest { keys: keys.clone(), with_metadata: *with_metadata, cache_ttl: *cache_ttl };
            let found = client
                .attempts()
                .run(&operation, || Some(client.namespace().get_many(request.clone())))
                .await;
            let named = |(key, found): (&String, Result<Found<String>>)| {
                (key.clone(), Operation::new(self.name(), key).check_answer(found))
            };
            match found.and_then(|found| operation.check_answer(one_for_each(keys.len(), found))) {
                Ok(found) => keys.iter().zip(found).map(named).collect(),
                Err(error) if error.status() == Some(StatusCode::PAYLOAD_TOO_LARGE) => {
                    self.one_by_one(ValueType::Text, value::text).await
                }
                Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
            }
        }
        .boxed()
    }

    async fn bytes(self) -> Result<Outcomes<Found<Bytes>>> {
        self.validate()?;
        let results = self.one_by_one(ValueType::Bytes, Ok).await;
        Ok(Outcomes { results })
    }

    async fn one_by_one<T: Send + 'static>(
        &self,
        value_type: ValueType,
        read: fn(Bytes) -> Result<T>,
    ) -> Vec<(String, Result<Found<T>>)> {
        let reads: Vec<_> = self
            .keys
            .iter()
            .cloned()
            .map(|key| {
                let get = Read::new(self.client.clone(), key.clone(), self.with_metadata);
                let mut get = get.named(self.name());
                get.request.cache_ttl = self.cache_ttl;
                async move { (key, get.whole(value_type, read).await) }
            })
            .collect();
        stream::iter(reads).buffered(CONCURRENCY).collect().await
    }
}
