//! Uploads over many requests: what is kept if one fails, and how much is in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloudflare_clients::http::StatusCode;
use cloudflare_clients::r2::{Body, Bucket, MIN_PART_SIZE, R2Service};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::{Error, ErrorKind, LocalBucket, RetryPolicy};
use futures_util::{StreamExt as _, stream};
use testkit::content;

#[allow(clippy::cast_possible_truncation)]
const PART: usize = MIN_PART_SIZE as usize;

async fn mock() -> (tempfile::TempDir, Arc<dyn Bucket>, Arc<MockBucket>, R2Service) {
    let folder = tempfile::tempdir().unwrap();
    let bucket: Arc<dyn Bucket> = Arc::new(LocalBucket::open(folder.path(), "media").await.unwrap());
    let mock = Arc::new(MockBucket::over(Arc::clone(&bucket)));
    let service = R2Service::new(Arc::clone(&mock)).with_retry(RetryPolicy::none());
    (folder, bucket, mock, service)
}

#[tokio::test]
async fn what_went_well_is_kept_without_gaps() {
    let (_folder, bucket, mock, service) = mock().await;
    let whole = content(4 * PART + 9, 0);
    // The second part fails after the third one has arrived.
    mock.upload_part.answers(move |request| {
        let bucket = Arc::clone(&bucket);
        Box::pin(async move {
            if request.part_number == 2 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                return Err(Error::from_status(StatusCode::BAD_REQUEST, "no"));
            }
            bucket.upload_part(request).await
        })
    });
    let mut upload = service.resumable_upload("k").part_size(PART);
    let failed = upload.send(whole.clone()).await.unwrap_err();
    assert_eq!((failed.kind(), failed.operation()), (ErrorKind::InvalidInput, Some("upload_part")));
    assert_eq!(upload.position(), MIN_PART_SIZE);

    // The part whose state could not be saved has arrived all the same.
    let failing = |_| std::future::ready(Err(Error::new(ErrorKind::Server, "not kept")));
    let (_folder, _, _, sound) = self::mock().await;
    let mut upload = sound.resumable_upload("k").part_size(PART);
    assert_eq!(upload.send_journaled(whole.clone(), failing).await.unwrap_err().message(), "not kept");
    let mut upload = sound.resume_upload(upload.state().unwrap().clone());
    let position = usize::try_from(upload.position()).unwrap();
    upload.send(whole.slice(position..)).await.unwrap();
    upload.complete().await.unwrap();
    assert!(sound.get("k").bytes().await.unwrap().unwrap() == whole);
}

#[tokio::test]
async fn a_stream_that_fails_keeps_the_parts_before() {
    let (_folder, _, mock, service) = mock().await;
    let whole = content(2 * PART + 9, 0);
    let broken = Error::new(ErrorKind::Connection, "the client went away");
    let pieces = [Ok(whole.slice(..PART + 100)), Ok(whole.slice(PART + 100..2 * PART - 1)), Err(broken)];
    let mut upload = service.resumable_upload("k").part_size(PART);
    let failed = upload.send(Body::from_stream(stream::iter(pieces), None)).await.unwrap_err();
    assert!(failed.message().contains("the client went away"), "{failed}");
    // Parts in flight have arrived; an incomplete part is sent again.
    assert_eq!(upload.position(), MIN_PART_SIZE);
    upload.send(whole.slice(PART..)).await.unwrap();
    upload.complete().await.unwrap();
    assert!(service.get("k").bytes().await.unwrap().unwrap() == whole);
    assert_eq!(mock.create_multipart_upload.calls(), 1);
}

#[tokio::test]
async fn two_parts_are_in_memory() {
    let (_folder, bucket, mock, service) = mock().await;
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (Arc::clone(&under_way), Arc::clone(&most));
    mock.upload_part.answers(move |request| {
        let (bucket, (under_way, most)) = (Arc::clone(&bucket), counted.clone());
        Box::pin(async move {
            most.fetch_max(under_way.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let part = bucket.upload_part(request).await;
            under_way.fetch_sub(1, Ordering::Relaxed);
            part
        })
    });
    let whole = content(6 * PART, 0);
    let read = Arc::new(AtomicUsize::new(0));
    let sink = Arc::clone(&read);
    let pieces: Vec<_> = whole.chunks(PART / 4).map(|piece| Ok(whole.slice_ref(piece))).collect();
    let pieces = stream::iter(pieces).inspect(move |_| {
        sink.fetch_add(PART / 4, Ordering::Relaxed);
    });
    let mut upload = service.resumable_upload("k").part_size(PART);
    let journal = |state: cloudflare_clients::r2::UploadState| {
        let ahead = read.load(Ordering::Relaxed) - usize::try_from(state.position()).unwrap();
        std::future::ready(if ahead <= 2 * PART {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Server, "too far"))
        })
    };
    upload.send_journaled(Body::from_stream(pieces, None), journal).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 2);
    assert!(service.get("k").bytes().await.unwrap().unwrap() == whole);
}
