//! `S3Bucket` against scripted servers, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::r2::{
    AbortMultipartUploadRequest, Body, Bucket as _, Checksum, ChecksumAlgorithm, DeleteManyRequest,
    DeleteRequest, GetRequest, HeadRequest, PutRequest, R2Service, R2SigningConfig, Range,
};
use cloudflare_clients::{Error, ErrorKind, Result, S3Bucket, Timeouts};
use futures_util::{Stream, StreamExt, stream};
use testkit::{Connection, Log, Request, ScriptedServer, answer};
use tokio::net::TcpListener;

const OBJECT: &str = "ETag: \"abc\"\r\nLast-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\n";

fn bucket(url: &str) -> S3Bucket {
    let config = R2SigningConfig::for_endpoint(url, "key", "secret", "media");
    S3Bucket::new(config).unwrap().with_timeouts(
        Timeouts::default()
            .connect(Duration::from_millis(500))
            .first_byte(Duration::from_millis(300))
            .idle(Duration::from_millis(300)),
    )
}

/// A bucket whose server passes each connection to `script`.
async fn conversing<F>(script: impl Fn(Connection) -> F + Send + 'static) -> S3Bucket
where
    F: Future<Output = ()> + Send + 'static,
{
    bucket(&ScriptedServer::conversing(script).await.url())
}

/// A bucket whose server answers each request with the next of `answers`.
async fn answering(answers: impl IntoIterator<Item = impl Into<String>>) -> (S3Bucket, ScriptedServer) {
    let server = ScriptedServer::answering(answers).await;
    (bucket(&server.url()), server)
}

fn get(key: &str) -> GetRequest {
    GetRequest::new(key)
}

async fn read(bucket: &S3Bucket) -> Result<Bytes> {
    bucket.get(get("k")).await?.expect("an object").body.bytes().await
}

/// Asserts that the work fails soon, with this kind.
async fn assert_fails<T: std::fmt::Debug>(kind: ErrorKind, work: impl Future<Output = Result<T>>) -> Error {
    let start = Instant::now();
    let error = work.await.expect_err("a failure");
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    error
}

#[tokio::test]
async fn keys_reach_the_wire_as_they_are_signed() {
    let (bucket, server) = answering(["HTTP/1.1 204 No Content\r\n\r\n"; 9]).await;
    let keys = [
        ("a/../b", "a/../b"),
        ("..", ".."),
        ("./a", "./a"),
        ("a//b/", "a//b/"),
        ("/a", "/a"),
        ("%2F", "%252F"),
        ("a+b c?d#e", "a%2Bb%20c%3Fd%23e"),
        ("!'()*", "%21%27%28%29%2A"),
        ("ü🦀", "%C3%BC%F0%9F%A6%80"),
    ];
    for (key, _) in keys {
        bucket.delete(DeleteRequest::new(key)).await.unwrap();
    }
    assert_eq!(server.lines(), keys.map(|(_, path)| format!("DELETE /media/{path}")));
    for Request { headers, .. } in server.requests() {
        assert!(
            headers.contains("accept-encoding: identity\r\n") && !headers.contains("expect"),
            "{headers}"
        );
        let signed = headers.split_once("SignedHeaders=").unwrap().1.split_once(',').unwrap().0;
        let has = |name: &str| headers.lines().any(|line| line.starts_with(&format!("{name}: ")));
        assert!(signed.split(';').all(has), "{headers}");
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = assert_fails(ErrorKind::Timeout, bucket.head(HeadRequest::new("k"))).await;
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "the service did not answer within 300ms of the request");
    assert_fails(ErrorKind::Timeout, bucket.put(PutRequest::new("k", "small"))).await;
}

#[tokio::test]
async fn a_server_that_stops_reading_times_out() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let put = bucket.put(PutRequest::new("k", vec![0; 64 * 1024 * 1024]));
    let error = assert_fails(ErrorKind::Timeout, put).await;
    assert!(error.message().contains("accepted no bytes"), "{error}");
}

#[tokio::test]
async fn a_slow_upload_goes_on() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
        connection.read_body(6).await.unwrap();
        connection.write(&answer("200 OK", &["ETag: \"abc\""], "")).await;
    })
    .await;
    let slow = stream::iter(0..6).then(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(Bytes::from_static(b"x"))
    });
    let put = PutRequest::new("k", Body::from_stream(slow, Some(6)));
    assert_eq!(bucket.put(put).await.unwrap().etag, "abc");
}

