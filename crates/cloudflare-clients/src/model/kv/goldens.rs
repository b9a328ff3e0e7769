//! The JSON forms of KV's types, written and read back.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    assert_eq!(serde_json::from_str::<T>(&json(value)).unwrap(), *value);
}

fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_583_900)
}

#[test]
fn pages() {
    let key = |name: &str| ListedKey { name: name.to_owned(), expiration: None, metadata: None };
    let known = ListedKey {
        expiration: Some(time()),
        metadata: Some(Metadata::from_json(r#"{"a":[1,2]}"#).unwrap()),
        ..key("a")
    };
    let page =
        ListPage { keys: vec![known, key("b")], list_complete: false, cursor: Some("next".to_owned()) };
    insta::assert_snapshot!(json(&page), @r#"{"keys":[{"name":"a","expiration":"2026-11-25T05:18:20.000Z","metadata":{"a":[1,2]}},{"name":"b"}],"list_complete":false,"cursor":"next"}"#);
    comes_back(&page);
    let last = ListPage::new(Vec::new());
    assert_eq!(json(&last), r#"{"keys":[],"list_complete":true}"#);
    comes_back(&last);
}

#[test]
fn values_with_metadata() {
    let known = ValueWithMetadata {
        value: vec!["a".to_owned()],
        metadata: Some(Metadata::from_json("1e2").unwrap()),
        expiration: Some(time()),
        cache_status: Some("HIT".to_owned()),
    };
    insta::assert_snapshot!(json(&known), @r#"{"value":["a"],"metadata":1e2,"expiration":"2026-11-25T05:18:20.000Z","cacheStatus":"HIT"}"#);
    comes_back(&known);
    let alone = ValueWithMetadata::new("text".to_owned());
    assert_eq!(json(&alone), r#"{"value":"text"}"#);
    comes_back(&alone);
}
