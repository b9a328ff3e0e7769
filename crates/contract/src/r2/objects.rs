use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::r2::{
    Body, Checksum, ChecksumAlgorithm, Conditional, HttpMetadata, R2Service, Range, ServedRange, StorageClass,
};
use cloudflare_clients::{Error, ErrorKind};
use testkit::{content, pieces};

use super::Fixture;
use super::listing::whole;

pub(crate) async fn what_is_put_comes_back_whole(Fixture { service, .. }: Fixture) {
    let http_metadata = HttpMetadata::new()
        .content_type("video/mp4")
        .content_language("de")
        .content_disposition("attachment; filename=\"a.mp4\"")
        .content_encoding("identity")
        .cache_control("public, max-age=3600")
        .cache_expiry(UNIX_EPOCH + Duration::from_secs(2_000_000_000));
    let stored = service
        .put("whole/a.mp4", "hello")
        .http_metadata(http_metadata.clone())
        .metadata("uploadedBy", "mobile-app")
        .metadata("x", "")
        .await
        .unwrap();
    assert_eq!(stored.key, "whole/a.mp4");
    assert_eq!(stored.etag, "5d41402abc4b2a76b9719d911017c592");
    assert_eq!((stored.size, stored.http_metadata.as_ref()), (Some(5), Some(&http_metadata)));
    assert_eq!(
        stored.custom_metadata.as_ref().and_then(|metadata| metadata.get("uploadedBy")),
        Some("mobile-app")
    );

    let head = service.head("whole/a.mp4").await.unwrap().unwrap();
    let object = service.get("whole/a.mp4").await.unwrap().unwrap();
    assert_eq!(object.object, head);
    assert_eq!((object.key.as_str(), object.size), ("whole/a.mp4", 5));
    assert_eq!(object.etag, stored.etag);
    assert_eq!(object.http_etag(), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(object.http_metadata.as_ref(), Some(&http_metadata));
    assert_eq!(object.metadata("uploadedBy"), Some("mobile-app"));
    assert_eq!(object.metadata("UPLOADEDBY"), Some("mobile-app"));
    assert_eq!(object.metadata("x"), Some(""));
    assert_eq!(object.metadata("y"), None);
    assert_eq!(object.range, None);
    assert!(object.uploaded > UNIX_EPOCH);
    let apart = |a: SystemTime, b: SystemTime| a.duration_since(b).or_else(|_| b.duration_since(a)).unwrap();
    assert!(apart(stored.uploaded.unwrap(), object.uploaded) < Duration::from_secs(10), "{stored:?}");
    assert_eq!(object.text().await.unwrap(), "hello");
}

pub(crate) async fn empty_and_tiny_objects(Fixture { service, .. }: Fixture) {
    for (key, content) in [("tiny/0", ""), ("tiny/1", "x")] {
        service.put(key, content).await.unwrap();
        let object = service.get(key).await.unwrap().unwrap();
        assert_eq!(object.size, content.len() as u64);
        assert_eq!(object.text().await.unwrap(), content);
    }
}

pub(crate) async fn what_is_missing_is_none(Fixture { service, .. }: Fixture) {
    assert!(service.head("missing").await.unwrap().is_none());
    assert!(!service.exists("missing").await.unwrap());
    assert_eq!(service.get("missing").text().await.unwrap(), None);
    service.put("present", "{\"n\":1}").await.unwrap();
    assert!(service.exists("present").await.unwrap());
    assert_eq!(service.get("present").text().await.unwrap().as_deref(), Some("{\"n\":1}"));
    let json: serde_json::Value = service.get("present").json().await.unwrap().unwrap();
    assert_eq!(json, serde_json::json!({ "n": 1 }));
    assert_eq!(service.get("present").range(1..4).bytes().await.unwrap().unwrap(), "\"n\"");
    assert!(service.get("missing").await.unwrap().is_none());
    assert!(service.get("missing").range(0..10).await.unwrap().is_none());
}

pub(crate) async fn a_missing_bucket_is_an_error(Fixture { missing_bucket, .. }: Fixture) {
    let Some(service) = missing_bucket else { return };
    let errors = [
        service.head("k").await.unwrap_err(),
        service.get("k").await.unwrap_err(),
        service.put("k", "x").await.unwrap_err(),
        service.delete("k").await.unwrap_err(),
        service.list().await.unwrap_err(),
        service.create_multipart_upload("k").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
    }
}

pub(crate) async fn replacing_changes_everything(Fixture { service, .. }: Fixture) {
    service.put("replace", "one").content_type("text/plain").metadata("a", "1").await.unwrap();
    let first = service.head("replace").await.unwrap().unwrap();
    service.put("replace", "two").metadata("b", "2").await.unwrap();
    let second = service.head("replace").await.unwrap().unwrap();
    assert_ne!(first.etag, second.etag);
    assert_eq!(first.version.is_some(), second.version.is_some());
    assert!(first.version.is_none() || first.version != second.version);
    assert_eq!((second.metadata("a"), second.metadata("b")), (None, Some("2")));
    assert_ne!(second.content_type(), Some("text/plain"));
    assert!(second.uploaded >= first.uploaded);
}

pub(crate) async fn ranges(Fixture { service, .. }: Fixture) {
    service.put("range", "0123456789").await.unwrap();
    let cases: [(Range, u64, &str); 7] = [
        ((0..1).into(), 0, "0"),
        ((3..7).into(), 3, "3456"),
        ((3..700).into(), 3, "3456789"),
        ((9..).into(), 9, "9"),
        ((..4).into(), 0, "0123"),
        (Range::Suffix { suffix: 2 }, 8, "89"),
        (Range::Suffix { suffix: 200 }, 0, "0123456789"),
    ];
    for (range, offset, expected) in cases {
        let object = service.get("range").range(range).await.unwrap().unwrap();
        let served = ServedRange::new(offset, expected.len() as u64);
        assert_eq!(object.range, Some(served), "{range:?}");
        assert_eq!(object.size, 10, "{range:?}");
        assert_eq!(object.text().await.unwrap(), expected, "{range:?}");
    }
}

pub(crate) async fn ranges_outside_the_object(Fixture { service, .. }: Fixture) {
    service.put("outside", "0123456789").await.unwrap();
    service.put("outside/empty", "").await.unwrap();
    for (key, range) in [("outside", 11..20), ("outside", 10..20), ("outside/empty", 0..1)] {
        let error = service.get(key).range(range).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RangeNotSatisfiable, "{error}");
        let size = if key == "outside" { 10 } else { 0 };
        assert_eq!((error.size(), error.http_status().as_u16()), (Some(size), 416), "{error:?}");
        assert_eq!(error.response_headers()["content-range"], format!("bytes */{size}"));
    }
}

