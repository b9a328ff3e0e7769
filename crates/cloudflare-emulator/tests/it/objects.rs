//! Single objects: put, get, head, delete.

use std::time::{Duration, SystemTime};

use cloudflare_emulator::{Emulator, ManualClock};

use crate::client::Local;

#[tokio::test]
async fn an_object_comes_back_with_its_headers() {
    let local = Local::start().await;
    let answer = local
        .request("PUT", "/media/a%2F..%2F%2B%20%25?x-id=PutObject")
        .header("content-type", "text/plain")
        .header("cache-control", "no-store")
        .header("expires", "Wed, 21 Oct 2026 07:28:00 GMT")
        .header("x-amz-meta-Who", "J\u{fc}rgen")
        .header("x-amz-storage-class", "STANDARD_IA")
        .header("x-amz-checksum-crc32", "NhCmhg==")
        .body("hello")
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(answer.header("x-amz-checksum-crc32"), "NhCmhg==");

    for method in ["GET", "HEAD"] {
        let answer = local.request(method, "/media/a/../+%20%25").send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text(), if method == "GET" { "hello" } else { "" });
        for (name, value) in [
            ("content-length", "5"),
            ("content-type", "text/plain"),
            ("cache-control", "no-store"),
            ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("x-amz-meta-who", "=?UTF-8?B?SsO8cmdlbg==?="),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-checksum-crc32", "NhCmhg=="),
            ("accept-ranges", "bytes"),
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
        ] {
            assert_eq!(answer.header(name), value, "{method} {name}");
        }
        assert!(!answer.header("last-modified").is_empty() && !answer.header("cf-ray").is_empty());
    }

    assert_eq!(local.request("DELETE", "/media/a/../+%20%25?tagging").send().await.status, 204);
    assert_eq!(local.get("/media/a/../+%20%25").await.error(), (404, "NoSuchKey".to_owned()));
    assert_eq!(local.request("DELETE", "/media/a/../+%20%25").send().await.status, 204);
    let missing = local.request("HEAD", "/media/none").send().await;
    assert_eq!((missing.status, missing.body.len()), (404, 0));
    assert_eq!(local.get("/other/key").await.error(), (404, "NoSuchBucket".to_owned()));
}

#[tokio::test]
async fn bytes_stream_in_and_out_unchanged() {
    let local = Local::start().await;
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    // A POST to a key is a PUT.
    assert_eq!(local.request("POST", "/media/large").body(content.clone()).send().await.status, 200);
    let answer = local.get("/media/large").await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(answer.body == content);
    let answer = local.request("GET", "/media/large").header("range", "bytes=-2500000").send().await;
    assert!(answer.body == content[content.len() - 2_500_000..]);
}

