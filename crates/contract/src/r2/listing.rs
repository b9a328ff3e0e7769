use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{List, ListPage, R2Service};
use futures_util::{TryStreamExt, future};

use super::Fixture;

async fn fill(service: &R2Service, keys: &[&str]) {
    let puts: Vec<_> = keys.iter().map(|key| service.put(*key, (*key).to_owned()).into_future()).collect();
    future::try_join_all(puts).await.unwrap();
}

/// Returns everything that a listing returns, as one page if pages may be short.
pub(super) async fn whole(list: List, short_pages: bool) -> ListPage {
    if !short_pages {
        return list.await.unwrap();
    }
    let mut whole = ListPage::default();
    let mut pages = list.pages();
    while let Some(page) = pages.try_next().await.unwrap() {
        whole.objects.extend(page.objects);
        whole.delimited_prefixes.extend(page.delimited_prefixes);
        whole.truncated = page.truncated;
    }
    whole
}

fn keys(page: &ListPage) -> Vec<&str> {
    page.objects.iter().map(|object| object.key.as_str()).collect()
}

pub(crate) async fn in_the_order_of_bytes(Fixture { service, short_pages, .. }: Fixture) {
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
    fill(&service, &sorted).await;
    fill(&service, &["other", "orde"]).await;
    let page = whole(service.list().prefix("order/"), short_pages).await;
    assert_eq!(keys(&page), sorted);
    assert!(!page.truncated && page.cursor.is_none() && page.delimited_prefixes.is_empty());
    let object = &page.objects[2];
    let head = service.head("order/A").await.unwrap().unwrap();
    assert_eq!((object.size, &object.etag), (head.size, &head.etag));

    let page = whole(service.list().prefix("order/").start_after("order/a"), short_pages).await;
    assert_eq!(keys(&page), sorted[4..]);
    let page = whole(service.list().prefix("order/").start_after("order/a/"), short_pages).await;
    assert_eq!(keys(&page), sorted[4..]);
    assert!(whole(service.list().prefix("nothing/"), short_pages).await.objects.is_empty());
}

pub(crate) async fn pages(Fixture { service, short_pages, .. }: Fixture) {
    let all: Vec<_> = (0..25).map(|n| format!("page/{n:03}")).collect();
    fill(&service, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for size in [1, 7, 24, 25, 26, 1000] {
        let list = service.list().prefix("page/").page_size(size);
        let pages: Vec<_> = list.clone().pages().try_collect().await.unwrap();
        assert!(pages.iter().all(|page| page.objects.len() <= size as usize));
        assert!(pages.iter().rev().skip(1).all(|page| page.truncated && page.cursor.is_some()));
        assert!(pages.last().is_some_and(|page| !page.truncated));
        assert_eq!(pages.iter().flat_map(keys).collect::<Vec<_>>(), all);
        let objects: Vec<_> = list.stream().map_ok(|object| object.key).try_collect().await.unwrap();
        assert_eq!(objects, all);
    }
    if short_pages {
        return;
    }
    let page = service.list().prefix("page/").page_size(25).await.unwrap();
    assert!(!page.truncated, "a full page is not truncated if nothing follows it");
}

pub(crate) async fn delimiters(Fixture { service, short_pages, .. }: Fixture) {
    fill(&service, &["d/a", "d/b/1", "d/b/2", "d/b/c/3", "d/c", "d/d/", "d//x", "d/e--f", "d/e--g"]).await;
    let page = whole(service.list().prefix("d/").delimiter("/"), short_pages).await;
    assert_eq!(keys(&page), ["d/a", "d/c", "d/e--f", "d/e--g"]);
    assert_eq!(page.delimited_prefixes, ["d//", "d/b/", "d/d/"]);

    let page = whole(service.list().prefix("d/b").delimiter("/"), short_pages).await;
    assert_eq!((keys(&page), page.delimited_prefixes.clone()), (vec![], vec!["d/b/".to_owned()]));

    let page = whole(service.list().prefix("d/b/").delimiter("/"), short_pages).await;
    assert_eq!(
        (keys(&page), page.delimited_prefixes.clone()),
        (vec!["d/b/1", "d/b/2"], vec!["d/b/c/".to_owned()])
    );

    let page = whole(service.list().prefix("d/e").delimiter("--"), short_pages).await;
    assert_eq!(page.delimited_prefixes, ["d/e--"]);

    let page = whole(service.list().prefix("d/").delimiter("/").start_after("d/b/1"), short_pages).await;
    assert_eq!(keys(&page), ["d/c", "d/e--f", "d/e--g"]);
    assert_eq!(
        page.delimited_prefixes,
        ["d/b/", "d/d/"],
        "there are keys of d/b/ after the one to start after"
    );
}

pub(crate) async fn delimiters_over_pages(Fixture { service, .. }: Fixture) {
    let mut all = Vec::new();
    for folder in 0..5 {
        all.extend((0..6).map(|file| format!("over/{folder}/{file}")));
        all.push(format!("over/{folder}x"));
    }
    fill(&service, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for size in 1..=11 {
        let list = service.list().prefix("over/").delimiter("/").page_size(size);
        let pages: Vec<_> = list.pages().try_collect().await.unwrap();
        let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
        for page in &pages {
            assert!(page.objects.len() + page.delimited_prefixes.len() <= size as usize);
            objects.extend(keys(page));
            prefixes.extend(page.delimited_prefixes.iter().map(String::as_str));
        }
        assert_eq!(objects, ["over/0x", "over/1x", "over/2x", "over/3x", "over/4x"], "{size}");
        assert_eq!(prefixes, ["over/0/", "over/1/", "over/2/", "over/3/", "over/4/"], "{size}");
    }
}

pub(crate) async fn metadata_where_asked(Fixture { service, short_pages, .. }: Fixture) {
    for n in 0..12 {
        let put = service.put(format!("meta/{n:02}"), "x").content_type(format!("text/x-{n}"));
        put.metadata("n", n.to_string()).await.unwrap();
    }
    let list = service.list().prefix("meta/");
    let page = whole(list.clone().include_metadata(), short_pages).await;
    assert_eq!(page.objects.len(), 12);
    for (n, object) in page.objects.iter().enumerate() {
        assert_eq!(object.key, format!("meta/{n:02}"));
        assert_eq!(object.content_type(), Some(format!("text/x-{n}").as_str()));
        assert_eq!(object.metadata("n"), Some(n.to_string().as_str()));
    }
    let page = whole(list, short_pages).await;
    assert!(
        page.objects.iter().all(|object| object.content_type().is_none() && object.metadata("n").is_none())
    );
}

pub(crate) async fn bad_cursors(Fixture { service, simulated, .. }: Fixture) {
    let page = service.list().cursor("not a cursor of this service").await;
    if simulated {
        assert!(page.unwrap().objects.is_empty());
        return;
    }
    let error = page.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}
