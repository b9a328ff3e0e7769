//! Uploads and downloads of files: resumed, verified, and over services that fail.

mod checksums;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudflare_clients::bytes::{Bytes, BytesMut};
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::r2::{
    Body, Bucket, Checksum, ChecksumAlgorithm, Checksums, CompositeChecksum, Conditional, ObjectBody,
    ObjectChecksum, PartsPage, R2Service, Range, StoredObject, UploadPartRequest,
};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::transfer::{Upload, Verified};
use cloudflare_clients::{Error, ErrorKind, LocalBucket, RetryPolicy};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use tempfile::TempDir;
use testkit::{BUCKET, LocalServer, content};
use tokio::sync::Notify;

const MIB: usize = 1024 * 1024;
const PART: u64 = 5 * 1024 * 1024;
/// Three parts, the last of them shorter.
const SIZE: usize = 13 * MIB;
const PARTS: usize = 3;

/// A file, a bucket and a folder for journals.
struct Fixture {
    folder: TempDir,
    bucket: Arc<dyn Bucket>,
    server: Option<LocalServer>,
    bytes: Bytes,
}

impl Fixture {
    /// The embedded store.
    async fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(folder.path().join("store"), "media").await.unwrap();
        Self::of(folder, Arc::new(bucket), None)
    }

    /// The same over S3.
    async fn s3() -> Self {
        let server = LocalServer::start().await;
        let bucket = Arc::new(server.bucket(BUCKET));
        Self::of(tempfile::tempdir().unwrap(), bucket, Some(server))
    }

    async fn both() -> [Self; 2] {
        [Self::local().await, Self::s3().await]
    }

    fn of(folder: TempDir, bucket: Arc<dyn Bucket>, server: Option<LocalServer>) -> Self {
        let bytes = content(SIZE, 1);
        fs::write(folder.path().join("in"), &bytes).unwrap();
        Self { folder, bucket, server, bytes }
    }

    fn over_s3(&self) -> bool {
        self.server.is_some()
    }

    fn service(&self) -> R2Service {
        R2Service::new(Arc::clone(&self.bucket))
    }

    fn mock(&self) -> MockBucket {
        MockBucket::over(Arc::clone(&self.bucket))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn upload(&self, service: &R2Service) -> Upload {
        service.upload(self.path("in"), "k").part_size(PART).journal(self.path("journals"))
    }

    /// Asserts that no uploads and journals are left.
    async fn assert_no_traces(&self) {
        let uploads = self.service().list_multipart_uploads().await.unwrap();
        assert!(uploads.uploads.is_empty(), "{uploads:?}");
        assert_eq!(fs::read_dir(self.path("journals")).unwrap().count(), 0);
    }

    async fn assert_stored(&self) {
        assert!(self.service().get("k").bytes().await.unwrap().unwrap() == self.bytes);
        self.assert_no_traces().await;
    }

    /// The content of the folder, except what every fixture has.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !["in", "store", "journals"].contains(&name.as_str()));
        names.sort();
        names
    }
}

/// Runs the work until `reached` is notified, and then drops it.
async fn interrupted<T: std::fmt::Debug>(work: impl Future<Output = T>, reached: Arc<Notify>) {
    tokio::select! {
        result = work => panic!("it was done: {result:?}"),
        () = reached.notified() => {}
    }
}

