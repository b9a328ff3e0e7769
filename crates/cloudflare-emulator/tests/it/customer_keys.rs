//! Encryption with keys of the customer (SSE-C).

use cloudflare_clients::r2::SseCustomerKey;
use cloudflare_clients::s3::headers::{CustomerKeyTarget, write_ssec_key};
use http::HeaderMap;

use crate::client::{Answer, Local};

const NAME: &str = "server-side-encryption-customer";

/// The headers of a key: its algorithm, bytes and MD5.
fn headers_of(target: CustomerKeyTarget, byte: u8) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    write_ssec_key(Some(&SseCustomerKey::from_bytes([byte; 32])), target, &mut headers);
    let text = |name: &http::HeaderName| headers[name].to_str().unwrap().to_owned();
    target.headers().iter().map(|name| (name.to_string(), text(name))).collect()
}

fn headers(byte: u8) -> Vec<(String, String)> {
    headers_of(CustomerKeyTarget::Object, byte)
}

async fn send(
    local: &Local,
    method: &str,
    target: &str,
    given: &[&[(String, String)]],
    body: &str,
) -> Answer {
    let mut request = local.request(method, target).body(body);
    for (name, value) in given.iter().copied().flatten() {
        request = request.header(name, value);
    }
    request.send().await
}

fn says_key(answer: &Answer, byte: u8) -> bool {
    let md5 = SseCustomerKey::from_bytes([byte; 32]).md5().to_base64();
    answer.header(&format!("x-amz-{NAME}-algorithm")) == "AES256"
        && answer.header(&format!("x-amz-{NAME}-key-md5")) == md5
}

