//! Signatures: R2's answers, which differ from AWS's.

use std::time::{Duration, SystemTime};

use cloudflare_clients::sigv4::Payload;

use crate::client::{Answer, Local};

const WEEK: u64 = 604_800;

#[tokio::test]
async fn requests_that_are_not_well_signed_get_r2s_errors() {
    let local = Local::start().await;
    let stale = SystemTime::now() - Duration::from_secs(16 * 60);
    let answer = local.request("GET", "/media").signed_at(stale).send().await;
    assert_eq!(answer.error(), (403, "RequestTimeTooSkewed".to_owned()));

    let date = "20260101T000000Z";
    let scope = "20260101/auto/s3/aws4_request";
    let id = "0".repeat(32);
    let authorization = |credential: &str, signed: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={}",
            "0".repeat(64)
        )
    };
    let cases = [
        (String::new(), 400, "InvalidArgument", "Authorization"),
        ("Bearer x".to_owned(), 400, "InvalidRequest", "Please use AWS4-HMAC-SHA256"),
        (authorization(&format!("short/{scope}"), "host"), 400, "InvalidArgument", "length 5, should be 32"),
        (authorization(&id, "host"), 400, "InvalidArgument", "at least 5"),
        (authorization(&format!("{id}/20260102/auto/s3/aws4_request"), "host"), 400, "InvalidArgument", ""),
        (authorization(&format!("{id}/20260101/auto/ec2/aws4_request"), "host"), 400, "InvalidArgument", ""),
        (authorization(&format!("{id}/{scope}"), "x-amz-date"), 401, "Unauthorized", ""),
        (authorization(&format!("{id}/{scope}"), "host"), 401, "Unauthorized", ""),
    ];
    for (authorization, status, code, message) in cases {
        let mut headers = vec![("x-amz-date", date), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
        if !authorization.is_empty() {
            headers.push(("authorization", authorization.as_str()));
        }
        let answer = local.send_unsigned("GET", "/media/key", &headers).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{authorization}");
        assert!(answer.element("Message").contains(message), "{}", answer.text());
        assert!(!answer.text().contains("xmlns"));
    }
}

#[tokio::test]
async fn a_wrong_signature_is_told_with_what_the_server_signed() {
    let local = Local::start().await;
    let wire = String::from_utf8(local.request("GET", "/media/key?x-id=GetObject").wire()).unwrap();
    let forged = wire.replace("/media/key", "/media/other");
    let answer = Answer::parse(&local.raw(forged.as_bytes()).await);
    assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()));
    assert!(answer.element("CanonicalRequest").starts_with("GET\n/media/other\nx-id=GetObject\n"));
    assert!(answer.element("StringToSign").starts_with("AWS4-HMAC-SHA256\n"));
    assert_eq!(answer.element("SignatureProvided").len(), 64);
}

#[tokio::test]
async fn presigned_urls_work_until_they_expire_and_only_as_they_are() {
    let local = Local::start().await;
    let (now, path) = (SystemTime::now(), "/media/a%20b/../%C3%A9");
    let put = local.presign("PUT", path, 60, now);
    assert_eq!(local.send_unsigned("PUT", &put, &[]).await.status, 200);
    let get = local.presign("GET", path, WEEK, now);
    assert_eq!(local.send_unsigned("GET", &get, &[]).await.status, 200);
    // A presigned GET is no permission to PUT.
    assert_eq!(local.send_unsigned("PUT", &get, &[]).await.status, 403);

    let altered = get.replace("%C3%A9", "%C3%AA");
    let answer = local.send_unsigned("GET", &altered, &[]).await;
    assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()));
    let longer = get.replace("Expires=604800", "Expires=604799");
    assert_eq!(local.send_unsigned("GET", &longer, &[]).await.error().1, "SignatureDoesNotMatch");

    let expired = local.presign("GET", path, 60, now - Duration::from_secs(61));
    let answer = local.send_unsigned("GET", &expired, &[]).await;
    assert_eq!(answer.error(), (403, "ExpiredRequest".to_owned()));
    // An old signature that is still good: the clock's tolerance is for headers only.
    let old = local.presign("GET", path, WEEK, now - Duration::from_secs(WEEK - 60));
    assert_eq!(local.send_unsigned("GET", &old, &[]).await.status, 200);

    for (from, to) in
        [("Expires=604800", "Expires=604801"), ("Expires=604800", "Expires=x"), ("X-Amz-Date", "X")]
    {
        let answer = local.send_unsigned("GET", &get.replace(from, to), &[]).await;
        assert_eq!(answer.error(), (400, "InvalidArgument".to_owned()), "{to}");
    }
}

#[tokio::test]
async fn a_presigned_url_does_what_it_signs_and_no_more() {
    let local = Local::start().await;
    local.put("/media/secret", "secret").await;
    let now = SystemTime::now();
    let put = local.presign("PUT", "/media/key", 60, now);
    let answer = local.send_unsigned("PUT", &put, &[("x-amz-copy-source", "/media/secret")]).await;
    assert_eq!(answer.error(), (403, "AccessDenied".to_owned()));
    assert_eq!(local.get("/media/key").await.status, 404);

    // Headers that an SDK moved into the query.
    let hoisted = |name, value| local.presign("PUT", &format!("/media/key?{name}={value}"), 60, now);
    let metadata = hoisted("x-amz-meta-author", "me");
    assert_eq!(local.send_unsigned("PUT", &metadata, &[]).await.status, 200);
    assert_eq!(local.get("/media/key").await.header("x-amz-meta-author"), "me");
    let of_nothing = hoisted("x-amz-checksum-crc32", "AAAAAA%3D%3D");
    assert_eq!(local.send_unsigned("PUT", &of_nothing, &[]).await.status, 200);
    let of_another = hoisted("x-amz-checksum-crc32", "AAAAAQ%3D%3D");
    assert_eq!(local.send_unsigned("PUT", &of_another, &[]).await.error(), (400, "BadDigest".to_owned()));
    let broken = hoisted("x-amz-meta-a", "%00");
    assert_eq!(local.send_unsigned("PUT", &broken, &[]).await.error(), (400, "InvalidArgument".to_owned()));
}

