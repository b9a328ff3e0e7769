use std::time::Duration;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::{KvClient, Metadata, PutRequest};
use futures_util::TryStreamExt;

use super::Fixture;

/// Stores `count` values, named by their number.
async fn fill(client: &KvClient, prefix: &str, count: usize) {
    let pairs = (0..count).map(|n| (format!("{prefix}{n}"), n.to_string()));
    assert_eq!(client.put_many(pairs).await.unwrap().failed().count(), 0);
}

pub(crate) async fn getting_many(Fixture { client, .. }: Fixture) {
    fill(&client, "many/", 250).await;
    let mut keys: Vec<_> = (0..250).rev().map(|n| format!("many/{n}")).collect();
    keys.extend(["many/missing", "many/7"].map(str::to_owned));
    let found = client.get_many(keys.clone()).text().await.unwrap().all().unwrap();
    let mut expected: Vec<_> = (0..250).rev().map(|n| (format!("many/{n}"), Some(n.to_string()))).collect();
    expected.push(("many/missing".to_owned(), None));
    expected.push(("many/7".to_owned(), Some("7".to_owned())));
    assert_eq!(found, expected);
    assert!(client.get_many(Vec::<String>::new()).text().await.unwrap().results.is_empty());
}

pub(crate) async fn getting_many_as_json(Fixture { client, .. }: Fixture) {
    fill(&client, "json/", 2).await;
    client.put("json/none", "{").await.unwrap();
    let found = client.get_many(["json/1", "json/none", "json/missing"]).json::<u32>().await.unwrap();
    let succeeded: Vec<_> = found.succeeded().collect();
    assert_eq!(succeeded, [("json/1", &Some(1)), ("json/missing", &None)]);
    let failed: Vec<_> = found.failed().map(|(key, error)| (key, error.kind())).collect();
    assert_eq!(failed, [("json/none", ErrorKind::Serialization)]);
}

pub(crate) async fn getting_many_as_bytes(Fixture { client, .. }: Fixture) {
    client.put("bytes/a", b"\xff\x00").metadata(&1).await.unwrap();
    let found = client.get_many(["bytes/a", "bytes/b"]).bytes().await.unwrap().all().unwrap();
    assert_eq!(found[0].1.as_deref(), Some(&b"\xff\x00"[..]));
    assert_eq!(found[1].1, None);
    let found = client.get_many_with_metadata(["bytes/a"]).bytes().await.unwrap().all().unwrap();
    assert_eq!(found[0].1.as_ref().unwrap().metadata, Some(Metadata::new(&1).unwrap()));
}

pub(crate) async fn getting_many_with_metadata(Fixture { client, .. }: Fixture) {
    let put = PutRequest::new("both/a", "1").metadata(&["m"]).unwrap();
    client.put_many([put, PutRequest::new("both/b", "2")]).await.unwrap().all().unwrap();
    let keys = ["both/a", "both/missing", "both/b"];
    let found = client.get_many_with_metadata(keys).text().await.unwrap().all().unwrap();
    let found: Vec<_> =
        found.into_iter().map(|(_, found)| found.map(|found| (found.value, found.metadata))).collect();
    let metadata = Some(Metadata::new(&["m"]).unwrap());
    assert_eq!(found, [Some(("1".to_owned(), metadata)), None, Some(("2".to_owned(), None))]);
    let found = client.get_many_with_metadata(keys).json::<u32>().await.unwrap().all().unwrap();
    assert_eq!(found[2].1.as_ref().unwrap().value, 2);
}

pub(crate) async fn putting_many(Fixture { client, .. }: Fixture) {
    let puts = vec![
        PutRequest::new("puts/text", "ä \"quoted\"\n"),
        PutRequest::new("puts/binary", b"\xff\x00\xfe").metadata(&1).unwrap(),
        PutRequest::new("puts/control", "\u{1}".repeat(1000)),
        PutRequest::new("puts/empty", "").expiration_ttl(Duration::from_secs(3600)),
    ];
    let outcomes = client.put_many(puts).await.unwrap();
    let keys: Vec<_> = outcomes.succeeded().map(|(key, ())| key).collect();
    assert_eq!(keys, ["puts/text", "puts/binary", "puts/control", "puts/empty"]);
    assert_eq!(client.get("puts/text").text().await.unwrap().as_deref(), Some("ä \"quoted\"\n"));
    let binary = client.get_with_metadata("puts/binary").bytes().await.unwrap().unwrap();
    assert_eq!(
        (&binary.value[..], binary.metadata),
        (&b"\xff\x00\xfe"[..], Some(Metadata::new(&1).unwrap()))
    );
    assert_eq!(client.get("puts/control").text().await.unwrap(), Some("\u{1}".repeat(1000)));
    let listed = client.list().prefix("puts/empty").await.unwrap();
    assert!(listed.keys[0].expiration.is_some());

    let refused =
        client.put_many([PutRequest::new("puts/refused", "x").expiration_ttl(Duration::from_secs(1))]);
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(client.put_many(Vec::<PutRequest>::new()).await.unwrap().results.is_empty());
}

pub(crate) async fn deleting_many(Fixture { client, .. }: Fixture) {
    fill(&client, "gone/", 30).await;
    client.put("kept", "x").await.unwrap();
    let keys: Vec<_> = (0..40).map(|n| format!("gone/{n}")).collect();
    let outcomes = client.delete_many(keys.clone()).await.unwrap();
    assert_eq!(outcomes.failed().count(), 0, "{outcomes:?}");
    assert!(outcomes.succeeded().map(|(key, ())| key).eq(keys.iter().map(String::as_str)));
    let left: Vec<_> = client.list().stream().map_ok(|key| key.name).try_collect().await.unwrap();
    assert_eq!(left, ["kept"]);
    assert!(client.delete_many(Vec::<String>::new()).await.unwrap().results.is_empty());
}
