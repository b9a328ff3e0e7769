//! The requests of each operation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use insta::assert_snapshot;

use super::*;
use crate::error::{ErrorKind, Result};
use crate::r2::*;
use crate::signing::endpoint::Endpoint;
use crate::sigv4::{Credentials, Signer};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(500_000 * 3600)
}

/// The request line, headers and body as they are sent.
fn wire(request: Result<Request>) -> String {
    wire_of(Some("media"), request)
}

/// The same for a request about a bucket, or about the account.
fn wire_of(bucket: Option<&str>, request: Result<Request>) -> String {
    let endpoint = Endpoint::r2("0123456789abcdef0123456789abcdef", None).unwrap();
    let signer = Signer::new(Credentials::new("fedcba9876543210fedcba9876543210", "secret"));
    let (head, body) = request.unwrap().sign(&endpoint, bucket, &signer, now()).unwrap().into_parts();
    let mut out = format!("{} {}\n", head.method, head.uri.path_and_query().unwrap());
    let mut lines: Vec<_> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    out.push_str(&lines.join(
        "
",
    ));
    out + "

" + &String::from_utf8_lossy(body.as_bytes().unwrap())
}

#[test]
fn reads() {
    assert_snapshot!("head_bucket", wire(Ok(head_bucket::request())));
    assert_snapshot!("head_object", wire(Ok(head_object::request(&HeadRequest::new("a b/../c//%2F")))));
    assert_snapshot!(
        "get_object",
        wire(get_object::request(&GetRequest {
            range: Some((100..).into()),
            only_if: Conditional::new().etag_matches("abc").uploaded_after(now()),
            ..GetRequest::new("video.mp4")
        }))
    );
    assert_snapshot!(
        "get_object_part",
        wire(get_object::request(&GetRequest { part_number: Some(3), ..GetRequest::new("video.mp4") }))
    );
    assert_snapshot!(
        "list_objects_v2",
        wire(list_objects_v2::request(&ListRequest {
            prefix: "a b/".to_owned(),
            delimiter: Some("/".to_owned()),
            cursor: Some("c+/=".to_owned()),
            start_after: Some("ä".to_owned()),
            limit: Some(10),
            include_metadata: true,
        }))
    );
    assert_snapshot!(
        "list_parts",
        wire(list_parts::request(&ListPartsRequest {
            key: "k".to_owned(),
            upload_id: "u+/=".to_owned(),
            part_number_marker: Some(3),
            limit: Some(2),
        }))
    );
    assert_snapshot!(
        "list_multipart_uploads",
        wire(list_multipart_uploads::request(&ListMultipartUploadsRequest {
            prefix: "p".to_owned(),
            delimiter: Some("/".to_owned()),
            key_marker: Some("k".to_owned()),
            upload_id_marker: Some("u".to_owned()),
            limit: None,
        }))
    );
}

