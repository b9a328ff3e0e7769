//! The library's own client against the server: what either says, the other understands.

use std::time::Duration;

use cloudflare_clients::r2::{
    Body, Bucket, Checksum, ChecksumAlgorithm, CompleteMultipartUploadRequest, Conditional, CopyRequest,
    CreateMultipartUploadRequest, DeleteManyRequest, GetRequest, HeadRequest, ListMultipartUploadsRequest,
    ListPartsRequest, ListRequest, PutRequest, StorageClass, UploadPartRequest,
};
use cloudflare_clients::{ErrorKind, S3Bucket};

use crate::client::Local;

/// Keys that survive only where nobody normalises, splits or decodes twice.
const KEYS: &[&str] = &[
    ".",
    "..",
    "../a",
    "a//b",
    "/a",
    "a/",
    "a/./b/../c",
    "+",
    "%2F",
    "%",
    "!'()*",
    "a?b#c",
    "é\u{1f3ac}",
    " a ",
    "a&b<c>\"'",
];

fn bucket(local: &Local) -> S3Bucket {
    local.bucket("media")
}

#[tokio::test]
async fn every_key_round_trips() {
    let local = Local::start().await;
    let bucket = bucket(&local);
    for key in KEYS {
        bucket.put(PutRequest::new(*key, key.to_string())).await.unwrap();
        let got = bucket.get(GetRequest::new(*key)).await.unwrap().unwrap();
        assert_eq!(got.body.text().await.unwrap(), *key);
    }
    let page = bucket.list(ListRequest::default()).await.unwrap();
    let mut expected = KEYS.to_vec();
    expected.sort_unstable();
    assert_eq!(page.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), expected);
    let url = bucket.signing_client().generate_signed_url("a/./b/../c", Duration::from_secs(60)).unwrap();
    let target = url.as_str().split_once(&local.host()).unwrap().1.to_owned();
    assert_eq!(local.send_unsigned("GET", &target, &[]).await.text(), "a/./b/../c");

    let keys: Vec<String> = KEYS.iter().map(ToString::to_string).collect();
    assert!(bucket.delete_many(DeleteManyRequest::new(&keys)).await.unwrap().iter().all(Result::is_ok));
    assert!(bucket.list(ListRequest::default()).await.unwrap().objects.is_empty());
}

#[tokio::test]
async fn what_is_put_is_what_is_got() {
    let local = Local::start().await;
    let bucket = bucket(&local);
    let mut put = PutRequest::new("key", "hello");
    put.http_metadata.content_type = Some("text/plain".to_owned());
    put.custom_metadata.insert("who", "Jürgen");
    put.storage_class = Some(StorageClass::InfrequentAccess);
    put.checksum = Some(Checksum::of(ChecksumAlgorithm::Sha256, b"hello"));
    put.only_if = Conditional::new().etag_does_not_match("*");
    let stored = bucket.put(put).await.unwrap();
    let head = bucket.head(HeadRequest::new("key")).await.unwrap().unwrap();
    assert_eq!(
        (head.etag.as_str(), head.size, head.content_type()),
        (stored.etag.as_str(), 5, Some("text/plain"))
    );
    assert_eq!(
        (head.metadata("Who"), head.storage_class),
        (Some("Jürgen"), Some(StorageClass::InfrequentAccess))
    );
    assert!(head.checksums.get(ChecksumAlgorithm::Sha256).is_some());
    // R2 says it of what was put, and not of what is read.
    assert_eq!((stored.version.is_some(), head.version.clone()), (true, None));

    let get = |only_if, range| {
        let mut get = GetRequest::new("key");
        (get.only_if, get.range) = (only_if, range);
        get
    };
    let ranged = bucket.get(get(Conditional::new(), Some((1..3).into()))).await.unwrap().unwrap();
    assert_eq!((ranged.size, ranged.body.text().await.unwrap().as_str()), (5, "el"));
    let kind = |error: cloudflare_clients::Error| error.kind();
    let same = bucket.get(get(Conditional::new().etag_does_not_match(&stored.etag), None)).await;
    assert_eq!(same.map_err(kind).unwrap_err(), ErrorKind::NotModified);
    let other = bucket.get(get(Conditional::new().etag_matches("x"), None)).await;
    assert_eq!(other.map_err(kind).unwrap_err(), ErrorKind::PreconditionFailed);
    let beyond = bucket.get(get(Conditional::new(), Some((9..).into()))).await;
    assert_eq!(beyond.map_err(kind).unwrap_err(), ErrorKind::RangeNotSatisfiable);
    assert!(bucket.head(HeadRequest::new("none")).await.unwrap().is_none());

    let copy = CopyRequest::new("key", "é copy");
    assert_eq!(bucket.copy(copy).await.unwrap().etag, stored.etag);
    local
        .server
        .store()
        .bucket("media")
        .unwrap()
        .delete_many(DeleteManyRequest::new(&["key".to_owned(), "é copy".to_owned()]))
        .await
        .unwrap();
    local.server.store().delete_bucket("media").await.unwrap();
    assert_eq!(
        bucket.head(HeadRequest::new("key")).await.map_err(kind).unwrap_err(),
        ErrorKind::NoSuchBucket
    );
}

#[tokio::test]
async fn an_upload_in_parts() {
    let local = Local::start().await;
    let bucket = bucket(&local);
    let create = CreateMultipartUploadRequest::new("film");
    let upload_id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
    let mut parts = Vec::new();
    for (part_number, size) in [(1, 5 << 20), (2, 7)] {
        let body = Body::from(vec![b'x'; size]);
        let (key, upload_id) = ("film".to_owned(), upload_id.clone());
        parts.push(
            bucket.upload_part(UploadPartRequest::new(key, upload_id, part_number, body)).await.unwrap(),
        );
    }
    let list = ListPartsRequest::new("film", &upload_id);
    let listed = bucket.list_parts(list).await.unwrap();
    assert_eq!(
        listed.parts.iter().map(|part| &part.etag).collect::<Vec<_>>(),
        parts.iter().map(|part| &part.etag).collect::<Vec<_>>()
    );
    let uploads = bucket.list_multipart_uploads(ListMultipartUploadsRequest::default()).await.unwrap();
    assert_eq!(uploads.uploads[0].upload_id, upload_id);

    let complete = CompleteMultipartUploadRequest::new("film", upload_id, parts);
    let stored = bucket.complete_multipart_upload(complete.clone()).await.unwrap();
    assert!(stored.etag.ends_with("-2"));
    let again = bucket.complete_multipart_upload(complete).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NoSuchUpload);
}

#[tokio::test]
async fn a_presigned_url_says_the_headers_of_its_answer() {
    let local = Local::start().await;
    local.put("/media/video", "hello").await;
    let bucket = bucket(&local);
    let url = bucket
        .signing_client()
        .presign(http::Method::GET, "video")
        .response_content_disposition("attachment; filename=\"first.mp4\"")
        .response_content_disposition("attachment; filename=\"é.mp4\"")
        .response_content_type("video/mp4")
        .response_cache_control("no-store")
        .sign()
        .unwrap();
    let target = url.as_str().split_once(&local.host()).unwrap().1.to_owned();
    let answer = local.send_unsigned("GET", &target, &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "video/mp4"), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.headers["content-disposition"].as_bytes(), "attachment; filename=\"é.mp4\"".as_bytes());
}
