use std::time::Duration;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::{MAX_VALUE_SIZE, Metadata};
use cloudflare_clients::r2::Body;
use serde_json::{Value, json};
use testkit::{content, pieces};

use super::Fixture;

pub(crate) async fn what_is_put_comes_back_whole(Fixture { client, .. }: Fixture) {
    client.put("whole", "hellö").await.unwrap();
    assert_eq!(client.get("whole").text().await.unwrap().as_deref(), Some("hellö"));
    assert_eq!(client.get("whole").bytes().await.unwrap().unwrap(), "hellö");
    let body = client.get("whole").await.unwrap().unwrap();
    assert_eq!(body.text().await.unwrap(), "hellö");

    let value = json!({"title": "ä", "segments": [1, 2, 3]});
    client.put_json("whole/json", &value).metadata(&json!({"kind": "manifest"})).await.unwrap();
    assert_eq!(client.get("whole/json").json::<Value>().await.unwrap(), Some(value.clone()));
    let found = client.get_with_metadata("whole/json").json::<Value>().await.unwrap().unwrap();
    assert_eq!(found.value, value);
    assert_eq!(found.metadata.unwrap().json::<Value>().unwrap(), json!({"kind": "manifest"}));
    let found = client.get_with_metadata("whole/json").await.unwrap().unwrap();
    assert_eq!(found.value.json::<Value>().await.unwrap(), value);
    assert!(found.metadata.is_some());

    let other_type = client.get("whole/json").json::<Vec<u8>>().await.unwrap_err();
    assert_eq!(other_type.kind(), ErrorKind::Serialization);
    assert!(other_type.to_string().starts_with("get \"whole/json\""), "{other_type}");
}

pub(crate) async fn empty_and_tiny_values(Fixture { client, .. }: Fixture) {
    for (key, value) in [("tiny/0", ""), ("tiny/1", "x")] {
        client.put(key, value).metadata(&1).await.unwrap();
        assert_eq!(client.get(key).text().await.unwrap().as_deref(), Some(value));
        let found = client.get_with_metadata(key).text().await.unwrap().unwrap();
        assert_eq!((found.value.as_str(), found.metadata), (value, Some(Metadata::new(&1).unwrap())));
        assert_eq!(client.get_with_metadata(key).bytes().await.unwrap().unwrap().value, value);
    }
}

pub(crate) async fn values_of_many_sizes(Fixture { client, .. }: Fixture) {
    for size in [65_536, 65_537, 3_000_000] {
        let bodies: [Body; 3] = [
            content(size, 0).into(),
            Body::from_stream(pieces(content(size, 0)), Some(size as u64)),
            Body::from_stream(pieces(content(size, 0)), None),
        ];
        for (n, body) in bodies.into_iter().enumerate() {
            let key = format!("sizes/{size}/{n}");
            client.put(&key, body).metadata(&n).await.unwrap();
            let found = client.get_with_metadata(&key).bytes().await.unwrap().unwrap();
            assert!(found.value == content(size, 0), "{key} has different bytes");
            assert_eq!(found.metadata.unwrap().json::<usize>().unwrap(), n);
            assert!(client.get(&key).bytes().await.unwrap().unwrap() == content(size, 0), "{key}");
        }
    }
    for wrong in [999, 1001] {
        let body = Body::from_stream(pieces(content(1000, 0)), Some(wrong));
        let error = client.put("sizes/wrong", body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert_eq!(client.get("sizes/wrong").text().await.unwrap(), None);
    }
}

pub(crate) async fn what_is_missing_is_none(Fixture { client, .. }: Fixture) {
    assert!(client.get("missing").await.unwrap().is_none());
    assert_eq!(client.get("missing").text().await.unwrap(), None);
    assert_eq!(client.get("missing").json::<Value>().await.unwrap(), None);
    assert_eq!(client.get("missing").bytes().await.unwrap(), None);
    assert!(client.get_with_metadata("missing").await.unwrap().is_none());
    assert!(client.get_with_metadata("missing").text().await.unwrap().is_none());
    assert!(client.get_with_metadata("missing").bytes().await.unwrap().is_none());
}

pub(crate) async fn a_missing_namespace_is_an_error(Fixture { missing_namespace, .. }: Fixture) {
    let Some(client) = missing_namespace else { return };
    let many = [client.put_many([("k", "x")]).await.unwrap(), client.delete_many(["k"]).await.unwrap(), {
        let found = client.get_many(["k"]).text().await.unwrap();
        let results = found.results.into_iter().map(|(key, found)| (key, found.map(drop)));
        cloudflare_clients::kv::Outcomes::new(results.collect())
    }];
    let mut errors = vec![
        client.get("k").await.unwrap_err(),
        client.get("k").text().await.unwrap_err(),
        client.get_with_metadata("k").text().await.unwrap_err(),
        client.get_with_metadata("k").bytes().await.unwrap_err(),
        client.put("k", "x").await.unwrap_err(),
        client.put("k", "x").metadata(&1).await.unwrap_err(),
        client.delete("k").await.unwrap_err(),
        client.list().await.unwrap_err(),
    ];
    errors.extend(many.into_iter().map(|outcomes| outcomes.all().unwrap_err()));
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NoSuchNamespace, "{error}");
    }
}