#[tokio::test]
async fn files_go_up_and_come_down_proved() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        let seen = Arc::new(AtomicU64::new(0));
        let sink = Arc::clone(&seen);
        let uploaded = fixture
            .upload(&service)
            .content_type("video/mp4")
            .metadata("a", "b")
            .on_progress(move |done, total| {
                assert!(done <= total);
                sink.store(done, Ordering::Relaxed);
            })
            .await
            .unwrap();
        assert_eq!(
            (uploaded.verified, uploaded.resumed_bytes, uploaded.restarted),
            (Verified::Crc64, 0, false)
        );
        assert!(uploaded.stored.etag.ends_with("-3"), "{:?}", uploaded.stored);
        assert_eq!((uploaded.stored.size, seen.load(Ordering::Relaxed)), (Some(SIZE as u64), SIZE as u64));
        fixture.assert_stored().await;

        let downloaded = service.download("k", fixture.path("out")).range_size(PART).await.unwrap().unwrap();
        assert_eq!(downloaded.verified, Verified::Crc64);
        assert_eq!(downloaded.object.metadata("a"), Some("b"));
        assert_eq!(downloaded.object.content_type(), Some("video/mp4"));
        assert!(fs::read(fixture.path("out")).unwrap() == fixture.bytes);
        assert_eq!(fixture.names(), ["out"]);
        assert!(service.download("missing", fixture.path("none")).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn small_files_take_one_request() {
    for fixture in Fixture::both().await {
        let mock = Arc::new(fixture.mock());
        let service = R2Service::new(Arc::clone(&mock));
        for (calls, size) in [(1, 0), (2, 1), (3, 3 * MIB)] {
            let bytes = content(size, 0);
            fs::write(fixture.path("in"), &bytes).unwrap();
            let uploaded = fixture.upload(&service).await.unwrap();
            assert_eq!(uploaded.verified, Verified::Crc64);
            assert_eq!(mock.put.calls(), calls);
            let downloaded = service.download("k", fixture.path("out")).await.unwrap().unwrap();
            assert_eq!(downloaded.verified, Verified::Crc64);
            assert!(fs::read(fixture.path("out")).unwrap() == bytes);
            assert_eq!(fixture.names(), ["out"]);
        }
        assert_eq!(mock.create_multipart_upload.calls(), 0);
    }
}

#[tokio::test]
async fn the_proof_is_what_the_service_has() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        let bytes = fixture.bytes.clone();
        let download = async |expected: Verified| {
            for range_size in [None, Some(PART), Some(PART + 1)] {
                let mut download = service.download("k", fixture.path("out"));
                if let Some(size) = range_size {
                    download = download.range_size(size);
                }
                assert_eq!(download.await.unwrap().unwrap().verified, expected, "{range_size:?}");
                assert!(fs::read(fixture.path("out")).unwrap() == bytes);
            }
        };
        service.put("k", bytes.clone()).await.unwrap();
        download(Verified::Md5).await;

        let upload = service.create_multipart_upload("k").await.unwrap();
        let mut parts = Vec::new();
        for (number, part) in (1..).zip(bytes.chunks(usize::try_from(PART).unwrap())) {
            parts.push(upload.upload_part(number, bytes.slice_ref(part)).await.unwrap());
        }
        upload.complete(parts).await.unwrap();
        download(Verified::PartMd5s).await;

        let unverified = service.clone().with_verification(false);
        assert_eq!(fixture.upload(&unverified).await.unwrap().verified, Verified::LengthOnly);
        let downloaded = unverified.download("k", fixture.path("out")).await.unwrap().unwrap();
        assert_eq!(downloaded.verified, Verified::LengthOnly);
    }
}

#[tokio::test]
async fn a_service_that_does_not_know_the_crc_is_proved_by_md5s() {
    let fixture = Fixture::s3().await;
    let mock = fixture.mock();
    let inner = Arc::clone(&fixture.bucket);
    mock.create_multipart_upload.answers(move |request| {
        let inner = Arc::clone(&inner);
        async move {
            if request.checksum_algorithm.is_some() {
                return Err(Error::new(ErrorKind::Unsupported, "what is that"));
            }
            inner.create_multipart_upload(request).await
        }
    });
    // It stores bytes without their checksum, and returns none.
    let inner = Arc::clone(&fixture.bucket);
    mock.put.answers(move |mut request| {
        let inner = Arc::clone(&inner);
        async move {
            request.checksum = None;
            inner.put(request).await
        }
    });
    let service = R2Service::new(mock);
    assert_eq!(fixture.upload(&service).await.unwrap().verified, Verified::PartMd5s);
    fixture.assert_stored().await;
    assert_eq!(fixture.upload(&service).part_size(PART * 3).await.unwrap().verified, Verified::Md5);
    fixture.assert_stored().await;
}