#[tokio::test]
async fn a_stalled_answer_times_out() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
        connection.write(&format!("HTTP/1.1 200 OK\r\n{OBJECT}Content-Length: 10\r\n\r\nhalf")).await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = assert_fails(ErrorKind::Timeout, read(&bucket)).await;
    assert!(error.message().contains("stalled"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bucket = bucket(&format!("https://{}", listener.local_addr().unwrap()));
    let error = assert_fails(ErrorKind::Timeout, bucket.head(HeadRequest::new("k"))).await;
    assert!(error.message().contains("could not connect"), "{error}");
}

#[tokio::test]
async fn names_and_connections_that_fail_are_told_apart() {
    let nowhere = bucket(&format!("http://{}.invalid", "a".repeat(64))).with_timeouts(Timeouts::default());
    let error = assert_fails(ErrorKind::Dns, nowhere.head(HeadRequest::new("k"))).await;
    assert!(error.is_retryable() && std::error::Error::source(&error).is_some());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = assert_fails(ErrorKind::Connection, bucket(&url).head(HeadRequest::new("k"))).await;
    assert!(error.is_retryable() && error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn cut_off_bodies_are_errors() {
    for (body, kind) in [
        ("Content-Length: 10\r\n\r\nhalf", ErrorKind::Connection),
        (
            "Transfer-Encoding: chunked\r\nContent-Range: bytes 0-9/10\r\n\r\n4\r\nhalf\r\n0\r\n\r\n",
            ErrorKind::Integrity,
        ),
        ("Content-Range: bytes 0-9/10\r\n\r\nhalf", ErrorKind::Integrity),
        ("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n", ErrorKind::UnexpectedResponse),
        ("\r\nhalf", ErrorKind::UnexpectedResponse),
    ] {
        let bucket = conversing(move |mut connection| async move {
            let head = connection.read_head().await.unwrap();
            let status = if head.contains("range: ") { "206 Partial Content" } else { "200 OK" };
            connection.write(&format!("HTTP/1.1 {status}\r\n{OBJECT}{body}")).await;
        })
        .await;
        let range = body.contains("Content-Range").then(|| Range::from(0..10));
        let mut get = get("k");
        get.range = range;
        let read = async { bucket.get(get).await?.unwrap().body.bytes().await };
        assert_fails(kind, read).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_early_answer_wins_over_the_broken_upload() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
        let body = "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>";
        connection.write(&answer("403 Forbidden", &[], body)).await;
        // Closing with unread bytes resets the connection.
    })
    .await;
    for _ in 0..50 {
        let error =
            assert_fails(ErrorKind::Forbidden, bucket.put(PutRequest::new("k", vec![0; 8 * 1024 * 1024])))
                .await;
        assert_eq!(error.code(), Some("AccessDenied"));
    }
}

#[tokio::test]
async fn a_success_that_comes_before_the_body_is_none() {
    let content = Bytes::from(vec![7; 8 * 1024 * 1024]);
    let etag = Checksum::of(ChecksumAlgorithm::Md5, &content).to_hex();
    let (file, requests) = (tempfile::NamedTempFile::new().unwrap(), Arc::new(AtomicUsize::new(0)));
    std::fs::write(file.path(), &content).unwrap();
    let (seen, length) = (Arc::clone(&requests), content.len());
    let bucket = conversing(move |mut connection| {
        let (first, etag) = (seen.fetch_add(1, Ordering::SeqCst).is_multiple_of(2), etag.clone());
        async move {
            connection.read_head().await;
            // The server cannot have stored what it has not read, even if it knows the MD5 from the request's
            // headers.
            if !first {
                connection.read_body(length).await;
            }
            connection.write(&answer("200 OK", &[&format!("ETag: \"{etag}\"")], "")).await;
            connection.read_body(length).await;
        }
    })
    .await;
    let error = assert_fails(ErrorKind::UnexpectedResponse, bucket.put(PutRequest::new("k", content))).await;
    assert!(
        error.is_retryable() && error.message().contains("before it had received the whole request"),
        "{error}"
    );
    requests.store(0, Ordering::SeqCst);

    for verified in [true, false] {
        let service = R2Service::new(bucket.clone()).with_verification(verified);
        let stored = service.put("k", Body::from_file(file.path()).await.unwrap()).await.unwrap();
        assert_eq!(stored.size, Some(length as u64));
    }
    assert_eq!(requests.load(Ordering::SeqCst), 4);
    let once =
        Body::from_stream(Body::from_file(file.path()).await.unwrap().into_stream(), Some(length as u64));
    let put = R2Service::new(bucket).put("k", once).into_future();
    assert_fails(ErrorKind::BodyNotReplayable, put).await;
}

#[tokio::test]
async fn an_upload_that_breaks_without_an_answer_is_a_connection_error() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
    })
    .await;
    let error =
        assert_fails(ErrorKind::Connection, bucket.put(PutRequest::new("k", vec![0; 8 * 1024 * 1024]))).await;
    assert!(error.is_retryable());
}

