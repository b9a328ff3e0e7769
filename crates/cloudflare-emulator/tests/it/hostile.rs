//! Requests that nobody should send: the server answers or hangs up, keeps nothing of them, and lives on.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{Answer, Local};

async fn is_alive_and_empty(local: &Local) {
    let answer = local.get("/media?list-type=2").await;
    assert_eq!((answer.status, answer.element("KeyCount").as_str()), (200, "0"), "{}", answer.text());
    let uploads = local.get("/media?uploads").await;
    assert!(uploads.elements("UploadId").is_empty());
}

#[tokio::test]
async fn a_body_that_is_cut_off_leaves_nothing() {
    let local = Local::start().await;
    for size in [100, 200_000, 3_000_000] {
        for payload in [None, Some(cloudflare_clients::sigv4::Payload::Unsigned)] {
            let request = local.request("PUT", "/media/key").body(vec![b'x'; size]);
            let wire = match payload {
                Some(payload) => request.payload(payload).wire(),
                None => request.wire(),
            };
            let cut = &wire[..wire.len() - 1];
            // Half closed: the client still reads.
            let answer = local.raw(cut).await;
            if !answer.is_empty() {
                assert_eq!(Answer::parse(&answer).error(), (400, "IncompleteBody".to_owned()));
            }
            // Gone.
            let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
            stream.write_all(cut).await.unwrap();
            drop(stream);
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    is_alive_and_empty(&local).await;
}

#[tokio::test]
async fn a_body_needs_a_length() {
    let local = Local::start().await;
    let wire = String::from_utf8(
        local.request("PUT", "/media/key").payload(cloudflare_clients::sigv4::Payload::Unsigned).wire(),
    );
    let wire = wire.unwrap();
    let without = wire.replace("content-length: 0\r\n", "");
    let chunked =
        wire.replace("content-length: 0\r\n", "transfer-encoding: chunked\r\n") + "1\r\nx\r\n0\r\n\r\n";
    let too_large = wire.replace("content-length: 0\r\n", "content-length: 5363466241\r\n");
    let delete = local.request("POST", "/media?delete").payload(cloudflare_clients::sigv4::Payload::Unsigned);
    let document = String::from_utf8(delete.wire())
        .unwrap()
        .replace("content-length: 0\r\n", "transfer-encoding: chunked\r\n")
        + "9\r\n<Delete/>\r\n0\r\n\r\n";
    for (wire, status, code) in [
        (without, 411, "MissingContentLength"),
        (chunked, 411, "MissingContentLength"),
        (document, 411, "MissingContentLength"),
        (too_large, 400, "EntityTooLarge"),
    ] {
        let answer = Answer::parse(&local.raw(wire.as_bytes()).await);
        assert_eq!(answer.error(), (status, code.to_owned()));
    }
    is_alive_and_empty(&local).await;
}

#[tokio::test]
async fn a_refused_body_without_an_end_is_not_read_for_ever() {
    let local = Local::start().await;
    let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
    stream
        .write_all(b"PUT /media/key HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![0; 1 << 20], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 200 && stream.write_all(&chunk).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 200);
}

#[tokio::test]
async fn headers_have_limits() {
    let local = Local::start().await;
    let long = local.request("GET", "/media").header("x-long", &"x".repeat(100_000)).wire();
    assert_eq!(Answer::parse(&local.raw(&long).await).status, 431);
    let mut many = local.request("GET", "/media");
    for n in 0..200 {
        many = many.header(&format!("x-{n}"), "x");
    }
    assert_eq!(Answer::parse(&local.raw(&many.wire()).await).status, 431);
    let target = format!("/media/{}", "a".repeat(100_000));
    let status = Answer::parse(&local.raw(&local.request("GET", &target).wire()).await).status;
    assert!([414, 431].contains(&status), "{status}");
    is_alive_and_empty(&local).await;
}

#[tokio::test]
async fn bad_targets_get_r2s_errors() {
    let local = Local::start().await;
    for (target, status, code) in [
        ("/media/%", 400, "InvalidURI"),
        ("/media/%G0", 400, "InvalidURI"),
        ("/media/%FF%FE", 400, "InvalidObjectName"),
        ("//key", 400, "InvalidBucketName"),
        ("/..%2f..%2fetc/passwd", 400, "InvalidBucketName"),
        ("/media/none?partNumber=99999999999999999999", 400, "InvalidArgument"),
        ("/media/none?uploadId=%00", 404, "NoSuchUpload"),
    ] {
        assert_eq!(local.get(target).await.error(), (status, code.to_owned()), "{target}");
    }
    let long = format!("/media/{}", "a".repeat(1025));
    assert_eq!(local.get(&long).await.error(), (400, "InvalidObjectName".to_owned()));
    assert_eq!(local.request("BREW", "/media/key").send().await.error(), (404, "RouteNotFound".to_owned()));
}

#[tokio::test]
async fn an_error_says_little_however_much_was_sent() {
    let local = Local::start().await;
    let many = (0..6000).map(|n| format!("p{n:05}=")).collect::<Vec<_>>().join("&");
    let long = format!("prefix={}", "%01".repeat(20_000));
    for query in [&many, &long] {
        let wire = local.request("GET", "/media").wire();
        let wire = String::from_utf8(wire).unwrap().replacen("/media", &format!("/media?{query}"), 1);
        let answer = local.exchange(wire.as_bytes()).await;
        assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()));
        assert!(answer.element("CanonicalRequest").ends_with("..."));
        assert!(answer.body.len() < 50_000, "{}", answer.body.len());
    }
    let unknown = local.request("PUT", &format!("/media?{many}")).send().await;
    assert_eq!(unknown.error(), (400, "InvalidArgument".to_owned()));
    assert_eq!(unknown.element("Message").matches("&quot;p").count(), 20);
    let header = local.request("PUT", "/media/k").header("x-amz-tagging", &"x".repeat(50_000)).send().await;
    assert_eq!(header.error(), (501, "NotImplemented".to_owned()));
    let encoding = local.get(&format!("/media?encoding-type={}", "%22".repeat(20_000))).await;
    assert_eq!(encoding.error(), (501, "NotImplemented".to_owned()));
    let namespace = local.server.store().create_namespace("sessions").await.unwrap().id;
    let text = format!("\"{}\"", "x".repeat(500_000));
    let kv = local.kv("PUT", &format!("/{namespace}/bulk")).body(text).send().await;
    assert_eq!(kv.status, 400);
    for answer in [header, encoding, kv] {
        assert!(answer.body.len() < 8_000, "{}", answer.body.len());
    }
}

fn hostile_request() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof!["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "[A-Z]{1,8}"];
    let target = "/(media/?)?[ -~]{0,40}|[!-~]{0,60}|/media/(%[0-9A-Fa-f]{2}|\\.\\./|//|\\?|&|=){0,20}";
    let header = ("[a-z-]{1,20}", "[ -~]{0,40}");
    let known = (
        prop_oneof![
            "range",
            "if-match",
            "if-modified-since",
            "x-amz-copy-source",
            "content-md5",
            "authorization",
            "content-length",
            "transfer-encoding",
            "x-amz-date",
            "x-amz-content-sha256",
            "expect",
            "origin",
            "x-amz-metadata-directive"
        ],
        "[ -~]{0,60}",
    );
    let headers = prop::collection::vec(prop_oneof![header, known], 0..6);
    let structured = (method, target, headers, prop::collection::vec(any::<u8>(), 0..200)).prop_map(
        |(method, target, headers, body)| {
            let mut wire = format!("{method} {target} HTTP/1.1\r\nhost: x\r\n").into_bytes();
            for (name, value) in headers {
                wire.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            wire.extend_from_slice(b"\r\n");
            wire.extend_from_slice(&body);
            wire
        },
    );
    prop_oneof![structured, prop::collection::vec(any::<u8>(), 0..400)]
}

/// Requests that are well signed, so that they reach the operations.
fn signed_request() -> impl Strategy<Value = (String, String, Vec<(String, String)>, Vec<u8>)> {
    let method = prop_oneof!["GET", "PUT", "POST", "DELETE", "HEAD"];
    let parameter = prop_oneof![
        "uploads",
        "uploadId=[ab%]{0,3}",
        "partNumber=[0-9-]{0,6}",
        "list-type=2",
        "max-keys=[0-9.e-]{0,6}",
        "delete",
        "continuation-token=[A-Za-z0-9%]{0,8}",
        "marker=[a-z%/]{0,5}",
        "delimiter=[a-z/%]{0,3}",
        "prefix=[a-z%]{0,4}",
        "[a-zA-Z]{1,10}=[!-~&&[^&#]]{0,8}"
    ];
    let target = ("/(media|none)?(/[a-c.%/]{0,6})?", prop::collection::vec(parameter, 0..4)).prop_map(
        |(path, parameters)| {
            if parameters.is_empty() { path } else { format!("{path}?{}", parameters.join("&")) }
        },
    );
    let header = (
        prop_oneof![
            "range",
            "if-match",
            "if-none-match",
            "if-modified-since",
            "x-amz-copy-source",
            "content-md5",
            "x-amz-checksum-crc32",
            "x-amz-metadata-directive",
            "x-amz-copy-source-range",
            "x-amz-storage-class",
            "expires",
            "x-amz-meta-[a-z]{1,4}",
            "cf-copy-destination-if-match",
            "content-type"
        ],
        "(bytes=[0-9-]{0,22}|/?media/[a-c%]{0,4}|\"?[a-z*]{0,4}\"?|[ -~]{0,12})",
    );
    let body = "(<(Delete|CompleteMultipartUpload|Part|Object|Key|PartNumber|ETag)>|</(Delete|Key|Object|Part)>|[a-z0-9&;#]{0,6}){0,10}";
    (method, target, prop::collection::vec(header, 0..4), body.prop_map(String::into_bytes))
}

#[test]
fn noise_never_stops_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let local = runtime.block_on(Local::start());
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&hostile_request(), |wire| {
            let answer = runtime.block_on(local.raw(&wire));
            let refused = answer.is_empty() || !(200..300).contains(&Answer::parse(&answer).status);
            // Only a preflight needs no signature.
            prop_assert!(refused || wire.starts_with(b"OPTIONS"), "{}", String::from_utf8_lossy(&answer));
            Ok(())
        })
        .unwrap();
    runtime.block_on(is_alive_and_empty(&local));
}

#[test]
fn signed_noise_is_answered_and_never_an_internal_error() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let local = runtime.block_on(Local::start());
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&signed_request(), |(method, target, headers, body)| {
            let mut request = local.request(&method, &target).body(body);
            for (name, value) in &headers {
                request = request.header(name, value.trim());
            }
            let answer = runtime.block_on(request.send());
            prop_assert!(answer.status < 500 || answer.status == 501, "{}", answer.text());
            prop_assert!(answer.element("Code") != "SignatureDoesNotMatch", "{}", answer.text());
            Ok(())
        })
        .unwrap();
}
