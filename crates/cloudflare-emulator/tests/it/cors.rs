//! Requests of pages in a browser, by the CORS rules of the bucket.

use cloudflare_emulator::Emulator;
use std::time::SystemTime;

use cloudflare_clients::r2::{Bucket as _, CorsPolicy, CorsRule};
use http::{Method, StatusCode};

use crate::client::{Answer, Local};
use crate::log::Log;

const APP: &str = "https://app.example.com";

/// A server whose bucket has rules: all of what its page does, and reading for every page.
async fn with_rules() -> Local {
    let local = Local::start().await;
    let app = CorsRule::new([APP], [Method::PUT, Method::POST, Method::DELETE])
        .allow_headers(["content-type", "x-amz-meta-*"])
        .expose_headers(["ETag", "x-amz-version-id"])
        .max_age_seconds(600);
    let every =
        CorsRule::new(["*"], [Method::GET]).allow_headers(["Range"]).expose_headers(["content-range"]);
    let bucket = local.server.store().bucket("media").unwrap();
    bucket.put_cors(CorsPolicy::new([app, every])).await.unwrap();
    local
}

async fn preflight(local: &Local, target: &str, origin: &str, method: &str, headers: &str) -> Answer {
    let mut asks = vec![("origin", origin), ("access-control-request-method", method)];
    if !headers.is_empty() {
        asks.push(("access-control-request-headers", headers));
    }
    local.send_unsigned("OPTIONS", target, &asks).await
}