/// A header that was added to what somebody else has signed.
#[tokio::test]
async fn what_changes_a_request_has_to_be_signed() {
    let local = Local::start().await;
    local.put("/media/secret", "secret").await;
    let now = SystemTime::now();
    for (target, name, value) in [
        ("/media/key", "x-amz-copy-source", "/media/secret"),
        ("/media/key", "x-amz-meta-author", "me"),
        ("/media/key", "x-amz-acl", "private"),
        ("/media/key", "cf-copy-destination-if-match", "*"),
        ("/unmade/key", "cf-create-bucket-if-missing", "true"),
    ] {
        let signed = local.request("PUT", target).unsigned_header(name, value).send().await;
        assert_eq!(signed.error(), (403, "AccessDenied".to_owned()), "{name}");
        let presigned = local.presign("PUT", target, 60, now);
        let presigned = local.send_unsigned("PUT", &presigned, &[(name, value)]).await;
        assert_eq!(presigned.error(), (403, "AccessDenied".to_owned()), "{name}");
    }
    assert_eq!(local.get("/media/key").await.error(), (404, "NoSuchKey".to_owned()));
    assert_eq!(local.get("/unmade").await.error(), (404, "NoSuchBucket".to_owned()));
    for harmless in [
        "x-amz-user-agent",
        "x-amz-cf-id",
        "x-amzn-trace-id",
        "amz-sdk-request",
        "cf-ray",
        "cf-connecting-ip",
    ] {
        let answer = local.request("PUT", "/media/key").unsigned_header(harmless, "x").send().await;
        assert_eq!(answer.status, 200, "{harmless}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_was_not_signed_is_not_stored() {
    let local = Local::start().await;
    let answer =
        local.request("PUT", "/media/key").body("other").payload(Payload::of(b"signed")).send().await;
    assert_eq!(answer.error(), (400, "XAmzContentSHA256Mismatch".to_owned()));
    let answer = local.request("PUT", "/media/key").payload(Payload::of(b"signed")).send().await;
    assert_eq!(answer.error(), (400, "XAmzContentSHA256Mismatch".to_owned()));
    let large = vec![7; 3_000_000];
    let answer = local.request("PUT", "/media/key").body(large).payload(Payload::Empty).send().await;
    assert_eq!(answer.error(), (400, "XAmzContentSHA256Mismatch".to_owned()));
    assert_eq!(local.get("/media/key").await.error(), (404, "NoSuchKey".to_owned()));
    assert_eq!(
        local.request("PUT", "/media/key").body("x").payload(Payload::Unsigned).send().await.status,
        200
    );

    for streaming in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let headers = [("authorization", "AWS4-HMAC-SHA256 x"), ("x-amz-content-sha256", streaming)];
        let answer = local.send_unsigned("PUT", "/media/key", &headers).await;
        assert_eq!(answer.error(), (501, "NotImplemented".to_owned()));
    }
}

#[tokio::test]
async fn a_path_is_signed_in_its_canonical_form_however_it_is_sent() {
    let local = Local::start().await;
    let sent_as = |signed: &str, sent: &str| {
        let wire = local.request("PUT", signed).body("x").wire();
        let wire = String::from_utf8(wire).unwrap().replacen(signed, sent, 1);
        let local = &local;
        async move { local.exchange(wire.as_bytes()).await }
    };
    for (signed, sent, key) in [
        ("/media/photo%20%281%29.jpg", "/media/photo%20(1).jpg", "photo%20%281%29.jpg"),
        ("/media/a%2Bb", "/media/a+b", "a%2Bb"),
        ("/media/%C3%A9", "/media/%c3%a9", "%C3%A9"),
        ("/media/a/b", "/media/a%2Fb", "a/b"),
        ("/media/a%252Fb", "/media/a%252Fb", "a%252Fb"),
    ] {
        assert_eq!(sent_as(signed, sent).await.status, 200, "{sent}");
        assert_eq!(local.get(&format!("/media/{key}")).await.text(), "x", "{sent}");
    }
    // As it is sent, but not as R2 encodes it.
    for raw in ["/media/a!b", "/media/photo%20(1).jpg", "/media/a+b", "/media/%c3%a9", "/media/a%2Fb"] {
        let answer = local.request("PUT", raw).signed_as_sent().send().await;
        assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()), "{raw}");
    }
    assert_eq!(local.get("/media/%zz").await.error(), (400, "InvalidURI".to_owned()));
}

#[tokio::test]
async fn forms_that_post_are_not_implemented() {
    let local = Local::start().await;
    assert_eq!(local.send_unsigned("POST", "/media", &[]).await.error(), (501, "NotImplemented".to_owned()));
    let unsigned = local.send_unsigned("POST", "/media?delete", &[]).await;
    assert_eq!(unsigned.error(), (400, "InvalidArgument".to_owned()));
    assert_eq!(local.request("POST", "/media").send().await.status, 200);
}
