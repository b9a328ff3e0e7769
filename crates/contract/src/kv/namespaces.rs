//! The namespaces of the account.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::Namespaces;
use futures_util::TryStreamExt as _;

use super::fixture::Fixture;

/// Returns the account's namespaces, unless the backend reaches a single namespace.
fn namespaces(fixture: &Fixture) -> Option<Namespaces> {
    let namespaces = fixture.client.namespaces();
    if fixture.lacks.namespaces {
        assert_eq!(namespaces.unwrap_err().kind(), ErrorKind::Unsupported);
        return None;
    }
    Some(namespaces.unwrap())
}

async fn titles(namespaces: &Namespaces) -> Vec<String> {
    let all: Vec<_> = namespaces.list().stream().try_collect().await.unwrap();
    all.into_iter().map(|namespace| namespace.title).filter(|title| title.starts_with("contract ")).collect()
}

pub(super) async fn namespaces_come_and_go(fixture: Fixture) {
    let Some(namespaces) = namespaces(&fixture) else { return };
    let created = namespaces.create("contract ä/\"\u{1f3ac}\"").await.unwrap();
    assert_eq!((created.id.len(), created.title.as_str()), (32, "contract ä/\"\u{1f3ac}\""));
    let taken = namespaces.create(&created.title).await.unwrap_err();
    assert_eq!((taken.kind(), taken.key()), (ErrorKind::Conflict, Some(created.title.as_str())));

    let other = namespaces.create("contract other").await.unwrap();
    assert_ne!(other.id, created.id);
    let taken = namespaces.rename(&other.id, &created.title).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    for _ in 0..2 {
        namespaces.rename(&other.id, "contract a").await.unwrap();
    }
    assert_eq!(titles(&namespaces).await, ["contract a", &created.title]);

    namespaces.delete(&created.id).await.unwrap();
    assert_eq!(titles(&namespaces).await, ["contract a"]);
    for missing in [namespaces.delete(&created.id).await, namespaces.rename(&created.id, "contract b").await]
    {
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NoSuchNamespace);
    }
    for refused in [
        namespaces.create("").await.map(drop),
        namespaces.create("t".repeat(513)).await.map(drop),
        namespaces.rename(&other.id, "").await,
        namespaces.list().page(0).await.map(drop),
        namespaces.list().page_size(1001).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.kind(), refused.attempts()), (ErrorKind::InvalidInput, 0));
    }
}

pub(super) async fn pages_of_namespaces(fixture: Fixture) {
    let Some(namespaces) = namespaces(&fixture) else { return };
    let before: Vec<_> = namespaces.list().stream().try_collect().await.unwrap();
    for number in (0..5).rev() {
        namespaces.create(format!("contract {number}")).await.unwrap();
    }
    assert!(titles(&namespaces).await.iter().map(String::as_str).eq(
        (0..5).map(|number| format!("contract {number}")).collect::<Vec<_>>().iter().map(String::as_str)
    ));
    let all = before.len() + 5;
    let pages: Vec<_> = namespaces.list().page_size(2).pages().try_collect().await.unwrap();
    assert_eq!(pages.len(), all.div_ceil(2));
    assert!(pages.iter().all(|page| page.total == Some(all as u64)));
    let last = pages.last().unwrap();
    assert!(!last.truncated && pages[0].truncated);
    let second = namespaces.list().page_size(2).page(2).await.unwrap();
    assert_eq!(second.namespaces, pages[1].namespaces);
    let beyond = namespaces.list().page_size(2).page(99).await.unwrap();
    assert!(beyond.namespaces.is_empty() && !beyond.truncated);
}
