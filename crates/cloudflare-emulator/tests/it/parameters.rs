//! Headers and parameters that change what an operation does: none of them is passed over.

use crate::client::{Answer, Local};

const OTHER: &str = "\"00000000000000000000000000000000\"";

async fn send(local: &Local, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request = local.request(method, target).body(body);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
}

#[tokio::test]
async fn a_delete_keeps_what_does_not_meet_its_condition() {
    let local = Local::start().await;
    let etag = local.put("/media/key", "hello").await.header("etag").to_owned();
    for (target, name, value, status) in [
        ("/media/key", "if-match", OTHER, 412),
        ("/media/key", "if-none-match", "*", 412),
        ("/media/key", "if-none-match", etag.as_str(), 412),
        ("/media/key", "if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT", 412),
        ("/media/key", "x-amz-if-match-size", "5", 501),
        ("/media/key", "x-amz-if-match-last-modified-time", "Mon, 01 Jan 2001 00:00:00 GMT", 501),
        ("/media/key?versionId=1", "accept", "*/*", 501),
        ("/media/none", "if-match", "*", 412),
        ("/media/none", "if-match", OTHER, 412),
    ] {
        let answer = send(&local, "DELETE", target, &[(name, value)], "").await;
        assert_eq!(answer.status, status, "{target} {name}: {value}");
        assert_eq!(local.get("/media/key").await.status, 200, "{target} {name}: {value}");
    }
    assert_eq!(send(&local, "DELETE", "/media/none", &[], "").await.status, 204);
    assert_eq!(
        send(&local, "DELETE", "/media/key?versionId=null", &[("if-match", &etag)], "").await.status,
        204
    );
    assert_eq!(local.get("/media/key").await.status, 404);
}

#[tokio::test]
async fn a_delete_of_many_keeps_what_does_not_meet_its_condition() {
    let local = Local::start().await;
    let etag = local.put("/media/a", "hello").await.header("etag").replace('"', "&quot;");
    for key in ["b", "c", "d", "e", "f"] {
        local.put(&format!("/media/{key}"), key).await;
    }
    let entry = |key: &str, rest: &str| format!("<Object><Key>{key}</Key>{rest}</Object>");
    let document = [
        entry("a", &format!("<ETag>{etag}</ETag>")),
        entry("b", "<ETag>&quot;x&quot;</ETag>"),
        entry("c", "<Size>1</Size>"),
        entry("d", "<LastModifiedTime>Mon, 01 Jan 2001 00:00:00 GMT</LastModifiedTime>"),
        entry("e", "<VersionId>1</VersionId>"),
        entry("f", "<VersionId>null</VersionId>"),
        entry("none", "<ETag>*</ETag>"),
        entry("none-either", ""),
    ];
    let document = format!("<Delete>{}</Delete>", document.concat());
    let answer = send(&local, "POST", "/media?delete", &[], &document).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let outcomes: Vec<_> =
        answer.text().split("</Key>").map(|before| before.rsplit('>').next().unwrap().to_owned()).collect();
    assert_eq!(outcomes[..8], ["a", "b", "c", "d", "e", "f", "none", "none-either"]);
    assert_eq!(
        answer.elements("Code"),
        ["PreconditionFailed", "NotImplemented", "NotImplemented", "NotImplemented", "PreconditionFailed"]
    );
    assert_eq!(local.get("/media").await.elements("Key"), ["b", "c", "d", "e"]);

    let only = format!("<Delete>{}</Delete>", entry("b", "<ETag>&quot;x&quot;</ETag>"));
    let answer = send(&local, "POST", "/media?delete", &[], &only).await;
    assert_eq!(answer.elements("Code"), ["PreconditionFailed"]);
}