/// It is refused in R2's words, and no page may read that.
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.error(), (403, "Unauthorized".to_owned()));
    assert!(
        answer.text().contains("<Message>CORS not configured for this bucket</Message>"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn preflights_are_answered_by_the_rule_that_allows_the_request() {
    let local = with_rules().await;
    let answer =
        preflight(&local, "/media/key?X-Amz-Signature=0", APP, "PUT", "content-type, X-Amz-Meta-A").await;
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-methods", "PUT, POST, DELETE"),
        ("access-control-allow-headers", "content-type, x-amz-meta-a"),
        ("access-control-expose-headers", "ETag, x-amz-version-id"),
        ("access-control-max-age", "600"),
        ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
        ("access-control-allow-credentials", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let answer = preflight(&local, "/media/key", "http://localhost:3000", "GET", "range").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(
        (answer.header("access-control-allow-methods"), answer.header("access-control-max-age")),
        ("GET", "")
    );
}

#[tokio::test]
async fn what_no_rule_allows_is_refused_in_r2s_words() {
    let local = with_rules().await;
    for (target, origin, method, headers) in [
        ("/media/key", "http://app.example.com", "PUT", ""),
        ("/media/key", "https://app.example.com/", "PUT", ""),
        ("/media/key", "null", "PUT", ""),
        ("/media/key", APP, "HEAD", ""),
        ("/media/key", APP, "put", ""),
        ("/media/key", APP, "PUT", "content-type,x-trace"),
        ("/media/key", APP, "", ""),
        ("/missing/key", APP, "PUT", ""),
        ("/", APP, "GET", ""),
        ("/%ff/key", APP, "GET", ""),
    ] {
        assert_refused(&preflight(&local, target, origin, method, headers).await);
    }
    assert_refused(
        &local.send_unsigned("OPTIONS", "/media/key", &[("access-control-request-method", "GET")]).await,
    );
    // A bucket that was told nothing lets nobody in, from this machine either.
    local.server.store().bucket("media").unwrap().delete_cors().await.unwrap();
    assert_refused(&preflight(&local, "/media/key", "http://localhost:5173", "GET", "").await);
    // Without a question it is no preflight.
    assert_eq!(
        local.request("OPTIONS", "/media/key").send().await.error(),
        (404, "RouteNotFound".to_owned())
    );
}

#[tokio::test]
async fn pages_read_the_answers_that_a_rule_allows() {
    let local = with_rules().await;
    let put = |origin: &str| local.request("PUT", "/media/key").header("origin", origin).body("hello");
    let stored = put(APP).send().await;
    assert_eq!((stored.status, stored.header("access-control-allow-origin")), (200, APP));
    assert_eq!(
        (stored.header("access-control-expose-headers"), stored.header("vary")),
        ("ETag, x-amz-version-id", "Origin")
    );

    let url = local.presign("GET", "/media/key", 60, SystemTime::now());
    let elsewhere = ("origin", "https://elsewhere.example");
    let read = local.send_unsigned("GET", &url, &[elsewhere, ("range", "bytes=1-2")]).await;
    assert_eq!((read.status, read.header("access-control-allow-origin")), (206, "*"));
    assert_eq!(read.header("access-control-expose-headers"), "content-range");
    // An error that comes of the bucket can be read too.
    let url = local.presign("GET", "/media/missing", 60, SystemTime::now());
    let missing = local.send_unsigned("GET", &url, &[elsewhere]).await;
    assert_eq!((missing.status, missing.header("access-control-allow-origin")), (404, "*"));
    local.server.faults().fail_next(1, StatusCode::SERVICE_UNAVAILABLE);
    let unavailable = local.send_unsigned("GET", &url, &[elsewhere]).await;
    assert_eq!((unavailable.status, unavailable.header("access-control-allow-origin")), (503, "*"));

    // What no rule allows is done, as nobody asked before, and its answer cannot be read.
    let stored = put("https://elsewhere.example").send().await;
    assert_eq!(
        (stored.status, stored.header("access-control-allow-origin"), stored.header("vary")),
        (200, "", "Origin")
    );
    let plain = local.get("/media/key").await;
    assert_eq!(
        (plain.status, plain.header("access-control-allow-origin"), plain.header("vary")),
        (200, "", "Origin")
    );
}

#[tokio::test]
async fn what_is_refused_for_its_signature_says_nothing_to_pages() {
    let local = with_rules().await;
    let origin = ("origin", APP);
    let now = SystemTime::now();
    let expired = local.presign("GET", "/media/key", 1, now - std::time::Duration::from_secs(60));
    let mut forged = local.presign("GET", "/media/key", 60, now);
    forged.pop();
    forged.push('g');
    for (target, status) in [(expired.as_str(), 403), (&forged, 403), ("/media/key", 400)] {
        let answer = local.send_unsigned("GET", target, &[origin]).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, ""), "{target}");
    }
}

#[tokio::test]
async fn rules_are_kept_read_and_removed() {
    let local = Local::start().await;
    assert_eq!(local.get("/media?cors").await.error(), (404, "NoSuchCORSConfiguration".to_owned()));
    let rule = "<CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";
    let document = format!("<CORSConfiguration>{rule}</CORSConfiguration>");
    let answer = local.put("/media?cors", document.as_str()).await;
    assert_eq!(answer.text(), "");
    let kept = local.get("/media?cors").await;
    assert!(kept.text().contains("<CORSRule><AllowedMethod>GET</AllowedMethod>"), "{}", kept.text());
    assert_eq!(preflight(&local, "/media/k", "https://a.example", "GET", "").await.status, 204);

    for (document, code) in [
        ("", "MalformedXML"),
        ("<CORSRule/>", "MalformedXML"),
        ("<CORSConfiguration/>", "InvalidRequest"),
        ("<CORSConfiguration><CORSRule/></CORSConfiguration>", "InvalidRequest"),
        (&document.replace("GET", "OPTIONS"), "InvalidRequest"),
        (&document.replace("a.example", "a.example/"), "InvalidRequest"),
    ] {
        let answer = local.request("PUT", "/media?cors").body(document).send().await;
        assert_eq!(answer.error(), (400, code.to_owned()), "{document}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let answer = local.request(method, "/missing?cors").body(document.as_str()).send().await;
        assert_eq!(answer.error(), (404, "NoSuchBucket".to_owned()), "{method}");
    }
    for _ in 0..2 {
        assert_eq!(local.request("DELETE", "/media?cors").send().await.status, 204);
    }
    assert_eq!(local.get("/media?cors").await.status, 404);
    assert_refused(&preflight(&local, "/media/k", "https://a.example", "GET", "").await);
}

#[tokio::test]
async fn the_first_refusal_of_an_origin_is_logged_with_what_lets_it_through() {
    let (log, _guard) = Log::keep();
    let local = Local::start().await;
    for _ in 0..3 {
        preflight(&local, "/media/key", "http://localhost:5173", "PUT", "content-type").await;
    }
    let log = log.text();
    let command = "cfstore r2 --bucket media cors set --add --origin http://localhost:5173 --method PUT \
                   --header content-type --expose etag";
    assert_eq!(log.matches(command).count(), 1, "{log}");
    assert!(log.contains("no CORS rules"), "{log}");
}

#[tokio::test]
async fn no_page_uses_kv() {
    let local = Local::start().await;
    let account = local.server.credentials().account_id();
    let target = format!("/client/v4/accounts/{account}/storage/kv/namespaces");
    for answer in [
        preflight(&local, &target, "http://localhost:5173", "GET", "authorization").await,
        local.kv("GET", "").header("origin", "http://localhost:5173").send().await,
    ] {
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("", ""));
    }
}

#[tokio::test]
async fn open_to_pages_of_this_machine() {
    let local = Local::of(Emulator::builder().open_cors()).await;
    let origin = ("origin", "http://localhost:5173");
    let answer = preflight(&local, "/media/key", origin.1, "PUT", "content-type").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:5173");
    assert!(answer.header("access-control-allow-methods").contains("PUT"));
    assert_eq!(answer.header("access-control-allow-headers"), "content-type");
    // An error, too, can be read by the page.
    let answer = local.send_unsigned("GET", "/media/key", &[origin]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, "http://localhost:5173"));
    assert_eq!(answer.header("access-control-expose-headers"), "*");
    let answer = local.send_unsigned("GET", "/media/key", &[]).await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("", "Origin"));

    let answer = preflight(&local, "/media/key", "https://example.com", "PUT", "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, ""));

    let target =
        format!("/client/v4/accounts/{}/storage/kv/namespaces", local.server.credentials().account_id());
    let answer = preflight(&local, &target, origin.1, "GET", "authorization").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "http://localhost:5173"));
}
