//! What is kept beside an object's bytes, and how headers carry it.

use cloudflare_clients::r2::{Bucket as _, CopyRequest, HeadRequest, PutRequest};

use crate::client::Local;

#[tokio::test]
async fn metadata_is_encoded_and_decoded_as_rfc_2047_has_it() {
    let local = Local::start().await;
    let put = local.request("PUT", "/media/key");
    let put = put
        .header("x-amz-meta-b", "=?UTF-8?B?8J+OrCBmaWxt?=")
        .header("x-amz-meta-q", "=?utf-8?Q?caf=C3=A9_noir?=");
    let put = put.header("x-amz-meta-latin", "=?ISO-8859-1?Q?caf=E9?=").header("x-amz-meta-raw", "naïve");
    assert_eq!(put.header("x-amz-meta-plain", "a =? b").send().await.status, 200);

    let stored = local.server.store().bucket("media").unwrap();
    let object = stored.head(HeadRequest::new("key")).await.unwrap().unwrap();
    let metadata = object.custom_metadata.unwrap();
    for (name, value) in
        [("b", "🎬 film"), ("q", "café noir"), ("latin", "café"), ("raw", "naïve"), ("plain", "a =? b")]
    {
        assert_eq!(metadata.get(name), Some(value));
    }
    for method in ["GET", "HEAD"] {
        let answer = local.request(method, "/media/key").send().await;
        assert_eq!(answer.header("x-amz-meta-b"), "=?UTF-8?B?8J+OrCBmaWxt?=");
        assert_eq!(answer.header("x-amz-meta-q"), "=?UTF-8?B?Y2Fmw6kgbm9pcg==?=");
        assert_eq!(answer.header("x-amz-missing-meta"), "");
    }
}

#[tokio::test]
async fn the_limit_of_metadata_is_of_what_it_says_and_not_of_how_it_is_sent() {
    let local = Local::start().await;
    // 8,192 bytes with the name, and more than half again when they are encoded.
    let word = "=?UTF-8?B?w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k=?= ";
    let (words, bytes_of_word) = (186, 44);
    let value = |rest: usize| format!("{}={}", word.repeat(words), "x".repeat(rest));
    let rest = 8192 - 1 - words * bytes_of_word - 2;
    for (rest, status) in [(rest, 200), (rest + 1, 400)] {
        for (method, target) in [("PUT", "/media/key"), ("POST", "/media/key?uploads")] {
            let put = local.request(method, target).header("x-amz-meta-n", &value(rest));
            let answer = put.send().await;
            assert_eq!(answer.status, status, "{method} {}", answer.text());
            let code = if status == 400 { "MetadataTooLarge" } else { "" };
            assert_eq!(answer.element("Code"), code);
        }
    }
    assert!(value(rest).len() > 8192 * 3 / 2);
}

#[tokio::test]
async fn names_that_headers_cannot_carry_are_counted_and_kept() {
    let local = Local::start().await;
    let stored = local.server.store().bucket("media").unwrap();
    let mut put = PutRequest::new("key", "x");
    put.custom_metadata = [("fine", "v"), ("größe", "1"), ("two words", "2")].into_iter().collect();
    stored.put(put).await.unwrap();
    for method in ["GET", "HEAD"] {
        let answer = local.request(method, "/media/key").send().await;
        assert_eq!((answer.header("x-amz-missing-meta"), answer.header("x-amz-meta-fine")), ("2", "v"));
    }
    let copy = local.request("PUT", "/media/copy").header("x-amz-copy-source", "/media/key").send().await;
    assert_eq!(copy.status, 200);
    let copy = stored.head(HeadRequest::new("copy")).await.unwrap().unwrap();
    assert_eq!(copy.custom_metadata.unwrap().get("größe"), Some("1"));
    stored.copy(CopyRequest::new("copy", "again")).await.unwrap();
}

#[tokio::test]
async fn storage_classes_are_kept_and_answered() {
    let local = Local::start().await;
    let class = ("x-amz-storage-class", "STANDARD_IA");
    let put = |target: &str| local.request("PUT", target).header(class.0, class.1);
    assert_eq!(put("/media/ia").body("x").send().await.status, 200);
    local.put("/media/standard", "x").await;
    let upload = local.request("POST", "/media/parts?uploads").header(class.0, class.1).send().await;
    let id = upload.element("UploadId");
    let etag =
        local.put(&format!("/media/parts?partNumber=1&uploadId={id}"), "x").await.header("etag").to_owned();
    for target in ["/media?uploads".to_owned(), format!("/media/parts?uploadId={id}")] {
        assert_eq!(local.get(&target).await.elements("StorageClass"), ["STANDARD_IA"], "{target}");
    }
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    local.request("POST", &format!("/media/parts?uploadId={id}")).body(document).send().await;
    let copied = local.request("PUT", "/media/copy").header("x-amz-copy-source", "/media/ia").send().await;
    assert_eq!(copied.status, 200);
    for (key, expected) in
        [("ia", "STANDARD_IA"), ("parts", "STANDARD_IA"), ("copy", "STANDARD_IA"), ("standard", "STANDARD")]
    {
        for method in ["GET", "HEAD"] {
            let answer = local.request(method, &format!("/media/{key}")).send().await;
            assert_eq!(answer.header("x-amz-storage-class"), expected, "{method} {key}");
        }
    }
    let listed = local.get("/media?list-type=2").await.elements("StorageClass");
    assert_eq!(listed, ["STANDARD_IA", "STANDARD_IA", "STANDARD_IA", "STANDARD"]);
    let refused = local.request("PUT", "/media/cold").header("x-amz-storage-class", "GLACIER").send().await;
    assert_eq!(refused.error(), (400, "InvalidStorageClass".to_owned()));
}

#[tokio::test]
async fn a_bucket_that_is_there_is_not_made_again() {
    let local = Local::start().await;
    let again = local.request("PUT", "/media").send().await;
    assert_eq!(again.error(), (409, "BucketAlreadyOwnedByYou".to_owned()));
    let message = "Your previous request to create the named bucket succeeded and you already own it.";
    assert_eq!(again.element("Message"), message);
}
