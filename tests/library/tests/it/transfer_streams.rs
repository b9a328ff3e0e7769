//! Uploads of readers and of written bytes, and objects that are read like files.

use std::error::Error as _;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use cloudflare_clients::bytes::{Bytes, BytesMut};
use cloudflare_clients::r2::{
    Body, Bucket, Checksum, ChecksumAlgorithm, Checksums, CompositeChecksum, Conditional, Crc64Nvme,
    ObjectBody, ObjectChecksum, R2Service, Range, STREAM_PART_SIZE, UploadPartRequest,
};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::transfer::{self, UploadReader, Uploaded, Verified};
use cloudflare_clients::{Error, ErrorKind, LocalBucket, RetryPolicy};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use testkit::{BUCKET, LocalServer, content};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::Notify;

const PART: usize = 5 * 1024 * 1024;
const KIB: usize = 1024;

struct Fixture {
    bucket: Arc<dyn Bucket>,
    _folder: Option<TempDir>,
    _server: Option<LocalServer>,
}

impl Fixture {
    /// The embedded store.
    async fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Arc::new(LocalBucket::open(folder.path(), "media").await.unwrap());
        Self { bucket, _folder: Some(folder), _server: None }
    }

    /// The same over S3.
    async fn s3() -> Self {
        let server = LocalServer::start().await;
        Self { bucket: Arc::new(server.bucket(BUCKET)), _folder: None, _server: Some(server) }
    }

    async fn both() -> [Self; 2] {
        [Self::local().await, Self::s3().await]
    }

    fn service(&self) -> R2Service {
        R2Service::new(Arc::clone(&self.bucket))
    }

    fn mock(&self) -> MockBucket {
        MockBucket::over(Arc::clone(&self.bucket))
    }

    async fn stored(&self) -> Option<Bytes> {
        self.service().get("k").bytes().await.unwrap()
    }

    /// Asserts that no upload is left, once pending aborts are done.
    async fn assert_no_uploads(&self) {
        for _ in 0..500 {
            if self.service().list_multipart_uploads().await.unwrap().uploads.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("an upload is left");
    }

    async fn assert_nothing_stored(&self) {
        assert!(self.stored().await.is_none());
        self.assert_no_uploads().await;
    }
}

fn upload(service: &R2Service, reader: impl AsyncRead + Send + 'static) -> UploadReader {
    service.upload_reader(reader, "k").part_size(PART as u64)
}

async fn write(service: &R2Service, bytes: &[u8]) -> Result<Uploaded, Box<dyn std::error::Error>> {
    let mut writer = service.writer("k").part_size(PART as u64).content_type("text/plain").open()?;
    for piece in bytes.chunks(1_000_003) {
        writer.write_all(piece).await?;
    }
    Ok(writer.finish().await?)
}

/// A reader that returns these bytes, and then fails or never returns more.
struct Then {
    bytes: Bytes,
    error: Option<io::Error>,
    read: Arc<AtomicUsize>,
}

impl Then {
    fn new(bytes: Bytes, error: Option<io::Error>) -> Self {
        Self { bytes, error, read: Arc::default() }
    }
}

impl AsyncRead for Then {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.bytes.len().min(buffer.remaining());
        if count > 0 {
            buffer.put_slice(&self.bytes.split_to(count));
            self.read.fetch_add(count, Ordering::SeqCst);
            return Poll::Ready(Ok(()));
        }
        self.error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)))
    }
}