/// A service that ignores the checksum of a part and returns none.
#[tokio::test]
async fn a_part_whose_crc_is_not_repeated_is_compared_by_its_md5() {
    let fixture = Fixture::s3().await;
    for damages in [0, 1, 2] {
        let mock = fixture.mock();
        let (inner, left) = (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(damages)));
        mock.upload_part.answers(move |request| {
            let (inner, left) = (Arc::clone(&inner), Arc::clone(&left));
            async move {
                let damaged = request.part_number == 2
                    && left
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                        .is_ok();
                let mut request = if damaged { flipped(request).await } else { request };
                request.checksum = None;
                let mut part = inner.upload_part(request).await?;
                part.checksums = Checksums::default();
                Ok(part)
            }
        });
        let uploaded = fixture.upload(&R2Service::new(mock)).await;
        if damages < 2 {
            uploaded.unwrap();
            fixture.assert_stored().await;
        } else {
            assert_eq!(uploaded.unwrap_err().kind(), ErrorKind::Integrity);
            assert!(fixture.upload(&fixture.service()).abort().await.unwrap());
            fixture.assert_no_traces().await;
        }
    }
}

async fn flipped(mut request: UploadPartRequest) -> UploadPartRequest {
    let mut bytes = BytesMut::from(request.body.bytes().await.unwrap());
    bytes[1000] ^= 1;
    request.body = Body::from(bytes.freeze());
    request
}

#[tokio::test]
async fn a_byte_that_is_flipped_on_the_way_up_is_sent_again() {
    for fixture in Fixture::both().await {
        let mock = fixture.mock();
        let inner = Arc::clone(&fixture.bucket);
        mock.upload_part.answers_once(move |request| {
            let inner = Arc::clone(&inner);
            async move { inner.upload_part(flipped(request).await).await }
        });
        let mock = Arc::new(mock);
        let uploaded = fixture.upload(&R2Service::new(Arc::clone(&mock))).await.unwrap();
        assert_eq!((uploaded.verified, mock.upload_part.calls()), (Verified::Crc64, PARTS + 1));
        fixture.assert_stored().await;
    }
}