fn put_of(pieces: impl Stream<Item = Result<Bytes>> + Send + 'static, length: u64) -> PutRequest {
    PutRequest::new("k", Body::from_stream(pieces, Some(length)))
}

#[tokio::test]
async fn what_a_client_breaks_off_is_no_body_to_send_again() {
    let (bucket, _) = answering([""; 0]).await;
    let gone = Error::new(ErrorKind::Connection, "the client has gone");
    let pieces = stream::iter([Ok(Bytes::from_static(b"ab")), Err(gone)]);
    let received = Body::from_http_body(Body::from_stream(pieces, Some(4)));
    let put = R2Service::new(bucket).put("k", received).into_future();
    let error = assert_fails(ErrorKind::InvalidInput, put).await;
    assert_eq!(error.message(), "the body to store could not be read: the client has gone");
    assert_eq!(error.attempts(), 1);
}

#[tokio::test]
async fn errors_of_the_body_are_passed_through() {
    let (bucket, _) = answering([""; 0]).await;
    let failing =
        stream::iter([Ok(Bytes::from_static(b"ab")), Err(Error::new(ErrorKind::Storage, "disk on fire"))]);
    let error = assert_fails(ErrorKind::Storage, bucket.put(put_of(failing, 4))).await;
    assert_eq!(error.message(), "disk on fire");
    let pieces = || stream::iter(["ab", "cd"].map(|piece| Ok(Bytes::from(piece))));
    for length in [3, 4, 5] {
        let put = bucket.put(put_of(pieces(), length));
        if length == 4 {
            // The server closes the connection when it has read everything.
            assert_fails(ErrorKind::Connection, put).await;
        } else {
            let error = assert_fails(ErrorKind::InvalidInput, put).await;
            assert!(error.message().contains(&format!("4 bytes, but {length} were announced")), "{error}");
        }
    }
    // Nothing of it would be sent, so it must be checked before.
    let error = assert_fails(ErrorKind::InvalidInput, bucket.put(put_of(pieces(), 0))).await;
    assert!(error.message().contains("2 bytes, but 0 were announced"), "{error}");
    let stalled = bucket.put(put_of(stream::pending(), 4));
    let error = assert_fails(ErrorKind::Timeout, stalled).await;
    assert!(error.message().contains("the body's stream returned no bytes"), "{error}");
}

#[tokio::test]
async fn error_answers_are_read() {
    let (bucket, _) = answering([
        answer("503 Service Unavailable", &["Retry-After: 7", "cf-ray: ray"], ""),
        answer("500 Server Error", &[], ""),
        "HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n".to_owned(),
        answer(
            "412 Precondition Failed",
            &[],
            "<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>",
        ),
    ])
    .await;
    let error = assert_fails(ErrorKind::Server, bucket.get(get("k"))).await;
    assert_eq!((error.retry_after(), error.request_id()), (Some(Duration::from_secs(7)), Some("ray")));
    let error = assert_fails(ErrorKind::Server, bucket.get(get("k"))).await;
    assert_eq!(error.to_string(), "500 Server Error");
    assert_fails(ErrorKind::NotModified, bucket.get(get("k"))).await;
    assert_fails(ErrorKind::PreconditionFailed, bucket.get(get("k"))).await;
}

#[tokio::test]
async fn a_missing_object_is_none_and_a_missing_bucket_an_error() {
    let head = |status: &str| format!("HTTP/1.1 {status}\r\n\r\n");
    let (bucket, server) = answering([
        head("404 Not Found"),
        head("200 OK"),
        head("404 Not Found"),
        head("404 Not Found"),
        answer("404 Not Found", &[], "<Error><Code>NoSuchKey</Code></Error>"),
        answer("404 Not Found", &[], "<Error><Code>NoSuchBucket</Code></Error>"),
        head("403 Forbidden"),
    ])
    .await;
    let client = bucket.signing_client();
    assert!(!client.object_exists("k").await.unwrap());
    let error = assert_fails(ErrorKind::NoSuchBucket, client.object_exists("k")).await;
    assert_eq!(error.code(), Some("NoSuchBucket"));
    assert!(bucket.get(get("k")).await.unwrap().is_none());
    assert_fails(ErrorKind::NoSuchBucket, bucket.get(get("k"))).await;
    assert_fails(ErrorKind::Forbidden, client.object_exists("k")).await;
    assert_eq!(server.lines()[..2], ["HEAD /media/k", "HEAD /media"]);
}