#[tokio::test]
async fn sizes_around_the_borders_of_parts_are_stored_and_proved() {
    for fixture in Fixture::both().await {
        for size in [0, 1, PART, PART + 1, 2 * PART, 2 * PART + 1] {
            let bytes = content(size, size as u64);
            let parts = if size > PART { size.div_ceil(PART) } else { 0 };
            for written in [false, true] {
                let mock = Arc::new(fixture.mock());
                let service = R2Service::new(Arc::clone(&mock));
                let done = Arc::new(AtomicU64::new(0));
                let uploaded = if written {
                    write(&service, &bytes).await.unwrap()
                } else {
                    let sink = Arc::clone(&done);
                    let upload = upload(&service, io::Cursor::new(bytes.clone())).content_type("text/plain");
                    upload.on_progress(move |done| sink.store(done, Ordering::SeqCst)).await.unwrap()
                };
                assert_eq!(uploaded.verified, Verified::Crc64);
                assert_eq!(uploaded.stored.size, Some(size as u64));
                assert_eq!((mock.upload_part.calls(), mock.put.calls()), (parts, usize::from(parts == 0)));
                let object = fixture.service().get("k").await.unwrap().unwrap();
                assert_eq!(object.content_type(), Some("text/plain"));
                assert!(object.bytes().await.unwrap() == bytes);
                if !written {
                    assert_eq!(done.load(Ordering::SeqCst), size as u64);
                }
            }
        }
        fixture.assert_no_uploads().await;
    }
}

