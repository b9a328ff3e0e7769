//! Uploads in parts.

use cloudflare_clients::r2::{Checksum, ChecksumAlgorithm, CompositeChecksum, Crc64Nvme};

use crate::client::{Answer, Local};

const PART: usize = 5 * 1024 * 1024;

async fn create(local: &Local, key: &str) -> String {
    let answer = local
        .request("POST", &format!("/media/{key}?uploads"))
        .header("content-type", "video/mp4")
        .header("x-amz-meta-a", "b")
        .send()
        .await;
    assert_eq!((answer.status, answer.element("Key").as_str()), (200, key));
    answer.element("UploadId")
}

async fn upload(local: &Local, key: &str, id: &str, number: usize, body: Vec<u8>) -> String {
    let target = format!("/media/{key}?partNumber={number}&uploadId={id}");
    local.put(&target, body).await.header("etag").to_owned()
}

async fn complete(local: &Local, key: &str, id: &str, parts: &[(usize, &str)]) -> Answer {
    let parts: String = parts
        .iter()
        .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"))
        .collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    local.request("POST", &format!("/media/{key}?uploadId={id}")).body(body).send().await
}

#[tokio::test]
async fn parts_become_one_object() {
    let local = Local::start().await;
    let id = create(&local, "film").await;
    let first = upload(&local, "film", &id, 1, vec![1; PART]).await;
    let second = upload(&local, "film", &id, 2, vec![2; 10]).await;

    let listed = local.get(&format!("/media/film?uploadId={id}&max-parts=1")).await;
    assert_eq!(listed.elements("PartNumber"), ["1"]);
    assert_eq!(listed.element("NextPartNumberMarker"), "1");
    assert_eq!(listed.element("Size"), PART.to_string());
    let listed = local.get(&format!("/media/film?uploadId={id}&part-number-marker=1")).await;
    assert_eq!(listed.elements("PartNumber"), ["2"]);
    let uploads = local.get("/media?uploads").await;
    assert_eq!(
        (uploads.elements("Key"), uploads.elements("UploadId")),
        (vec!["film".into()], vec![id.clone()])
    );

    // In any order, and with or without quotes.
    let answer = complete(&local, "film", &id, &[(2, second.trim_matches('"')), (1, &first)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.element("ETag").ends_with("-2&quot;"));
    assert!(answer.element("Location").ends_with("/media/film"));
    let got = local.get("/media/film").await;
    assert_eq!(
        (got.body.len(), got.header("content-type"), got.header("x-amz-meta-a")),
        (PART + 10, "video/mp4", "b")
    );

    for gone in [
        complete(&local, "film", &id, &[(1, &first)]).await,
        local.get(&format!("/media/film?uploadId={id}")).await,
        local.request("PUT", &format!("/media/film?partNumber=1&uploadId={id}")).body("x").send().await,
    ] {
        assert_eq!(gone.error(), (404, "NoSuchUpload".to_owned()));
    }
    assert_eq!(local.request("DELETE", &format!("/media/film?uploadId={id}")).send().await.status, 204);
}

#[tokio::test]
async fn what_ended_can_be_aborted_and_what_never_was_cannot() {
    let local = Local::start().await;
    local.server.store().create_bucket("other").await.unwrap();
    let id = create(&local, "film").await;
    let abort = async |target: String| local.request("DELETE", &target).send().await.error();
    let never = (404, "NoSuchUpload".to_owned());
    for target in ["/media/film?uploadId=never", "/media/film?uploadId="] {
        assert_eq!(abort(target.to_owned()).await, never);
    }
    for _ in 0..2 {
        assert_eq!(abort(format!("/media/film?uploadId={id}")).await.0, 204);
    }
    for elsewhere in ["/media/other", "/other/film"] {
        assert_eq!(abort(format!("{elsewhere}?uploadId={id}")).await, never);
    }
}

#[tokio::test]
async fn parts_must_be_equal_and_large_enough() {
    let local = Local::start().await;
    for (sizes, code) in [
        (vec![PART - 1, 10], "EntityTooSmall"),
        (vec![PART + 1, PART, 10], "InvalidPart"),
        (vec![PART, PART + 1], "InvalidPart"),
    ] {
        let id = create(&local, "film").await;
        let mut parts = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            parts.push((index + 1, upload(&local, "film", &id, index + 1, vec![0; *size]).await));
        }
        let parts: Vec<_> = parts.iter().map(|(number, etag)| (*number, etag.as_str())).collect();
        assert_eq!(complete(&local, "film", &id, &parts).await.error(), (400, code.to_owned()), "{sizes:?}");
    }
    let id = create(&local, "film").await;
    upload(&local, "film", &id, 1, vec![0; 10]).await;
    let answer = complete(&local, "film", &id, &[(1, "00000000000000000000000000000000")]).await;
    assert_eq!(answer.error(), (400, "InvalidPart".to_owned()));
    for body in
        ["", "<CompleteMultipartUpload/>", "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>"]
    {
        let answer = local.request("POST", &format!("/media/film?uploadId={id}")).body(body).send().await;
        assert_eq!(answer.error(), (400, "MalformedXML".to_owned()));
    }
    for number in ["0", "10001", "x", ""] {
        let target = format!("/media/film?partNumber={number}&uploadId={id}");
        let answer = local.request("PUT", &target).body("x").send().await;
        assert_eq!(answer.error(), (400, "InvalidArgument".to_owned()), "{number}");
    }
    assert_eq!(local.get("/media/film").await.status, 404);
}

