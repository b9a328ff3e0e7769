//! Storing objects.

use std::future::IntoFuture;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::body::{Body, Replay};
use super::bucket::PutRequest;
use super::checksum::Checksum;
use super::conditional::Conditional;
use super::limits::validate_upload_size;
use super::object::{CustomMetadata, HttpMetadata, Object, StorageClass, StoredObject};
use super::service::R2Service;
use super::verify::SentMd5;
use crate::attempts::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::s3::endpoint::validate_key;

/// A put; awaiting it stores the object and gives what the service says of it.
///
/// A body of known length, up to [`MAX_SINGLE_UPLOAD`](super::MAX_SINGLE_UPLOAD), goes up in one request. A stream of unknown length is refused in a Worker;
/// elsewhere it goes up in parts of [`STREAM_PART_SIZE`](super::STREAM_PART_SIZE), of which three are in memory at once: so it may have 156.25 GiB, and its conditions are checked when
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
    pub(super) fn new(service: R2Service, key: String, body: Body) -> Self {
        Self { service, request: PutRequest::new(key, body), refused: None }
    }

    pub(super) fn json<T: Serialize + ?Sized>(service: R2Service, key: String, value: &T) -> Self {
        let (body, refused) = match json::to_vec("the value", value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => (Body::empty(), Some(error)),
        };
        let mut put = Self::new(service, key, body).content_type("application/json");
        put.refused = refused;
        put
    }

    /// `Content-Type`.
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        self.request.http_metadata.content_type = Some(value.into());
        self
    }

    /// `Cache-Control`.
    pub fn cache_control(mut self, value: impl Into<String>) -> Self {
        self.request.http_metadata.cache_control = Some(value.into());
        self
    }

    /// All HTTP metadata, in place of what was set before.
    pub fn http_metadata(mut self, metadata: HttpMetadata) -> Self {
        self.request.http_metadata = metadata;
        self
    }

    /// One name and value of custom metadata.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.custom_metadata.insert(name, value);
        self
    }

    /// All custom metadata, in place of what was set before.
    pub fn custom_metadata(mut self, metadata: CustomMetadata) -> Self {
        self.request.custom_metadata = metadata;
        self
    }

    /// How R2 stores the object; as the bucket says by default.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.request.storage_class = Some(class);
        self
    }

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
        validate_key(&self.request.key)?;
        self.request.http_metadata.validate()?;
        self.request.custom_metadata.validate()?;
        self.request.only_if.validate()?;
        match self.request.body.content_length() {
            Some(length) => validate_upload_size(length),
            // A Worker has no memory for the parts.
            None if cfg!(target_arch = "wasm32") => self.request.body.known_length().map(drop),
            None => Ok(()),
        }
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
        match service.run(operation, attempt).await {
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