#[tokio::test]
async fn slow_readers_are_waited_for() {
    let fixture = Fixture::local().await;
    let bytes = content(PART + 12_345, 1);
    let (mut sends, receives) = tokio::io::duplex(100_000);
    let source = bytes.clone();
    let producer = tokio::spawn(async move {
        for piece in source.chunks(77_777) {
            sends.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let uploaded = upload(&fixture.service(), receives).await.unwrap();
    producer.await.unwrap();
    assert!(uploaded.stored.etag.ends_with("-2"), "{uploaded:?}");
    assert!(fixture.stored().await.unwrap() == bytes);
}

#[tokio::test]
async fn only_as_many_parts_are_in_memory_as_are_under_way_and_one_more() {
    let fixture = Fixture::local().await;
    for concurrency in [1, 2] {
        let mock = Arc::new(fixture.mock());
        mock.upload_part.answers(|_| future::pending());
        let reader = Then::new(content(6 * PART, 0), None);
        let read = Arc::clone(&reader.read);
        let service = R2Service::new(Arc::clone(&mock));
        let upload = tokio::spawn(upload(&service, reader).concurrency(concurrency).into_future());
        let most = (concurrency + 1) * PART;
        while read.load(Ordering::SeqCst) < most || mock.upload_part.calls() < concurrency {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!((read.load(Ordering::SeqCst), mock.upload_part.calls()), (most, concurrency));
        upload.abort();
        fixture.assert_nothing_stored().await;

        let mut writer = service.writer("k").part_size(PART as u64).concurrency(concurrency).open().unwrap();
        let bytes = vec![0; most + 1];
        assert!(
            tokio::time::timeout(Duration::from_millis(100), writer.write_all(&bytes)).await.is_err(),
            "there is room for more"
        );
        drop(writer);
        fixture.assert_nothing_stored().await;
    }
}

#[tokio::test]
async fn a_reader_that_fails_stores_nothing() {
    for fixture in Fixture::both().await {
        for size in [0, 7, PART, 2 * PART + 7] {
            let lost = io::Error::new(io::ErrorKind::ConnectionReset, "the camera is gone");
            let error =
                upload(&fixture.service(), Then::new(content(size, 0), Some(lost))).await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InvalidInput, false));
            assert_eq!((error.operation(), error.key()), (Some("upload_reader"), Some("k")));
            assert!(error.message().contains("the camera is gone"), "{error}");
            assert!(error.source().is_some());
            fixture.assert_nothing_stored().await;
        }
    }
}

#[tokio::test]
async fn what_is_dropped_leaves_no_upload() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        for size in [0, 7, PART, PART + 1, 3 * PART + 7] {
            let mut writer = service.writer("k").part_size(PART as u64).concurrency(2).open().unwrap();
            writer.write_all(&content(size, 0)).await.unwrap();
            drop(writer);
            fixture.assert_nothing_stored().await;

            let mut writer = service.writer("k").part_size(PART as u64).concurrency(2).open().unwrap();
            writer.write_all(&content(size, 0)).await.unwrap();
            writer.abort().await.unwrap();
            assert!(service.list_multipart_uploads().await.unwrap().uploads.is_empty());

            let reader = Then::new(content(size, 0), None);
            let read = Arc::clone(&reader.read);
            let upload = tokio::spawn(upload(&service, reader).into_future());
            while read.load(Ordering::SeqCst) < size {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            upload.abort();
            assert!(upload.await.unwrap_err().is_cancelled());
            fixture.assert_nothing_stored().await;
        }
    }
}

/// The service has created the upload, and nobody knows its id.
#[tokio::test]
async fn an_upload_that_is_dropped_while_it_begins_is_aborted() {
    let fixture = Fixture::local().await;
    let mock = fixture.mock();
    let (inner, begun, go_on) =
        (Arc::clone(&fixture.bucket), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, waits) = (Arc::clone(&begun), Arc::clone(&go_on));
    mock.create_multipart_upload.answers(move |request| {
        let (inner, told, waits) = (Arc::clone(&inner), Arc::clone(&told), Arc::clone(&waits));
        async move {
            let created = inner.create_multipart_upload(request).await;
            told.notify_one();
            waits.notified().await;
            created
        }
    });
    let upload = upload(&R2Service::new(mock), io::Cursor::new(content(2 * PART, 0)));
    tokio::select! {
        uploaded = upload.into_future() => panic!("it was done: {uploaded:?}"),
        () = begun.notified() => {}
    }
    assert_eq!(fixture.service().list_multipart_uploads().await.unwrap().uploads.len(), 1);
    go_on.notify_one();
    fixture.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_writer_says_what_came_of_it() {
    let fixture = Fixture::local().await;
    let service = fixture.service();
    let mut writer = service.writer("k").open().unwrap();
    assert_eq!(writer.key(), "k");
    writer.write_all(b"hel").await.unwrap();
    writer.flush().await.unwrap();
    writer.write_all(b"lo").await.unwrap();
    assert!(fixture.stored().await.is_none());
    writer.shutdown().await.unwrap();
    assert_eq!(fixture.stored().await.unwrap(), "hello");
    let error = writer.write_all(b"!").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    writer.shutdown().await.unwrap();
    let uploaded = writer.finish().await.unwrap();
    assert_eq!((uploaded.stored.size, uploaded.verified), (Some(5), Verified::Crc64));

    // Options that cannot work are rejected before anything is written.
    let error = service.writer("k").part_size(7).open().unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::InvalidInput, Some("writer")));
    assert_eq!(service.writer("").open().unwrap_err().kind(), ErrorKind::InvalidInput);

    // The condition is checked at the end.
    for size in [7, PART + 1] {
        let if_new = Conditional::new().etag_does_not_match("*");
        let mut writer = service.writer("k").part_size(PART as u64).only_if(if_new).open().unwrap();
        writer.write_all(&content(size, 0)).await.unwrap();
        let error = writer.shutdown().await.unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).unwrap();
        assert_eq!(inner.kind(), ErrorKind::PreconditionFailed);
        assert_eq!(writer.finish().await.unwrap_err().kind(), ErrorKind::PreconditionFailed);
        assert_eq!(fixture.stored().await.unwrap(), "hello");
        fixture.assert_no_uploads().await;
    }
}

#[tokio::test]
async fn a_part_that_fails_ends_the_upload() {
    let fixture = Fixture::local().await;
    let mock = Arc::new(fixture.mock());
    mock.upload_part.fails(Error::new(ErrorKind::Forbidden, "not this one"));
    let service = R2Service::new(Arc::clone(&mock));
    let error = upload(&service, io::Cursor::new(content(3 * PART, 0))).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Forbidden, Some("upload_part")));
    fixture.assert_nothing_stored().await;

    let mut writer = service.writer("k").part_size(PART as u64).concurrency(1).open().unwrap();
    let error = writer.write_all(&content(3 * PART, 0)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(writer.write_all(b"more").await.is_err());
    assert_eq!(writer.finish().await.unwrap_err().kind(), ErrorKind::Forbidden);
    fixture.assert_nothing_stored().await;
}