#[tokio::test]
async fn a_condition_that_fails_consumes_the_upload() {
    let local = Local::start().await;
    local.put("/media/film", "old").await;
    let id = create(&local, "film").await;
    let etag = upload(&local, "film", &id, 1, vec![0; 10]).await;
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = || local.request("POST", &format!("/media/film?uploadId={id}")).body(body.clone());
    assert_eq!(complete().header("if-none-match", "*").send().await.status, 412);
    assert_eq!(complete().send().await.error(), (404, "NoSuchUpload".to_owned()));
    assert_eq!(local.get("/media/film").await.text(), "old");
}

#[tokio::test]
async fn a_part_whose_replacement_fails_stays() {
    let local = Local::start().await;
    let id = create(&local, "film").await;
    let etag = upload(&local, "film", &id, 1, b"first".to_vec()).await;
    let target = format!("/media/film?partNumber=1&uploadId={id}");
    let refused = local.request("PUT", &target).header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").body("x");
    assert_eq!(refused.send().await.error(), (400, "BadDigest".to_owned()));
    assert_eq!(complete(&local, "film", &id, &[(1, &etag)]).await.status, 200);
    assert_eq!(local.get("/media/film").await.text(), "first");
}

#[tokio::test]
async fn parts_are_copied_in_ranges() {
    let local = Local::start().await;
    local.put("/media/source", "0123456789").await;
    let id = create(&local, "film").await;
    let copy = |range: &str| {
        let request = local
            .request("PUT", &format!("/media/film?partNumber=1&uploadId={id}"))
            .header("x-amz-copy-source", "/media/source");
        if range.is_empty() { request } else { request.header("x-amz-copy-source-range", range) }
    };
    for (range, status) in
        [("bytes=5-2", 400), ("bytes=5-", 400), ("bytes=50-60", 416), ("", 200), ("bytes=7-60", 200)]
    {
        assert_eq!(copy(range).send().await.status, status, "{range}");
    }
    let refused = copy("").header("x-amz-copy-source-if-match", "\"a\"").send().await;
    assert_eq!(refused.error(), (501, "NotImplemented".to_owned()));
    let etag = copy("bytes=2-4").send().await.element("ETag").replace("&quot;", "");
    assert_eq!(complete(&local, "film", &id, &[(1, &etag)]).await.status, 200);
    assert_eq!(local.get("/media/film").await.text(), "234");
}

