use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::r2::{Conditional, HttpMetadata};
use cloudflare_clients::{ErrorKind, http};
use futures_util::future;
use testkit::ManualClock;

use super::Fixture;

const OTHER: &str = "00000000000000000000000000000000";
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn conditional_reads(Fixture { service, .. }: Fixture) {
    service.put("read", "x").await.unwrap();
    let object = service.head("read").await.unwrap().unwrap();
    let (etag, uploaded) = (&object.etag, object.uploaded);
    let cases = [
        (Conditional::new().etag_matches(etag), None),
        (Conditional::new().etag_matches("*"), None),
        (Conditional::new().etag_matches(OTHER), Some(ErrorKind::PreconditionFailed)),
        (Conditional::new().etag_does_not_match(OTHER), None),
        (Conditional::new().etag_does_not_match(etag), Some(ErrorKind::NotModified)),
        (Conditional::new().uploaded_after(uploaded - HOUR), None),
        (Conditional::new().uploaded_after(uploaded + HOUR), Some(ErrorKind::NotModified)),
        (Conditional::new().uploaded_before(uploaded + HOUR), None),
        (Conditional::new().uploaded_before(uploaded - HOUR), Some(ErrorKind::PreconditionFailed)),
        (Conditional::new().etag_matches(etag).uploaded_before(uploaded - HOUR), None),
        (Conditional::new().etag_does_not_match(OTHER).uploaded_after(uploaded + HOUR), None),
    ];
    for (only_if, expected) in cases {
        let result = service.get("read").only_if(only_if.clone()).await;
        assert_eq!(result.err().map(|error| error.kind()), expected, "{only_if:?}");
        let head = service.head("read").only_if(only_if.clone()).await;
        assert_eq!(head.err().map(|error| error.kind()), expected, "head {only_if:?}");
    }
}