pub(crate) async fn checksums(Fixture { service, lacks, .. }: Fixture) {
    for algorithm in ChecksumAlgorithm::ALL {
        let key = format!("checksum/{algorithm}");
        let right = Checksum::of(algorithm, b"content");
        let put = service.put(&key, "content").checksum(right).await;
        if lacks.checksums.contains(&algorithm) {
            assert_eq!(put.unwrap_err().kind(), ErrorKind::Unsupported, "{algorithm}");
            continue;
        }
        put.unwrap();
        let object = service.get(&key).await.unwrap().unwrap();
        if let Some(stored) = object.checksums.get(algorithm) {
            assert_eq!(*stored, right);
        }
        assert_eq!(object.text().await.unwrap(), "content");

        let wrong = Checksum::of(algorithm, b"other");
        let error = service.put(&key, "damaged").checksum(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{algorithm}: {error}");
        assert_eq!(service.get(&key).await.unwrap().unwrap().text().await.unwrap(), "content");
    }
}

pub(crate) async fn storage_classes(Fixture { service, simulated, .. }: Fixture) {
    service.put("class", "x").storage_class(StorageClass::InfrequentAccess).await.unwrap();
    let object = service.head("class").await.unwrap().unwrap();
    let expected = (!simulated).then_some(StorageClass::InfrequentAccess);
    assert_eq!(object.storage_class, expected);
}

pub(crate) async fn json(Fixture { service, .. }: Fixture) {
    let value = serde_json::json!({"title": "ä", "segments": [1, 2, 3]});
    service.put_json("json", &value).metadata("kind", "manifest").await.unwrap();
    let object = service.get("json").await.unwrap().unwrap();
    assert_eq!(object.content_type(), Some("application/json"));
    assert_eq!(object.metadata("kind"), Some("manifest"));
    assert_eq!(object.json::<serde_json::Value>().await.unwrap(), value);

    let other_type = service.get("json").await.unwrap().unwrap().json::<Vec<u8>>().await;
    assert_eq!(other_type.unwrap_err().kind(), ErrorKind::Serialization);
}

pub(crate) async fn text_that_is_none(Fixture { service, .. }: Fixture) {
    service.put("binary", b"\xff\x00\xfe").await.unwrap();
    let object = service.get("binary").await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap_err().kind(), ErrorKind::Serialization);
    let object = service.get("binary").await.unwrap().unwrap();
    assert_eq!(object.bytes().await.unwrap(), &b"\xff\x00\xfe"[..]);
}

