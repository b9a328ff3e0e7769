//! The requests of each operation, and the parsing of answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use insta::assert_snapshot;

use super::*;
use crate::error::{ErrorKind, Result};
use crate::kv::*;
use crate::signing::endpoint::Endpoint;

const KEY: &str = "a b/../c%2F!'()*ä";

fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// The request line, headers and body as they are sent.
async fn wire(request: Result<Request>) -> String {
    let url = NamespaceUrl::new(account(), "1".repeat(32)).unwrap();
    let token = ApiToken::new("token").unwrap();
    sent(request.unwrap().authorize(&url, &token).unwrap()).await
}

fn account() -> NamespacesUrl {
    let api = Endpoint::custom("https://api.cloudflare.com/client/v4").unwrap();
    NamespacesUrl::new(api, "0".repeat(32))
}

/// The same for a request about an account.
async fn wire_of_account(request: Result<Request>) -> String {
    let token = ApiToken::new("token").unwrap();
    sent(request.unwrap().authorize_for_account(&account(), &token).unwrap()).await
}

async fn sent(request: http::Request<crate::body::Body>) -> String {
    let (head, body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri.path_and_query().unwrap());
    let mut lines: Vec<_> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    let body = body.text().await.unwrap().replace('\r', "");
    format!("{line}\n{}\n\n{body}", lines.join("\n"))
}

fn put(value: impl Into<crate::body::Body>) -> PutRequest {
    PutRequest::new(KEY, value).expiration(time()).expiration_ttl(Duration::from_secs(60))
}

#[tokio::test]
async fn reads() {
    let get = GetRequest::new(KEY);
    assert_snapshot!("get_value", wire(get_value::request(&get)).await);
    assert_snapshot!("get_metadata", wire(Ok(get_metadata::request(KEY))).await);
    let list = ListRequest { prefix: "a b/".to_owned(), limit: Some(10), cursor: Some("c+/=".to_owned()) };
    assert_snapshot!("list_keys", wire(Ok(list_keys::request(&list))).await);
    let keys = GetManyRequest { with_metadata: true, ..GetManyRequest::new([KEY, "k"]) };
    assert_snapshot!("bulk_get", wire(bulk_get::request(&keys)).await);
}

#[tokio::test]
async fn writes() {
    assert_snapshot!("put_value", wire(put_value::request(put("hello"), "b")).await);
    let with_metadata = put("hello").metadata(&serde_json::json!({"n": ["ä", 1]})).unwrap();
    assert_snapshot!("put_value_with_metadata", wire(put_value::request(with_metadata, "b0undary")).await);
    assert_snapshot!("delete_value", wire(Ok(delete_value::request(&DeleteRequest::new(KEY)))).await);
    let puts = [put("text \"ä\"\n").metadata(&[1]).unwrap(), PutRequest::new("b", b"\xff\x00")];
    assert_snapshot!("bulk_put", wire(bulk_put::request(&puts)).await);
    assert_snapshot!("bulk_delete", wire(bulk_delete::request(&[KEY.to_owned(), "k".to_owned()])).await);
}