#[test]
fn writes() {
    let http_metadata = HttpMetadata {
        content_type: Some("text/plain".to_owned()),
        cache_control: Some("no-store".to_owned()),
        cache_expiry: Some(now()),
        ..HttpMetadata::default()
    };
    let custom_metadata: CustomMetadata = [("uploadedBy", "Jürgen")].into_iter().collect();
    assert_snapshot!(
        "put_object",
        wire(put_object::request(PutRequest {
            http_metadata: http_metadata.clone(),
            custom_metadata: custom_metadata.clone(),
            storage_class: Some(StorageClass::InfrequentAccess),
            checksum: Some(Checksum::of(ChecksumAlgorithm::Md5, b"hello")),
            only_if: Conditional::new().etag_does_not_match("*"),
            ..PutRequest::new("k", "hello")
        }))
    );
    assert_snapshot!(
        "put_object_with_checksum",
        wire(put_object::request(PutRequest {
            checksum: Some(Checksum::of(ChecksumAlgorithm::Crc32c, b"hello")),
            ..PutRequest::new("k", "hello")
        }))
    );
    assert_snapshot!(
        "copy_object",
        wire(copy_object::request(
            "media",
            &CopyRequest {
                source_bucket: None,
                source: "a/../ü".to_owned(),
                key: "b".to_owned(),
                source_only_if: Conditional::new().etag_matches("abc"),
                only_if: Conditional::new().etag_does_not_match("*"),
                replace_metadata: Some(ObjectMetadata::new(http_metadata.clone(), custom_metadata.clone())),
                storage_class: Some(StorageClass::Standard),
                source_ssec_key: None,
                ssec_key: None,
            }
        ))
    );
    assert_snapshot!("delete_object", wire(Ok(delete_object::request(&DeleteRequest::new("k")))));
    assert_snapshot!("delete_objects", wire(delete_objects::request(&["a&b", "<c>"])));
    assert_snapshot!(
        "create_multipart_upload",
        wire(create_multipart_upload::request(&CreateMultipartUploadRequest {
            key: "k".to_owned(),
            http_metadata,
            custom_metadata,
            storage_class: None,
            checksum_algorithm: Some(ChecksumAlgorithm::Crc64Nvme),
            ssec_key: None,
        }))
    );
    assert_snapshot!(
        "upload_part",
        wire(upload_part::request(UploadPartRequest {
            key: "k".to_owned(),
            upload_id: "u+/=".to_owned(),
            part_number: 7,
            body: "part".into(),
            checksum: Some(Checksum::of(ChecksumAlgorithm::Md5, b"part")),
            ssec_key: None,
        }))
    );
    assert_snapshot!(
        "upload_part_copy",
        wire(upload_part_copy::request(
            "media",
            &UploadPartCopyRequest {
                source_bucket: Some("films".to_owned()),
                range: Some(5..10),
                source_only_if: Conditional::new().etag_matches("abc"),
                ..UploadPartCopyRequest::new("a/../ü", "k", "u+/=", 7)
            }
        ))
    );
    let part = UploadedPart {
        checksums: [Crc64Nvme::of(b"part").checksum()].into_iter().collect(),
        ..UploadedPart::new(1, "abc")
    };
    assert_snapshot!(
        "complete_multipart_upload",
        wire(complete_multipart_upload::request(&CompleteMultipartUploadRequest {
            key: "k".to_owned(),
            upload_id: "u".to_owned(),
            parts: vec![part],
            only_if: Conditional::new().etag_does_not_match("*"),
            checksum_algorithm: None,
            checksum: Some(Crc64Nvme::of(b"part").checksum().into()),
            ssec_key: None,
        }))
    );
    let sha1 = Checksum::of(ChecksumAlgorithm::Sha1, b"part");
    let part = UploadedPart { checksums: [sha1].into_iter().collect(), ..UploadedPart::new(1, "abc") };
    assert_snapshot!(
        "complete_multipart_upload_composite",
        wire(complete_multipart_upload::request(&CompleteMultipartUploadRequest {
            checksum_algorithm: Some(ChecksumAlgorithm::Sha1),
            checksum: CompositeChecksum::of_parts(ChecksumAlgorithm::Sha1, [sha1]).ok().map(Into::into),
            ..CompleteMultipartUploadRequest::new("k", "u", vec![part])
        }))
    );
    assert_snapshot!(
        "abort_multipart_upload",
        wire(abort_multipart_upload::request(&AbortMultipartUploadRequest::new("k", "u")))
    );
}