#[tokio::test]
async fn the_crc64nvme_of_the_whole_is_made_of_those_of_the_parts() {
    let local = Local::start().await;
    let bodies = [vec![1; PART], vec![2; 10]];
    let crc = |bytes: &[u8]| Crc64Nvme::of(bytes).checksum().to_base64();
    let (whole, wrong) = (crc(&bodies.concat()), crc(b"wrong"));
    let create = local.request("POST", "/media/film?uploads").header("x-amz-checksum-algorithm", "CRC64NVME");
    let answer = create.header("x-amz-checksum-type", "FULL_OBJECT").send().await;
    assert_eq!(answer.header("x-amz-checksum-algorithm"), "CRC64NVME");
    assert_eq!(answer.header("x-amz-checksum-type"), "FULL_OBJECT");
    let id = answer.element("UploadId");
    let part = |number: usize| {
        local
            .request("PUT", &format!("/media/film?partNumber={number}&uploadId={id}"))
            .body(bodies[number - 1].clone())
    };
    let refused = part(1).header("x-amz-checksum-crc64nvme", &wrong).send().await;
    assert_eq!(refused.error(), (400, "BadDigest".to_owned()));
    let first = part(1).header("x-amz-checksum-crc64nvme", &crc(&bodies[0])).send().await;
    // It is answered whether it was given or not.
    let second = part(2).send().await;
    let answered = [&first, &second].map(|answer| answer.header("x-amz-checksum-crc64nvme").to_owned());
    assert_eq!(answered, [crc(&bodies[0]), crc(&bodies[1])]);
    let listed = local.get(&format!("/media/film?uploadId={id}")).await;
    assert_eq!(listed.elements("ChecksumCRC64NVME"), answered);
    assert_eq!(listed.element("ChecksumType"), "FULL_OBJECT");
    assert_eq!(listed.elements("LastModified").len(), 2);

    let etags = [first.header("etag"), second.header("etag")];
    let complete = |of_second: &str| {
        let parts = etags.iter().zip([&*answered[0], of_second]).zip(1..).map(|((etag, crc), number)| {
            format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><ChecksumCRC64NVME>{crc}</ChecksumCRC64NVME></Part>"
            )
        });
        let body =
            format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>());
        local.request("POST", &format!("/media/film?uploadId={id}")).body(body)
    };
    for (of_second, of_whole, kind, code) in [
        (&*wrong, &*whole, "FULL_OBJECT", "InvalidPart"),
        (&answered[1], &wrong, "FULL_OBJECT", "BadDigest"),
        (&answered[1], "nonsense", "FULL_OBJECT", "InvalidDigest"),
        (&answered[1], &whole, "COMPOSITE", "InvalidRequest"),
    ] {
        let complete = complete(of_second).header("x-amz-checksum-crc64nvme", of_whole);
        let refused = complete.header("x-amz-checksum-type", kind).send().await;
        assert_eq!(refused.error(), (400, code.to_owned()), "{of_whole} {kind}");
    }
    let answer = complete(&answered[1]).header("x-amz-checksum-crc64nvme", &whole).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.element("ChecksumCRC64NVME"), whole);
    assert_eq!(answer.element("ChecksumType"), "FULL_OBJECT");

    for method in ["GET", "HEAD"] {
        let read = local.request(method, "/media/film").header("x-amz-checksum-mode", "ENABLED").send().await;
        assert_eq!(read.header("x-amz-checksum-crc64nvme"), whole);
        assert_eq!(read.header("x-amz-checksum-type"), "FULL_OBJECT");
        assert_eq!(read.header("x-amz-mp-parts-count"), "");
    }
    let unasked = self::create(&local, "unasked").await;
    let part = upload(&local, "unasked", &unasked, 1, vec![0; 10]).await;
    let answer = self::complete(&local, "unasked", &unasked, &[(1, &part)]).await;
    assert!(!answer.text().contains("Checksum"), "{}", answer.text());
    assert_eq!(local.get("/media/unasked").await.header("x-amz-checksum-crc64nvme"), "");
}

/// As S3 writes the checksum of the checksums of parts.
fn composite(algorithm: ChecksumAlgorithm, bodies: &[Vec<u8>]) -> String {
    let sums = bodies.iter().map(|body| Checksum::of(algorithm, body));
    CompositeChecksum::of_parts(algorithm, sums).unwrap().to_base64()
}

