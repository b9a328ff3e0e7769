//! `S3Bucket` against servers that answer by a script, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::r2::{R2Service, R2SigningConfig, Range};

const OBJECT: &str = "ETag: \"abc\"\r\nLast-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\n";

fn bucket(url: &str) -> S3Bucket {
    let config = R2SigningConfig::for_endpoint(url, "key", "secret", "media");
    S3Bucket::new(config).unwrap().with_timeouts(Timeouts {
        connect: Duration::from_millis(500),
        first_byte: Duration::from_millis(300),
        idle: Duration::from_millis(300),
    })
}

/// A bucket whose server gives each connection to `script`.
async fn served<F>(script: impl Fn(TcpStream) -> F + Send + 'static) -> S3Bucket
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(script(connection));
        }
    });
    bucket(&url)
}

/// A bucket whose server gives each request of a connection its next answer, and keeps the request heads. `LENGTH` is
/// the length of its body.
async fn answered(answers: &'static [&'static str]) -> (S3Bucket, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let bucket = served(move |mut connection| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(head) = read_head(&mut connection).await {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                connection.read_exact(&mut body).await.unwrap();
                let nth = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(head);
                    seen.len() - 1
                };
                let Some(answer) = answers.get(nth) else { return };
                let length = answer.split_once("\r\n\r\n").unwrap().1.len();
                let answer = answer.replace("LENGTH", &length.to_string());
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (bucket, heads)
}

async fn read_head(connection: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn get(key: &str) -> GetRequest {
    GetRequest { key: key.to_owned(), ..GetRequest::default() }
}

async fn read(bucket: &S3Bucket) -> Result<Bytes> {
    bucket.get(get("k")).await?.expect("an object").body.bytes().await
}

/// That it fails with this kind, soon.
async fn assert_fails<T: std::fmt::Debug>(kind: ErrorKind, work: impl Future<Output = Result<T>>) -> Error {
    let start = Instant::now();
    let error = work.await.expect_err("a failure");
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    error
}

#[tokio::test]
async fn keys_reach_the_wire_as_they_are_signed() {
    let (bucket, heads) = answered(&["HTTP/1.1 204 No Content\r\n\r\n"; 9]).await;
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
        bucket.delete(key).await.unwrap();
    }
    let heads = heads.lock().unwrap();
    let lines: Vec<_> = heads.iter().map(|head| head.lines().next().unwrap()).collect();
    assert_eq!(lines, keys.map(|(_, path)| format!("DELETE /media/{path} HTTP/1.1")));
    for head in &*heads {
        assert!(head.contains("accept-encoding: identity\r\n") && !head.contains("expect"), "{head}");
        let signed = head.split_once("SignedHeaders=").unwrap().1.split_once(',').unwrap().0;
        assert!(signed.split(';').all(|name| head.contains(&format!("\r\n{name}: "))), "{head}");
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let bucket = served(|mut connection| async move {
        read_head(&mut connection).await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = assert_fails(ErrorKind::Timeout, bucket.head("k")).await;
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "no answer within 300ms of the request");
    assert_fails(ErrorKind::Timeout, bucket.put(PutRequest::new("k", "small"))).await;
}

#[tokio::test]
async fn a_server_that_stops_reading_times_out() {
    let bucket = served(|mut connection| async move {
        read_head(&mut connection).await;
        std::future::pending::<()>().await;
    })
    .await;
    let put = bucket.put(PutRequest::new("k", vec![0; 64 * 1024 * 1024]));
    let error = assert_fails(ErrorKind::Timeout, put).await;
    assert!(error.message().contains("took nothing"), "{error}");
}

#[tokio::test]
async fn a_slow_upload_goes_on() {
    let bucket = served(|mut connection| async move {
        let _ = read_head(&mut connection).await;
        let mut body = [0; 6];
        connection.read_exact(&mut body).await.unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 0\r\n\r\n").await.unwrap();
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
    let bucket = served(|mut connection| async move {
        read_head(&mut connection).await;
        let answer = format!("HTTP/1.1 200 OK\r\n{OBJECT}Content-Length: 10\r\n\r\nhalf");
        connection.write_all(answer.as_bytes()).await.unwrap();
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
    let error = assert_fails(ErrorKind::Timeout, bucket.head("k")).await;
    assert!(error.message().contains("no connection"), "{error}");
}

#[tokio::test]
async fn names_and_connections_that_fail_are_told_apart() {
    let nowhere = bucket(&format!("http://{}.invalid", "a".repeat(64))).with_timeouts(Timeouts::default());
    let error = assert_fails(ErrorKind::Dns, nowhere.head("k")).await;
    assert!(error.is_retryable() && std::error::Error::source(&error).is_some());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = assert_fails(ErrorKind::Connection, bucket(&url).head("k")).await;
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
        let bucket = served(move |mut connection| async move {
            let head = read_head(&mut connection).await.unwrap();
            let status = if head.contains("range: ") { "206 Partial Content" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\n{OBJECT}{body}");
            connection.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let range = body.contains("Content-Range").then(|| Range::from(0..10));
        let read = async { bucket.get(GetRequest { range, ..get("k") }).await?.unwrap().body.bytes().await };
        assert_fails(kind, read).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_early_answer_wins_over_the_broken_upload() {
    let bucket = served(|mut connection| async move {
        read_head(&mut connection).await;
        let body = "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>";
        let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
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
async fn an_upload_that_breaks_without_an_answer_is_a_connection_error() {
    let bucket = served(|mut connection| async move {
        read_head(&mut connection).await;
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
async fn errors_of_the_body_are_passed_through() {
    let (bucket, _) = answered(&[]).await;
    let failing =
        stream::iter([Ok(Bytes::from_static(b"ab")), Err(Error::new(ErrorKind::Storage, "disk on fire"))]);
    let error = assert_fails(ErrorKind::Storage, bucket.put(put_of(failing, 4))).await;
    assert_eq!(error.message(), "disk on fire");
    let pieces = || stream::iter(["ab", "cd"].map(|piece| Ok(Bytes::from(piece))));
    for length in [3, 4, 5] {
        let put = bucket.put(put_of(pieces(), length));
        if length == 4 {
            // The server closes the connection when it has read all.
            assert_fails(ErrorKind::Connection, put).await;
        } else {
            assert_fails(ErrorKind::Integrity, put).await;
        }
    }
    let stalled = bucket.put(put_of(stream::pending(), 4));
    let error = assert_fails(ErrorKind::Timeout, stalled).await;
    assert!(error.message().contains("the body gave nothing"), "{error}");
}

#[tokio::test]
async fn error_answers_are_read() {
    let (bucket, _) = answered(&[
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\ncf-ray: ray\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n",
        "HTTP/1.1 412 Precondition Failed\r\nContent-Length: LENGTH\r\n\r\n<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>",
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
    let (bucket, heads) = answered(&[
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: LENGTH\r\n\r\n<Error><Code>NoSuchKey</Code></Error>",
        "HTTP/1.1 404 Not Found\r\nContent-Length: LENGTH\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
    ])
    .await;
    let client = bucket.signing_client();
    assert!(!client.object_exists("k").await.unwrap());
    let error = assert_fails(ErrorKind::NoSuchBucket, client.object_exists("k")).await;
    assert_eq!(error.code(), Some("NoSuchBucket"));
    assert!(bucket.get(get("k")).await.unwrap().is_none());
    assert_fails(ErrorKind::NoSuchBucket, bucket.get(get("k"))).await;
    assert_fails(ErrorKind::Forbidden, client.object_exists("k")).await;
    let heads = heads.lock().unwrap();
    let lines: Vec<_> = heads.iter().map(|head| head.lines().next().unwrap()).collect();
    assert_eq!(lines[..2], ["HEAD /media/k HTTP/1.1", "HEAD /media HTTP/1.1"]);
}

#[tokio::test]
async fn keys_that_xml_cannot_carry_are_deleted_one_by_one() {
    let (bucket, heads) = answered(&[
        "HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\n\r\n<DeleteResult><Deleted><Key>b</Key></Deleted><Deleted><Key>a</Key></Deleted></DeleteResult>",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    ])
    .await;
    let keys = ["a", "c\n", "b"].map(str::to_owned);
    let outcomes = bucket.delete_many(&keys).await.unwrap();
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(Error::kind)).collect();
    assert_eq!(kinds, [Ok(&()), Err(ErrorKind::Forbidden), Ok(&())]);
    let heads = heads.lock().unwrap();
    let lines: Vec<_> = heads.iter().map(|head| head.lines().next().unwrap()).collect();
    assert_eq!(lines, ["POST /media?delete= HTTP/1.1", "DELETE /media/c%0A HTTP/1.1"]);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let bucket = served(|mut connection| async move {
        read_head(&mut connection).await;
        connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    })
    .await;
    for _ in 0..5 {
        bucket.delete("k").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let bucket = bucket("http://127.0.0.1:1");
    let sha512 = crate::r2::Checksum::of(crate::r2::ChecksumAlgorithm::Sha512, b"x");
    let put = PutRequest { checksum: Some(sha512), ..PutRequest::new("k", "x") };
    assert_fails(ErrorKind::Unsupported, bucket.put(put)).await;
    assert_fails(ErrorKind::InvalidInput, bucket.head("")).await;
    assert_fails(ErrorKind::InvalidInput, bucket.get(GetRequest { range: Some((3..3).into()), ..get("k") }))
        .await;
    assert_fails(
        ErrorKind::InvalidInput,
        bucket.put(PutRequest::new("k", Body::from_stream(stream::empty(), None))),
    )
    .await;
    assert_fails(ErrorKind::InvalidInput, bucket.abort_multipart_upload("k", "")).await;
    assert_fails(ErrorKind::InvalidInput, bucket.delete_many(&[String::new()])).await;
}

#[tokio::test]
async fn a_refused_head_says_whether_it_was_the_credentials() {
    const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let (bucket, heads) = answered(&[
        REFUSED,
        "HTTP/1.1 403 Forbidden\r\nContent-Length: LENGTH\r\n\r\n\
         <Error><Code>SignatureDoesNotMatch</Code><Message>Wrong.</Message></Error>",
    ])
    .await;
    let error = assert_fails(ErrorKind::Credentials, bucket.head("k")).await;
    assert!(error.to_string().contains("credentials"), "{error}");
    assert!(heads.lock().unwrap()[1].contains("range: bytes=0-0\r\n"));

    let (bucket, _) = answered(&[REFUSED, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]).await;
    assert_fails(ErrorKind::Forbidden, bucket.head("k")).await;
}

#[tokio::test]
async fn an_operation_is_a_span() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let (bucket, _) = answered(&[
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nLast-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\n\
         Content-Length: LENGTH\r\n\r\nhello",
        "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n",
    ])
    .await;
    let service = R2Service::new(bucket).with_verification(false);
    assert_eq!(service.get("a key").await.unwrap().unwrap().bytes().await.unwrap(), "hello");
    service.put("k", "four").metadata("who", "private").await.unwrap_err();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let closed: Vec<_> = log.lines().filter(|line| line.contains(": close ")).collect();
    let [get, put] = closed[..] else { panic!("{log}") };
    assert!(get.contains(r#"r2{operation="get" key="a key" status=200 bytes=5 attempts=2}"#), "{get}");
    assert!(put.contains(r#"r2{operation="put" key="k" bytes=4 attempts=1 status=412}"#), "{put}");
    for secret in ["secret", "Signature", "private"] {
        assert!(!log.contains(secret), "{log}");
    }
}