async fn flipped(mut request: UploadPartRequest) -> UploadPartRequest {
    let mut bytes = BytesMut::from(request.body.bytes().await.unwrap());
    bytes[1000] ^= 1;
    request.body = Body::from(bytes.freeze());
    request
}

fn stream_of(bytes: &Bytes, piece: usize) -> Body {
    let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(bytes.slice_ref(piece))).collect();
    Body::from_stream(stream::iter(pieces), None)
}

#[tokio::test]
async fn a_byte_that_is_flipped_on_the_way_up_is_sent_again() {
    for fixture in Fixture::both().await {
        for put in [false, true] {
            let mock = fixture.mock();
            let inner = Arc::clone(&fixture.bucket);
            mock.upload_part.answers_once(move |request| {
                let inner = Arc::clone(&inner);
                async move { inner.upload_part(flipped(request).await).await }
            });
            let mock = Arc::new(mock);
            let service = R2Service::new(Arc::clone(&mock));
            let bytes = content(STREAM_PART_SIZE + 1, 3);
            if put {
                service.put("k", stream_of(&bytes, 1_000_000)).await.unwrap();
            } else {
                let reader = io::Cursor::new(bytes.clone());
                let upload = upload(&service, reader).part_size(STREAM_PART_SIZE as u64);
                assert_eq!(upload.await.unwrap().verified, Verified::Crc64);
            }
            assert_eq!(mock.upload_part.calls(), 3);
            // The checksum is stored, and verifies further reads.
            let object = fixture.service().head("k").await.unwrap().unwrap();
            let crc = Crc64Nvme::of(&bytes).checksum();
            assert_eq!(object.checksums.get(ChecksumAlgorithm::Crc64Nvme), Some(&crc));
            assert!(fixture.stored().await.unwrap() == bytes);
            fixture.service().delete("k").await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_service_keeps_the_checksum_that_is_asked_for() {
    for fixture in Fixture::both().await {
        for service in [fixture.service(), fixture.service().with_verification(false)] {
            for algorithm in
                [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Sha256]
            {
                for size in [PART, 2 * PART + 5] {
                    let bytes = content(size, 0);
                    let upload =
                        upload(&service, io::Cursor::new(bytes.clone())).checksum_algorithm(algorithm);
                    let stored = upload.await.unwrap().stored;
                    let parts = bytes.chunks(PART).map(|part| Checksum::of(algorithm, part));
                    let expected = if size == PART || algorithm == ChecksumAlgorithm::Crc64Nvme {
                        ObjectChecksum::FullObject(Checksum::of(algorithm, &bytes))
                    } else {
                        CompositeChecksum::of_parts(algorithm, parts).unwrap().into()
                    };
                    assert_eq!(stored.checksums.kept(), Some(expected), "{algorithm} {size}");
                    assert!(fixture.stored().await.unwrap() == bytes);
                }
            }
        }
    }
}

/// A service that does not support the CRC-64/NVME of a whole upload.
#[tokio::test]
async fn a_service_without_the_crc_is_proved_by_md5s() {
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
    let service = R2Service::new(mock);
    let bytes = content(2 * PART, 0);
    let uploaded = upload(&service, io::Cursor::new(bytes.clone())).await.unwrap();
    assert_eq!(uploaded.verified, Verified::PartMd5s);
    assert!(fixture.stored().await.unwrap() == bytes);
    service.put("k", stream_of(&content(STREAM_PART_SIZE + 1, 1), 70_000)).await.unwrap();
    assert!(fixture.stored().await.unwrap() == content(STREAM_PART_SIZE + 1, 1));

    let unverified = fixture.service().with_verification(false);
    let uploaded = upload(&unverified, io::Cursor::new(bytes)).await.unwrap();
    assert_eq!(uploaded.verified, Verified::LengthOnly);
}

/// A stream of large pieces, such as bytes in memory, is passed on without copying.
#[tokio::test]
async fn bytes_in_memory_are_not_copied() {
    let fixture = Fixture::local().await;
    let bytes = content(2 * STREAM_PART_SIZE + 100_000, 1);
    for piece in [bytes.len(), 3_000_000, 64 * KIB] {
        let mock = fixture.mock();
        let (inner, within) = (Arc::clone(&fixture.bucket), bytes.as_ptr_range());
        let within = within.start.addr()..within.end.addr();
        mock.upload_part.answers(move |mut request| {
            let (inner, within) = (Arc::clone(&inner), within.clone());
            async move {
                let pieces: Vec<Bytes> = request.body.into_stream().try_collect().await?;
                // The end of a piece that spans two parts may be small.
                let large = pieces.iter().filter(|piece| piece.len() >= 64 * KIB);
                assert!(large.clone().count() > 0);
                large.for_each(|piece| assert!(within.contains(&piece.as_ptr().addr())));
                request.body = Body::from(pieces.concat());
                inner.upload_part(request).await
            }
        });
        R2Service::new(mock).put("k", stream_of(&bytes, piece)).await.unwrap();
        assert!(fixture.stored().await.unwrap() == bytes, "{piece}");
    }
}

/// The ranges that a mock bucket was asked for, as offset and length.
fn ranges_asked(mock: &MockBucket, bucket: &Arc<dyn Bucket>) -> Arc<Mutex<Vec<(u64, u64)>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (inner, sink) = (Arc::clone(bucket), Arc::clone(&asked));
    mock.get.answers(move |request| {
        let Some(Range::OffsetWithLength { offset, length }) = request.range else {
            panic!("no range is asked for: {request:?}")
        };
        sink.lock().unwrap().push((offset, length));
        let inner = Arc::clone(&inner);
        async move { inner.get(request).await }
    });
    asked
}

#[tokio::test]
async fn what_is_read_from_the_beginning_to_the_end_is_proved() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        assert!(service.reader("missing").open().await.unwrap().is_none());
        let read = async |expected: &Bytes| {
            let reader = service.reader("k").range_size(300_000).concurrency(3);
            let mut reader = reader.open().await.unwrap().unwrap();
            let mut bytes = Vec::new();
            // Reads of other positions in between do not change that.
            for _ in 0..2 {
                reader.read_to_end(&mut bytes).await.unwrap();
                assert!(bytes == *expected);
                reader.seek(SeekFrom::Start(expected.len() as u64 / 2)).await.unwrap();
                bytes.clear();
                reader.read_to_end(&mut bytes).await.unwrap();
                assert!(bytes == expected[expected.len() / 2..]);
                reader.rewind().await.unwrap();
                bytes.clear();
            }
            assert_eq!(reader.object().size, expected.len() as u64);
            reader.verified().unwrap()
        };
        for size in [0, 1, 2_000_000] {
            let bytes = content(size, 0);
            service.put("k", bytes.clone()).await.unwrap();
            assert_eq!(read(&bytes).await, Verified::Md5);
        }
        let bytes = content(PART + 1, 0);
        write(&service, &bytes).await.unwrap();
        assert_eq!(read(&bytes).await, Verified::Crc64);
        let in_parts = service.create_multipart_upload("k").await.unwrap();
        let parts = [in_parts.upload_part(1, bytes.clone()).await.unwrap()];
        in_parts.complete(parts).await.unwrap();
        assert_eq!(read(&bytes).await, Verified::LengthOnly);

        // A partial read is not verified.
        let mut reader = service.reader("k").open().await.unwrap().unwrap();
        reader.seek(SeekFrom::Start(1)).await.unwrap();
        let rest = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.unwrap();
        assert_eq!((rest, reader.verified()), (bytes.len() as u64 - 1, None));
    }
}