#[tokio::test]
async fn ranges() {
    let local = Local::start().await;
    local.put("/media/digits", "0123456789").await;
    local.put("/media/empty", "").await;
    for (range, bytes, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=7-99999999999999999999", "789", "bytes 7-9/10"),
        ("bytes=0-", "0123456789", "bytes 0-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-30", "0123456789", "bytes 0-9/10"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = local.request(method, "/media/digits").header("range", range).send().await;
            assert_eq!((answer.status, answer.header("content-range")), (206, content_range), "{range}");
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
            assert_eq!(answer.text(), if method == "GET" { bytes } else { "" });
        }
    }
    for (key, range, status, code) in [
        ("digits", "bytes=10-", 416, "InvalidRange"),
        ("digits", "bytes=99999999999999999998-99999999999999999999", 416, "InvalidRange"),
        ("digits", "bytes=-0", 416, "InvalidRange"),
        ("empty", "bytes=0-", 416, "InvalidRange"),
        ("empty", "bytes=-1", 416, "InvalidRange"),
        ("none", "bytes=-0", 404, "NoSuchKey"),
        ("digits", "bytes=4-2", 400, "InvalidArgument"),
        ("digits", "bytes=0-1,3-4", 400, "InvalidArgument"),
        ("digits", "lines=1-2", 400, "InvalidArgument"),
    ] {
        let answer = local.request("GET", &format!("/media/{key}")).header("range", range).send().await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{key} {range}");
        let size = if key == "empty" { "bytes */0" } else { "bytes */10" };
        let said = answer.header("content-range");
        assert_eq!(said, if status == 416 { size } else { "" }, "{key} {range}");
    }
    let inverted = local.request("GET", "/media/digits").header("range", "bytes=4-2");
    assert_eq!(inverted.send().await.element("Message"), "range must be positive.");
    let first = local.get("/media/digits?partNumber=1").await;
    assert_eq!((first.status, first.text().as_str()), (200, "0123456789"));
    assert_eq!(first.header("content-range"), "");
    for (target, range, status, code) in [
        ("/media/digits?partNumber=2", "", 416, "InvalidPartNumber"),
        ("/media/digits?partNumber=0", "", 400, "InvalidArgument"),
        ("/media/digits?partNumber=x", "", 400, "InvalidArgument"),
        ("/media/digits?partNumber=1", "bytes=0-1", 400, "InvalidRequest"),
        ("/media/none?partNumber=1", "", 404, "NoSuchKey"),
    ] {
        let request = local.request("GET", target);
        let request = if range.is_empty() { request } else { request.header("range", range) };
        assert_eq!(request.send().await.error(), (status, code.to_owned()), "{target} {range}");
    }
}

#[tokio::test]
async fn conditions_of_reads() {
    let local = Local::start().await;
    let etag = local.put("/media/key", "x").await.header("etag").to_owned();
    let uploaded = local.get("/media/key").await.header("last-modified").to_owned();
    let (past, future) = ("Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    for (name, value, status) in [
        ("if-match", etag.as_str(), 200),
        ("if-match", "*", 200),
        ("if-match", "\"other\"", 412),
        ("if-match", "\"a\", \"b\"", 412),
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", &format!("W/{etag}"), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", past, 200),
        ("if-modified-since", future, 304),
        ("if-unmodified-since", past, 412),
        ("if-unmodified-since", future, 200),
        ("if-unmodified-since", &uploaded, 200),
        ("if-modified-since", &uploaded, 304),
        ("if-modified-since", "yesterday", 200),
        ("if-match", "\"open", 400),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = local.request(method, "/media/key").header(name, value).send().await;
            assert_eq!(answer.status, status, "{method} {name}: {value}");
            if status == 304 {
                assert_eq!((answer.header("etag"), answer.body.len()), (etag.as_str(), 0));
            }
            if status == 412 && method == "GET" {
                assert_eq!(answer.element("Code"), "PreconditionFailed");
            }
        }
    }
}

#[tokio::test]
async fn if_range() {
    let clock = ManualClock::at(SystemTime::now());
    let local = Local::of(Emulator::builder().with_runtime(clock.clone())).await;
    let etag = local.put("/media/digits", "0123456789").await.header("etag").to_owned();
    let uploaded = local.get("/media/digits").await.header("last-modified").to_owned();
    let early = local.request("GET", "/media/digits").header("range", "bytes=2-4");
    assert_eq!(
        early.header("if-range", &uploaded).send().await.status,
        200,
        "another upload may have this date"
    );
    clock.advance(Duration::from_secs(1));
    let other_date = "Mon, 01 Jan 2001 00:00:00 GMT";
    for (range, if_range, status, bytes) in [
        ("bytes=2-4", etag.as_str(), 206, "234"),
        ("bytes=2-4", &uploaded, 206, "234"),
        ("bytes=2-4", "\"other\"", 200, "0123456789"),
        ("bytes=2-4", &format!("W/{etag}"), 200, "0123456789"),
        ("bytes=2-4", other_date, 200, "0123456789"),
        ("bytes=2-4", "nonsense", 200, "0123456789"),
        ("bytes=10-", etag.as_str(), 416, ""),
        ("bytes=10-", "\"other\"", 200, "0123456789"),
        ("bytes=-0", &uploaded, 416, ""),
        ("bytes=-0", other_date, 200, "0123456789"),
    ] {
        for method in ["GET", "HEAD"] {
            let read = local.request(method, "/media/digits").header("range", range);
            let answer = read.header("if-range", if_range).send().await;
            assert_eq!(answer.status, status, "{method} {range} {if_range}");
            if status != 416 {
                assert_eq!(answer.header("content-range").is_empty(), status == 200, "{range} {if_range}");
                assert_eq!(answer.header("content-length"), bytes.len().to_string());
                assert_eq!(answer.text(), if method == "GET" { bytes } else { "" });
            }
        }
    }
    let whole = local.request("GET", "/media/digits").header("if-range", "\"other\"").send().await;
    assert_eq!(whole.status, 200);
    // Conditions decide before.
    let read = local.request("GET", "/media/digits").header("range", "bytes=2-4");
    let unchanged = read.header("if-range", "\"other\"").header("if-none-match", &etag).send().await;
    assert_eq!(unchanged.status, 304);
}

