//! Signed URLs and the S3 client against Cloudflare's own simulator of R2, Miniflare's S3 endpoint.
//!
//! `cargo xtask test simulator` starts it and sets its address in the environment.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, SystemTime};

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::http::Method;
use cloudflare_clients::r2::{
    Body, Conditional, MIN_PART_SIZE, R2Service, R2SigningClient, R2SigningConfig, SignedUrl, UploadedPart,
};
use cloudflare_clients::{ErrorKind, S3Bucket};
use futures_util::TryStreamExt;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const MINUTE: Duration = Duration::from_secs(60);

fn config() -> R2SigningConfig {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    R2SigningConfig::for_endpoint(
        variable("SIMULATOR_ENDPOINT"),
        variable("SIMULATOR_ACCESS_KEY_ID"),
        variable("SIMULATOR_SECRET_ACCESS_KEY"),
        variable("SIMULATOR_BUCKET"),
    )
}

fn signing() -> R2SigningClient {
    R2SigningClient::new(config()).unwrap()
}

fn service() -> R2Service {
    R2Service::new(S3Bucket::new(config()).unwrap())
}

/// An HTTP client that is independent of this library.
struct Browser(Client<HttpConnector, Full<Bytes>>);

impl Browser {
    fn new() -> Self {
        // workerd closes a connection whose upload it rejects, which would break the next request.
        Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http())
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).unwrap();
        // It may close the connection even before its answer is read.
        for _ in 0..9 {
            if let Ok(answer) = self.0.request(request.clone()).await {
                let status = answer.status();
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                return (status, String::from_utf8_lossy(&body).into_owned());
            }
        }
        panic!("no answer in nine attempts")
    }
}

