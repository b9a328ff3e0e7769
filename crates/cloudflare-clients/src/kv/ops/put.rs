//! Stores a value.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::body::{Body, Replay};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::json;
use crate::kv::client::KvClient;
use crate::model::kv::limits::validate_put;
use crate::model::kv::{Metadata, PutRequest, value};

impl KvClient {
    /// Stores a value: `kv.put(key, value).expiration_ttl(hour).metadata(&metadata).await?`.
    pub fn put(&self, key: impl Into<String>, value: impl Into<Body>) -> Put {
        Put { client: self.clone(), request: PutRequest::new(key, value), refused: None }
    }

    /// Serializes a value as JSON and stores it.
    ///
    /// If the value cannot be serialized, awaiting the request returns
    /// [`ErrorKind::Serialization`](crate::ErrorKind).
    pub fn put_json<T: Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        let (value, refused) = match json::to_vec("the value", value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => (Body::empty(), Some(error)),
        };
        Put { refused, ..self.put(key, value) }
    }
}

/// A [put request](https://developers.cloudflare.com/kv/api/write-key-value-pairs/). Await it to store the
/// value; it replaces the key's value, metadata and expiration.
///
/// A value has at most 25 MiB, so a stream is read into memory first and can be retried. In a Worker a
/// JavaScript stream is not: it does not pass through the Worker's memory, may have an unknown length, and is
/// sent once.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Put {
    client: KvClient,
    request: PutRequest,
    /// Why the value or the metadata could not be serialized.
    refused: Option<Error>,
}

impl Put {
    /// Sets when the key
    /// [expires](https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys): at least 60
    /// seconds from now. Fractions of a second are cut off.
    pub fn expiration(mut self, at: SystemTime) -> Self {
        self.request.expiration = Some(at);
        self
    }

    /// Sets the time until the key expires: whole seconds, 60 or more. Fractions of a second are an error,
    /// because KV would cut them off. It overrides [`expiration`](Self::expiration).
    pub fn expiration_ttl(mut self, ttl: Duration) -> Self {
        self.request.expiration_ttl = Some(ttl);
        self
    }

    /// Sets the metadata: JSON of up to 1,024 bytes. `null` stores no metadata.
    ///
    /// If it cannot be serialized, awaiting the request returns
    /// [`ErrorKind::Serialization`](crate::ErrorKind).
    pub fn metadata<T: Serialize + ?Sized>(mut self, metadata: &T) -> Self {
        match Metadata::new(metadata) {
            Ok(metadata) => self.request.metadata = metadata.unless_null(),
            Err(error) => self.refused = Some(error),
        }
        self
    }

    async fn send(mut self) -> Result<()> {
        let key = self.request.key.clone();
        let operation = Operation::new("put", &key).sending(self.request.value.content_length());
        operation.check(self.refused.take().map_or(Ok(()), Err))?;
        operation.check(validate_put(&self.request, self.client.now()))?;
        let Self { client, mut request, .. } = self;
        let mut body = std::mem::replace(&mut request.value, Body::empty());
        if !body.is_replayable() && !body.passes_by() {
            body = operation.check(value::collect(body).await)?.into();
        }
        let replay = Replay::new(body);
        let attempt = || {
            let request = request.with_value(replay.next()?);
            Some(client.namespace().put(request))
        };
        client.attempts().run(&operation, attempt).await
    }
}

sent_when_awaited!(Put => ());
