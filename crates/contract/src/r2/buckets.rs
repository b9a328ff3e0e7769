//! The buckets of the account.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Buckets, LocationHint, StorageClass};
use futures_util::TryStreamExt as _;

use super::fixture::Fixture;

/// Returns the account's buckets, unless the backend reaches a single bucket.
fn buckets(fixture: &Fixture) -> Option<Buckets> {
    let buckets = fixture.service.buckets();
    if fixture.lacks.buckets {
        assert_eq!(buckets.unwrap_err().kind(), ErrorKind::Unsupported);
        return None;
    }
    Some(buckets.unwrap())
}

pub(super) async fn buckets_come_and_go(fixture: Fixture) {
    let Some(buckets) = buckets(&fixture) else { return };
    let created = buckets.create("contract-films").await.unwrap();
    assert_eq!(created.name, "contract-films");
    let taken = buckets.create("contract-films").await.unwrap_err();
    assert_eq!((taken.kind(), taken.key()), (ErrorKind::Conflict, Some("contract-films")));
    let found = buckets.head("contract-films").await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.region.as_deref()), ("contract-films", Some("auto")));
    let page = buckets.list().prefix("contract-").await.unwrap();
    assert!(page.buckets.len() == 1 && page.buckets[0].created.is_some() && !page.truncated, "{page:?}");

    buckets.delete("contract-films").await.unwrap();
    assert!(buckets.head("contract-films").await.unwrap().is_none());
    let missing = buckets.delete("contract-films").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchBucket);
    let missing = buckets.location("contract-films").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchBucket);
    for refused in [
        buckets.create("Films").await.map(drop),
        buckets.head("a/b").await.map(drop),
        buckets.location("").await.map(drop),
        buckets.delete("..").await,
        buckets.list().page_size(0).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.kind(), refused.attempts()), (ErrorKind::InvalidInput, 0));
    }
}

pub(super) async fn buckets_with_objects_stay(fixture: Fixture) {
    let Some(buckets) = buckets(&fixture) else { return };
    let Some(other) = &fixture.other else { return };
    other.put("key", "value").await.unwrap();
    let listed: Vec<_> = buckets.list().stream().try_collect().await.unwrap();
    assert!(listed.iter().any(|bucket| bucket.name == "other"));
    let used = buckets.delete("other").await.unwrap_err();
    assert_eq!((used.kind(), used.code()), (ErrorKind::Conflict, Some("BucketNotEmpty")));
    other.delete("key").await.unwrap();
    buckets.delete("other").await.unwrap();
    assert_eq!(other.head("key").await.unwrap_err().kind(), ErrorKind::NoSuchBucket);
}

pub(super) async fn pages_of_buckets(fixture: Fixture) {
    let Some(buckets) = buckets(&fixture) else { return };
    let names = ["page-a", "page-b", "page-c", "page-d"];
    for name in names.iter().rev() {
        buckets.create(*name).await.unwrap();
    }
    buckets.create("pagf").await.unwrap();
    for list in [buckets.list(), buckets.list().by_headers()] {
        let list = list.prefix("page-");
        let pages: Vec<_> = list.clone().page_size(3).pages().try_collect().await.unwrap();
        let sizes: Vec<_> = pages.iter().map(|page| (page.buckets.len(), page.truncated)).collect();
        assert_eq!(sizes, [(3, true), (1, false)]);
        let found = pages.into_iter().flat_map(|page| page.buckets).map(|bucket| bucket.name);
        assert!(found.eq(names));
        let page = list.clone().page_size(1).await.unwrap();
        let next = list.clone().page_size(1).cursor(page.cursor.unwrap()).await.unwrap();
        assert_eq!(next.buckets[0].name, "page-b");
        let after = list.start_after("page-b").await.unwrap();
        assert!(after.buckets.iter().map(|bucket| bucket.name.as_str()).eq(["page-c", "page-d"]));
    }
    assert!(buckets.list().prefix("page-z").await.unwrap().buckets.is_empty());
}

pub(super) async fn what_buckets_are_told(fixture: Fixture) {
    let Some(buckets) = buckets(&fixture) else { return };
    for hint in LocationHint::ALL {
        let name = format!("told-{hint}");
        buckets.create(&name).location(hint).await.unwrap();
        assert_eq!(buckets.location(name).await.unwrap(), Some(hint));
    }
    buckets.create("told-nothing").storage_class(StorageClass::Standard).await.unwrap();
    assert_eq!(buckets.location("told-nothing").await.unwrap(), None);
    buckets.create("told-class").storage_class(StorageClass::InfrequentAccess).await.unwrap();
    assert!(buckets.head("told-class").await.unwrap().is_some());
}