#[tokio::test]
async fn keys_that_xml_cannot_carry_are_deleted_one_by_one() {
    let deleted =
        "<DeleteResult><Deleted><Key>b</Key></Deleted><Deleted><Key>a</Key></Deleted></DeleteResult>";
    let (bucket, server) =
        answering([answer("200 OK", &[], deleted), answer("403 Forbidden", &[], "")]).await;
    let keys = ["a", "c\n", "b"].map(str::to_owned);
    let outcomes = bucket.delete_many(DeleteManyRequest::new(&keys)).await.unwrap();
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(Error::kind)).collect();
    assert_eq!(kinds, [Ok(&()), Err(ErrorKind::Forbidden), Ok(&())]);
    assert_eq!(server.lines(), ["POST /media?delete=", "DELETE /media/c%0A"]);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let bucket = conversing(|mut connection| async move {
        connection.read_head().await;
        connection.write("HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
    for _ in 0..5 {
        bucket.delete(DeleteRequest::new("k")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let bucket = bucket("http://127.0.0.1:1");
    let sha512 = Checksum::of(ChecksumAlgorithm::Sha512, b"x");
    let mut put = PutRequest::new("k", "x");
    put.checksum = Some(sha512);
    assert_fails(ErrorKind::Unsupported, bucket.put(put)).await;
    assert_fails(ErrorKind::InvalidInput, bucket.head(HeadRequest::new(""))).await;
    let mut empty = get("k");
    empty.range = Some((3..3).into());
    assert_fails(ErrorKind::InvalidInput, bucket.get(empty)).await;
    assert_fails(
        ErrorKind::InvalidInput,
        bucket.put(PutRequest::new("k", Body::from_stream(stream::empty(), None))),
    )
    .await;
    assert_fails(
        ErrorKind::InvalidInput,
        bucket.abort_multipart_upload(AbortMultipartUploadRequest::new("k", "")),
    )
    .await;
    assert_fails(ErrorKind::InvalidInput, bucket.delete_many(DeleteManyRequest::new(&[String::new()]))).await;
}

#[tokio::test]
async fn a_refused_head_says_whether_it_was_the_credentials() {
    let refused = |body| answer("403 Forbidden", &[], body);
    let wrong = "<Error><Code>SignatureDoesNotMatch</Code><Message>Wrong.</Message></Error>";
    let (bucket, server) = answering([refused(""), refused(wrong)]).await;
    let error = assert_fails(ErrorKind::Credentials, bucket.head(HeadRequest::new("k"))).await;
    assert!(error.to_string().contains("credentials"), "{error}");
    assert!(server.requests()[1].headers.contains("range: bytes=0-0\r\n"));

    let (bucket, _) = answering([refused(""), answer("404 Not Found", &[], "")]).await;
    assert_fails(ErrorKind::Forbidden, bucket.head(HeadRequest::new("k"))).await;
}

#[tokio::test]
async fn an_operation_is_a_span() {
    let (log, _guard) = Log::keep();
    let (bucket, _) = answering([
        answer("503 Service Unavailable", &[], ""),
        answer("200 OK", &["ETag: \"abc\"", "Last-Modified: Fri, 15 Jan 2027 08:00:00 GMT"], "hello"),
        answer("412 Precondition Failed", &[], ""),
    ])
    .await;
    let service = R2Service::new(bucket).with_verification(false);
    assert_eq!(service.get("a key").await.unwrap().unwrap().bytes().await.unwrap(), "hello");
    service.put("k", "four").metadata("who", "private").await.unwrap_err();

    let closed = log.closed_spans();
    let [get, put] = &closed[..] else { panic!("{closed:?}") };
    assert!(get.contains(r#"r2{operation="get" key="a key" status=200 bytes=5 attempts=2}"#), "{get}");
    assert!(put.contains(r#"r2{operation="put" key="k" bytes=4 attempts=1 status=412}"#), "{put}");
    for secret in ["secret", "Signature", "private"] {
        assert!(!log.text().contains(secret), "{}", log.text());
    }
}