/// Killed while each of the parts is in flight, and once with more than one of them.
#[tokio::test]
async fn an_interrupted_upload_sends_only_what_is_missing() {
    for fixture in Fixture::both().await {
        for arrive in 0..=PARTS {
            for journal_lags in [false, true] {
                // The embedded store has tested all of it, except for S3's listings.
                if fixture.over_s3() && (arrive != 2 || !journal_lags) {
                    continue;
                }
                let mock = fixture.mock();
                let (inner, begun, reached) =
                    (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
                let stop = Arc::clone(&reached);
                mock.upload_part.answers(move |request| {
                    let nth = begun.fetch_add(1, Ordering::SeqCst);
                    let (inner, stop) = (Arc::clone(&inner), Arc::clone(&stop));
                    async move {
                        if nth == arrive {
                            stop.notify_one();
                            future::pending::<()>().await;
                        }
                        inner.upload_part(request).await
                    }
                });
                let stop = Arc::clone(&reached);
                mock.complete_multipart_upload.answers(move |_| {
                    stop.notify_one();
                    future::pending()
                });
                // One at a time, so that exactly the parts that were let through have arrived.
                let upload = fixture.upload(&R2Service::new(mock)).concurrency(1);
                interrupted(upload.into_future(), reached).await;
                if journal_lags {
                    // As if it had been killed before it recorded the last part.
                    let journal = fs::read_dir(fixture.path("journals")).unwrap().next().unwrap().unwrap();
                    let text = fs::read_to_string(journal.path()).unwrap();
                    let lines: Vec<_> = text.split_inclusive('\n').collect();
                    assert_eq!(lines.len(), arrive + 1);
                    fs::write(journal.path(), lines[..lines.len().min(arrive.max(1))].concat()).unwrap();
                }
                let mock = Arc::new(fixture.mock());
                let uploaded = fixture.upload(&R2Service::new(Arc::clone(&mock))).await.unwrap();
                assert_eq!(mock.upload_part.calls(), PARTS - arrive, "{arrive} {journal_lags}");
                assert_eq!(uploaded.resumed_bytes, (arrive as u64 * PART).min(SIZE as u64));
                assert_eq!((uploaded.verified, uploaded.restarted), (Verified::Crc64, false));
                fixture.assert_stored().await;
            }
        }
    }
}

/// Killed when the service has created the upload and nobody knows its id.
#[tokio::test]
async fn an_upload_that_was_begun_and_not_answered_is_aborted() {
    for fixture in Fixture::both().await {
        let lost = async || {
            let mock = fixture.mock();
            let (inner, reached) = (Arc::clone(&fixture.bucket), Arc::new(Notify::new()));
            let stop = Arc::clone(&reached);
            mock.create_multipart_upload.answers(move |request| {
                let (inner, stop) = (Arc::clone(&inner), Arc::clone(&stop));
                async move {
                    inner.create_multipart_upload(request).await?;
                    stop.notify_one();
                    future::pending().await
                }
            });
            interrupted(fixture.upload(&R2Service::new(mock)).into_future(), reached).await;
        };
        let service = fixture.service();
        // Another upload of the key was started long ago, and one has parts.
        let others = service.create_multipart_upload("k").await.unwrap();
        others.upload_part(1, "theirs").await.unwrap();
        lost().await;
        lost().await;
        assert_eq!(service.list_multipart_uploads().await.unwrap().uploads.len(), 3);
        let uploaded = fixture.upload(&service).await.unwrap();
        assert_eq!((uploaded.restarted, uploaded.resumed_bytes), (false, 0));
        let left = service.list_multipart_uploads().await.unwrap().uploads;
        assert_eq!(left.iter().map(|upload| &*upload.upload_id).collect::<Vec<_>>(), [others.upload_id()]);
        others.abort().await.unwrap();
        fixture.assert_stored().await;

        // The upload is aborted, or the file now fits into one request.
        lost().await;
        assert!(!fixture.upload(&service).abort().await.unwrap());
        fixture.assert_no_traces().await;
        lost().await;
        fixture.upload(&service).part_size(3 * PART).await.unwrap();
        fixture.assert_stored().await;
    }
}

/// A killed process had requested the completion, which happens after the next one has listed the parts.
#[tokio::test]
async fn a_completion_that_is_overtaken_is_not_sent_again() {
    for fixture in Fixture::both().await {
        let mock = fixture.mock();
        mock.complete_multipart_upload.fails(Error::new(ErrorKind::Forbidden, "not now"));
        fixture.upload(&R2Service::new(mock)).await.unwrap_err();
        let mock = fixture.mock();
        let inner = Arc::clone(&fixture.bucket);
        mock.complete_multipart_upload.answers(move |request| {
            let inner = Arc::clone(&inner);
            async move {
                inner.complete_multipart_upload(request.clone()).await?;
                inner.complete_multipart_upload(request).await
            }
        });
        let mock = Arc::new(mock);
        let uploaded = fixture.upload(&R2Service::new(Arc::clone(&mock))).await.unwrap();
        assert_eq!((mock.upload_part.calls(), uploaded.verified), (0, Verified::Crc64));
        fixture.assert_stored().await;
    }
}

/// The journal lacked a part that the service had, and has it from the next call on.
#[tokio::test]
async fn parts_that_were_found_are_written_down() {
    let fixture = Fixture::s3().await;
    let mock = fixture.mock();
    mock.complete_multipart_upload.fails(Error::new(ErrorKind::Forbidden, "not now"));
    fixture.upload(&R2Service::new(mock)).await.unwrap_err();
    let journal = fs::read_dir(fixture.path("journals")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.split_inclusive('\n').take(2).collect::<String>()).unwrap();
    // It is completed, and the answer is lost.
    let mock = fixture.mock();
    let inner = Arc::clone(&fixture.bucket);
    mock.complete_multipart_upload.answers_once(move |request| {
        let inner = Arc::clone(&inner);
        async move {
            inner.complete_multipart_upload(request).await?;
            Err(Error::new(ErrorKind::Connection, "reset"))
        }
    });
    let impatient = R2Service::new(mock).with_retry(RetryPolicy::none());
    fixture.upload(&impatient).await.unwrap_err();
    let uploaded = fixture.upload(&fixture.service()).await.unwrap();
    assert_eq!((uploaded.resumed_bytes, uploaded.restarted), (SIZE as u64, false));
    fixture.assert_stored().await;
}

#[tokio::test]
async fn what_cannot_be_continued_starts_anew_and_leaves_nothing() {
    let mut fixture = Fixture::local().await;
    let begin = async |fixture: &Fixture| {
        let mock = fixture.mock();
        mock.complete_multipart_upload.fails(Error::new(ErrorKind::Forbidden, "not now"));
        let error = fixture.upload(&R2Service::new(mock)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::Forbidden, Some("complete_multipart_upload"))
        );
        assert_eq!(fs::read_dir(fixture.path("journals")).unwrap().count(), 1);
    };
    let service = fixture.service();
    // Different metadata.
    begin(&fixture).await;
    let uploaded = fixture.upload(&service).metadata("a", "b").await.unwrap();
    assert_eq!((uploaded.restarted, uploaded.resumed_bytes), (true, 0));
    fixture.assert_stored().await;
    // A different file.
    begin(&fixture).await;
    fixture.bytes = content(SIZE, 2);
    fs::write(fixture.path("in"), &fixture.bytes).unwrap();
    let uploaded = fixture.upload(&service).await.unwrap();
    assert_eq!((uploaded.restarted, uploaded.resumed_bytes), (true, 0));
    fixture.assert_stored().await;
    // The file is small now.
    begin(&fixture).await;
    fixture.bytes = content(7, 2);
    fs::write(fixture.path("in"), &fixture.bytes).unwrap();
    assert!(fixture.upload(&service).await.unwrap().restarted);
    fixture.assert_stored().await;
    // Another client has aborted it.
    fixture.bytes = content(SIZE, 3);
    fs::write(fixture.path("in"), &fixture.bytes).unwrap();
    begin(&fixture).await;
    let uploads = service.list_multipart_uploads().await.unwrap().uploads;
    service.resume_multipart_upload("k", &uploads[0].upload_id).abort().await.unwrap();
    assert!(fixture.upload(&service).await.unwrap().restarted);
    fixture.assert_stored().await;
    // The upload is aborted.
    begin(&fixture).await;
    assert!(fixture.upload(&service).abort().await.unwrap());
    assert!(!fixture.upload(&service).abort().await.unwrap());
    fixture.assert_no_traces().await;
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_not_sent_again() {
    for fixture in Fixture::both().await {
        let mock = fixture.mock();
        let inner = Arc::clone(&fixture.bucket);
        mock.complete_multipart_upload.answers_once(move |request| {
            let inner = Arc::clone(&inner);
            async move {
                inner.complete_multipart_upload(request).await?;
                Err(Error::new(ErrorKind::Connection, "reset"))
            }
        });
        let impatient = R2Service::new(mock).with_retry(RetryPolicy::none());
        assert_eq!(fixture.upload(&impatient).await.unwrap_err().kind(), ErrorKind::Connection);
        let mock = Arc::new(fixture.mock());
        let uploaded = fixture.upload(&R2Service::new(Arc::clone(&mock))).await.unwrap();
        assert_eq!((mock.upload_part.calls(), mock.create_multipart_upload.calls()), (0, 0));
        assert_eq!((uploaded.verified, uploaded.resumed_bytes), (Verified::Crc64, SIZE as u64));
        fixture.assert_stored().await;
    }
}

#[tokio::test]
async fn a_condition_that_fails_leaves_nothing() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        service.put("k", "there").await.unwrap();
        let absent = Conditional::new().etag_does_not_match("*");
        let error = fixture.upload(&service).only_if(absent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
        fixture.assert_no_traces().await;
        assert_eq!(service.get("k").text().await.unwrap().unwrap(), "there");
    }
}