pub(crate) async fn metadata_in_any_script(Fixture { service, .. }: Fixture) {
    let long = "ä".repeat(1000);
    let values = ["Größe", "映画 🎬", "  spaces kept? no edges", "=?UTF-8?B?w6Q=?=", "a, b; c=\"d\"", &long];
    let mut put = service.put("metadata", "x");
    for (index, value) in values.iter().enumerate() {
        put = put.metadata(format!("n{index}"), value.trim());
    }
    put.await.unwrap();
    let object = service.head("metadata").await.unwrap().unwrap();
    for (index, value) in values.iter().enumerate() {
        assert_eq!(object.metadata(&format!("N{index}")), Some(value.trim()));
    }
}

async fn assert_holds(service: &R2Service, key: &str, size: usize) {
    let object = service.get(key).await.unwrap().unwrap();
    assert_eq!(object.size, size as u64);
    assert!(object.bytes().await.unwrap() == content(size, 0), "{key} has different bytes");
}

/// Checks that a stream was rejected for its length immediately, and that the error contains both lengths.
pub(super) fn assert_of_another_length(error: &Error, length: usize, announced: u64) {
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 1), "{error:?}");
    let says = |number: &str| error.message().contains(number);
    assert!(says(&format!("{length} bytes")) && says(&format!("{announced} were announced")), "{error}");
}

pub(crate) async fn streams_of_known_length(Fixture { service, .. }: Fixture) {
    for size in [0, 1, 65_536, 65_537, 3_000_000] {
        let key = format!("stream/{size}");
        service.put(&key, Body::from_stream(pieces(content(size, 0)), Some(size as u64))).await.unwrap();
        assert_holds(&service, &key, size).await;
    }
    for wrong in [999, 1001] {
        let body = Body::from_stream(pieces(content(1000, 0)), Some(wrong));
        let error = service.put("stream/wrong", body).await.unwrap_err();
        assert_of_another_length(&error, 1000, wrong);
        assert!(service.head("stream/wrong").await.unwrap().is_none());
    }
}