#[tokio::test]
async fn the_window_grows_while_it_is_read_on_and_begins_anew_after_a_seek() {
    let fixture = Fixture::local().await;
    let bytes = content(8_000_000, 0);
    fixture.service().put("k", bytes.clone()).await.unwrap();
    let mock = Arc::new(fixture.mock());
    let asked = ranges_asked(&mock, &fixture.bucket);
    let service = R2Service::new(Arc::clone(&mock));
    let (range_size, concurrency) = (500_000, 4);
    let reader = service.reader("k").range_size(range_size).concurrency(concurrency);
    let mut reader = reader.open().await.unwrap().unwrap();
    let settled = async || tokio::time::sleep(Duration::from_millis(20)).await;
    let asked_for = || asked.lock().unwrap().iter().map(|(_, length)| length).sum::<u64>();
    assert_eq!(asked_for(), 0);

    let mut byte = [0];
    reader.read_exact(&mut byte).await.unwrap();
    settled().await;
    assert_eq!(*asked.lock().unwrap(), [(0, 256 * 1024)]);
    let mut read = vec![0; 4_000_000];
    reader.read_exact(&mut read).await.unwrap();
    assert!(read == bytes[1..4_000_001]);
    settled().await;
    let ahead = asked_for() - 4_000_001;
    assert!((range_size * 2..=range_size * concurrency as u64).contains(&ahead), "{ahead}");
    assert!(asked.lock().unwrap().iter().any(|(_, length)| *length == range_size));
    let count = mock.get.calls();

    // A small step forward costs nothing, nor does a seek to the current position.
    reader.seek(SeekFrom::Current(700_000)).await.unwrap();
    reader.seek(SeekFrom::Current(0)).await.unwrap();
    reader.read_exact(&mut byte).await.unwrap();
    assert_eq!(byte[0], bytes[4_700_001]);
    assert!(asked.lock().unwrap()[count..].iter().all(|(offset, _)| *offset > 4_700_001));

    settled().await;
    let count = mock.get.calls();
    reader.seek(SeekFrom::Start(10)).await.unwrap();
    reader.read_exact(&mut byte).await.unwrap();
    assert_eq!(byte[0], bytes[10]);
    settled().await;
    assert_eq!(asked.lock().unwrap()[count..], [(10, 256 * 1024)]);
    assert_eq!(reader.seek(SeekFrom::End(5)).await.unwrap(), 8_000_005);
    assert_eq!(reader.read(&mut byte).await.unwrap(), 0);
    assert_eq!(
        reader.seek(SeekFrom::Current(-8_000_006)).await.unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}

#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    Seek(SeekFrom),
}