#[tokio::test]
async fn the_checksums_of_the_parts_make_that_of_the_object() {
    let local = Local::start().await;
    let bodies = [vec![1; PART], vec![2; 10]];
    for (algorithm, name) in [
        (ChecksumAlgorithm::Crc32, "CRC32"),
        (ChecksumAlgorithm::Crc32c, "CRC32C"),
        (ChecksumAlgorithm::Sha1, "SHA1"),
        (ChecksumAlgorithm::Sha256, "SHA256"),
    ] {
        let header = format!("x-amz-checksum-{algorithm}");
        let element = format!("Checksum{name}");
        let of = |bytes: &[u8]| Checksum::of(algorithm, bytes).to_base64();
        let (sums, whole) = (bodies.each_ref().map(|body| of(body)), composite(algorithm, &bodies));
        let create = local.request("POST", "/media/film?uploads").header("x-amz-checksum-algorithm", name);
        let answer = create.send().await;
        assert_eq!(answer.header("x-amz-checksum-algorithm"), name);
        assert_eq!(answer.header("x-amz-checksum-type"), "COMPOSITE");
        let id = answer.element("UploadId");
        let part = |number: usize| {
            local
                .request("PUT", &format!("/media/film?partNumber={number}&uploadId={id}"))
                .body(bodies[number - 1].clone())
        };
        let wrong = part(1).header(&header, &of(b"wrong")).send().await;
        assert_eq!(wrong.error(), (400, "BadDigest".to_owned()));
        let other = Crc64Nvme::of(&bodies[0]).checksum().to_base64();
        let other = part(1).header("x-amz-checksum-crc64nvme", &other).send().await;
        assert_eq!(other.error(), (400, "InvalidRequest".to_owned()));
        assert!(
            other
                .text()
                .contains(&format!("expected checksum Type: {algorithm}, actual checksum Type: crc64nvme"))
        );
        let without = part(1).send().await;
        assert_eq!(without.error(), (400, "InvalidRequest".to_owned()));
        assert!(
            without
                .text()
                .contains(&format!("expected checksum Type: {algorithm}, actual checksum Type: null"))
        );

        let mut etags = Vec::new();
        for (number, sum) in (1..).zip(&sums) {
            let answer = part(number).header(&header, sum).send().await;
            assert_eq!(answer.header(&header), sum);
            etags.push(answer.header("etag").to_owned());
        }
        let listed = local.get(&format!("/media/film?uploadId={id}")).await;
        assert_eq!(listed.elements(&element), sums);
        assert_eq!(listed.elements("ChecksumAlgorithm"), [name]);
        assert_eq!(listed.elements("ChecksumType"), ["COMPOSITE"]);
        let uploads = local.get("/media?uploads").await;
        assert_eq!(uploads.elements("ChecksumAlgorithm"), [name]);
        assert_eq!(uploads.elements("ChecksumType"), ["COMPOSITE"]);

        let complete = |of_second: Option<&str>| {
            let parts =
                etags.iter().zip([Some(&*sums[0]), of_second]).zip(1..).map(|((etag, sum), number)| {
                    let sum = sum.map(|sum| format!("<{element}>{sum}</{element}>")).unwrap_or_default();
                    format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{sum}</Part>")
                });
            let parts: String = parts.collect();
            let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
            local.request("POST", &format!("/media/film?uploadId={id}")).body(document)
        };
        let right = Some(&*sums[1]);
        let of_bytes = of(&bodies.concat());
        let three = whole.replace("-2", "-3");
        for (of_second, of_whole, kind, code) in [
            (Some(&*sums[0]), &*whole, "COMPOSITE", "InvalidPart"),
            (None, &whole, "COMPOSITE", "InvalidRequest"),
            (right, &of_bytes, "COMPOSITE", "BadDigest"),
            (right, &three, "COMPOSITE", "BadDigest"),
            (right, "nonsense", "COMPOSITE", "InvalidDigest"),
            (right, "nonsense-2", "COMPOSITE", "InvalidDigest"),
        ] {
            let request = complete(of_second).header(&header, of_whole).header("x-amz-checksum-type", kind);
            assert_eq!(request.send().await.error(), (400, code.to_owned()), "{of_whole} {kind}");
        }
        let other = Crc64Nvme::of(&bodies.concat()).checksum().to_base64();
        let other = complete(right).header("x-amz-checksum-crc64nvme", &other).send().await;
        assert_eq!(other.error(), (400, "InvalidRequest".to_owned()));
        let other = complete(right).header("x-amz-checksum-type", "FULL_OBJECT").send().await;
        assert_eq!(other.error(), (400, "InvalidRequest".to_owned()));
        let both = complete(right).header(&header, &whole).header("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=");
        assert_eq!(both.send().await.error(), (400, "InvalidRequest".to_owned()));

        // With the number of parts and without it, as clients send it.
        let given = if name.starts_with("SHA") { &*whole } else { whole.strip_suffix("-2").unwrap() };
        let answer = complete(right).header(&header, given).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            (answer.element(&element), answer.element("ChecksumType")),
            (whole.clone(), "COMPOSITE".into())
        );
        let copied =
            local.request("PUT", "/media/copy").header("x-amz-copy-source", "/media/film").send().await;
        assert_eq!(
            (copied.element(&element), copied.element("ChecksumType")),
            (whole.clone(), "COMPOSITE".into())
        );
        for (method, target) in [("GET", "/media/film"), ("HEAD", "/media/film"), ("HEAD", "/media/copy")] {
            let read = local.request(method, target).send().await;
            assert_eq!((read.header(&header), read.header("x-amz-checksum-type")), (&*whole, "COMPOSITE"));
        }
        for target in ["/media?list-type=2", "/media"] {
            let listed = local.get(target).await;
            assert_eq!(listed.elements("ChecksumAlgorithm"), [name, name]);
            assert_eq!(listed.elements("ChecksumType"), ["COMPOSITE", "COMPOSITE"]);
        }
        let ranged = local.request("GET", "/media/film").header("range", "bytes=0-1").send().await;
        assert_eq!((ranged.header(&header), ranged.header("x-amz-checksum-type")), ("", ""));
    }
}