#[tokio::test]
async fn a_file_that_changes_meanwhile_is_not_stored() {
    let fixture = Fixture::local().await;
    let mock = fixture.mock();
    let (inner, path) = (Arc::clone(&fixture.bucket), fixture.path("in"));
    mock.upload_part.answers_once(move |request| {
        let (inner, path) = (Arc::clone(&inner), path.clone());
        async move {
            let part = inner.upload_part(request).await;
            fs::write(path, content(SIZE, 9)).unwrap();
            part
        }
    });
    let error = fixture.upload(&R2Service::new(mock)).concurrency(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.message().ends_with("in changed while it was being uploaded"), "{error}");
    assert!(!fixture.service().exists("k").await.unwrap());
    fixture.assert_no_traces().await;
}

#[tokio::test]
async fn a_part_that_the_service_does_not_list_is_sent_again() {
    let fixture = Fixture::local().await;
    let mock = fixture.mock();
    mock.complete_multipart_upload.fails(Error::new(ErrorKind::Forbidden, "not now"));
    fixture.upload(&R2Service::new(mock)).await.unwrap_err();

    let mock = fixture.mock();
    let inner = Arc::clone(&fixture.bucket);
    mock.list_parts.answers(move |request| {
        let inner = Arc::clone(&inner);
        async move {
            let page = inner.list_parts(request).await?;
            Ok(PartsPage::new(page.parts.into_iter().filter(|part| part.part_number != 2).collect()))
        }
    });
    let mock = Arc::new(mock);
    let uploaded = fixture.upload(&R2Service::new(Arc::clone(&mock))).await.unwrap();
    assert_eq!((mock.upload_part.calls(), uploaded.verified), (1, Verified::Crc64));
    fixture.assert_stored().await;
}

