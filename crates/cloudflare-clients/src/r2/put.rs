//! Storing objects.

use std::future::IntoFuture;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::body::{Body, ByteStream, Replay};
use super::bucket::{CreateMultipartUploadRequest, PutRequest};
use super::checksum::{Checksum, Hasher};
use super::conditional::Conditional;
use super::limits::{MAX_PARTS, validate_upload_size};
use super::multipart::CreateMultipartUpload;
use super::object::{CustomMetadata, HttpMetadata, Object, StorageClass, StoredObject};
use super::service::{Operation, R2Service};
use super::verify::SentMd5;
use crate::error::{Error, ErrorKind, Result};
use crate::s3::endpoint::validate_key;

/// The size of the parts in which a stream of unknown length goes up: 16 MiB.
pub const STREAM_PART_SIZE: usize = 16 * 1024 * 1024;

/// How many parts of a stream of unknown length are under way at once.
const STREAM_CONCURRENCY: usize = 3;

/// A put; awaiting it stores the object and gives what the service says of it.
///
/// A body of known length, up to [`MAX_SINGLE_UPLOAD`](super::MAX_SINGLE_UPLOAD), goes up in one request. A stream of unknown length goes up in parts
/// of [`STREAM_PART_SIZE`], of which three are in memory at once: so it may have 156.25 GiB, and its conditions are checked when
/// it is complete. One that fails is aborted; one that is dropped leaves its parts to R2, which deletes them after 7 days.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Put {
    service: R2Service,
    request: PutRequest,
    /// What was wrong with the value to store.
    refused: Option<Error>,
}

impl Put {
    pub(super) fn new(service: R2Service, key: String, body: Body) -> Self {
        Self { service, request: PutRequest::new(key, body), refused: None }
    }

    pub(super) fn json<T: Serialize + ?Sized>(service: R2Service, key: String, value: &T) -> Self {
        let (body, refused) = match serde_json::to_vec(value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => {
                let message = format!("the value does not serialise as JSON: {error}");
                (Body::empty(), Some(Error::new(ErrorKind::Serialization, message).with_source(error)))
            }
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
        if self.request.body.content_length().is_none() {
            if !self.service.bucket().has_memory_for_parts() {
                operation.check(self.request.body.known_length())?;
            }
            let stream = std::mem::replace(&mut self.request.body, Body::empty()).into_stream();
            let mut parts = Parts::new(stream, self.request.checksum);
            let first = operation.check(parts.next().await)?.unwrap_or_default();
            if let Some(second) = operation.check(parts.next().await)? {
                let parts = stream::iter([Ok(first), Ok(second)]).chain(parts.into_stream());
                return operation.check(self.send_parts(parts).await);
            }
            // What fits into one part needs no upload in parts.
            self.request.body = first.into();
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
        self.request.body.content_length().map_or(Ok(()), validate_upload_size)
    }

    async fn send_whole(self, operation: &Operation<'_>) -> Result<StoredObject> {
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

    /// Uploads parts as they come, and completes the upload when they end.
    async fn send_parts(self, parts: impl Stream<Item = Result<Bytes>> + Send) -> Result<StoredObject> {
        let PutRequest { key, http_metadata, custom_metadata, storage_class, only_if, .. } = self.request;
        let request = CreateMultipartUploadRequest { key, http_metadata, custom_metadata, storage_class };
        let upload = CreateMultipartUpload::from_request(self.service, request).await?;
        let uploads = parts.zip(stream::iter(1..)).map(|(part, number)| {
            let upload = &upload;
            async move {
                let part = part?;
                if number > MAX_PARTS {
                    return Err(Error::invalid_input(
                        "the stream has more than 156.25 GiB, 10,000 parts of 16 MiB, the limit where its length is not \
                         known: give its length, or upload it in larger parts with `create_multipart_upload`",
                    )
                    .with_code("EntityTooLarge"));
                }
                upload.upload_part(number, part).await
            }
        });
        let uploaded: Result<Vec<_>> = uploads.buffered(STREAM_CONCURRENCY).try_collect().await;
        let error = match uploaded {
            Ok(parts) => match upload.complete(parts).only_if(only_if).await {
                Ok(stored) => return Ok(stored),
                Err(error) => error,
            },
            Err(error) => error,
        };
        if let Err(failed) = upload.abort().await {
            tracing::warn!(error = %failed, "an unfinished upload could not be aborted; R2 drops it after 7 days");
        }
        Err(error)
    }
}

impl IntoFuture for Put {
    type Output = Result<StoredObject>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}

/// Cuts a stream into parts of [`STREAM_PART_SIZE`], the last one shorter.
struct Parts {
    stream: ByteStream,
    collected: BytesMut,
    checksum: Option<(Checksum, Hasher)>,
    ended: bool,
}

impl Parts {
    fn new(stream: ByteStream, checksum: Option<Checksum>) -> Self {
        let checksum = checksum.map(|checksum| (checksum, Hasher::new(checksum.algorithm())));
        Self { stream, collected: BytesMut::new(), checksum, ended: false }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.ended && self.collected.len() < STREAM_PART_SIZE {
            match self.stream.try_next().await? {
                Some(bytes) => {
                    if let Some((_, hasher)) = &mut self.checksum {
                        hasher.update(&bytes);
                    }
                    self.collected.extend_from_slice(&bytes);
                }
                None => self.end()?,
            }
        }
        let size = self.collected.len().min(STREAM_PART_SIZE);
        Ok((size > 0).then(|| self.collected.split_to(size).freeze()))
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        match self.checksum.take() {
            Some((expected, hasher)) => {
                let found = hasher.finish();
                if found == expected {
                    return Ok(());
                }
                let message = format!("the stream hashes to {found:?}, not to {expected:?}");
                Err(Error::new(ErrorKind::Integrity, message).with_code("BadDigest"))
            }
            None => Ok(()),
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold(self, |mut parts| async move { Ok(parts.next().await?.map(|part| (part, parts))) })
    }
}
