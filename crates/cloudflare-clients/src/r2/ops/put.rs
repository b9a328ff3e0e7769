//! Storing objects.

use std::future::IntoFuture;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::setters::metadata_setters;
use crate::body::{Body, Replay};
use crate::client::operation::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::model::r2::{
    Checksum, Conditional, CustomMetadata, HttpMetadata, Object, PutRequest, StorageClass, StoredObject,
};
use crate::r2::service::R2Service;
use crate::r2::verify::SentMd5;

impl R2Service {
    /// Stores an object: `r2.put(key, bytes).content_type("video/mp4").await?`.
    pub fn put(&self, key: impl Into<String>, body: impl Into<Body>) -> Put {
        Put { service: self.clone(), request: PutRequest::new(key, body), refused: None }
    }

    /// Stores a value as JSON, with the content type `application/json`.
    ///
    /// A value that does not serialise is [`ErrorKind::Serialization`] when the request is awaited.
    pub fn put_json<T: serde::Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        let (body, refused) = match json::to_vec("the value", value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => (Body::empty(), Some(error)),
        };
        Put { refused, ..self.put(key, body).content_type("application/json") }
    }
}

/// A put; awaiting it stores the object and gives what the service says of it.
///
/// A body of known length, up to [`MAX_SINGLE_UPLOAD`](crate::r2::MAX_SINGLE_UPLOAD), goes up in one request. A stream of unknown length is refused in a Worker;
/// elsewhere it goes up in parts of [`STREAM_PART_SIZE`](crate::r2::STREAM_PART_SIZE), of which three are in memory at once: so it may have 156.25 GiB, and its conditions are checked when
/// it is complete. One that fails is aborted; one that is dropped leaves its parts to R2, which deletes them after 7 days.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Put {
    pub(super) service: R2Service,
    pub(super) request: PutRequest,
    /// What was wrong with the value to store.
    refused: Option<Error>,
}

impl Put {
    metadata_setters!();

    /// What the bytes must hash to; else the put fails with [`ErrorKind::Integrity`] and stores nothing.
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.request.checksum = Some(checksum);
        self
    }

    /// What an object that is there must meet; else the put fails with [`ErrorKind::PreconditionFailed`]. To create only:
    /// `Conditional::new().etag_does_not_match("*")`.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.request.only_if = only_if;
        self
    }

    async fn send(mut self) -> Result<StoredObject> {
        let key = self.request.key.clone();
        let operation = Operation::new("put", &key).sending(self.request.body.content_length());
        operation.check(self.validate())?;
        #[cfg(not(target_arch = "wasm32"))]
        if self.request.body.content_length().is_none() {
            return operation.check(self.send_in_parts(&operation).await);
        }
        self.send_whole(&operation).await
    }

    fn validate(&mut self) -> Result<()> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        self.request.validate()?;
        if cfg!(target_arch = "wasm32") {
            // A Worker has no memory for the parts of what has no length.
            self.request.body.known_length()?;
        }
        Ok(())
    }

    pub(super) async fn send_whole(self, operation: &Operation<'_>) -> Result<StoredObject> {
        let Self { service, request, .. } = self;
        let PutRequest { key, body, http_metadata, custom_metadata, storage_class, checksum, only_if } =
            request;
        let length = body.content_length().unwrap_or_default();
        let sent = SentMd5::new(&service, &body, checksum).await;
        let checksum = checksum.or(sent.get());
        let replay = Replay::new(body);
        // What the first attempt has stored of us, damaged on its way: the object that the next one may replace.
        let damaged = Arc::new(OnceLock::new());
        let attempt = || {
            let replaced = damaged.get().filter(|_| !only_if.is_empty());
            let request = PutRequest {
                key: key.clone(),
                body: sent.observe(replay.next()?),
                http_metadata: http_metadata.clone(),
                custom_metadata: custom_metadata.clone(),
                storage_class,
                checksum,
                only_if: replaced
                    .map_or_else(|| only_if.clone(), |etag: &String| Conditional::new().etag_matches(etag)),
            };
            let (bucket, sent, damaged) = (service.bucket().clone(), sent.clone(), damaged.clone());
            let put = async move {
                let stored = bucket.put(request).await?;
                sent.check_etag(&stored.etag).inspect_err(|_| {
                    let _ = damaged.set(stored.etag.clone());
                })?;
                Ok(stored)
            };
            Some(put.boxed())
        };
        match service.attempts().run(operation, attempt).await {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed && error.attempts() > 1 => {
                let Some(md5) = operation.check(sent.get_or_read(&replay).await)? else {
                    return Err(error);
                };
                let stored = |object: &Object| object.size == length && object.etag == md5.to_hex();
                service.unless_stored(&key, error, stored).await
            }
            result => result,
        }
    }
}

impl IntoFuture for Put {
    type Output = Result<StoredObject>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}
