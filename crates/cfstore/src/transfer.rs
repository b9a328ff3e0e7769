//! Uploads of files: small ones in one request, large ones in parts.

use std::path::{Path, PathBuf};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{
    Body, Conditional, CustomMetadata, HttpMetadata, MAX_PARTS, MultipartUpload, R2Service, StoredObject,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::shutdown;

const MIB: u64 = 1024 * 1024;
/// Files above this go up in parts.
pub(crate) const MAX_WHOLE: u64 = 64 * MIB;
const MIN_PART_SIZE: u64 = 16 * MIB;
/// How many parts are under way at once.
const CONCURRENCY: usize = 4;

/// An object to be.
#[derive(Debug, Clone)]
pub(crate) struct NewObject {
    pub(crate) key: String,
    pub(crate) http_metadata: HttpMetadata,
    pub(crate) custom_metadata: CustomMetadata,
    /// Fail rather than replace.
    pub(crate) if_absent: bool,
}

impl NewObject {
    fn only_if(&self) -> Conditional {
        if self.if_absent { Conditional::new().etag_does_not_match("*") } else { Conditional::new() }
    }

    /// Refuses to replace an object before anything is sent. R2 checks the condition of a large upload only
    /// when it is complete, and other services may ignore it.
    async fn check_absent(&self, service: &R2Service) -> Result<()> {
        if self.if_absent && service.head(&self.key).await?.is_some() {
            let message =
                format!("put {:?}: there is an object of this key already, and nothing was sent", self.key);
            return Err(cloudflare_clients::Error::new(ErrorKind::PreconditionFailed, message).into());
        }
        Ok(())
    }

    fn put(&self, service: &R2Service, body: Body) -> cloudflare_clients::r2::Put {
        service
            .put(&self.key, body)
            .http_metadata(self.http_metadata.clone())
            .custom_metadata(self.custom_metadata.clone())
            .only_if(self.only_if())
    }
}

/// Uploads a regular file of `size` bytes.
pub(crate) async fn upload_file(
    service: &R2Service,
    path: &Path,
    size: u64,
    object: &NewObject,
    progress: &Progress,
) -> Result<StoredObject> {
    object.check_absent(service).await?;
    if size > MAX_WHOLE {
        return upload_parts(service, path, size, object, progress).await;
    }
    let body = Body::from_file(path).await?.on_progress(progress.reporter());
    Ok(object.put(service, body).await?)
}

/// Uploads what a stream gives, whose length nobody knows.
pub(crate) async fn upload_stream(
    service: &R2Service,
    input: impl stream::Stream<Item = cloudflare_clients::Result<bytes::Bytes>> + Send + 'static,
    object: &NewObject,
    progress: &Progress,
) -> Result<StoredObject> {
    object.check_absent(service).await?;
    // The service drops an unfinished upload when its input fails, and so is told of Ctrl-C by a failure.
    let interrupted = stream::once(shutdown::requested()?)
        .map(|()| Err(cloudflare_clients::Error::new(ErrorKind::Storage, INTERRUPTED)));
    // Ctrl-C ends the program at the other end of a pipe too: that is not the end of the input.
    let end = stream::once(async {
        tokio::time::sleep(shutdown::INTERRUPT_DELAY).await;
        None
    });
    let input = input.map(Some).chain(end);
    let input = stream::select(input.boxed(), interrupted.map(Some).boxed())
        .take_while(|item| std::future::ready(item.is_some()))
        .filter_map(std::future::ready);
    let body = Body::from_stream(input, None).on_progress(progress.reporter());
    match object.put(service, body).await {
        Err(error) if error.message() == INTERRUPTED => Err(Error::Interrupted),
        result => Ok(result?),
    }
}

const INTERRUPTED: &str = "interrupted";

async fn upload_parts(
    service: &R2Service,
    path: &Path,
    size: u64,
    object: &NewObject,
    progress: &Progress,
) -> Result<StoredObject> {
    let upload = service
        .create_multipart_upload(&object.key)
        .http_metadata(object.http_metadata.clone())
        .custom_metadata(object.custom_metadata.clone())
        .await?;
    let sent = shutdown::unless_requested(send_parts(&upload, path, size, object, progress)).await;
    // A second Ctrl-C does not wait for it.
    if sent.is_err()
        && let Err(error) = shutdown::unless_requested(async { Ok(upload.abort().await?) }).await
    {
        tracing::warn!(%error, "the unfinished upload could not be aborted; R2 drops it after 7 days");
    }
    sent
}

async fn send_parts(
    upload: &MultipartUpload,
    path: &Path,
    size: u64,
    object: &NewObject,
    progress: &Progress,
) -> Result<StoredObject> {
    let part_size = part_size(size);
    let parts = stream::iter(
        (1..=MAX_PARTS).zip((0..size).step_by(usize::try_from(part_size).unwrap_or(usize::MAX))),
    )
    .map(|(number, offset)| {
        let (upload, path, report) = (upload.clone(), PathBuf::from(path), progress.reporter());
        async move {
            let body = Body::from_file_range(path, offset, part_size).await?;
            upload.upload_part(number, body.on_progress(report)).await
        }
    })
    .buffer_unordered(CONCURRENCY)
    .try_collect::<Vec<_>>()
    .await?;
    Ok(upload.complete(parts).only_if(object.only_if()).await?)
}

/// The size of every part but the last: whole mebibytes, at least 16, and so many that 10,000 parts are enough.
fn part_size(size: u64) -> u64 {
    let needed = size.div_ceil(u64::from(MAX_PARTS)).next_multiple_of(MIB);
    needed.max(MIN_PART_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_are_enough() {
        assert_eq!(part_size(MAX_WHOLE + 1), 16 * MIB);
        assert_eq!(part_size(160_000 * MIB), 16 * MIB);
        assert_eq!(part_size(160_000 * MIB + 1), 17 * MIB);
        let largest = 5 * MIB * MIB;
        assert!(largest.div_ceil(part_size(largest)) <= MAX_PARTS.into());
    }
}
