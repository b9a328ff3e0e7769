//! Storing a value.

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

    /// Stores a value as JSON.
    ///
    /// A value that does not serialise is [`ErrorKind::Serialization`](crate::ErrorKind) when the request is awaited.
    pub fn put_json<T: Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        let (value, refused) = match json::to_vec("the value", value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => (Body::empty(), Some(error)),
        };
        Put { refused, ..self.put(key, value) }
    }
}

/// A [put](https://developers.cloudflare.com/kv/api/write-key-value-pairs/); awaiting it stores the value, in place of the key's
/// value, metadata and expiry.
///
/// A value has up to 25 MiB, so a stream is read into memory, and can be sent again. In a Worker a stream of JavaScript is not:
/// it passes by the Worker's memory, may be of unknown length, and is sent once.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Put {
    client: KvClient,
    request: PutRequest,
    /// What was wrong with the value or the metadata.
    refused: Option<Error>,
}

impl Put {
    /// When the key [expires](https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys): 60 seconds from now or
    /// later. It is cut to whole seconds.
    pub fn expiration(mut self, at: SystemTime) -> Self {
        self.request.expiration = Some(at);
        self
    }

    /// After how long the key expires: whole seconds, 60 or more. Others are refused, since KV would cut them. It wins over
    /// [`expiration`](Self::expiration).
    pub fn expiration_ttl(mut self, ttl: Duration) -> Self {
        self.request.expiration_ttl = Some(ttl);
        self
    }

    /// What to keep beside the value, up to 1,024 bytes as JSON. `null` is none.
    ///
    /// What does not serialise is [`ErrorKind::Serialization`](crate::ErrorKind) when the request is awaited.
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