/// It behaves like a file in memory.
#[test]
fn any_reads_and_seeks_are_those_of_a_file() {
    const SIZE: usize = 100_000;
    const BEYOND: i64 = 100_010;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bytes = content(SIZE, 5);
    let fixture = runtime.block_on(Fixture::local());
    let service = fixture.service();
    runtime.block_on(service.put("k", bytes.clone()).into_future()).unwrap();
    let offset = -BEYOND..BEYOND;
    let step = prop_oneof![
        3 => (0..SIZE / 3).prop_map(Step::Read),
        1 => (0..SIZE as u64 + 10).prop_map(|to| Step::Seek(SeekFrom::Start(to))),
        1 => offset.clone().prop_map(|by| Step::Seek(SeekFrom::End(by))),
        1 => offset.prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        1 => (-100..30_000_i64).prop_map(|by| Step::Seek(SeekFrom::Current(by))),
    ];
    let steps = proptest::collection::vec(step, 1..20);
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let input = (steps, 1_000..60_000_u64, 1..5_usize, any::<bool>());
    TestRunner::new(config)
        .run(&input, |(steps, range_size, concurrency, rewinds)| {
            runtime.block_on(async {
                let reader = service.reader("k").range_size(range_size).concurrency(concurrency);
                let mut reader = reader.open().await.unwrap().unwrap();
                let mut file = io::Cursor::new(&bytes[..]);
                for step in &steps {
                    match step {
                        Step::Read(count) => {
                            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                            (&mut reader).take(*count as u64).read_to_end(&mut ours).await.unwrap();
                            (&mut file).take(*count as u64).read_to_end(&mut theirs).await.unwrap();
                            assert!(ours == theirs, "{} bytes for {}", ours.len(), theirs.len());
                        }
                        Step::Seek(to) => {
                            let theirs = io::Seek::seek(&mut file, *to);
                            match reader.seek(*to).await {
                                Ok(position) => assert_eq!(position, theirs.unwrap()),
                                Err(_) => assert!(theirs.is_err()),
                            }
                        }
                    }
                    assert_eq!(reader.stream_position().await.unwrap(), file.position());
                }
                if rewinds {
                    reader.rewind().await.unwrap();
                    let mut whole = Vec::new();
                    reader.read_to_end(&mut whole).await.unwrap();
                    assert!(whole == bytes);
                    assert_eq!(reader.verified(), Some(Verified::Md5));
                }
            });
            Ok(())
        })
        .unwrap();
}