#[tokio::test]
async fn reads_need_the_key_of_the_write() {
    let local = Local::start().await;
    let (one, two) = (headers(1), headers(2));
    let put = send(&local, "PUT", "/media/key", &[&one], "hello").await;
    assert!(put.status == 200 && says_key(&put, 1));
    assert_ne!(put.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    let get = send(&local, "GET", "/media/key", &[&one], "").await;
    assert!(says_key(&get, 1));
    assert_eq!((get.text(), get.header("etag")), ("hello".to_owned(), put.header("etag")));
    let mut ranged = one.clone();
    ranged.push(("range".to_owned(), "bytes=1-3".to_owned()));
    let range = send(&local, "GET", "/media/key", &[&ranged], "").await;
    assert_eq!((range.status, range.text()), (206, "ell".to_owned()));
    let head = send(&local, "HEAD", "/media/key", &[&one], "").await;
    assert!(head.status == 200 && head.header("content-length") == "5" && says_key(&head, 1));

    let missing = send(&local, "GET", "/media/key", &[], "").await;
    assert_eq!(missing.error(), (400, "InvalidRequest".to_owned()));
    assert!(missing.element("Message").starts_with("The object was stored using a form of Server Side"));
    let wrong = send(&local, "GET", "/media/key", &[&two], "").await;
    assert_eq!(wrong.error(), (403, "AccessDenied".to_owned()));
    assert!(wrong.element("Message").contains("must provide the correct secret key"));
    assert_eq!(send(&local, "HEAD", "/media/key", &[], "").await.status, 400);
    assert_eq!(send(&local, "HEAD", "/media/key", &[&two], "").await.status, 403);

    local.put("/media/plain", "plain").await;
    let superfluous = send(&local, "GET", "/media/plain", &[&one], "").await;
    assert_eq!(superfluous.error(), (400, "InvalidRequest".to_owned()));
    assert!(superfluous.element("Message").contains("not applicable to this object"));
    let missing = send(&local, "GET", "/media/missing", &[&one], "").await;
    assert_eq!(missing.error(), (404, "NoSuchKey".to_owned()));

    // A condition on what is replaced, a listing and a delete need none.
    let etag = ("if-match".to_owned(), put.header("etag").to_owned());
    let create = send(&local, "POST", "/media/key?uploads", &[&[etag]], "").await;
    assert_eq!(create.status, 200);
    assert!(local.get("/media?list-type=2").await.text().contains("<Key>key</Key>"));
    assert_eq!(send(&local, "DELETE", "/media/key", &[], "").await.status, 204);
}

#[tokio::test]
async fn what_is_no_key_is_refused_before_the_body() {
    let local = Local::start().await;
    let one = headers(1);
    let changed = |index: usize, value: &str| {
        let mut changed = one.clone();
        changed[index].1 = value.to_owned();
        changed
    };
    let without = |index: usize| {
        let mut left = one.clone();
        left.remove(index);
        left
    };
    let mut both = one.clone();
    both.push(("x-amz-server-side-encryption".to_owned(), "AES256".to_owned()));
    for (given, code, words) in [
        (without(0), "InvalidArgument", "must provide a valid encryption algorithm"),
        (without(1), "InvalidArgument", "must provide an appropriate secret key"),
        (without(2), "InvalidArgument", "must provide the client calculated MD5"),
        (changed(0, "AES128"), "InvalidEncryptionAlgorithmError", "AES256"),
        (changed(1, "c2hvcnQ="), "InvalidArgument", "did not match the hash"),
        (changed(2, "c2hvcnQ="), "InvalidArgument", "did not match the hash"),
        (both, "InvalidArgument", "is incompatible with the encryption method"),
    ] {
        for (method, target) in [
            ("PUT", "/media/key"),
            ("POST", "/media/key?uploads"),
            ("PUT", "/media/key?partNumber=1&uploadId=x"),
        ] {
            let answer = send(&local, method, target, &[&given], "").await;
            // A part has no other encryption.
            let is_part = target.contains("partNumber") && words.contains("incompatible");
            if !is_part {
                assert_eq!(answer.error(), (400, code.to_owned()), "{method} {target} {given:?}");
                assert!(answer.element("Message").contains(words), "{}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn parts_and_copies_have_keys_of_their_own() {
    let local = Local::start().await;
    let (one, two) = (headers(1), headers(2));
    let source = headers_of(CustomerKeyTarget::CopySource, 1);
    let created = send(&local, "POST", "/media/key?uploads", &[&one], "").await;
    assert!(says_key(&created, 1));
    let id = created.element("UploadId");
    let part = format!("/media/key?partNumber=1&uploadId={id}");
    for (given, words) in
        [(vec![], "Subsequent part requests must include"), (vec![&two[..]], "did not match the ones used")]
    {
        let refused = send(&local, "PUT", &part, &given, "hello").await;
        assert_eq!(refused.error(), (400, "InvalidRequest".to_owned()));
        assert!(refused.element("Message").contains(words), "{}", refused.text());
    }
    let sent = send(&local, "PUT", &part, &[&one], "hello").await;
    assert!(says_key(&sent, 1));
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        sent.header("etag")
    );
    let target = format!("/media/key?uploadId={id}");
    let refused = send(&local, "POST", &target, &[&two], &document).await;
    assert_eq!(refused.error(), (400, "InvalidRequest".to_owned()));
    assert_eq!(send(&local, "POST", &target, &[], &document).await.status, 200);
    assert_eq!(send(&local, "GET", "/media/key", &[&one], "").await.text(), "hello");

    let from = vec![("x-amz-copy-source".to_owned(), "/media/key".to_owned())];
    let refused = send(&local, "PUT", "/media/copy", &[&from, &two], "").await;
    assert_eq!(refused.error(), (400, "InvalidRequest".to_owned()));
    let wrong = headers_of(CustomerKeyTarget::CopySource, 2);
    let refused = send(&local, "PUT", "/media/copy", &[&from, &wrong], "").await;
    assert_eq!(refused.error(), (403, "AccessDenied".to_owned()));
    for (given, to) in [(None, None), (Some(&one), Some(1)), (Some(&two), Some(2))] {
        let given: Vec<&[_]> = [&from, &source].into_iter().chain(given).map(Vec::as_slice).collect();
        let copied = send(&local, "PUT", "/media/copy", &given, "").await;
        assert_eq!(copied.status, 200, "{}", copied.text());
        assert!(to.is_none_or(|byte| says_key(&copied, byte)));
        let read = to.map(headers).unwrap_or_default();
        assert_eq!(send(&local, "GET", "/media/copy", &[&read], "").await.text(), "hello");
    }
    let created = send(&local, "POST", "/media/parts?uploads", &[&two], "").await;
    let part = format!("/media/parts?partNumber=1&uploadId={}", created.element("UploadId"));
    let copied = send(&local, "PUT", &part, &[&from, &source, &two], "").await;
    assert!(copied.status == 200 && says_key(&copied, 2), "{}", copied.text());
}