#[tokio::test]
async fn two_transfers_do_not_share_a_journal() {
    let fixture = Fixture::local().await;
    fixture.service().put("k", fixture.bytes.clone()).await.unwrap();
    let mock = fixture.mock();
    let reached = Arc::new(Notify::new());
    let stop = Arc::clone(&reached);
    mock.upload_part.answers(move |_| {
        stop.notify_one();
        future::pending()
    });
    let reached_get = Arc::new(Notify::new());
    let stop = Arc::clone(&reached_get);
    mock.get.answers(move |_| {
        stop.notify_one();
        future::pending()
    });
    let pending = R2Service::new(mock);
    let service = fixture.service();
    let download = |service: &R2Service| service.download("k", fixture.path("out")).range_size(PART);

    let first = tokio::spawn(fixture.upload(&pending).into_future());
    reached.notified().await;
    for error in
        [fixture.upload(&service).await.unwrap_err(), fixture.upload(&service).abort().await.unwrap_err()]
    {
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Conflict, Some("upload")));
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    fixture.upload(&service).await.unwrap();

    let first = tokio::spawn(download(&pending).into_future());
    reached_get.notified().await;
    for error in [download(&service).await.unwrap_err(), download(&service).abort().await.unwrap_err()] {
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Conflict, Some("download")));
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    download(&service).await.unwrap().unwrap();
    assert_eq!(fixture.names(), ["out"]);
}

#[tokio::test]
async fn a_service_that_is_busy_slows_transfers_down_and_fails_none() {
    let fixture = Fixture::s3().await;
    let mock = fixture.mock();
    let calls = Arc::new(AtomicUsize::new(0));
    let busy = move || {
        let nth = calls.fetch_add(1, Ordering::SeqCst);
        let busy = Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Slow Down");
        // One of two, and once more often than anybody retries.
        if nth.is_multiple_of(2) || (4..12).contains(&nth) {
            Err(busy.with_retry_after(Duration::from_millis(1)))
        } else {
            Ok(())
        }
    };
    let (inner, fails) = (Arc::clone(&fixture.bucket), busy.clone());
    mock.upload_part.answers(move |request| {
        let (inner, fails) = (Arc::clone(&inner), fails());
        async move {
            fails?;
            inner.upload_part(request).await
        }
    });
    let inner = Arc::clone(&fixture.bucket);
    mock.get.answers(move |request| {
        let (inner, fails) = (Arc::clone(&inner), busy());
        async move {
            fails?;
            inner.get(request).await
        }
    });
    let patient = RetryPolicy::default().base_delay(Duration::from_millis(1));
    let service = R2Service::new(mock).with_retry(patient);
    assert_eq!(fixture.upload(&service).await.unwrap().verified, Verified::Crc64);
    fixture.assert_stored().await;
    let downloaded = service.download("k", fixture.path("out")).range_size(PART).await.unwrap().unwrap();
    assert_eq!(downloaded.verified, Verified::Crc64);
    assert!(fs::read(fixture.path("out")).unwrap() == fixture.bytes);
}

/// How the body of one get fails.
fn damaged(
    found: ObjectBody,
    mut damage: impl FnMut(usize, Bytes) -> Option<cloudflare_clients::Result<Bytes>> + Send + 'static,
) -> ObjectBody {
    let ObjectBody { object, body, .. } = found;
    let mut offset = 0;
    let stream = body.into_stream().and_then(future::ok).map(move |bytes| {
        let bytes = bytes?;
        let at = offset;
        offset += bytes.len();
        damage(at, bytes).unwrap_or_else(|| Err(Error::new(ErrorKind::Connection, "reset")))
    });
    let length = object.range.map_or(object.size, |range| range.length);
    ObjectBody::new(object, Body::from_stream(stream, Some(length)))
}