/// A Worker has no memory for the parts.
#[cfg(target_arch = "wasm32")]
pub(crate) async fn streams_of_unknown_length(Fixture { service, .. }: Fixture) {
    let error = service.put("unknown", Body::from_stream(pieces(content(1000, 0)), None)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
    assert!(service.head("unknown").await.unwrap().is_none());
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn streams_of_unknown_length(Fixture { service, .. }: Fixture) {
    use cloudflare_clients::r2::STREAM_PART_SIZE;

    for size in [0, 1000, STREAM_PART_SIZE, STREAM_PART_SIZE + 1, 2 * STREAM_PART_SIZE + 1000] {
        let key = format!("unknown/{size}");
        let put = service.put(&key, Body::from_stream(pieces(content(size, 0)), None));
        put.content_type("video/mp4").metadata("n", "v").await.unwrap();
        assert_holds(&service, &key, size).await;
        let object = service.head(&key).await.unwrap().unwrap();
        assert_eq!((object.content_type(), object.metadata("n")), (Some("video/mp4"), Some("v")));
        assert_eq!(object.etag.contains('-'), size > STREAM_PART_SIZE, "{}", object.etag);
    }
}

pub(crate) async fn deleting_what_is_not_there(Fixture { service, .. }: Fixture) {
    service.put("delete", "x").await.unwrap();
    service.delete("delete").await.unwrap();
    service.delete("delete").await.unwrap();
    assert!(service.head("delete").await.unwrap().is_none());
}

pub(crate) async fn deleting_many(Fixture { service, short_pages, .. }: Fixture) {
    let mut keys =
        vec!["many/ a&b<c>'\"".to_owned(), "many/\u{1}control\r\n".to_owned(), "many/%41+".to_owned()];
    for key in &keys {
        service.put(key, "x").await.unwrap();
    }
    service.put("many/kept", "x").await.unwrap();
    keys.extend((0..1100).map(|n| format!("many/missing-{n}")));
    let outcome = service.delete_many(keys.clone()).await.unwrap();
    assert_eq!(outcome.failed().count(), 0, "{outcome:?}");
    assert_eq!(outcome.succeeded().map(|(key, ())| key).collect::<Vec<_>>(), keys);
    let left = whole(service.list().prefix("many/"), short_pages).await;
    assert_eq!(left.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["many/kept"]);
    assert!(service.delete_many(Vec::<String>::new()).await.unwrap().results.is_empty());
}

pub(crate) async fn copies(Fixture { service, lacks, .. }: Fixture) {
    service.put("copy/a ä+%41", "content").content_type("text/plain").metadata("n", "v").await.unwrap();
    let copied = service.copy("copy/a ä+%41", "copy/b").await;
    if lacks.copy {
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::Unsupported);
        return;
    }
    assert_eq!(copied.unwrap().etag, "9a0364b9e99bb480dd25e1f0284c8555");
    let copy = service.get("copy/b").await.unwrap().unwrap();
    assert_eq!((copy.content_type(), copy.metadata("n")), (Some("text/plain"), Some("v")));
    assert_eq!(copy.text().await.unwrap(), "content");

    service.copy("copy/b", "copy/b").cache_control("no-store").metadata("m", "w").await.unwrap();
    let copy = service.head("copy/b").await.unwrap().unwrap();
    assert_eq!((copy.metadata("n"), copy.metadata("m")), (None, Some("w")));
    let http_metadata = copy.http_metadata.unwrap();
    assert_eq!(http_metadata.cache_control.as_deref(), Some("no-store"));
    assert_ne!(http_metadata.content_type.as_deref(), Some("text/plain"));
    service.copy("copy/b", "copy/b").replace_metadata().await.unwrap();
    assert_eq!(service.head("copy/b").await.unwrap().unwrap().metadata("m"), None);

    service.delete("copy/a ä+%41").await.unwrap();
    assert_eq!(service.get("copy/b").await.unwrap().unwrap().text().await.unwrap(), "content");
}

pub(crate) async fn copies_of_what_is_missing(Fixture { service, lacks, .. }: Fixture) {
    if lacks.copy {
        return;
    }
    let error = service.copy("copy/missing", "copy/to").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NoSuchKey, Some("NoSuchKey")), "{error:?}");
    assert_eq!((error.operation(), error.key()), (Some("copy"), Some("copy/missing")), "{error:?}");
    assert!(service.head("copy/to").await.unwrap().is_none());
}

pub(crate) async fn copies_from_another_bucket(Fixture { service, other, .. }: Fixture) {
    let Some(other) = other else { return };
    let bucket = other.bucket().address().unwrap().bucket;
    other.put("from ä", "content").content_type("text/plain").metadata("n", "v").await.unwrap();
    let copied = service.copy("from ä", "to").source_bucket(&bucket).await.unwrap();
    assert_eq!(copied.etag, "9a0364b9e99bb480dd25e1f0284c8555");
    let copy = service.get("to").await.unwrap().unwrap();
    assert_eq!((copy.content_type(), copy.metadata("n")), (Some("text/plain"), Some("v")));
    assert_eq!(copy.text().await.unwrap(), "content");
    assert!(other.head("to").await.unwrap().is_none());

    let if_other = Conditional::new().etag_matches("0".repeat(32));
    let refused = service.copy("from ä", "to").source_bucket(&bucket).source_only_if(if_other).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::PreconditionFailed);
    let missing = service.copy("to", "to").source_bucket(&bucket).await.unwrap_err();
    assert_eq!((missing.kind(), missing.key()), (ErrorKind::NoSuchKey, Some("to")), "{missing:?}");
    let missing = service.copy("from ä", "to").source_bucket("is-not-there").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchBucket, "{missing:?}");
}