/// Conditions decide before a range, also before one that the object does not have.
#[tokio::test]
async fn a_304_is_about_the_whole_object() {
    let local = Local::start().await;
    let etag = local.put("/media/digits", "0123456789").await.header("etag").to_owned();
    for method in ["GET", "HEAD"] {
        for range in ["bytes=0-2", "bytes=10-", "bytes=-0"] {
            let read = |name, value| {
                local.request(method, "/media/digits").header("range", range).header(name, value)
            };
            let unchanged = read("if-none-match", etag.as_str()).send().await;
            assert_eq!(
                (unchanged.status, unchanged.header("etag")),
                (304, etag.as_str()),
                "{method} {range}"
            );
            assert_eq!(
                (unchanged.header("content-range"), unchanged.body.len()),
                ("", 0),
                "{method} {range}"
            );
            assert_eq!(read("if-match", "\"other\"").send().await.status, 412, "{method} {range}");
        }
    }
}

#[tokio::test]
async fn conditions_and_checksums_of_writes() {
    let local = Local::start().await;
    let put = |name: &'static str, value: &str| {
        local.request("PUT", "/media/key").header(name, value).body("hello")
    };
    assert_eq!(put("if-match", "*").send().await.status, 412);
    assert_eq!(put("if-none-match", "*").send().await.status, 200);
    assert_eq!(put("if-none-match", "*").send().await.error(), (412, "PreconditionFailed".to_owned()));
    // What is refused was read all the same, so that the client gets to the answer.
    let large = local.request("PUT", "/media/key").header("if-none-match", "*").body(vec![0; 8_000_000]);
    assert_eq!(large.send().await.status, 412);

    for (name, value, status, code) in [
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==", 200, ""),
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", 400, "BadDigest"),
        ("content-md5", "nonsense", 400, "InvalidDigest"),
        ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", 200, ""),
        ("x-amz-checksum-sha256", "AAAA", 400, "InvalidDigest"),
        ("x-amz-checksum-crc32c", "AAAAAA==", 400, "BadDigest"),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=", 400, "BadDigest"),
        ("x-amz-storage-class", "GLACIER", 400, "InvalidStorageClass"),
        ("x-amz-tagging", "a=b", 501, "NotImplemented"),
        ("x-amz-acl", "private", 200, ""),
        ("x-amz-meta-large", &"x".repeat(8200), 400, "MetadataTooLarge"),
    ] {
        assert_eq!(put(name, value).send().await.error(), (status, code.to_owned()), "{name}: {value}");
    }
    let both = put("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").header("x-amz-checksum-crc32", "NhCmhg==");
    assert_eq!(both.send().await.error(), (400, "BadDigest".to_owned()));
}

/// The document about where a bucket is.
fn location(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><LocationConstraint \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{name}</LocationConstraint>"
    )
}