/// A byte that is flipped in one range, once or each time; and a connection that breaks in the middle.
#[tokio::test]
async fn damaged_ranges_are_mended_or_refused() {
    for fixture in Fixture::both().await {
        fixture.upload(&fixture.service()).await.unwrap();
        for (what, times) in [("flip", 1), ("flip", usize::MAX), ("reset", 2)] {
            let mock = fixture.mock();
            let (inner, left) = (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(times)));
            mock.get.answers(move |request| {
                let (inner, left) = (Arc::clone(&inner), Arc::clone(&left));
                async move {
                    let second = matches!(request.range, Some(Range::OffsetWithLength { offset: PART, .. }));
                    let found = inner.get(request).await?.unwrap();
                    let damages = second
                        && left
                            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                            .is_ok();
                    if !damages {
                        return Ok(Some(found));
                    }
                    Ok(Some(damaged(found, move |at, bytes| match what {
                        "flip" if at == 0 => {
                            let mut bytes = BytesMut::from(bytes);
                            bytes[10] ^= 1;
                            Some(Ok(bytes.freeze()))
                        }
                        "reset" if at > MIB => None,
                        _ => Some(Ok(bytes)),
                    })))
                }
            });
            let service = R2Service::new(mock);
            fs::write(fixture.path("out"), "old").unwrap();
            let downloaded = service.download("k", fixture.path("out")).range_size(PART).await;
            if times == usize::MAX {
                let error = downloaded.unwrap_err();
                assert_eq!((error.kind(), error.operation()), (ErrorKind::Integrity, Some("download")));
                assert_eq!(fs::read(fixture.path("out")).unwrap(), b"old");
            } else {
                let downloaded = downloaded.unwrap().unwrap();
                assert_eq!((downloaded.verified, downloaded.restarted), (Verified::Crc64, false));
                assert!(fs::read(fixture.path("out")).unwrap() == fixture.bytes);
            }
            assert_eq!(fixture.names(), ["out"], "{what}");
        }
    }
}

