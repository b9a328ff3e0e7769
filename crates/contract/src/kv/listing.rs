use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::{KvClient, ListPage, Metadata};
use futures_util::TryStreamExt;

use super::Fixture;

async fn fill(client: &KvClient, keys: &[&str]) {
    let outcomes = client.put_many(keys.iter().map(|key| (*key, "x"))).await.unwrap();
    assert_eq!(outcomes.failed().count(), 0, "{outcomes:?}");
}

fn names(page: &ListPage) -> Vec<&str> {
    page.keys.iter().map(|key| key.name.as_str()).collect()
}

pub(crate) async fn in_the_order_of_bytes(Fixture { client, .. }: Fixture) {
    let sorted = [
        "order/",
        "order/ ",
        "order/A",
        "order/a",
        "order/a/b",
        "order/a0",
        "order/~",
        "order/é",
        "order/🎬",
    ];
    fill(&client, &sorted.into_iter().rev().collect::<Vec<_>>()).await;
    fill(&client, &["other", "orde"]).await;
    let page = client.list().prefix("order/").await.unwrap();
    assert_eq!(names(&page), sorted);
    assert!(page.list_complete && page.cursor.is_none());
    let page = client.list().prefix("order/a").await.unwrap();
    assert_eq!(names(&page), sorted[3..6]);
    let page = client.list().prefix("nothing/").await.unwrap();
    assert!(page.keys.is_empty() && page.list_complete);
}

pub(crate) async fn pages(Fixture { client, .. }: Fixture) {
    let all: Vec<_> = (0..25).map(|n| format!("page/{n:03}")).collect();
    fill(&client, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    fill(&client, &["pagf"]).await;
    for size in [10, 24, 25, 26, 1000] {
        let list = client.list().prefix("page/").page_size(size);
        let pages: Vec<_> = list.clone().pages().try_collect().await.unwrap();
        assert!(pages.iter().all(|page| page.keys.len() <= size as usize));
        assert!(pages.iter().rev().skip(1).all(|page| !page.list_complete && page.cursor.is_some()));
        assert!(pages.last().is_some_and(|page| page.list_complete));
        assert_eq!(pages.iter().flat_map(names).collect::<Vec<_>>(), all);
        let keys: Vec<_> = list.stream().map_ok(|key| key.name).try_collect().await.unwrap();
        assert_eq!(keys, all);
    }
    let first = client.list().prefix("page/").page_size(10).await.unwrap();
    let second = client.list().prefix("page/").cursor(first.cursor.unwrap()).await.unwrap();
    assert_eq!(names(&second), all[10..]);
    for size in [0, 1001] {
        let error = client.list().page_size(size).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
    }
}

pub(crate) async fn metadata_and_expiry(Fixture { client, .. }: Fixture) {
    let at = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    client.put("listed/a", "x").metadata(&["m"]).expiration(at + Duration::from_millis(900)).await.unwrap();
    client.put("listed/b", "x").await.unwrap();
    let page = client.list().prefix("listed/").await.unwrap();
    assert_eq!(page.keys[0].expiration, Some(at), "in whole seconds");
    assert_eq!(page.keys[0].metadata, Some(Metadata::new(&["m"]).unwrap()));
    assert_eq!((&page.keys[1].expiration, &page.keys[1].metadata), (&None, &None));
    let found = client.get_with_metadata("listed/a").text().await.unwrap().unwrap();
    assert!(found.expiration.is_none_or(|expiration| expiration == at), "{found:?}");
}

pub(crate) async fn bad_cursors(Fixture { client, simulated, .. }: Fixture) {
    if simulated {
        return;
    }
    let error = client.list().cursor("not a cursor of this service").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}
