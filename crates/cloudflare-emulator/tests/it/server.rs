//! Connections and failures on demand.

use cloudflare_emulator::Emulator;
use std::time::{Duration, Instant, SystemTime};

use cloudflare_clients::Runtime;
use cloudflare_clients::r2::{Bucket as _, HeadRequest};
use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Local};

#[tokio::test]
async fn ordered_failures_have_no_effect() {
    let local = Local::start().await;
    local.server.faults().fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
    for _ in 0..2 {
        let answer = local.request("PUT", "/media/key").body("x").send().await;
        assert_eq!(answer.error(), (503, "ServiceUnavailable".to_owned()));
    }
    assert_eq!(local.get("/media/key").await.status, 404);
    assert_eq!(local.request("PUT", "/media/key").body("x").send().await.status, 200);
    for (status, code) in
        [(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"), (StatusCode::BAD_GATEWAY, "InternalError")]
    {
        local.server.faults().fail_next(1, status);
        assert_eq!(local.get("/media/key").await.error(), (status.as_u16(), code.to_owned()));
    }
}

/// Sends on one connection, and reads an answer with a length.
async fn exchange(stream: &mut TcpStream, wire: &[u8]) -> Answer {
    stream.write_all(wire).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
        if bytes.windows(4).any(|window| window == b"\r\n\r\n") {
            let answer = Answer::parse(&bytes);
            if answer.body.len() >= answer.header("content-length").parse().unwrap_or_default() {
                return answer;
            }
        }
    }
}

#[tokio::test]
async fn a_warm_connection_answers_at_once() {
    let local = Local::start().await;
    local.put("/media/key", "hello").await;
    let wire = local.request("GET", "/media/key").wire();
    let wire = String::from_utf8(wire).unwrap().replace("connection: close\r\n", "");
    let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut fastest = Duration::MAX;
    for _ in 0..50 {
        let begun = Instant::now();
        let answer = exchange(&mut stream, wire.as_bytes()).await;
        fastest = fastest.min(begun.elapsed());
        assert_eq!(answer.text(), "hello");
    }
    // Well below the 40 ms of a delayed acknowledgement, and with room for a busy machine.
    assert!(fastest < Duration::from_millis(10), "{fastest:?}");
}

/// Sends a request without its body, and reads what comes first.
async fn expecting(local: &Local, request: crate::client::Request<'_>, body: usize) -> (TcpStream, String) {
    let wire = String::from_utf8(request.header("expect", "100-continue").wire()).unwrap();
    let wire = wire.replace("connection: close\r\n", "");
    let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
    stream.write_all(&wire.as_bytes()[..wire.len() - body]).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    (stream, String::from_utf8(bytes).unwrap())
}

/// A client that waits for `100 Continue` and gets an answer may take its status for that of the next
/// request, too.
#[tokio::test]
async fn a_client_that_waits_to_go_on_is_told_to_or_cut_off() {
    let local = Local::start().await;
    for request in [local.request("PUT", "/media/empty"), local.request("PUT", "/none/empty")] {
        let (mut stream, answer) = expecting(&local, request, 0).await;
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
    for (target, status) in [("/media/key", 200), ("/none/key", 404)] {
        let put = local.request("PUT", target).body("hello");
        let (mut stream, answer) = expecting(&local, put, 5).await;
        assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
        let answer = exchange(&mut stream, b"hello").await;
        assert_eq!((answer.status, answer.header("connection")), (status, ""));
        // The connection is good for more.
        let next = String::from_utf8(local.request("HEAD", "/media").wire()).unwrap();
        assert_eq!(exchange(&mut stream, next.as_bytes()).await.status, 200);
    }
}

#[tokio::test]
async fn it_stops_with_idle_connections_open_and_finishes_requests() {
    // The store stays when the server is gone.
    let folder = tempfile::tempdir().unwrap();
    let local = Local::of(Emulator::builder().folder(folder.path())).await;
    let wire = String::from_utf8(local.request("PUT", "/media/key").body("hello").wire()).unwrap();
    let mut idle = TcpStream::connect(local.server.local_addr()).await.unwrap();
    let mut busy = TcpStream::connect(local.server.local_addr()).await.unwrap();
    let kept_alive = String::from_utf8(local.request("HEAD", "/media").wire()).unwrap();
    exchange(&mut idle, kept_alive.replace("connection: close\r\n", "").as_bytes()).await;
    let (before, rest) = wire.as_bytes().split_at(wire.len() - 2);
    busy.write_all(before).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let store = local.server.store().clone();
    let stopping = tokio::spawn(local.server.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = exchange(&mut busy, rest).await;
    assert_eq!(answer.status, 200);
    tokio::time::timeout(Duration::from_secs(5), stopping).await.unwrap().unwrap();
    assert!(store.bucket("media").unwrap().head(HeadRequest::new("key")).await.unwrap().is_some());
}

/// A runtime whose minutes are tenths of a second.
#[derive(Debug)]
struct Hurried;

impl Runtime for Hurried {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration / 600))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

#[tokio::test]
async fn clients_that_send_nothing_are_waited_for_by_the_clock_of_the_store() {
    let local = Local::of(Emulator::builder().with_runtime(Hurried)).await;
    let wire = local.request("PUT", "/media/key").body("hello").wire();
    for (sent, status) in [(wire.len() - 2, Some(400)), (10, None)] {
        let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
        stream.write_all(&wire[..sent]).await.unwrap();
        let mut answer = Vec::new();
        let closed = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap().unwrap();
        match status {
            // In the middle of a body.
            Some(status) => {
                assert_eq!(Answer::parse(&answer).error(), (status, "RequestTimeout".to_owned()));
            }
            // In the middle of the headers.
            None => assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer)),
        }
    }
}