#[test]
fn buckets() {
    let mut create = CreateBucketRequest::new("media");
    assert_snapshot!("create_bucket", wire(create_bucket::request(&create)));
    create.location = Some(LocationHint::Weur);
    create.storage_class = Some(StorageClass::InfrequentAccess);
    assert_snapshot!("create_bucket_with_settings", wire(create_bucket::request(&create)));
    assert_snapshot!("delete_bucket", wire(Ok(delete_bucket::request())));
    assert_snapshot!("get_bucket_location", wire(Ok(get_bucket_location::request())));

    assert_snapshot!("list_buckets", wire_of(None, list_buckets::request(&ListBucketsRequest::default())));
    let mut list = ListBucketsRequest {
        prefix: "me".to_owned(),
        start_after: Some("media".to_owned()),
        cursor: Some("c+/=".to_owned()),
        limit: Some(10),
        by_headers: false,
    };
    assert_snapshot!("list_buckets_by_query", wire_of(None, list_buckets::request(&list)));
    list.by_headers = true;
    assert_snapshot!("list_buckets_by_headers", wire_of(None, list_buckets::request(&list)));
    list.limit = Some(0);
    assert_eq!(list_buckets::request(&list).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn pages_of_buckets_end_where_neither_a_header_nor_the_document_goes_on() {
    let document = |rest: &str| {
        answer(
            200,
            &format!(
                "<ListAllMyBucketsResult><Buckets><Bucket><CreationDate>2027-01-15T08:00:00.000Z</CreationDate>\
                 <Name>media</Name></Bucket></Buckets>{rest}</ListAllMyBucketsResult>"
            ),
        )
    };
    let page = list_buckets::parse(&document("")).unwrap();
    let media = BucketInfo { created: Some(now()), ..BucketInfo::new("media") };
    assert_eq!(page, BucketsPage::new(vec![media.clone()]));
    let next = BucketsPage::new(vec![media]).truncated_at("t");
    let continued = document("<ContinuationToken>t</ContinuationToken>");
    assert_eq!(list_buckets::parse(&continued).unwrap(), next);
    let mut by_header = document("");
    by_header.headers.insert(list_buckets::IS_TRUNCATED, http::HeaderValue::from_static("true"));
    let error = list_buckets::parse(&by_header).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    by_header.headers.insert(list_buckets::NEXT_CONTINUATION_TOKEN, http::HeaderValue::from_static("t"));
    assert_eq!(list_buckets::parse(&by_header).unwrap(), next);
    for body in [
        "",
        "<html></html>",
        "<ListAllMyBucketsResult><Buckets><Bucket><Name>media</Name></Bucket></Buckets></ListAllMyBucketsResult>",
    ] {
        let error = list_buckets::parse(&answer(200, body)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{body}");
    }
}

#[test]
fn a_bucket_is_where_its_hint_says_or_nobody_knows() {
    for (text, location) in [
        ("WEUR", Some(LocationHint::Weur)),
        ("apac", Some(LocationHint::Apac)),
        ("auto", None),
        ("", None),
        ("eu-central-1", None),
    ] {
        let document = format!("<LocationConstraint>{text}</LocationConstraint>");
        assert_eq!(get_bucket_location::parse(&answer(200, &document)).unwrap(), location, "{text}");
    }
}

#[test]
fn customer_keys() {
    let [ssec_key, source_ssec_key] = [[7; 32], [8; 32]].map(|key| Some(SseCustomerKey::from_bytes(key)));
    let key = || ssec_key.clone();
    let head = HeadRequest { ssec_key: key(), ..HeadRequest::new("k") };
    let get = GetRequest { ssec_key: key(), range: Some((0..5).into()), ..GetRequest::new("k") };
    let put = PutRequest { ssec_key: key(), ..PutRequest::new("k", "hello") };
    let copy = CopyRequest {
        source_ssec_key: source_ssec_key.clone(),
        ssec_key: key(),
        ..CopyRequest::new("source", "k")
    };
    let create = CreateMultipartUploadRequest { ssec_key: key(), ..CreateMultipartUploadRequest::new("k") };
    let part = UploadPartRequest { ssec_key: key(), ..UploadPartRequest::new("k", "u", 7, "part") };
    let part_copy = UploadPartCopyRequest {
        source_ssec_key,
        ssec_key: key(),
        ..UploadPartCopyRequest::new("source", "k", "u", 7)
    };
    let requests = [
        Ok(head_object::request(&head)),
        get_object::request(&get),
        put_object::request(put),
        copy_object::request("media", &copy),
        create_multipart_upload::request(&create),
        upload_part::request(part),
        upload_part_copy::request("media", &part_copy),
    ];
    for request in &requests {
        let sensitive = request.as_ref().unwrap().headers.iter().filter(|(_, value)| value.is_sensitive());
        let names: Vec<_> = sensitive.map(|(name, _)| name.as_str()).collect();
        assert!(!names.is_empty() && names.iter().all(|name| name.ends_with("-customer-key")), "{names:?}");
    }
    assert_snapshot!("customer_keys", requests.map(wire).join("\n"));
}

fn answer(status: u16, body: &str) -> Response {
    Response {
        status: http::StatusCode::from_u16(status).unwrap(),
        reason: None,
        headers: http::HeaderMap::new(),
        body: body.to_owned().into(),
        received: now(),
    }
}

#[test]
fn pages_are_decoded_exactly() {
    let page = list_objects_v2::parse(&answer(200, r#"<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>media</Name>
        <Contents><Key>a%2Bb%20c%00%C3%A4%252F+d</Key><Size>5</Size><LastModified>2027-01-15T08:00:00.123Z</LastModified><ETag>&quot;abc&quot;</ETag><StorageClass>STANDARD_IA</StorageClass></Contents>
        <IsTruncated>true</IsTruncated><CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes>
        <NextContinuationToken>t%2F</NextContinuationToken><EncodingType>url</EncodingType></ListBucketResult>"#)).unwrap();
    assert_eq!(page.objects[0].key, "a+b c\0ä%2F d");
    assert_eq!(page.objects[0].etag, "abc");
    assert_eq!(page.objects[0].uploaded, now() + Duration::from_millis(123));
    assert_eq!(page.objects[0].storage_class, Some(StorageClass::InfrequentAccess));
    assert_eq!(page.delimited_prefixes, ["p/"]);
    assert_eq!((page.truncated, page.cursor.as_deref()), (true, Some("t%2F")));
}

/// The form that some services other than R2 send.
#[test]
fn a_listing_without_etags_is_read() {
    let page = list_objects_v2::parse(&answer(
        200,
        "<ListBucketResult><Contents><Key>a</Key><Size>5</Size>\
         <LastModified>2027-01-15T08:00:00Z</LastModified></Contents></ListBucketResult>",
    ));
    let object = &page.unwrap().objects[0];
    assert_eq!((object.key.as_str(), object.size, object.etag.as_str()), ("a", 5, ""));
    let only_if = Conditional::new().etag_matches(&object.etag);
    assert!(only_if.validate().unwrap_err().message().contains("must not be empty"));
}

#[test]
fn a_listing_that_cannot_be_continued_is_refused() {
    for body in [
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>perhaps</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<html></html>",
        "",
    ] {
        let error = list_objects_v2::parse(&answer(200, body)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{body}");
    }
}

#[test]
fn a_success_may_hold_an_error() {
    let body = "  <Error><Code>InternalError</Code><Message>We failed.</Message></Error>";
    for error in [
        complete_multipart_upload::parse("k", &answer(200, body)).unwrap_err(),
        copy_object::parse("k", &answer(200, body)).unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.code(), error.is_retryable()),
            (ErrorKind::Server, Some("InternalError"), true)
        );
    }
}

#[test]
fn each_deleted_key_has_its_outcome() {
    let body = "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code><Message>No</Message></Error></DeleteResult>";
    let outcomes = delete_objects::parse(&["b", "a", "c"], &answer(200, body)).unwrap();
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(crate::Error::kind)).collect();
    assert_eq!(kinds, [Err(ErrorKind::Forbidden), Ok(&()), Err(ErrorKind::UnexpectedResponse)]);
}

#[test]
fn other_bytes_than_were_asked_for_are_refused() {
    let request = |range: Option<Range>| GetRequest { range, ..GetRequest::new("k") };
    let headers = |length: u64, range: Option<&str>| {
        let mut headers = http::HeaderMap::new();
        headers::write_object(&Object::new("k", 0, "abc", now()), &mut headers).unwrap();
        headers.insert("content-length", length.into());
        if let Some(range) = range {
            headers.insert("content-range", range.parse().unwrap());
        }
        headers
    };
    let parse = |range, status: u16, headers: http::HeaderMap| {
        get_object::parse(&request(range), http::StatusCode::from_u16(status).unwrap(), &headers)
    };
    let range = || Some(Range::from(2..5));
    assert!(parse(None, 200, headers(10, None)).is_ok());
    assert!(parse(range(), 206, headers(3, Some("bytes 2-4/10"))).is_ok());
    assert!(parse(range(), 206, headers(1, Some("bytes 2-2/3"))).is_ok());
    for (range, status, headers) in [
        (range(), 200, headers(10, None)),
        (range(), 206, headers(3, Some("bytes 3-5/10"))),
        (range(), 206, headers(2, Some("bytes 2-3/10"))),
        (range(), 206, headers(4, Some("bytes 2-4/10"))),
        (range(), 206, headers(3, None)),
        (None, 206, headers(3, Some("bytes 0-2/10"))),
        (None, 204, headers(0, None)),
    ] {
        let error = parse(range, status, headers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{range:?} {status}");
    }
}

#[test]
fn other_parts_than_were_asked_for_are_refused() {
    let headers = |length: u64, range: Option<&str>, parts: Option<u16>| {
        let mut headers = http::HeaderMap::new();
        let mut object = Object::new("k", 0, "abc-2", now());
        object.checksums.insert(Crc64Nvme::of(b"part").checksum());
        object.parts_count = parts;
        headers::write_object(&object, &mut headers).unwrap();
        headers.insert("content-length", length.into());
        if let Some(range) = range {
            headers.insert("content-range", range.parse().unwrap());
        }
        headers
    };
    let get = |part_number, status: u16, headers: &http::HeaderMap| {
        let request = GetRequest { part_number: Some(part_number), ..GetRequest::new("k") };
        get_object::parse(&request, http::StatusCode::from_u16(status).unwrap(), headers)
    };
    let head = |part_number, headers: &http::HeaderMap| {
        let request = HeadRequest { part_number: Some(part_number), ..HeadRequest::new("k") };
        head_object::parse(&request, headers)
    };
    let part = headers(3, Some("bytes 7-9/10"), Some(2));
    for object in [get(2, 206, &part).unwrap(), head(2, &part).unwrap()] {
        assert_eq!((object.size, object.parts_count), (10, Some(2)));
        assert_eq!(object.range, Some(crate::r2::ServedRange { offset: 7, length: 3 }));
        assert!(object.checksums.is_empty(), "they are of the part, or of nobody knows what");
    }
    // Part 1 is the whole object if the service does not support parts, or the object has one part.
    for whole in [headers(10, None, None), headers(10, None, Some(1))] {
        assert!(!get(1, 200, &whole).unwrap().checksums.is_empty());
        assert!(!head(1, &whole).unwrap().checksums.is_empty());
    }
    for (number, status, headers) in [
        (2, 200, headers(10, None, None)),
        (1, 200, headers(7, None, Some(2))),
        (1, 206, headers(7, None, Some(2))),
        (1, 200, headers(7, Some("bytes 0-6/10"), Some(2))),
    ] {
        let error = get(number, status, &headers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{number} {status}");
        if status == 200 && headers.get("content-range").is_none() {
            assert_eq!(head(number, &headers).unwrap_err().kind(), ErrorKind::UnexpectedResponse);
        }
    }
}

#[test]
fn listed_parts_say_when_they_came_and_what_they_hash_to() {
    let crc = Crc64Nvme::of(b"part");
    let part = format!(
        "<Part><PartNumber>1</PartNumber><ETag>\"abc\"</ETag><Size>4</Size><LastModified>2026-11-25T05:18:20.250Z</LastModified>\
         <ChecksumCRC64NVME>{}</ChecksumCRC64NVME><ChecksumCRC32>AAAAAA==-2</ChecksumCRC32></Part>",
        crc.checksum().to_base64()
    );
    let body = format!(
        "<ListPartsResult>{part}<Part><PartNumber>2</PartNumber><ETag>def</ETag></Part><IsTruncated>false</IsTruncated>\
         <StorageClass>STANDARD_IA</StorageClass></ListPartsResult>"
    );
    let page = list_parts::parse(&answer(200, &body)).unwrap();
    assert_eq!(page.storage_class, Some(StorageClass::InfrequentAccess));
    let unsaid = list_parts::parse(&answer(200, &body.replace("STANDARD_IA", "GLACIER"))).unwrap();
    assert_eq!((unsaid.storage_class, unsaid.parts), (None, page.parts.clone()));
    let [first, second] = &page.parts[..] else { panic!("{page:?}") };
    assert_eq!((first.crc64nvme(), first.checksums.iter().count()), (Some(crc), 1));
    assert_eq!(
        first.uploaded,
        Some(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_795_583_900_250))
    );
    assert_eq!(*second, UploadedPart::new(2, "def"));
}