fn inner(error: &io::Error) -> &Error {
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap()
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_an_error_that_says_so() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        for deleted in [false, true] {
            service.put("k", content(2_000_000, 1)).await.unwrap();
            let mut reader = service.reader("k").range_size(100_000).open().await.unwrap().unwrap();
            let mut bytes = vec![0; 50_000];
            reader.read_exact(&mut bytes).await.unwrap();
            if deleted {
                service.delete("k").await.unwrap();
            } else {
                service.put("k", content(2_000_000, 2)).await.unwrap();
            }
            for again in [false, true] {
                if again {
                    reader.seek(SeekFrom::Current(0)).await.unwrap();
                }
                for _ in 0..2 {
                    let read = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.unwrap_err();
                    let error = inner(&read);
                    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
                    assert!(error.message().contains("was replaced or deleted while it was being read"));
                    assert_eq!(error.key(), Some("k"));
                }
            }
        }
    }
}

/// The body is cut off, and the object is replaced in the meantime.
#[tokio::test]
async fn an_object_that_is_replaced_within_a_range_is_the_same_error() {
    let fixture = Fixture::local().await;
    fixture.service().put("k", content(200_000, 1)).await.unwrap();
    let mock = fixture.mock();
    let inner_bucket = Arc::clone(&fixture.bucket);
    mock.get.answers_once(move |request| {
        let bucket = Arc::clone(&inner_bucket);
        async move {
            let Some(ObjectBody { object, body, .. }) = bucket.get(request).await? else { return Ok(None) };
            R2Service::new(bucket).put("k", content(200_000, 2)).await?;
            let bytes = body.bytes().await?;
            let cut_off = [Ok(bytes.slice(..1000)), Err(Error::new(ErrorKind::Connection, "reset"))];
            Ok(Some(ObjectBody::new(object, Body::from_stream(stream::iter(cut_off), None))))
        }
    });
    let mut reader = R2Service::new(mock).reader("k").open().await.unwrap().unwrap();
    let read = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.unwrap_err();
    assert_eq!(inner(&read).kind(), ErrorKind::PreconditionFailed);
}

