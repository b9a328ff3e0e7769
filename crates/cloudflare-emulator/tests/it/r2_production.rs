//! What R2 does in production, where the server is asked to show it.

use std::io::Read as _;
use std::time::{Duration, SystemTime};

use cloudflare_clients::r2::AccessScope;
use cloudflare_clients::sigv4::{Payload, Signer};
use cloudflare_clients::testing::ManualClock;
use cloudflare_emulator::{Emulator, R2Behaviour};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Local, Request};

#[tokio::test]
async fn a_key_takes_one_write_a_second() {
    let clock = ManualClock::at(SystemTime::now());
    let behaviour = R2Behaviour::default().write_interval(Duration::from_secs(1));
    let local = Local::of(Emulator::builder().r2_behaviour(behaviour).with_runtime(clock.clone())).await;
    let refused = (429, "TooManyRequests".to_owned());
    let send = async |method: &str, target: &str| local.request(method, target).body("x").send().await;
    local.put("/media/key", "1").await;
    let second = send("PUT", "/media/key").await;
    assert_eq!(second.error(), refused);
    assert_eq!(second.element("Message"), "Reduce your rate of simultaneous requests on the same object.");
    assert_eq!(send("DELETE", "/media/key").await.error(), refused);
    let copy = |to: &str| local.request("PUT", to).header("x-amz-copy-source", "/media/key");
    assert_eq!(copy("/media/key").send().await.error(), refused);
    assert_eq!(local.get("/media/key").await.text(), "1");
    // Another key, and parts of one.
    assert_eq!(copy("/media/copy").send().await.status, 200);
    let id = send("POST", "/media/film?uploads").await.element("UploadId");
    for _ in 0..2 {
        local.put(&format!("/media/film?partNumber=1&uploadId={id}"), "part").await;
    }
    let part = local.put(&format!("/media/film?partNumber=1&uploadId={id}"), "part").await;
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag")
    );
    let complete = local.request("POST", &format!("/media/film?uploadId={id}")).body(document).send().await;
    assert_eq!((complete.status, send("PUT", "/media/film").await.error()), (200, refused.clone()));
    let many = "<Delete><Object><Key>key</Key></Object><Object><Key>other</Key></Object></Delete>";
    let deleted = local.request("POST", "/media?delete").body(many).send().await;
    assert_eq!((deleted.elements("Code"), deleted.elements("Key").len()), (vec![refused.1], 2));

    clock.advance(Duration::from_secs(1));
    local.put("/media/key", "2").await;
    assert_eq!(local.get("/media/key").await.text(), "2");

    // What failed was no write.
    let put = || local.request("PUT", "/media/new");
    assert_eq!(put().header("if-match", "\"x\"").send().await.status, 412);
    assert_eq!(put().send().await.status, 200);
}

#[tokio::test]
async fn pages_are_short_at_times_and_empty_at_times_and_nothing_is_missing() {
    let local = Local::of(Emulator::builder().r2_behaviour(R2Behaviour::default().short_pages(true))).await;
    let keys: Vec<_> = (0..40).map(|n| format!("k{n:02}")).collect();
    for key in &keys {
        local.put(&format!("/media/{key}"), "x").await;
    }
    let (mut sizes, mut before_last) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = local.get(&format!("/media?list-type=2&max-keys=10{token}")).await;
            let listed = page.elements("Key");
            assert_eq!(page.element("KeyCount"), listed.len().to_string());
            sizes.push(listed.len());
            found.extend(listed);
            let next = page.element("NextContinuationToken");
            if page.element("IsTruncated") == "false" {
                assert!(next.is_empty());
                break;
            }
            before_last.push(*sizes.last().unwrap());
            token = format!("&continuation-token={next}");
        }
        assert_eq!(found, keys);
    }
    assert!(sizes.iter().all(|size| *size <= 10), "{sizes:?}");
    for size in [0, 5, 10] {
        assert!(before_last.contains(&size), "{before_last:?}");
    }

    // The token of an empty page knows the key that the first page was to come after, whether it is said again or not.
    for start_after in ["", "&start-after=k09", "&start-after=zzz"] {
        for _ in 0..20 {
            let (mut found, mut more) = (Vec::new(), "&start-after=k09".to_owned());
            loop {
                let page = local.get(&format!("/media?list-type=2&max-keys=10{more}")).await;
                found.extend(page.elements("Key"));
                if page.element("IsTruncated") == "false" {
                    break;
                }
                more = format!("&continuation-token={}{start_after}", page.element("NextContinuationToken"));
            }
            assert_eq!(found, keys[10..]);
        }
    }

    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let page = local.get(&format!("/media?max-keys=10&marker={marker}")).await;
        found.extend(page.elements("Key"));
        marker = page.element("NextMarker");
        if page.element("IsTruncated") == "false" {
            break;
        }
    }
    assert_eq!(found, keys);
    for token in ["x", "~x", "~~x"] {
        assert_eq!(local.get(&format!("/media?list-type=2&continuation-token={token}")).await.error().0, 400);
    }
}