#[tokio::test]
async fn namespaces() {
    assert_snapshot!("create_namespace", wire_of_account(create_namespace::request("my \"sessions\"")).await);
    assert_snapshot!("rename_namespace", wire(rename_namespace::request("ä")).await);
    assert_snapshot!("delete_namespace", wire(Ok(delete_namespace::request())).await);
    let list = ListNamespacesRequest { page: 3, limit: Some(100) };
    assert_snapshot!("list_namespaces", wire_of_account(list_namespaces::request(&list)).await);
    for title in [String::new(), "t".repeat(513)] {
        assert_eq!(create_namespace::request(&title).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(rename_namespace::request(&title).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn namespaces_are_read_with_what_was_added_to_the_api_since() {
    let namespace = r#"{"id":"0a","title":"t","supports_url_encoding":true,"jurisdiction":"eu","beta":true}"#;
    let created = format!(r#"{{"success":true,"errors":[],"messages":[],"result":{namespace}}}"#);
    assert_eq!(create_namespace::parse(created.as_bytes()).unwrap(), NamespaceInfo::new("0a", "t"));
    let list = ListNamespacesRequest { page: 1, limit: Some(1) };
    let info = r#""result_info":{"page":1,"per_page":1,"count":1,"total_count":2,"total_pages":2}"#;
    let body = format!(r#"{{"success":true,"result":[{namespace}],{info}}}"#);
    let page = list_namespaces::parse(&list, body.as_bytes()).unwrap();
    let expected =
        NamespacesPage { namespaces: vec![NamespaceInfo::new("0a", "t")], truncated: true, total: Some(2) };
    assert_eq!(page, expected);
    for body in [&b"{}"[..], br#"{"success":true,"result":null}"#, br#"{"success":true,"result":[{"id":1}]}"#]
    {
        let error = list_namespaces::parse(&list, body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    }
}

#[tokio::test]
async fn what_the_api_does_not_have_is_not_sent() {
    let ttl = Some(Duration::from_secs(60));
    let get = GetRequest { cache_ttl: ttl, ..GetRequest::new("k") };
    assert_eq!(get_value::request(&get).unwrap_err().kind(), ErrorKind::Unsupported);
    let many = GetManyRequest { cache_ttl: ttl, ..GetManyRequest::new(["k"]) };
    assert_eq!(bulk_get::request(&many).unwrap_err().kind(), ErrorKind::Unsupported);
    let unknown = || crate::body::Body::from_stream(futures_util::stream::empty(), None);
    let with_metadata = PutRequest::new("k", unknown()).metadata(&1).unwrap();
    assert_eq!(put_value::request(with_metadata, "b").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(
        bulk_put::request(&[PutRequest::new("k", unknown())]).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[test]
fn pages_are_read_to_the_empty_cursor() {
    let page = list_keys::parse(
        br#"{"success":true,"errors":[],"messages":[],"result":[{"name":"a","expiration":1800000000,"metadata":{"n": 1e400}},
        {"name":"b","metadata":null}],"result_info":{"count":2,"cursor":"next"}}"#,
    )
    .unwrap();
    let key = |name: &str, expiration, metadata: Option<&str>| ListedKey {
        name: name.to_owned(),
        expiration,
        metadata: metadata.map(|json| Metadata::from_json(json).unwrap()),
    };
    assert_eq!(page.keys, [key("a", Some(time()), Some("{\"n\": 1e400}")), key("b", None, None)]);
    assert_eq!((page.list_complete, page.cursor.as_deref()), (false, Some("next")));
    for info in ["", r#","result_info":{"count":0,"cursor":""}"#, r#","result_info":{"count":0}"#] {
        let page = list_keys::parse(format!(r#"{{"success":true,"result":[]{info}}}"#).as_bytes()).unwrap();
        assert_eq!(page, ListPage::new(Vec::new()));
    }
}

#[test]
fn values_come_back_in_the_order_of_the_keys() {
    let mut get = GetManyRequest::new(["b", "missing", "a", "b"]);
    let found =
        bulk_get::parse(&get, br#"{"success":true,"result":{"values":{"a":"1","b":"2","missing":null}}}"#);
    let values = found.unwrap().into_iter().map(|found| found.map(|found| found.value));
    let expected = [Some("2"), None, Some("1"), Some("2")];
    assert!(values.eq(expected.map(|value| value.map(str::to_owned))));

    get.with_metadata = true;
    let body =
        br#"{"success":true,"result":{"values":{"a":{"value":"1","metadata":[1],"expiration":1800000000},
        "b":{"value":"2","metadata":null},"missing":null}}}"#;
    let found = bulk_get::parse(&get, body).unwrap();
    let a = ValueWithMetadata {
        value: "1".to_owned(),
        metadata: Some(Metadata::new(&[1]).unwrap()),
        expiration: Some(time()),
        cache_status: None,
    };
    let b = ValueWithMetadata::new("2".to_owned());
    assert_eq!(found, [Some(b.clone()), None, Some(a), Some(b)]);
}

#[test]
fn keys_that_were_not_written_can_be_sent_again() {
    let keys = ["a", "b"].map(str::to_owned);
    let body = br#"{"success":true,"result":{"successful_key_count":1,"unsuccessful_keys":["b"]}}"#;
    let outcomes = bulk_delete::parse(&keys, body).unwrap();
    assert!(outcomes[0].is_ok());
    assert!(outcomes[1].as_ref().unwrap_err().is_retryable());
    let all = bulk_put::parse(["a", "b"], br#"{"success":true,"errors":null,"messages":null,"result":null}"#);
    assert!(all.unwrap().iter().all(Result::is_ok));
}

#[test]
fn counts_that_are_not_those_of_the_keys_are_no_answer_to_them() {
    let parse = |keys: &[&str], count: u64, failed: &str| {
        let result = format!(r#"{{"successful_key_count":{count},"unsuccessful_keys":[{failed}]}}"#);
        let body = format!(r#"{{"success":true,"result":{result}}}"#);
        bulk_put::parse(keys.iter().copied(), body.as_bytes())
    };
    for (keys, count, failed) in [
        (&["a", "b"][..], 2, ""),
        (&["a", "b"], 1, r#""a""#),
        (&["a", "a"], 1, ""),
        (&["a", "a"], 2, ""),
        (&["a", "a"], 1, r#""a""#),
    ] {
        assert!(parse(keys, count, failed).is_ok(), "{keys:?} {count} {failed}");
    }
    for (keys, count, failed) in [(&["a", "b"], 1, ""), (&["a", "b"], 3, ""), (&["a", "b"], 2, r#""a""#)] {
        let error = parse(keys, count, failed).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnexpectedResponse, true));
    }
}

#[test]
fn a_write_is_done_where_the_answer_says_so() {
    for parse in [put_value::parse, delete_value::parse] {
        assert!(parse(br#"{"success":true,"errors":[],"messages":[],"result":null}"#).is_ok());
        for body in [&b""[..], b"<html>Log in to the network</html>", br#"{"success":false}"#] {
            assert_eq!(parse(body).unwrap_err().kind(), ErrorKind::UnexpectedResponse);
        }
    }
}

#[test]
fn what_is_no_success_is_an_error() {
    for body in [
        &b"not json"[..],
        b"{}",
        br#"{"success":false,"errors":[{"code":1,"message":"odd"}],"result":null}"#,
        br#"{"success":true,"result":{"keys":1}}"#,
        br#"{"success":true,"result":null}"#,
    ] {
        assert_eq!(list_keys::parse(body).unwrap_err().kind(), ErrorKind::UnexpectedResponse);
    }
    assert!(get_metadata::parse(br#"{"success":true,"result":null}"#).unwrap().is_none());
}
