//! `RestNamespace` against a scripted server.

use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, KvClient, KvConfig, Namespace as _,
    PutRequest, RequestBudget,
};
use cloudflare_clients::r2::Body;
use cloudflare_clients::{Error, ErrorKind, RestNamespace};
use futures_util::{TryStreamExt as _, stream};
use testkit::{Log, ManualClock, ScriptedServer, answer};

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
const ID: &str = "fedcba9876543210fedcba9876543210";

/// A scripted server, and a client of it.
struct Server {
    namespace: RestNamespace,
    clock: ManualClock,
    scripted: ScriptedServer,
}

impl Server {
    fn kv(&self) -> KvClient {
        KvClient::new(self.namespace.clone()).with_runtime(self.clock.clone())
    }

    /// The request lines without the part that all of them share.
    fn lines(&self) -> Vec<String> {
        let start = format!("/client/v4/accounts/{ACCOUNT}/storage/kv/namespaces/{ID}");
        self.scripted.lines().iter().map(|line| line.replace(&start, "")).collect()
    }

    fn bodies(&self) -> Vec<String> {
        self.scripted.requests().into_iter().map(|request| request.body).collect()
    }
}

fn ok(result: &str) -> String {
    answer("200 OK", &[], &format!(r#"{{"success":true,"errors":[],"messages":[],"result":{result}}}"#))
}

fn failure(status: &str, code: u32, message: &str) -> String {
    let errors = format!(r#"[{{"code":{code},"message":"{message}"}}]"#);
    answer(status, &[], &format!(r#"{{"success":false,"errors":{errors},"messages":[],"result":null}}"#))
}

/// A server that answers each request with the next of `answers`; after the last it closes the connection.
async fn server(answers: impl IntoIterator<Item = String>) -> Server {
    let scripted = ScriptedServer::answering(answers).await;
    let config = KvConfig::new(ACCOUNT, "s3cret", ID).base_url(format!("{}/client/v4", scripted.url()));
    let clock = ManualClock::default().with_random(0.0);
    let namespace = RestNamespace::new(config).unwrap().with_runtime(clock.clone());
    Server { namespace, clock, scripted }
}

#[tokio::test]
async fn values_are_the_body_and_keys_are_encoded_whole() {
    let server = server([answer("200 OK", &[], "hello"), ok("null"), ok("null")]).await;
    let kv = server.kv();
    assert_eq!(kv.get("a/../b%2F ä").text().await.unwrap().as_deref(), Some("hello"));
    kv.put("k", b"\xff\x00").expiration_ttl(Duration::from_secs(90)).await.unwrap();
    kv.delete("k").await.unwrap();
    assert_eq!(
        server.lines(),
        ["GET /values/a%2F..%2Fb%252F%20%C3%A4", "PUT /values/k?expiration_ttl=90", "DELETE /values/k"]
    );
    let requests = server.scripted.requests();
    for headers in requests.iter().map(|request| &request.headers) {
        assert!(headers.contains("authorization: Bearer s3cret\r\n"), "{headers}");
        assert!(headers.contains("accept-encoding: identity\r\n"), "{headers}");
    }
    let put = &requests[1].headers;
    assert!(put.contains("content-type: application/octet-stream\r\n"), "{put}");
}

#[tokio::test]
async fn a_value_with_metadata_goes_in_a_form() {
    let server = server([ok("null")]).await;
    let stream = stream::iter(["he", "llo"].map(|piece| Ok(Bytes::from(piece))));
    server.kv().put("k", Body::from_stream(stream, None)).metadata(&["m"]).await.unwrap();
    let put = server.scripted.requests().remove(0);
    let boundary = put.headers.split_once("boundary=").unwrap().1.split_once("\r\n").unwrap().0;
    assert_eq!(boundary.len(), 32);
    let parts: Vec<_> = put.body.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{}", put.body);
    assert!(parts[1].contains("name=\"metadata\"\r\n\r\n[\"m\"]\r\n"), "{}", put.body);
    assert!(parts[2].ends_with("\r\n\r\nhello\r\n"), "{}", put.body);
    assert_eq!(parts[3], "--\r\n");
}

#[tokio::test]
async fn a_missing_key_is_none_and_a_missing_namespace_an_error() {
    let missing = || failure("404 Not Found", 10009, "key not found");
    let server = server([
        missing(),
        missing(),
        missing(),
        failure("404 Not Found", 10013, "namespace not found"),
        answer("404 Not Found", &[], "<html>nginx</html>"),
    ])
    .await;
    let kv = server.kv();
    assert_eq!(kv.get("k").bytes().await.unwrap(), None);
    assert!(kv.get_with_metadata("k").bytes().await.unwrap().is_none());
    kv.delete("k").await.unwrap();
    let error = kv.get("k").text().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.attempts()),
        (ErrorKind::NoSuchNamespace, Some("10013"), 1)
    );
    assert_eq!(error.to_string(), "get \"k\": 404 Not Found: namespace not found (10013)");
    assert_eq!(kv.get("k").text().await.unwrap_err().status(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn metadata_is_one_request_with_text_and_two_with_bytes() {
    let with_expiry = answer("200 OK", &["expiration: 1900000000"], "\u{1}x");
    let server = server([
        ok(r#"{"values":{"k":{"value":"v","metadata":{"n":1},"expiration":1900000000}}}"#),
        with_expiry,
        ok(r#"{"n":1}"#),
    ])
    .await;
    let kv = server.kv();
    let expiration = Some(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
    let text = kv.get_with_metadata("k").text().await.unwrap().unwrap();
    assert_eq!((text.value.as_str(), text.expiration), ("v", expiration));
    let bytes = kv.get_with_metadata("k").bytes().await.unwrap().unwrap();
    assert_eq!((&bytes.value[..], bytes.expiration), (&b"\x01x"[..], expiration));
    assert_eq!(text.metadata, bytes.metadata);
    assert_eq!(server.lines(), ["POST /bulk/get", "GET /values/k", "GET /metadata/k"]);
}

#[tokio::test]
async fn many_keys_are_read_by_the_hundred() {
    let values = |keys: std::ops::Range<usize>| {
        let values: Vec<_> = keys.map(|key| format!(r#""{key}":"v{key}""#)).collect();
        ok(&format!(r#"{{"values":{{{}}}}}"#, values.join(",")))
    };
    let server = server([values(0..100), values(100..101)]).await;
    let kv = server.kv().with_max_concurrency(1);
    let found = kv.get_many((0..102).map(|key| key.to_string())).text().await.unwrap().all().unwrap();
    let expected = (0..102).map(|key| (key.to_string(), (key < 101).then(|| format!("v{key}"))));
    assert!(found.into_iter().eq(expected));
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn values_that_are_too_large_together_are_read_one_by_one() {
    let large = failure("413 Payload Too Large", 4711, "too large");
    let server = server([large, answer("200 OK", &[], "1"), answer("200 OK", &[], "2")]).await;
    let kv = server.kv().with_max_concurrency(1);
    let found = kv.get_many(["a", "b"]).json::<u32>().await.unwrap().all().unwrap();
    assert_eq!(found, [("a".to_owned(), Some(1)), ("b".to_owned(), Some(2))]);
}

#[tokio::test]
async fn what_kv_did_not_write_is_sent_again_alone() {
    let not = |keys: &str| ok(&format!(r#"{{"successful_key_count":1,"unsuccessful_keys":[{keys}]}}"#));
    let server = server([not(r#""b","c""#), not(r#""c""#), not(""), not(r#""b""#), not("")]).await;
    let kv = server.kv();
    let outcomes = kv.put_many([("a", "1"), ("b", "2"), ("c", "3")]).await.unwrap();
    assert_eq!(outcomes.failed().count(), 0);
    assert_eq!(kv.delete_many(["a", "b"]).await.unwrap().failed().count(), 0);
    let pair = |key, value| format!(r#"{{"key":"{key}","value":"{value}"}}"#);
    assert_eq!(
        server.bodies(),
        [
            format!("[{},{},{}]", pair("a", 1), pair("b", 2), pair("c", 3)),
            format!("[{},{}]", pair("b", 2), pair("c", 3)),
            format!("[{}]", pair("c", 3)),
            r#"["a","b"]"#.to_owned(),
            r#"["b"]"#.to_owned(),
        ]
    );
}

#[tokio::test]
async fn what_kv_never_writes_fails_alone() {
    let answers = [1, 0, 0, 0]
        .map(|count| ok(&format!(r#"{{"successful_key_count":{count},"unsuccessful_keys":["b"]}}"#)));
    let server = server(answers).await;
    let outcomes = server.kv().put_many([("a", "1"), ("b", "2")]).await.unwrap();
    assert_eq!(outcomes.succeeded().map(|(key, ())| key).collect::<Vec<_>>(), ["a"]);
    let (key, error) = outcomes.failed().next().unwrap();
    assert_eq!((key, error.kind(), error.attempts()), ("b", ErrorKind::Server, 4));
    assert_eq!(server.bodies()[1..], vec![r#"[{"key":"b","value":"2"}]"#; 3]);
}

#[tokio::test]
async fn a_429_is_waited_for() {
    let limited = |headers: &str| {
        failure("429 Too Many Requests", 971, "slow down")
            .replace("\r\n\r\n", &format!("\r\n{headers}\r\n\r\n"))
    };
    let server = server([
        limited("cf-ray: 1"),
        limited("Retry-After: 7"),
        limited("Ratelimit: \"default\";r=0;t=11"),
        ok("null"),
        limited("Retry-After: 300"),
    ])
    .await;
    let kv = server.kv();
    kv.put("k", "v").await.unwrap();
    assert_eq!(server.clock.slept(), [1, 7, 11].map(Duration::from_secs));
    // Longer than anybody waits: it fails immediately and says when to retry.
    let error = kv.put("k", "v").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
}

#[tokio::test]
async fn a_budget_slows_requests_down() {
    let answers = (0..30).map(|n| {
        let left =
            if n == 25 { "Ratelimit: \"default\";r=1;t=200" } else { "Ratelimit: \"default\";r=1000;t=200" };
        ok("null").replace("\r\n\r\n", &format!("\r\n{left}\r\n\r\n"))
    });
    let mut server = server(answers).await;
    server.namespace = server.namespace.with_budget(RequestBudget::new(100, Duration::from_secs(90)));
    let kv = server.kv();
    for _ in 0..30 {
        kv.delete("k").await.unwrap();
    }
    let slept = server.clock.slept();
    assert_eq!(slept.len(), 20, "{slept:?}");
    assert!(slept[..16].iter().all(|wait| *wait == Duration::from_secs(1)), "{slept:?}");
    assert_eq!(slept[16], Duration::from_secs(100), "{slept:?}");
}

/// A client of a server that cuts off its first answer, and then sends another.
async fn cut_off(first: &str, second: String) -> KvClient {
    let answers = Mutex::new([first.to_owned(), second].into_iter());
    let scripted = ScriptedServer::conversing(move |mut connection| {
        let answer = answers.lock().unwrap().next().unwrap();
        async move {
            connection.read_head().await;
            connection.write(&answer).await;
        }
    })
    .await;
    let config = KvConfig::new(ACCOUNT, "s3cret", ID).base_url(scripted.url());
    let namespace = RestNamespace::new(config).unwrap();
    KvClient::new(namespace).with_runtime(ManualClock::default())
}

#[tokio::test]
async fn a_value_that_is_cut_off_is_read_again() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let kv = cut_off(cut, answer("200 OK", &[], "0123456789")).await;
    assert_eq!(kv.get("k").text().await.unwrap().as_deref(), Some("0123456789"));
}

#[tokio::test]
async fn an_error_that_is_cut_off_before_its_code_is_asked_for_again() {
    let cut = "HTTP/1.1 404 Not Found\r\nContent-Length: 90\r\n\r\n{\"success\":false,\"err";
    let missing = r#"{"success":false,"errors":[{"code":10009,"message":"key not found"}],"messages":[],"result":null}"#;
    let kv = cut_off(cut, answer("404 Not Found", &[], missing)).await;
    assert_eq!(kv.get("k").text().await.unwrap(), None);
}

#[tokio::test]
async fn listings_go_on_over_empty_pages() {
    let page = |keys: &str, cursor: &str| {
        let envelope = format!(
            r#"{{"success":true,"errors":[],"messages":[],"result":[{keys}],"result_info":{{"count":0,"cursor":"{cursor}"}}}}"#
        );
        answer("200 OK", &[], &envelope)
    };
    let server = server([
        page(r#"{"name":"p/a","metadata":{"n":1}}"#, "1"),
        page("", "2"),
        page("", "3"),
        page(r#"{"name":"p/b","expiration":1900000000}"#, ""),
    ])
    .await;
    let keys: Vec<_> = server.kv().list().prefix("p/").page_size(10).stream().try_collect().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["p/a", "p/b"]);
    assert_eq!(keys[0].metadata.as_ref().unwrap().as_str(), r#"{"n":1}"#);
    assert_eq!(
        server.lines(),
        ["", "cursor=1&", "cursor=2&", "cursor=3&"]
            .map(|cursor| format!("GET /keys?{cursor}limit=10&prefix=p%2F"))
    );
}

#[tokio::test]
async fn the_token_is_in_no_error_and_no_debug() {
    let server = server([failure("403 Forbidden", 10000, "Authentication error")]).await;
    let kv = server.kv();
    let error: Error = kv.get("k").text().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().contains("credentials"), "{error}");
    for text in [format!("{error} {error:?}"), format!("{kv:?}"), format!("{:?}", server.namespace)] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let server = server([]).await;
    let namespace = &server.namespace;
    let get = |key: &str| GetRequest::new(key);
    let errors = [
        namespace.get(get("..")).await.unwrap_err(),
        namespace.delete(DeleteRequest::new("")).await.unwrap_err(),
        namespace.put(PutRequest::new("k", "v").expiration_ttl(Duration::from_secs(59))).await.unwrap_err(),
        namespace.get_many(GetManyRequest::new(Vec::<String>::new())).await.unwrap_err(),
        namespace.delete_many(DeleteManyRequest::new(vec!["k"; 10_001])).await.unwrap_err(),
        namespace
            .put(PutRequest::new(
                "k",
                Body::from_stream(stream::iter([Err(Error::new(ErrorKind::InvalidInput, "no"))]), None),
            ))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let ttl = server.kv().get("k").cache_ttl(Duration::from_secs(60)).text().await.unwrap_err();
    assert_eq!(ttl.kind(), ErrorKind::Unsupported);
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn an_operation_is_a_span() {
    let (log, _guard) = Log::keep();
    let server = server([
        answer("503 Service Unavailable", &[], ""),
        ok("null"),
        answer("413 Payload Too Large", &[], ""),
    ])
    .await;
    let kv = server.kv();
    kv.put("a key", "private value").metadata(&"private").await.unwrap();
    kv.put_many([("k", "private")]).await.unwrap().all().unwrap_err();

    let closed = log.closed_spans();
    let [put, many] = &closed[..] else { panic!("{closed:?}") };
    assert!(put.contains(r#"kv{operation="put" key="a key" bytes=13 status=200 attempts=2}"#), "{put}");
    assert!(many.contains(r#"kv{operation="put_many" attempts=1 status=413}"#), "{many}");
    for secret in ["s3cret", "Bearer", "private"] {
        assert!(!log.text().contains(secret), "{}", log.text());
    }
}