fn gunzip(answer: &Answer) -> String {
    // The body is in chunks, as its length is not known.
    let (mut rest, mut compressed) = (&answer.body[..], Vec::new());
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        compressed.extend_from_slice(&rest[end + 2..][..size]);
        rest = &rest[end + 2 + size + 2..];
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn text_is_compressed_for_who_accepts_it() {
    let local = Local::of(Emulator::builder().r2_behaviour(R2Behaviour::default().compression(true))).await;
    // In memory, and in a file.
    for text in ["playlist\n".repeat(100), "segment\n".repeat(100_000)] {
        let put = local.request("PUT", "/media/key").header("content-type", "text/plain; charset=utf-8");
        let etag = put.body(text.as_str()).send().await.header("etag").to_owned();
        let accepting = |method| local.request(method, "/media/key").header("accept-encoding", "br, gzip");
        let answer = accepting("GET").send().await;
        assert_eq!(gunzip(&answer), text);
        for answer in [answer, accepting("HEAD").send().await] {
            assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"));
            assert!(!answer.headers.contains_key("content-length"));
            assert_eq!(answer.header("etag"), format!("W/{etag}"));
            let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
            assert!(vary.iter().any(|vary| *vary == "Accept-Encoding"), "{vary:?}");
        }
        assert_eq!(accepting("GET").header("range", "bytes=0-99").send().await.text(), text[..100]);
        let identity = local.request("GET", "/media/key").header("accept-encoding", "identity").send().await;
        assert_eq!((identity.header("etag"), identity.text()), (etag.as_str(), text));
    }
    for (content_type, encoding, cache_control, body) in [
        ("video/mp4", "", "", "x".repeat(100)),
        ("text/plain", "br", "", "x".repeat(100)),
        ("text/plain", "", "public, no-transform", "x".repeat(100)),
        ("text/plain", "", "", "x".repeat(47)),
    ] {
        let put = local.request("PUT", "/media/other").header("content-type", content_type);
        let put = put.header("content-encoding", encoding).header("cache-control", cache_control);
        assert_eq!(put.body(body.as_str()).send().await.status, 200);
        let get = local.request("GET", "/media/other").header("accept-encoding", "gzip").send().await;
        assert_eq!(get.text(), body, "{content_type} {encoding} {cache_control}");
        assert_eq!(get.header("content-length"), body.len().to_string());
    }
    // Errors are documents too.
    let missing = local.request("GET", "/media/none").header("accept-encoding", "gzip").send().await;
    assert_eq!(missing.status, 404);
    assert!(gunzip(&missing).contains("NoSuchKey"));
}

async fn connect(local: &Local, request: Request<'_>, unsent: usize) -> TcpStream {
    let wire = request.header("expect", "100-continue").wire();
    let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
    stream.write_all(&wire[..wire.len() - unsent]).await.unwrap();
    stream
}

#[tokio::test]
async fn nobody_is_told_to_go_on() {
    let local = Local::of(Emulator::builder().r2_behaviour(R2Behaviour::default().no_continue(true))).await;
    let mut stream = connect(&local, local.request("PUT", "/media/key").body("hello"), 5).await;
    let mut answer = Vec::new();
    let said = tokio::time::timeout(Duration::from_millis(200), stream.read_buf(&mut answer)).await;
    assert!(said.is_err(), "{}", String::from_utf8_lossy(&answer));
    stream.write_all(b"hello").await.unwrap();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);

    // An object may have these very bytes.
    let text = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000);
    let mut stream = connect(&local, local.request("PUT", "/media/key").body(text.as_str()), 0).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
    assert!(local.request("GET", "/media/key").header("expect", "100-continue").send().await.text() == text);
}

#[tokio::test]
async fn chunks_are_refused_over_plain_http() {
    let local =
        Local::of(Emulator::builder().r2_behaviour(R2Behaviour::default().refuses_chunks(true))).await;
    let put = local.request("PUT", "/media/key").payload(Payload::SignedChunks);
    let answer =
        put.header("x-amz-decoded-content-length", "0").body("0;chunk-signature=\r\n\r\n").send().await;
    assert_eq!(answer.error(), (501, "NotImplemented".to_owned()));
}

#[tokio::test]
async fn a_new_key_takes_a_while() {
    let clock = ManualClock::at(SystemTime::now());
    let delay = Duration::from_secs(10);
    let behaviour = R2Behaviour::default().new_key_delay(delay);
    let mut local = Local::of(Emulator::builder().r2_behaviour(behaviour).with_runtime(clock.clone())).await;
    local.put("/media/key", "x").await;
    let key = local.server.keys().add(AccessScope::ObjectReadOnly, None).unwrap();
    local.signer = Signer::new(key.signing());
    clock.set(key.created().unwrap() + delay - Duration::from_millis(1));
    assert_eq!(local.get("/media/key").await.error(), (401, "Unauthorized".to_owned()));
    clock.advance(Duration::from_millis(1));
    assert_eq!(local.get("/media/key").await.text(), "x");
}