#[tokio::test]
async fn a_byte_that_is_flipped_on_the_way_down_is_no_end() {
    let fixture = Fixture::local().await;
    let bytes = content(1_000_000, 1);
    fixture.service().put("k", bytes.clone()).await.unwrap();
    let mock = fixture.mock();
    let (bucket, damages) = (Arc::clone(&fixture.bucket), Arc::new(AtomicBool::new(true)));
    let damaged = Arc::clone(&damages);
    mock.get.answers(move |request| {
        let (bucket, damages) = (Arc::clone(&bucket), Arc::clone(&damages));
        async move {
            let Some(ObjectBody { object, body, .. }) = bucket.get(request).await? else { return Ok(None) };
            let mut bytes = BytesMut::from(body.bytes().await?);
            bytes[5] ^= u8::from(
                object.range.is_some_and(|range| range.offset == 0) && damages.load(Ordering::SeqCst),
            );
            Ok(Some(ObjectBody::new(object, Body::from(bytes.freeze()))))
        }
    });
    let service = R2Service::new(mock);
    let mut reader = service.reader("k").open().await.unwrap().unwrap();
    let mut read = Vec::new();
    let error = reader.read_to_end(&mut read).await.unwrap_err();
    assert_eq!((error.kind(), inner(&error).kind()), (io::ErrorKind::InvalidData, ErrorKind::Integrity));
    assert!(read.len() < bytes.len());
    assert_eq!(reader.verified(), None);
    assert!(reader.read_to_end(&mut read).await.is_err());

    // Used as the source of an upload, it stores nothing, and the error stays the same.
    reader.rewind().await.unwrap();
    let error = service.upload_reader(reader, "copy").await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Integrity, Some("reader")));
    assert!(service.head("copy").await.unwrap().is_none());

    damaged.store(false, Ordering::SeqCst);
    let reader = service.reader("k").open().await.unwrap().unwrap();
    let uploaded = service.upload_reader(reader, "copy").await.unwrap();
    assert_eq!((uploaded.stored.size, uploaded.verified), (Some(1_000_000), Verified::Crc64));
    assert!(service.get("copy").bytes().await.unwrap().unwrap() == bytes);
}

#[tokio::test]
async fn failures_that_pass_are_not_seen() {
    let fixture = Fixture::local().await;
    let bytes = content(1_000_000, 1);
    fixture.service().put("k", bytes.clone()).await.unwrap();
    let mock = fixture.mock();
    let (bucket, calls) = (Arc::clone(&fixture.bucket), Arc::new(AtomicUsize::new(0)));
    mock.get.answers(move |request| {
        let (bucket, nth) = (Arc::clone(&bucket), calls.fetch_add(1, Ordering::SeqCst));
        async move {
            if nth.is_multiple_of(3) {
                return Err(Error::new(ErrorKind::Connection, "reset"));
            }
            let Some(found) = bucket.get(request).await? else { return Ok(None) };
            if nth % 3 == 1 {
                let ObjectBody { object, body, .. } = found;
                let cut_off = body.bytes().await?.slice(..1);
                let pieces = stream::iter([Ok(cut_off), Err(Error::new(ErrorKind::Connection, "reset"))]);
                return Ok(Some(ObjectBody::new(object, Body::from_stream(pieces.boxed(), None))));
            }
            Ok(Some(found))
        }
    });
    let retry = RetryPolicy::default().base_delay(Duration::from_millis(1));
    let service = R2Service::new(mock).with_retry(retry);
    let mut reader = service.reader("k").range_size(100_000).open().await.unwrap().unwrap();
    let mut read = Vec::new();
    reader.read_to_end(&mut read).await.unwrap();
    assert!(read == bytes);
    assert_eq!(reader.verified(), Some(Verified::Md5));
}

/// A service whose answers contain no checksum, neither of parts nor of objects.
#[tokio::test]
async fn what_nobody_can_prove_is_said_to_be_unproved() {
    let fixture = Fixture::s3().await;
    let mock = fixture.mock();
    let bucket = Arc::clone(&fixture.bucket);
    mock.complete_multipart_upload.answers(move |request| {
        let bucket = Arc::clone(&bucket);
        async move {
            let mut stored = bucket.complete_multipart_upload(request).await?;
            stored.etag = "opaque".to_owned();
            stored.checksums = Checksums::default();
            Ok(stored)
        }
    });
    let uploaded = upload(&R2Service::new(mock), io::Cursor::new(content(PART + 1, 0))).await.unwrap();
    assert_eq!(uploaded.verified, Verified::LengthOnly);
}

#[test]
fn all_can_be_shared_and_sent() {
    fn shared<T: Send + Sync + Unpin + 'static>() {}
    shared::<transfer::UploadReader>();
    shared::<transfer::WriterBuilder>();
    shared::<transfer::Writer>();
    shared::<transfer::ReaderBuilder>();
    shared::<transfer::Reader>();
}