/// The URL with a different last character in its signature.
fn altered(url: &SignedUrl) -> String {
    let (rest, last) = url.as_str().split_at(url.as_str().len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn presigned_urls_work_for_every_method() {
    let (client, browser) = (signing(), Browser::new());
    // workerd folds dot segments, so keys with them do not get that far.
    for key in ["presigned/plain", "presigned/a b+c%2F!'()*~ä🎬&=?#;:@,$\"<>[]{}|\\^`", "presigned//double//"]
    {
        let url = |method| client.presign(method, key).expires_in(MINUTE).sign().unwrap();
        let (put, get, head, delete) =
            (url(Method::PUT), url(Method::GET), url(Method::HEAD), url(Method::DELETE));
        assert_eq!(browser.send(Method::PUT, put.as_str(), &[], "hello").await.0, StatusCode::OK, "{key}");
        let got = browser.send(Method::GET, get.as_str(), &[], "").await;
        assert_eq!(got, (StatusCode::OK, "hello".to_owned()), "{key}");
        assert_eq!(browser.send(Method::HEAD, head.as_str(), &[], "").await.0, StatusCode::OK, "{key}");
        for (method, url) in [(Method::PUT, &put), (Method::GET, &get), (Method::DELETE, &delete)] {
            let (status, body) = browser.send(method, &altered(url), &[], "").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{key}");
            assert!(body.contains("SignatureDoesNotMatch"), "{body}");
        }
        assert_eq!(browser.send(Method::PUT, get.as_str(), &[], "x").await.0, StatusCode::FORBIDDEN);
        assert_eq!(browser.send(Method::DELETE, delete.as_str(), &[], "").await.0, StatusCode::NO_CONTENT);
        assert_eq!(browser.send(Method::GET, get.as_str(), &[], "").await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn expired_urls_are_refused() {
    let yesterday = SystemTime::now() - 1440 * MINUTE;
    let url = signing().at(yesterday).generate_signed_url("expired", MINUTE).unwrap();
    let (status, body) = Browser::new().send(Method::GET, url.as_str(), &[], "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("ExpiredRequest"), "{body}");
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn signed_headers_bind_an_upload() {
    let browser = Browser::new();
    let presign = signing().presign(Method::PUT, "bound").content_type("video/mp4").if_none_match("*");
    let url = presign.metadata("uploadedby", "me").sign().unwrap();
    let right = [("content-type", "video/mp4"), ("if-none-match", "*"), ("x-amz-meta-uploadedby", "me")];
    let mut wrong = right;
    wrong[0].1 = "text/html";
    assert_eq!(browser.send(Method::PUT, url.as_str(), &wrong, "x").await.0, StatusCode::FORBIDDEN);
    assert_eq!(browser.send(Method::PUT, url.as_str(), &right[..2], "x").await.0, StatusCode::FORBIDDEN);
    assert_eq!(browser.send(Method::PUT, url.as_str(), &right, "x").await.0, StatusCode::OK);
    assert_eq!(browser.send(Method::PUT, url.as_str(), &right, "x").await.0, StatusCode::PRECONDITION_FAILED);
    let object = service().head("bound").await.unwrap().unwrap();
    assert_eq!((object.content_type(), object.metadata("uploadedBy")), (Some("video/mp4"), Some("me")));
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn objects_exist_or_do_not() {
    let client = signing();
    service().put("exists", "x").await.unwrap();
    assert!(client.object_exists("exists").await.unwrap());
    assert!(!client.object_exists("exists-not").await.unwrap());

    let elsewhere = R2SigningClient::new(config().session_token("made-up")).unwrap();
    let error = elsewhere.object_exists("exists").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidArgument")));
    assert!(error.message().contains("X-Amz-Security-Token"), "{error}");
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn objects_come_back_whole() {
    let r2 = service();
    let put = r2.put("objects/ä+1", "0123456789").content_type("text/plain").cache_control("no-store");
    put.metadata("title", "Größe 🎬").await.unwrap();
    let object = r2.get("objects/ä+1").await.unwrap().unwrap();
    assert_eq!((object.content_type(), object.metadata("Title")), (Some("text/plain"), Some("Größe 🎬")));
    assert_eq!(object.text().await.unwrap(), "0123456789");
    let object = r2.get("objects/ä+1").range(3..5).await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "34");
    assert!(r2.get("objects/missing").await.unwrap().is_none());
    assert!(r2.head("objects/missing").await.unwrap().is_none());
    let error = r2.get("objects/ä+1").range(10..).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RangeNotSatisfiable);

    let copied = r2.copy("objects/ä+1", "objects/copy").await.unwrap();
    assert_eq!(copied.etag, "781e5e245d69b566979b86e28d23f2c7");
    r2.delete("objects/ä+1").await.unwrap();
    r2.delete("objects/ä+1").await.unwrap();
    assert_eq!(r2.get("objects/copy").await.unwrap().unwrap().text().await.unwrap(), "0123456789");
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn conditions_hold() {
    let r2 = service();
    r2.put("conditions", "one").await.unwrap();
    let etag = r2.head("conditions").await.unwrap().unwrap().etag;
    let get = |only_if| r2.get("conditions").only_if(only_if);
    let error = get(Conditional::new().etag_does_not_match(&etag)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotModified);
    let error = get(Conditional::new().etag_matches("other")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    let put = |only_if| r2.put("conditions", "two").only_if(only_if);
    let error = put(Conditional::new().etag_does_not_match("*")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    put(Conditional::new().etag_matches(&etag)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn listings_and_batch_deletes() {
    let r2 = service();
    let keys = ["list/a", "list/b/1", "list/b/2", "list/c ä&<", "list/d"];
    for key in keys {
        r2.put(key, "x").await.unwrap();
    }
    for size in [1, 2, 1000] {
        let list = r2.list().prefix("list/").page_size(size);
        let listed: Vec<_> = list.clone().stream().map_ok(|object| object.key).try_collect().await.unwrap();
        assert_eq!(listed, keys);
        let pages: Vec<_> = list.delimiter("/").pages().try_collect().await.unwrap();
        let prefixes: Vec<_> = pages.iter().flat_map(|page| page.delimited_prefixes.clone()).collect();
        assert_eq!(prefixes, ["list/b/"]);
    }
    let outcome = r2.delete_many(keys.into_iter().chain(["list/missing"])).await.unwrap();
    assert_eq!((outcome.succeeded().count(), outcome.failed().count()), (6, 0));
    assert!(r2.list().prefix("list/").await.unwrap().objects.is_empty());
}

#[tokio::test]
#[ignore = "needs the simulator"]
async fn uploads_in_parts() {
    let r2 = service();
    let size = usize::try_from(MIN_PART_SIZE).unwrap();
    let whole = Bytes::from(b"0123456789".repeat(size / 10 + 100));
    let upload = r2.create_multipart_upload("parts").content_type("video/mp4").await.unwrap();
    let first = upload.upload_part(1, whole.slice(..size)).await.unwrap();
    let second = upload.upload_part(2, whole.slice(size..)).await.unwrap();
    upload.complete([second, first]).await.unwrap();
    let object = r2.get("parts").await.unwrap().unwrap();
    assert_eq!((object.size, object.content_type()), (whole.len() as u64, Some("video/mp4")));
    assert!(object.bytes().await.unwrap() == whole);

    let aborted = r2.create_multipart_upload("parts").await.unwrap();
    aborted.abort().await.unwrap();
    let part = UploadedPart::new(1, "made-up");
    let error = aborted.complete([part]).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NoSuchUpload, 1), "{error:?}");

    let stream = futures_util::stream::iter([
        Ok(whole.clone()),
        Ok(whole.clone()),
        Ok(whole.clone()),
        Ok(whole.clone()),
    ]);
    r2.put("stream", Body::from_stream(stream, None)).await.unwrap();
    let object = r2.get("stream").await.unwrap().unwrap();
    assert_eq!(object.size, 4 * whole.len() as u64);
    assert!(object.bytes().await.unwrap() == whole.repeat(4));
}
