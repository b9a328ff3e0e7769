//! Copies of objects: by the service and through the client, verified, and of sources that change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::r2::{
    Body, Bucket, ChecksumAlgorithm, Conditional, MIN_PART_SIZE, R2Service, StorageClass,
};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::transfer::{ObjectCopy, Verified};
use cloudflare_clients::{Error, ErrorKind, LocalBucket, LocalStore, RetryPolicy};
use tempfile::TempDir;
use testkit::{BUCKET, LocalServer, content};
use tokio::sync::Notify;

const PART: u64 = MIN_PART_SIZE;
/// Three parts, the last of them shorter.
const SIZE: usize = 13 * 1024 * 1024;

/// Two buckets of one account.
struct Fixture {
    source: Arc<dyn Bucket>,
    other: Arc<dyn Bucket>,
    bytes: Bytes,
    server: Option<LocalServer>,
    _folder: TempDir,
}

impl Fixture {
    async fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).await.unwrap();
        for name in ["media", "other"] {
            store.create_bucket(name).await.unwrap();
        }
        let bucket = |name| -> Arc<dyn Bucket> { Arc::new(store.bucket(name).unwrap()) };
        Self {
            source: bucket("media"),
            other: bucket("other"),
            bytes: content(SIZE, 1),
            server: None,
            _folder: folder,
        }
    }

    async fn s3() -> Self {
        let server = LocalServer::start().await;
        server.store.create_bucket("other").await.unwrap();
        Self {
            source: Arc::new(server.bucket(BUCKET)),
            other: Arc::new(server.bucket("other")),
            bytes: content(SIZE, 1),
            server: Some(server),
            _folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Services over mocks of both buckets, to count and fail their requests.
    fn mocks(&self) -> [(Arc<MockBucket>, R2Service); 2] {
        [&self.source, &self.other].map(|bucket| {
            let mock = Arc::new(MockBucket::over(Arc::clone(bucket)));
            (Arc::clone(&mock), R2Service::new(mock).with_retry(RetryPolicy::none()))
        })
    }

    /// Stores the source in one request.
    async fn put(&self) {
        let put = R2Service::new(Arc::clone(&self.source)).put("from ä", self.bytes.clone());
        put.content_type("video/mp4")
            .metadata("by", "me")
            .storage_class(StorageClass::InfrequentAccess)
            .await
            .unwrap();
    }

    /// Uploads the source in parts.
    async fn put_in_parts(&self, part: u64, with_crc: bool) {
        let service = R2Service::new(Arc::clone(&self.source));
        let mut create = service
            .create_multipart_upload("from ä")
            .content_type("video/mp4")
            .metadata("by", "me")
            .storage_class(StorageClass::InfrequentAccess);
        if with_crc {
            create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
        }
        let upload = create.await.unwrap();
        let mut parts = Vec::new();
        for (chunk, number) in self.bytes.chunks(usize::try_from(part).unwrap()).zip(1..) {
            parts.push(upload.upload_part(number, self.bytes.slice_ref(chunk)).await.unwrap());
        }
        upload.complete(parts).await.unwrap();
    }

    async fn assert_copied(&self, bucket: &Arc<dyn Bucket>, key: &str) {
        let service = R2Service::new(Arc::clone(bucket));
        let copy = service.get(key).await.unwrap().unwrap();
        assert_eq!((copy.content_type(), copy.metadata("by")), (Some("video/mp4"), Some("me")));
        assert_eq!(copy.storage_class, Some(StorageClass::InfrequentAccess));
        assert!(copy.bytes().await.unwrap() == self.bytes);
        self.assert_no_uploads().await;
    }

    async fn assert_nothing(&self, bucket: &Arc<dyn Bucket>, key: &str) {
        assert!(R2Service::new(Arc::clone(bucket)).head(key).await.unwrap().is_none());
        self.assert_no_uploads().await;
    }

    async fn assert_no_uploads(&self) {
        for bucket in [&self.source, &self.other] {
            let uploads = R2Service::new(Arc::clone(bucket)).list_multipart_uploads().await.unwrap();
            assert!(uploads.uploads.is_empty(), "{uploads:?}");
        }
    }
}

/// A copy in parts of 5 MiB.
fn in_parts(copy: ObjectCopy) -> ObjectCopy {
    copy.whole_up_to(0).part_size(PART)
}

/// A bucket of a different account.
async fn elsewhere() -> (TempDir, Arc<dyn Bucket>) {
    let folder = tempfile::tempdir().unwrap();
    let bucket = LocalBucket::open(folder.path(), "media").await.unwrap();
    (folder, Arc::new(bucket))
}

#[tokio::test]
async fn the_service_copies_whole_objects_by_one_request() {
    for fixture in [Fixture::local().await, Fixture::s3().await] {
        fixture.put().await;
        let [(source, from), (other, to)] = fixture.mocks();
        let copied = from.copy_object("from ä", "b").await.unwrap();
        assert_eq!((copied.verified, copied.stored.size), (Verified::Md5, Some(SIZE as u64)));
        assert_eq!((source.copy.calls(), source.head.calls(), source.get.calls()), (1, 1, 0));
        fixture.assert_copied(&fixture.source, "b").await;

        // A listed object is not looked up again.
        let listed = from.list().prefix("from").await.unwrap().objects.remove(0);
        let copied = from.copy_object(listed, "b").to_bucket(&to).await.unwrap();
        assert_eq!((copied.verified, copied.source.key.as_str()), (Verified::Md5, "from ä"));
        assert_eq!((other.copy.calls(), other.head.calls(), source.head.calls()), (1, 0, 1));
        assert_eq!((source.get.calls(), other.put.calls()), (0, 0));
        fixture.assert_copied(&fixture.other, "b").await;
    }
}

#[tokio::test]
async fn the_service_copies_large_objects_in_parts() {
    for fixture in [Fixture::local().await, Fixture::s3().await] {
        fixture.put().await;
        let [(source, from), (other, to)] = fixture.mocks();
        let seen = Arc::new(AtomicU64::new(0));
        let sink = Arc::clone(&seen);
        let copy = in_parts(from.copy_object("from ä", "b").to_bucket(&to));
        let copied = copy.on_progress(move |done, total| {
            assert_eq!(total, SIZE as u64);
            sink.fetch_max(done, Ordering::Relaxed);
        });
        let copied = copied.await.unwrap();
        // The source was stored without a CRC-64, and has an etag of other parts.
        assert_eq!((copied.verified, copied.stored.size), (Verified::LengthOnly, Some(SIZE as u64)));
        assert_eq!(copied.stored.etag.split_once('-').unwrap().1, "3");
        assert_eq!(seen.load(Ordering::Relaxed), SIZE as u64);
        assert_eq!((source.get.calls(), other.upload_part.calls(), other.copy.calls()), (0, 0, 0));
        // Over S3 the condition on the source is rejected, as by R2.
        let parts = other.upload_part_copy.calls();
        assert!(if fixture.server.is_some() { (4..=6).contains(&parts) } else { parts == 3 }, "{parts}");
        fixture.assert_copied(&fixture.other, "b").await;
    }
}

#[tokio::test]
async fn a_copy_in_parts_has_those_of_its_source_and_its_etag() {
    for fixture in [Fixture::local().await, Fixture::s3().await] {
        for (with_crc, proof) in [(false, Verified::PartMd5s), (true, Verified::Crc64)] {
            fixture.put_in_parts(6 * 1024 * 1024, with_crc).await;
            let [(source, from), (_, to)] = fixture.mocks();
            let copy = from.copy_object("from ä", "b").whole_up_to(0).to_bucket(&to);
            let copied = copy.await.unwrap();
            assert_eq!((copied.verified, &copied.stored.etag), (proof, &copied.source.etag));
            assert_eq!(source.get.calls(), 0);
            fixture.assert_copied(&fixture.other, "b").await;
        }
        let [(_, from), (_, to)] = fixture.mocks();
        let copied = in_parts(from.copy_object("from ä", "b").to_bucket(&to)).await.unwrap();
        assert_eq!(copied.verified, Verified::Crc64);
        assert_ne!(copied.stored.etag, copied.source.etag);
    }
}

#[tokio::test]
async fn what_the_service_does_not_copy_at_once_goes_in_parts() {
    for code in ["InvalidRequest", "EntityTooLarge"] {
        let fixture = Fixture::s3().await;
        fixture.put_in_parts(PART, true).await;
        let [(source, from), _] = fixture.mocks();
        source.copy.fails_times(1, Error::from_status(StatusCode::BAD_REQUEST, "too large").with_code(code));
        let copied = from.copy_object("from ä", "b").await.unwrap();
        assert_eq!((copied.verified, source.get.calls()), (Verified::Crc64, 0));
        fixture.assert_copied(&fixture.source, "b").await;
    }
}

#[tokio::test]
async fn bytes_come_by_here_on_their_way_elsewhere() {
    for fixture in [Fixture::local().await, Fixture::s3().await] {
        let (_folder, there) = elsewhere().await;
        let to = R2Service::new(Arc::clone(&there));
        let [(source, from), _] = fixture.mocks();
        let copy = || from.copy_object("from ä", "b").to_bucket(&to);

        fixture.put().await;
        let copied = copy().await.unwrap();
        assert_eq!((copied.verified, source.get.calls()), (Verified::Md5, 1));
        fixture.assert_copied(&there, "b").await;
        let copied = in_parts(copy()).await.unwrap();
        assert_eq!((copied.verified, source.get.calls()), (Verified::Md5, 4));
        fixture.assert_copied(&there, "b").await;

        fixture.put_in_parts(6 * 1024 * 1024, false).await;
        for copy in [copy(), copy().whole_up_to(0)] {
            assert_eq!(copy.await.unwrap().verified, Verified::PartMd5s);
            fixture.assert_copied(&there, "b").await;
        }
        // The MD5s of other parts do not verify the copy.
        assert_eq!(in_parts(copy()).await.unwrap().verified, Verified::LengthOnly);

        fixture.put_in_parts(6 * 1024 * 1024, true).await;
        for copy in [copy(), copy().whole_up_to(0), in_parts(copy())] {
            assert_eq!(copy.await.unwrap().verified, Verified::Crc64);
            fixture.assert_copied(&there, "b").await;
        }
    }
}

#[tokio::test]
async fn bytes_come_by_here_where_the_service_does_not_copy() {
    let fixture = Fixture::s3().await;
    fixture.put().await;
    let [(source, from), _] = fixture.mocks();
    source.copy.fails(Error::new(ErrorKind::Unsupported, "no copies"));
    source.upload_part_copy.fails(Error::new(ErrorKind::Unsupported, "no copies"));
    for copy in [from.copy_object("from ä", "b"), in_parts(from.copy_object("from ä", "b"))] {
        assert_eq!(copy.await.unwrap().verified, Verified::Md5);
        fixture.assert_copied(&fixture.source, "b").await;
    }
}

#[tokio::test]
async fn wrong_bytes_are_not_stored() {
    let fixture = Fixture::local().await;
    let (_folder, there) = elsewhere().await;
    for (with_parts, with_crc) in [(false, false), (true, false), (true, true)] {
        if with_parts {
            fixture.put_in_parts(PART, with_crc).await;
        } else {
            fixture.put().await;
        }
        let [(source, from), _] = fixture.mocks();
        let below = Arc::clone(&fixture.source);
        source.get.answers(move |request| {
            let below = Arc::clone(&below);
            Box::pin(async move {
                let Some(mut found) = below.get(request).await? else { return Ok(None) };
                let body = std::mem::replace(&mut found.body, Body::empty());
                let mut bytes = body.limit(u64::MAX).bytes().await?.to_vec();
                bytes[7] ^= 1;
                found.body = bytes.into();
                Ok(Some(found))
            })
        });
        for copy in [from.copy_object("from ä", "b"), from.copy_object("from ä", "b").whole_up_to(0)] {
            let error = copy.to_bucket(&R2Service::new(Arc::clone(&there))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
            fixture.assert_nothing(&there, "b").await;
        }
    }
}

#[tokio::test]
async fn a_source_that_is_replaced_or_missing_is_not_copied() {
    for fixture in [Fixture::local().await, Fixture::s3().await] {
        let (_folder, there) = elsewhere().await;
        fixture.put().await;
        let [_, (other, to)] = fixture.mocks();
        let elsewhere = R2Service::new(Arc::clone(&there));
        let from = R2Service::new(Arc::clone(&fixture.source));
        let listed = from.list().await.unwrap().objects.remove(0);
        from.put("from ä", content(SIZE, 2)).await.unwrap();
        for to in [&to, &elsewhere] {
            let copy = || from.copy_object(listed.clone(), "b").to_bucket(to);
            for copy in [copy(), in_parts(copy())] {
                let error = copy.await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
            }
        }

        // In the middle of a copy.
        let below = [Arc::clone(&fixture.source), Arc::clone(&fixture.other)];
        other.upload_part_copy.answers(move |request| {
            let [source, other] = below.clone();
            Box::pin(async move {
                let number = request.part_number;
                let part = other.upload_part_copy(request).await?;
                if number == 2 {
                    R2Service::new(source).put("from ä", content(SIZE, 3)).await?;
                }
                Ok(part)
            })
        });
        let error = in_parts(from.copy_object("from ä", "b").to_bucket(&to)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
        assert_eq!(error.operation(), Some("copy_object"));

        from.delete("from ä").await.unwrap();
        for to in [&to, &elsewhere] {
            for source in [listed.clone().into(), cloudflare_clients::transfer::CopySource::from("from ä")] {
                let copy = || from.copy_object(source.clone(), "b").to_bucket(to);
                for copy in [copy(), in_parts(copy())] {
                    let error = copy.await.unwrap_err();
                    assert_eq!(
                        (error.kind(), error.key()),
                        (ErrorKind::NoSuchKey, Some("from ä")),
                        "{error}"
                    );
                }
            }
        }
        fixture.assert_nothing(&fixture.other, "b").await;
        assert!(elsewhere.head("b").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_fails_is_aborted() {
    let fixture = Fixture::s3().await;
    fixture.put().await;
    let [(_, from), (other, to)] = fixture.mocks();
    let copy = || in_parts(from.copy_object("from ä", "b").to_bucket(&to));
    let conditional = copy().only_if(Conditional::new().etag_matches("x"));
    assert_eq!(conditional.await.unwrap_err().kind(), ErrorKind::PreconditionFailed);
    fixture.assert_nothing(&fixture.other, "b").await;

    let reached = Arc::new(Notify::new());
    let hangs = Arc::clone(&reached);
    other.upload_part_copy.answers(move |_| {
        hangs.notify_one();
        Box::pin(std::future::pending())
    });
    let stop = Arc::clone(&reached);
    let error = copy().until(async move { stop.notified().await }).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, false));
    fixture.assert_nothing(&fixture.other, "b").await;

    // A dropped copy is aborted eventually.
    tokio::select! {
        copied = copy() => panic!("{copied:?}"),
        () = reached.notified() => {}
    }
    while other.abort_multipart_upload.calls() < 3 {
        tokio::task::yield_now().await;
    }
    let failure = Error::from_status(StatusCode::BAD_REQUEST, "no");
    other.upload_part_copy.fails(failure);
    assert_eq!(copy().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    fixture.assert_nothing(&fixture.other, "b").await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let fixture = Fixture::local().await;
    let [(source, from), (_, to)] = fixture.mocks();
    for copy in [
        from.copy_object("", "b"),
        from.copy_object("a", ""),
        from.copy_object("cre\u{301}", "cr\u{e9}"),
        from.copy_object("a", "b").part_size(PART - 1),
    ] {
        let error = copy.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(source.head.calls(), 0);
    from.put("empty", "").await.unwrap();
    let copied = in_parts(from.copy_object("empty", "empty").to_bucket(&to)).await.unwrap();
    assert_eq!(copied.stored.size, Some(0));
}