/// R2 has headers of its own for this, which are tested with copies.
#[tokio::test]
async fn a_copy_keeps_a_destination_that_does_not_meet_awss_conditions() {
    let local = Local::start().await;
    local.put("/media/source", "new").await;
    local.server.store().create_bucket("other").await.unwrap();
    local.put("/other/source", "new").await;
    let old = local.put("/media/copy", "old").await.header("etag").to_owned();
    for bucket in ["media", "other"] {
        let source = ("x-amz-copy-source", format!("/{bucket}/source"));
        let copy = async |headers: &[(&str, &str)]| {
            let headers = [&[(source.0, source.1.as_str())], headers].concat();
            send(&local, "PUT", "/media/copy", &headers, "").await.status
        };
        local.put("/media/copy", "old").await;
        for (headers, status) in [
            (&[("if-none-match", "*")][..], 412),
            (&[("if-match", OTHER)], 412),
            (&[("if-match", &old), ("cf-copy-destination-if-match", &old)], 400),
        ] {
            assert_eq!(copy(headers).await, status, "{headers:?}");
            assert_eq!(local.get("/media/copy").await.text(), "old", "{headers:?}");
        }
        assert_eq!(copy(&[("if-match", &old)]).await, 200);
        assert_eq!(local.get("/media/copy").await.text(), "new");
    }
}

#[tokio::test]
async fn an_upload_in_parts_begins_and_ends_under_its_conditions() {
    let local = Local::start().await;
    local.put("/media/film", "old").await;
    let create =
        async |headers: &[(&str, &str)]| send(&local, "POST", "/media/film?uploads", headers, "").await;
    assert_eq!(create(&[("if-none-match", "*")]).await.status, 412);
    assert_eq!(create(&[("if-match", OTHER)]).await.status, 412);
    let id = create(&[]).await.element("UploadId");
    let etag = local
        .put(&format!("/media/film?partNumber=1&uploadId={id}"), "hello")
        .await
        .header("etag")
        .to_owned();
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    for (headers, status) in [
        (&[("x-amz-mp-object-size", "6")][..], 400),
        (&[("x-amz-mp-object-size", "x")], 400),
        (&[("x-amz-server-side-encryption-customer-algorithm", "AES256")], 400),
        (&[("x-amz-checksum-crc32", "AAAAAA==")], 400),
        (&[("x-amz-checksum-crc32", "AAAAAA==-1")], 400),
        (&[("x-amz-mp-object-size", "5")], 200),
    ] {
        let answer = send(&local, "POST", &format!("/media/film?uploadId={id}"), headers, &document).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    assert_eq!(local.get("/media/film").await.text(), "hello");
}

#[tokio::test]
async fn a_put_that_would_append_is_refused() {
    let local = Local::start().await;
    local.put("/media/key", "hello").await;
    let append = send(&local, "PUT", "/media/key", &[("x-amz-write-offset-bytes", "5")], " world").await;
    assert_eq!(append.error(), (501, "NotImplemented".to_owned()));
    assert_eq!(local.get("/media/key").await.text(), "hello");
}

#[tokio::test]
async fn a_read_says_the_headers_of_its_answer() {
    let local = Local::start().await;
    local.put("/media/key", "hello").await;
    let query = "response-cache-control=no-store&response-content-disposition=attachment%3B%20filename%3D%22a.txt%22&\
                 response-content-encoding=identity&response-content-language=de&response-content-type=text%2Fplain&\
                 response-expires=Thu%2C%2001%20Jan%202099%2000%3A00%3A00%20GMT";
    let presigned = local.presign("GET", &format!("/media/key?{query}"), 60, std::time::SystemTime::now());
    for answer in [
        local.get(&format!("/media/key?{query}")).await,
        local.request("HEAD", &format!("/media/key?{query}")).send().await,
        local.send_unsigned("GET", &presigned, &[]).await,
        local.send_unsigned("GET", &presigned, &[("range", "bytes=0-1")]).await,
    ] {
        let names = [
            "cache-control",
            "content-disposition",
            "content-encoding",
            "content-language",
            "content-type",
            "expires",
        ];
        assert_eq!(
            names.map(|name| answer.header(name)),
            [
                "no-store",
                "attachment; filename=\"a.txt\"",
                "identity",
                "de",
                "text/plain",
                "Thu, 01 Jan 2099 00:00:00 GMT"
            ]
        );
    }
    let broken = local.get("/media/key?response-content-type=a%0D%0Ax-evil:1").await;
    assert_eq!(broken.error(), (400, "InvalidArgument".to_owned()));
    assert_eq!(local.get("/media/key").await.header("content-type"), "application/octet-stream");
}

#[tokio::test]
async fn encryption_with_aes256_can_be_set_and_nothing_else() {
    let local = Local::start().await;
    let set = async |bucket: &str, algorithm: &str| {
        let document = format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}\
             </SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        );
        send(&local, "PUT", &format!("/{bucket}?encryption"), &[], &document).await.error()
    };
    assert_eq!(set("media", "AES256").await.0, 200);
    assert_eq!(set("media", "aws:kms").await, (501, "NotImplemented".to_owned()));
    assert_eq!(set("none", "AES256").await, (404, "NoSuchBucket".to_owned()));
    let malformed =
        send(&local, "PUT", "/media?encryption", &[], "<ServerSideEncryptionConfiguration/>").await;
    assert_eq!(malformed.error(), (400, "MalformedXML".to_owned()));
    assert_eq!(send(&local, "DELETE", "/media?encryption", &[], "").await.status, 204);
    assert_eq!(local.get("/media?encryption").await.element("SSEAlgorithm"), "AES256");
}