#[tokio::test]
async fn an_interrupted_download_fetches_only_what_is_missing() {
    for fixture in Fixture::both().await {
        fixture.upload(&fixture.service()).await.unwrap();
        for arrive in 0..PARTS {
            for partial_is_damaged in [false, true] {
                if fixture.over_s3() && arrive != 1 {
                    continue;
                }
                let mock = fixture.mock();
                let (inner, begun, reached) =
                    (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
                let stop = Arc::clone(&reached);
                mock.get.answers(move |request| {
                    let nth = begun.fetch_add(1, Ordering::SeqCst);
                    let (inner, stop) = (Arc::clone(&inner), Arc::clone(&stop));
                    async move {
                        if nth < arrive {
                            return inner.get(request).await;
                        }
                        let found = inner.get(request).await?.unwrap();
                        // Some of the range arrives, and then nothing.
                        let ObjectBody { object, body, .. } = found;
                        let length = object.range.unwrap().length;
                        let some = body.into_stream().take(2);
                        let never = stream::once(async move {
                            stop.notify_one();
                            future::pending().await
                        });
                        Ok(Some(ObjectBody::new(object, Body::from_stream(some.chain(never), Some(length)))))
                    }
                });
                let download = |service: &R2Service| {
                    service.download("k", fixture.path("out")).range_size(PART).concurrency(1)
                };
                interrupted(download(&R2Service::new(mock)).into_future(), reached).await;
                assert_eq!(fixture.names(), [".out.partial", ".out.partial.download"]);
                let arrived = if partial_is_damaged { arrive.saturating_sub(1) } else { arrive };
                if partial_is_damaged {
                    flip(&fixture.path(".out.partial"), 0);
                }
                let mock = Arc::new(fixture.mock());
                let downloaded = download(&R2Service::new(Arc::clone(&mock))).await.unwrap().unwrap();
                assert_eq!(mock.get.calls(), PARTS - arrived);
                assert_eq!(downloaded.resumed_bytes, arrived as u64 * PART);
                assert_eq!((downloaded.verified, downloaded.restarted), (Verified::Crc64, false));
                assert!(fs::read(fixture.path("out")).unwrap() == fixture.bytes);
                assert_eq!(fixture.names(), ["out"]);
                fs::remove_file(fixture.path("out")).unwrap();
            }
        }
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Replaced in the middle, replaced between two calls, and replaced repeatedly.
#[tokio::test]
async fn an_object_that_is_replaced_is_fetched_anew_once() {
    for fixture in Fixture::both().await {
        for times in [1, usize::MAX] {
            fixture.service().put("k", content(SIZE, 7)).await.unwrap();
            let mock = fixture.mock();
            let (inner, gets) = (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(0)));
            let last = Arc::new(Mutex::new(Bytes::new()));
            let replaced = Arc::clone(&last);
            mock.get.answers(move |request| {
                let (inner, nth) = (Arc::clone(&inner), gets.fetch_add(1, Ordering::SeqCst));
                let replaced = Arc::clone(&replaced);
                async move {
                    // After the first range, and after that of the second object.
                    if nth == 1 || (nth == 3 && times > 1) {
                        let bytes = content(SIZE, nth as u64);
                        R2Service::new(Arc::clone(&inner)).put("k", bytes.clone()).await?;
                        *replaced.lock().unwrap() = bytes;
                    }
                    inner.get(request).await
                }
            });
            let service = R2Service::new(mock);
            let download = |service: &R2Service| {
                service.download("k", fixture.path("out")).range_size(PART).concurrency(1)
            };
            let downloaded = download(&service).await;
            if times == 1 {
                let downloaded = downloaded.unwrap().unwrap();
                assert_eq!((downloaded.verified, downloaded.restarted), (Verified::Md5, true));
                assert!(fs::read(fixture.path("out")).unwrap() == *last.lock().unwrap());
                fs::remove_file(fixture.path("out")).unwrap();
            } else {
                let error = downloaded.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Integrity);
                assert!(error.message().starts_with("the object was replaced or deleted"), "{error}");
            }
            assert!(fixture.names().is_empty(), "{:?}", fixture.names());
        }

        let mock = fixture.mock();
        let (inner, gets) = (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(0)));
        mock.get.answers(move |request| {
            let (inner, nth) = (Arc::clone(&inner), gets.fetch_add(1, Ordering::SeqCst));
            async move {
                if nth == 1 {
                    return Err(Error::new(ErrorKind::Forbidden, "not now"));
                }
                inner.get(request).await
            }
        });
        let download =
            |service: &R2Service| service.download("k", fixture.path("out")).range_size(PART).concurrency(1);
        assert_eq!(download(&R2Service::new(mock)).await.unwrap_err().kind(), ErrorKind::Forbidden);
        assert_eq!(fixture.names(), [".out.partial", ".out.partial.download"]);
        let service = fixture.service();
        service.put("k", fixture.bytes.clone()).await.unwrap();
        let downloaded = download(&service).await.unwrap().unwrap();
        assert_eq!((downloaded.restarted, downloaded.resumed_bytes), (true, 0));
        assert!(fs::read(fixture.path("out")).unwrap() == fixture.bytes);
        assert_eq!(fixture.names(), ["out"]);
    }
}

/// A process was killed while it fetched an object that fits into one range.
#[cfg(unix)]
#[tokio::test]
async fn what_was_left_of_a_small_download_goes_away() {
    let fixture = Fixture::local().await;
    let service = fixture.service();
    service.put("k", "small").await.unwrap();
    for abort in [false, true] {
        fs::write(fixture.path(".out.partial"), "sma").unwrap();
        let download = service.download("k", fixture.path("out"));
        if abort {
            assert!(download.abort().await.unwrap());
            assert!(fixture.names().is_empty());
        } else {
            download.await.unwrap().unwrap();
            assert_eq!(fs::read(fixture.path("out")).unwrap(), b"small");
            assert_eq!(fixture.names(), ["out"]);
            fs::remove_file(fixture.path("out")).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_left_of_a_download_can_be_removed() {
    let fixture = Fixture::local().await;
    fixture.service().put("k", fixture.bytes.clone()).await.unwrap();
    for resume in [true, false] {
        let mock = fixture.mock();
        mock.get.fails(Error::new(ErrorKind::Forbidden, "not now"));
        let download =
            |service: &R2Service| service.download("k", fixture.path("out")).range_size(PART).resume(resume);
        download(&R2Service::new(mock)).await.unwrap_err();
        assert_eq!(fixture.names().len(), if resume { 2 } else { 0 });
        assert_eq!(download(&fixture.service()).abort().await.unwrap(), resume);
        assert!(fixture.names().is_empty());
    }
}