#[tokio::test]
async fn what_says_no_storage_class_has_that_of_its_bucket() {
    let local = Local::start().await;
    let create = |class: &str| local.request("PUT", "/archive").header("x-amz-storage-class", class);
    assert_eq!(create("GLACIER").send().await.error(), (400, "InvalidStorageClass".to_owned()));
    assert_eq!(create("STANDARD_IA").send().await.status, 200);
    local.put("/archive/key", "1").await;
    local.put("/media/key", "1").await;
    let copy = local.request("PUT", "/archive/copy").header("x-amz-copy-source", "/media/key");
    assert_eq!(copy.send().await.status, 200);
    let listed = local.get("/archive?list-type=2").await;
    assert_eq!(listed.elements("Key"), ["copy", "key"]);
    assert_eq!(listed.elements("StorageClass"), ["STANDARD", "STANDARD_IA"], "a copy has its source's");
}

#[tokio::test]
async fn buckets() {
    let local = Local::start().await;
    assert_eq!(local.request("PUT", "/second").send().await.header("location"), "/second");
    assert_eq!(local.request("PUT", "/second").send().await.status, 409);
    assert_eq!(local.request("PUT", "/No").send().await.error(), (400, "InvalidBucketName".to_owned()));
    let hint = "<CreateBucketConfiguration><LocationConstraint>WEUR</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(local.request("PUT", "/third").body(hint).send().await.status, 200);
    assert_eq!(local.get("/third?location").await.text(), location("WEUR"));
    assert_eq!(local.request("DELETE", "/third").send().await.status, 204);
    assert_eq!(local.request("PUT", "/third").body(hint.replace("WEUR", "apac")).send().await.status, 200);
    assert_eq!(local.get("/third?location").await.text(), location("APAC"), "it was another bucket");
    for told in ["auto", "us-east-1", ""] {
        let bucket = format!("/told-{told}-x");
        let hint = hint.replace("WEUR", told);
        assert_eq!(local.request("PUT", &bucket).body(hint).send().await.status, 200);
        assert_eq!(local.get(&format!("{bucket}?location")).await.text(), location("auto"));
        assert_eq!(local.request("DELETE", &bucket).send().await.status, 204);
    }
    let moon = hint.replace("WEUR", "moon");
    assert_eq!(
        local.request("PUT", "/fourth").body(moon).send().await.error().1,
        "InvalidLocationConstraint"
    );

    let answer = local.get("/").await;
    assert_eq!(answer.elements("Name"), ["media", "second", "third"]);
    let page = local.get("/?max-keys=1&start-after=media").await;
    assert_eq!(page.elements("Name"), ["second"]);
    assert_eq!(page.header("cf-is-truncated"), "true");
    let next = format!("/?continuation-token={}", page.header("cf-next-continuation-token"));
    let page = local.request("GET", &next).header("cf-prefix", "t").send().await;
    assert_eq!(page.elements("Name"), ["third"]);

    let head = local.request("HEAD", "/second").send().await;
    assert_eq!((head.status, head.header("x-amz-bucket-region")), (200, "auto"));
    assert_eq!(local.request("HEAD", "/none").send().await.status, 404);
    assert_eq!(local.get("/media?location").await.text(), location("auto"));
    assert_eq!(local.get("/none?location").await.error(), (404, "NoSuchBucket".to_owned()));
    assert_eq!(local.get("/media?tagging").await.error(), (404, "NoSuchTagSet".to_owned()));
    assert_eq!(
        local.get("/media?policyStatus").await.element("Message"),
        "GetGetBucketPolicyStatus not implemented"
    );
    assert_eq!(local.request("PUT", "/media?foo").send().await.error(), (400, "InvalidArgument".to_owned()));

    local.put("/second/key", "x").await;
    assert_eq!(local.request("DELETE", "/second").send().await.error(), (409, "BucketNotEmpty".to_owned()));
    local.request("DELETE", "/second/key").send().await;
    assert_eq!(local.request("DELETE", "/second").send().await.status, 204);
    let put = local.request("PUT", "/second/key").header("cf-create-bucket-if-missing", "true");
    assert_eq!(put.send().await.status, 200);
}