#[tokio::test]
async fn buckets_come_in_pages_as_aws_asks_for_them() {
    let local = Local::start().await;
    local.server.store().create_bucket("second").await.unwrap();
    let page = local.get("/?max-buckets=1").await;
    assert_eq!(
        (page.elements("Name"), page.element("ContinuationToken")),
        (vec!["media".into()], "media".into())
    );
    let page = local.get("/?max-buckets=1&continuation-token=media").await;
    assert_eq!((page.elements("Name"), page.elements("ContinuationToken")), (vec!["second".into()], vec![]));
}

/// A client that has it would ask for that version, and there are none.
#[tokio::test]
async fn a_version_is_said_of_what_is_put_and_not_of_what_is_read() {
    let local = Local::start().await;
    let put = local.put("/media/key", "hello").await;
    assert!(!put.header("x-amz-version-id").is_empty());
    for method in ["GET", "HEAD"] {
        let read = local.request(method, "/media/key").send().await;
        assert_eq!((read.status, read.header("x-amz-version-id")), (200, ""), "{method}");
    }
    // Whoever asks for the version that was said gets the object, as long as it is that one.
    let id = put.header("x-amz-version-id").to_owned();
    let status = async |method, id: &str| {
        local.request(method, &format!("/media/key?versionId={id}")).send().await.status
    };
    for method in ["GET", "HEAD"] {
        assert_eq!(status(method, &id).await, 200, "{method}");
        assert_eq!(status(method, "null").await, 200, "{method}");
        assert_eq!(status(method, "00000000000000000000000000000000").await, 501, "{method}");
    }
    local.put("/media/key", "hello").await;
    for method in ["GET", "HEAD"] {
        assert_eq!(status(method, &id).await, 501, "{method}");
    }
}

#[tokio::test]
async fn a_304_has_the_checksums_of_the_object() {
    let local = Local::start().await;
    let put = local.request("PUT", "/media/key").header("x-amz-checksum-crc32", "NhCmhg==").body("hello");
    let etag = put.send().await.header("etag").to_owned();
    for method in ["GET", "HEAD"] {
        let unchanged = local.request(method, "/media/key").header("if-none-match", &etag).send().await;
        assert_eq!(
            (unchanged.status, unchanged.header("x-amz-checksum-crc32")),
            (304, "NhCmhg=="),
            "{method}"
        );
    }
}