#[tokio::test]
async fn checksums_that_an_upload_was_not_begun_with_are_refused() {
    let local = Local::start().await;
    let sha256 = Checksum::of(ChecksumAlgorithm::Sha256, b"wrong").to_base64();
    let id = create(&local, "film").await;
    let etag = upload(&local, "film", &id, 1, vec![0; 10]).await;
    let complete = |checksum: &str| {
        local
            .request("POST", &format!("/media/film?uploadId={id}"))
            .body(format!("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"))
            .header("x-amz-checksum-sha256", checksum)
    };
    for given in [format!("{sha256}-1"), sha256] {
        let refused = complete(&given).send().await;
        assert_eq!(refused.error(), (400, "InvalidRequest".to_owned()), "{}", refused.text());
    }
    assert_eq!(local.get("/media/film").await.status, 404);
    for (algorithm, kind, error) in [
        ("CRC64NVME", "COMPOSITE", (400, "InvalidRequest")),
        ("CRC32", "FULL_OBJECT", (501, "NotImplemented")),
        ("SHA512", "COMPOSITE", (501, "NotImplemented")),
    ] {
        let create =
            local.request("POST", "/media/film?uploads").header("x-amz-checksum-algorithm", algorithm);
        let refused = create.header("x-amz-checksum-type", kind).send().await.error();
        assert_eq!((refused.0, &*refused.1), error, "{algorithm} {kind}");
    }
}

/// It is compared though the other header says nothing of the document.
#[tokio::test]
async fn the_md5_of_a_document_is_compared_whatever_is_said_of_the_object() {
    let local = Local::start().await;
    let id = create(&local, "film").await;
    let etag = upload(&local, "film", &id, 1, vec![0; 10]).await;
    let complete = local
        .request("POST", &format!("/media/film?uploadId={id}"))
        .body(format!("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"))
        .header("x-amz-checksum-sha256", "nonsense")
        .header("content-md5", &Checksum::of(ChecksumAlgorithm::Md5, b"other").to_base64());
    assert_eq!(complete.send().await.error(), (400, "BadDigest".to_owned()));
}

#[tokio::test]
async fn parts_of_an_object_are_read_by_their_place() {
    let local = Local::start().await;
    let id = create(&local, "film").await;
    let first = upload(&local, "film", &id, 4, vec![1; PART]).await;
    let second = upload(&local, "film", &id, 7, vec![2; 10]).await;
    let etag = complete(&local, "film", &id, &[(4, &first), (7, &second)]).await.element("ETag");
    let etag = etag.replace("&quot;", "\"");
    for (number, length, range) in [
        (1, PART, format!("bytes 0-{}/{}", PART - 1, PART + 10)),
        (2, 10, format!("bytes {PART}-{}/{}", PART + 9, PART + 10)),
    ] {
        let target = format!("/media/film?partNumber={number}");
        for method in ["GET", "HEAD"] {
            let answer = local.request(method, &target).send().await;
            assert_eq!((answer.status, answer.header("content-range")), (206, range.as_str()));
            assert_eq!(answer.header("content-length"), length.to_string());
            assert_eq!(answer.header("x-amz-mp-parts-count"), "2");
        }
        let unchanged = local.request("GET", &target).header("if-none-match", &etag).send().await;
        assert_eq!((unchanged.status, unchanged.header("x-amz-mp-parts-count")), (304, ""));
    }
    assert_eq!(local.get("/media/film?partNumber=2").await.text().as_bytes(), [2; 10]);
    // A copy has the parts of its source, and so its etag.
    local.server.store().create_bucket("other").await.unwrap();
    for target in ["/media/copy", "/other/copy"] {
        let copy = local.request("PUT", target).header("x-amz-copy-source", "/media/film").send().await;
        assert_eq!(copy.element("ETag").replace("&quot;", "\""), etag);
        let part = local.get(&format!("{target}?partNumber=2")).await;
        assert_eq!((part.header("x-amz-mp-parts-count"), part.body.as_slice()), ("2", [2; 10].as_slice()));
    }
    let beyond = "/media/film?partNumber=3";
    assert_eq!(local.get(beyond).await.error(), (416, "InvalidPartNumber".to_owned()));
    for method in ["GET", "HEAD"] {
        assert_eq!(local.request(method, beyond).send().await.status, 416);
        let read = local.request(method, beyond);
        assert_eq!(read.header("if-match", "\"other\"").send().await.status, 412, "conditions come first");
        assert_eq!(local.request(method, beyond).header("if-none-match", &etag).send().await.status, 304);
    }
}
