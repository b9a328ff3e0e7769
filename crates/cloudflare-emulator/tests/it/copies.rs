//! `CopyObject`.

use crate::client::{Answer, Local};

async fn copy(local: &Local, headers: &[(&str, &str)]) -> Answer {
    let mut request = local.request("PUT", "/media/copy");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}

async fn with_source() -> (Local, String) {
    let local = Local::start().await;
    let put = local
        .request("PUT", "/media/a%20source")
        .header("content-type", "text/plain")
        .header("x-amz-meta-one", "1")
        .header("x-amz-meta-two", "2")
        .body("hello")
        .send()
        .await;
    let etag = put.header("etag").to_owned();
    (local, etag)
}

#[tokio::test]
async fn directives_decide_about_the_metadata() {
    let (local, etag) = with_source().await;
    for (directive, content_type, one, two) in [
        ("COPY", "text/plain", "1", "2"),
        ("REPLACE", "text/html", "", "II"),
        ("MERGE", "text/html", "1", "II"),
    ] {
        for source in ["/media/a%20source", "media/a%20source", "media%2Fa%20source", "media/a+source"] {
            let answer = copy(
                &local,
                &[
                    ("x-amz-copy-source", source),
                    ("x-amz-metadata-directive", directive),
                    ("content-type", "text/html"),
                    ("x-amz-meta-two", "II"),
                ],
            )
            .await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.element("ETag"), etag.replace('"', "&quot;"));
            let got = local.get("/media/copy").await;
            assert_eq!(got.text(), "hello");
            let headers = ["content-type", "x-amz-meta-one", "x-amz-meta-two"].map(|name| got.header(name));
            assert_eq!(headers, [content_type, one, two], "{directive}");
        }
    }
}

/// Clients that encode by the rules of forms send a space so.
#[tokio::test]
async fn a_plus_in_a_source_is_a_space_and_an_encoded_one_a_plus() {
    let (local, _) = with_source().await;
    local.put("/media/a%2Bsource", "plus").await;
    for (source, content) in [("media/a+source", "hello"), ("media/a%2Bsource", "plus")] {
        assert_eq!(copy(&local, &[("x-amz-copy-source", source)]).await.status, 200, "{source}");
        assert_eq!(local.get("/media/copy").await.text(), content, "{source}");
    }
}

#[tokio::test]
async fn other_buckets_are_sources_too() {
    let (local, _) = with_source().await;
    local.server.store().create_bucket("second").await.unwrap();
    let put = local.request("PUT", "/second/copy").header("x-amz-copy-source", "/media/a%20source");
    assert_eq!(put.send().await.status, 200);
    let put = local.request("PUT", "/second/x").header("x-amz-copy-source", "/media/none");
    assert_eq!(put.send().await.error(), (404, "NoSuchKey".to_owned()));
    let got = local.get("/second/copy").await;
    assert_eq!((got.text().as_str(), got.header("x-amz-meta-one")), ("hello", "1"));
}

#[tokio::test]
async fn conditions_on_source_and_destination() {
    let (local, etag) = with_source().await;
    let source = ("x-amz-copy-source", "/media/a%20source");
    local.put("/media/copy", "old").await;
    for (name, value, status) in [
        ("x-amz-copy-source-if-match", "\"other\"", 412),
        ("x-amz-copy-source-if-none-match", etag.as_str(), 412),
        ("x-amz-copy-source-if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT", 412),
        ("cf-copy-destination-if-none-match", "*", 412),
        ("cf-copy-destination-if-match", etag.as_str(), 412),
        ("x-amz-copy-source-if-match", etag.as_str(), 200),
        ("cf-copy-destination-if-match", etag.as_str(), 200),
    ] {
        let answer = copy(&local, &[source, (name, value)]).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        let content = if status == 200 { "hello" } else { "old" };
        assert_eq!(local.get("/media/copy").await.text(), content);
    }
    let merged = [source, ("x-amz-metadata-directive", "MERGE"), ("x-amz-copy-source-if-match", "\"other\"")];
    assert_eq!(copy(&local, &merged).await.status, 412);
}

#[tokio::test]
async fn bad_sources_are_refused() {
    let (local, _) = with_source().await;
    for (source, status, code) in [
        ("/media/none", 404, "NoSuchKey"),
        ("/none/key", 404, "NoSuchBucket"),
        ("media", 400, "InvalidArgument"),
        ("/media/", 400, "InvalidArgument"),
        ("", 400, "InvalidArgument"),
        ("/media/%zz", 400, "InvalidURI"),
        ("/media/%ff", 400, "InvalidObjectName"),
        ("/media/a%20source?versionId=1", 501, "NotImplemented"),
    ] {
        let answer = copy(&local, &[("x-amz-copy-source", source)]).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{source}");
    }
    let moved = [("x-amz-copy-source", "/media/a%20source"), ("x-amz-metadata-directive", "MOVE")];
    assert_eq!(copy(&local, &moved).await.error(), (400, "InvalidArgument".to_owned()));
}