pub(crate) async fn ranges_of_clients(Fixture { service, .. }: Fixture) {
    service.put("client", "0123456789").await.unwrap();
    service.put("client/empty", "").await.unwrap();
    let object = service.head("client").await.unwrap().unwrap();
    let headers = object.response_headers().unwrap();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (etag, uploaded) = (header("etag"), header("last-modified"));
    let (weak, other) = (format!("W/{etag}"), format!("\"{OTHER}\""));
    let whole = (200, "0123456789");
    // Within the second of the upload, its date may also be that of another object.
    let at = |time| service.clone().with_runtime(Arc::new(ManualClock::at(time)));
    let get = http::Request::get("/client").header("range", "bytes=2-4").header("if-range", &uploaded);
    let (parts, ()) = get.body(()).unwrap().into_parts();
    let found = at(object.uploaded).get("client").http_request(&parts).await.unwrap().unwrap();
    assert_eq!(found.text().await.unwrap(), whole.1);
    let service = at(object.uploaded + HOUR);
    for (method, key, range, if_range, expected) in [
        ("GET", "client", "bytes=2-4", "", (206, "234")),
        ("GET", "client", "bytes=2-4", etag.as_str(), (206, "234")),
        ("GET", "client", "bytes=2-4", &uploaded, (206, "234")),
        ("GET", "client", "bytes=2-4", &weak, whole),
        ("GET", "client", "bytes=2-4", &other, whole),
        ("GET", "client", "bytes=2-4", "Mon, 01 Jan 2001 00:00:00 GMT", whole),
        ("GET", "client", "bytes=10-", "", (416, "Range Not Satisfiable")),
        ("GET", "client", "bytes=10-", &etag, (416, "Range Not Satisfiable")),
        ("GET", "client", "bytes=10-", &other, whole),
        ("GET", "client", "bytes=-0", "", (416, "Range Not Satisfiable")),
        ("GET", "client", "bytes=-0", &etag, (416, "Range Not Satisfiable")),
        ("GET", "client", "bytes=-0", &other, whole),
        ("GET", "client/empty", "bytes=-0", "", (416, "Range Not Satisfiable")),
        ("GET", "client", "bytes=0-1,3-4", "", whole),
        ("HEAD", "client", "bytes=2-4", "", whole),
        ("GET", "client/empty", "bytes=-5", "", (200, "")),
        ("GET", "client/empty", "bytes=0-", "", (416, "Range Not Satisfiable")),
    ] {
        let mut request = http::Request::builder().method(method).header("range", range);
        if !if_range.is_empty() {
            request = request.header("if-range", if_range);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = match service.get(key).http_request(&parts).await {
            Ok(object) => object.unwrap().into_http_response(),
            Err(error) => error.into_http_response(),
        };
        let status = response.status().as_u16();
        let body = response.into_body().text().await.unwrap();
        assert_eq!((status, body.as_str()), expected, "{method} {key} {range} {if_range}");
    }
}

pub(crate) async fn what_a_304_has_to_say(Fixture { service, .. }: Fixture) {
    let expiry = UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let http = HttpMetadata::new().cache_control("max-age=60").cache_expiry(expiry);
    service.put("unchanged", "x").http_metadata(http).await.unwrap();
    let object = service.head("unchanged").await.unwrap().unwrap();
    let only_if = Conditional::new().etag_does_not_match(&object.etag);
    let error = service.get("unchanged").only_if(only_if).await.unwrap_err();
    assert_eq!((error.etag(), error.http_status().as_u16()), (Some(object.etag.as_str()), 304), "{error:?}");
    let (said, whole) = (error.response_headers(), object.response_headers().unwrap());
    for name in ["etag", "last-modified", "cache-control", "expires"] {
        assert_eq!(said.get(name), whole.get(name), "{name}");
    }
    assert_eq!(said.len(), 4);
}

pub(crate) async fn conditional_writes(Fixture { service, .. }: Fixture) {
    let failed = Some(ErrorKind::PreconditionFailed);
    let put = async |content: &'static str, only_if: Conditional| {
        service.put("write", content).only_if(only_if).await.err().map(|error| error.kind())
    };
    assert_eq!(put("0", Conditional::new().etag_matches("*")).await, failed);
    assert_eq!(put("0", Conditional::new().etag_matches(OTHER)).await, failed);
    assert_eq!(put("1", Conditional::new().etag_does_not_match("*")).await, None);
    assert_eq!(put("2", Conditional::new().etag_does_not_match("*")).await, failed);
    let first = service.head("write").await.unwrap().unwrap();
    assert_eq!(put("2", Conditional::new().etag_does_not_match(&first.etag)).await, failed);
    assert_eq!(put("2", Conditional::new().uploaded_before(first.uploaded - HOUR)).await, failed);
    assert_eq!(put("3", Conditional::new().etag_matches(&first.etag)).await, None);
    assert_eq!(put("4", Conditional::new().etag_matches(&first.etag)).await, failed);
    assert_eq!(service.get("write").await.unwrap().unwrap().text().await.unwrap(), "3");
}

pub(crate) async fn one_of_many_creates_wins(Fixture { service, .. }: Fixture) {
    let creates = (0..8).map(|n| {
        let only_if = Conditional::new().etag_does_not_match("*");
        service.put("race", format!("writer {n}")).only_if(only_if).into_future()
    });
    let results = future::join_all(creates).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
    }
    let winner = results.iter().position(Result::is_ok).unwrap();
    let stored = service.get("race").await.unwrap().unwrap().text().await.unwrap();
    assert_eq!(stored, format!("writer {winner}"));
}

pub(crate) async fn conditional_copies(Fixture { service, lacks, .. }: Fixture) {
    if lacks.copy {
        return;
    }
    service.put("from", "x").await.unwrap();
    let etag = service.head("from").await.unwrap().unwrap().etag;
    let copy = || service.copy("from", "to");
    let failed = Some(ErrorKind::PreconditionFailed);
    let outcome = async |copy: cloudflare_clients::r2::CopyObject| copy.await.err().map(|error| error.kind());
    assert_eq!(outcome(copy().source_only_if(Conditional::new().etag_matches(OTHER))).await, failed);
    assert_eq!(outcome(copy().source_only_if(Conditional::new().etag_does_not_match(&etag))).await, failed);
    assert!(service.head("to").await.unwrap().is_none());
    assert_eq!(outcome(copy().source_only_if(Conditional::new().etag_matches(&etag))).await, None);
    assert_eq!(outcome(copy().only_if(Conditional::new().etag_does_not_match("*"))).await, failed);
    assert_eq!(outcome(copy().only_if(Conditional::new().etag_matches(&etag))).await, None);
}
