//! Storing streams of unknown length, in parts.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};

use super::create_multipart_upload::CreateMultipartUpload;
use super::put_whole::put_whole;
use crate::body::{Body, ByteStream};
use crate::client::operation::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{BAD_DIGEST, ENTITY_TOO_LARGE};
use crate::model::r2::{Checksum, CreateMultipartUploadRequest, Hasher, MAX_PARTS, PutRequest, StoredObject};
use crate::r2::service::R2Service;

/// The size of the parts in which a stream of unknown length goes up: 16 MiB.
pub const STREAM_PART_SIZE: usize = 16 * 1024 * 1024;

/// How many parts of a stream of unknown length are under way at once.
const STREAM_CONCURRENCY: usize = 3;

/// The body's length is not known.
pub(super) async fn put_in_parts(
    service: R2Service,
    mut request: PutRequest,
    operation: &Operation<'_>,
) -> Result<StoredObject> {
    let stream = std::mem::replace(&mut request.body, Body::empty()).into_sent_stream();
    let mut parts = Parts::new(stream, request.checksum);
    let first = parts.next().await?.unwrap_or_default();
    if let Some(second) = parts.next().await? {
        let parts = stream::iter([Ok(first), Ok(second)]).chain(parts.into_stream());
        return put_parts(service, request, parts).await;
    }
    // What fits into one part needs no upload in parts.
    request.body = first.into();
    put_whole(service, request, operation).await
}

/// Uploads parts as they come, and completes the upload when they end.
async fn put_parts(
    service: R2Service,
    request: PutRequest,
    parts: impl Stream<Item = Result<Bytes>> + Send,
) -> Result<StoredObject> {
    let PutRequest { key, body: _, http_metadata, custom_metadata, storage_class, checksum: _, only_if } =
        request;
    let request = CreateMultipartUploadRequest {
        http_metadata,
        custom_metadata,
        storage_class,
        ..CreateMultipartUploadRequest::new(key)
    };
    let upload = CreateMultipartUpload::from_request(service, request).await?;
    let uploads = parts.zip(stream::iter(1..)).map(|(part, number)| {
        let upload = &upload;
        async move {
            let part = part?;
            if number > MAX_PARTS {
                return Err(Error::invalid_input(
                    "the stream has more than 156.25 GiB, 10,000 parts of 16 MiB, the limit where its length is not \
                     known: give its length, or upload it in larger parts with `create_multipart_upload`",
                )
                .with_code(ENTITY_TOO_LARGE.name));
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
                Err(Error::new(ErrorKind::Integrity, message).with_code(BAD_DIGEST.name))
            }
            None => Ok(()),
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold(self, |mut parts| async move { Ok(parts.next().await?.map(|part| (part, parts))) })
    }
}