pub(crate) async fn replacing_resets_everything(Fixture { client, .. }: Fixture) {
    client.put("replace", "one").metadata(&["m"]).expiration_ttl(Duration::from_secs(3600)).await.unwrap();
    client.put("replace", "two").await.unwrap();
    let found = client.get_with_metadata("replace").text().await.unwrap().unwrap();
    assert_eq!((found.value.as_str(), found.metadata), ("two", None));
    let listed = client.list().prefix("replace").await.unwrap();
    assert_eq!((&listed.keys[0].expiration, &listed.keys[0].metadata), (&None, &None));
}

pub(crate) async fn text_that_is_none(Fixture { client, .. }: Fixture) {
    client.put("binary", b"\xff\x00\xfe").await.unwrap();
    assert_eq!(client.get("binary").text().await.unwrap_err().kind(), ErrorKind::Serialization);
    assert_eq!(client.get("binary").bytes().await.unwrap().unwrap(), &b"\xff\x00\xfe"[..]);
    let found = client.get_with_metadata("binary").bytes().await.unwrap().unwrap();
    assert_eq!(found.value, &b"\xff\x00\xfe"[..]);
}

pub(crate) async fn metadata_in_any_script(Fixture { client, .. }: Fixture) {
    for metadata in [
        json!({"Größe": "映画 🎬", "nested": {"a": [1, 2.5, null, true]}}),
        json!("just text \"quoted\"\r\n--boundary--"),
        json!([]),
        json!(0),
        json!(false),
        // 1,024 bytes as JSON.
        json!("m".repeat(1022)),
    ] {
        client.put("metadata", "x").metadata(&metadata).await.unwrap();
        let texts = client.get_with_metadata("metadata").text().await.unwrap().unwrap().metadata;
        let bytes = client.get_with_metadata("metadata").bytes().await.unwrap().unwrap().metadata;
        let listed = client.list().prefix("metadata").await.unwrap().keys.remove(0).metadata;
        for found in [texts, bytes, listed] {
            assert_eq!(found.map(|found| found.json::<Value>().unwrap()).as_ref(), Some(&metadata));
        }
    }
}

pub(crate) async fn no_metadata(Fixture { client, .. }: Fixture) {
    client.put("bare/1", "x").await.unwrap();
    client.put("bare/2", "x").metadata(&Value::Null).await.unwrap();
    for key in ["bare/1", "bare/2"] {
        assert_eq!(client.get_with_metadata(key).text().await.unwrap().unwrap().metadata, None);
        assert_eq!(client.get_with_metadata(key).bytes().await.unwrap().unwrap().metadata, None);
    }
    let listed = client.list().prefix("bare/").await.unwrap();
    assert!(listed.keys.iter().all(|key| key.metadata.is_none()));
}

pub(crate) async fn cache_ttls(Fixture { client, lacks, .. }: Fixture) {
    client.put("cached", "x").await.unwrap();
    let ttl = Duration::from_secs(30);
    let one = client.get("cached").cache_ttl(ttl).text().await;
    let with_metadata = client.get_with_metadata("cached").cache_ttl(ttl).text().await;
    let many = client.get_many(["cached"]).cache_ttl(ttl).text().await.unwrap().all();
    if lacks.cache_ttl {
        let errors = [one.unwrap_err(), with_metadata.unwrap_err(), many.unwrap_err()];
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::Unsupported), "{errors:?}");
    } else {
        assert_eq!(one.unwrap().as_deref(), Some("x"));
        assert_eq!(with_metadata.unwrap().unwrap().value, "x");
        assert_eq!(many.unwrap(), [("cached".to_owned(), Some("x".to_owned()))]);
    }
    let error = client.get("cached").cache_ttl(Duration::from_secs(29)).text().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
}

pub(crate) async fn what_is_too_large(Fixture { client, .. }: Fixture) {
    let size = usize::try_from(MAX_VALUE_SIZE).unwrap() + 1;
    let large = client.put("large", content(size, 0)).await;
    let unknown = client.put("large", Body::from_stream(pieces(content(size, 0)), None)).await;
    let metadata = client.put("large", "x").metadata(&"m".repeat(1023)).await;
    for refused in [large, unknown, metadata] {
        let error = refused.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
    }
    assert_eq!(client.get("large").bytes().await.unwrap(), None);
}

pub(crate) async fn deleting_what_is_not_there(Fixture { client, .. }: Fixture) {
    client.put("delete", "x").await.unwrap();
    client.delete("delete").await.unwrap();
    client.delete("delete").await.unwrap();
    assert_eq!(client.get("delete").text().await.unwrap(), None);
}
