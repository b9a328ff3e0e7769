use cloudflare_clients::ErrorKind;

use super::Fixture;
use super::listing::whole;

const HOSTILE: &[&str] = &[
    "a//b",
    "/a",
    "//",
    "a/../b",
    "../a",
    "..",
    ".",
    "./a",
    "a/.",
    "a/",
    "a b",
    " ",
    "+",
    "a+b",
    "%2F",
    "%252F",
    "%",
    "a%zz",
    "!'()*",
    "~",
    "a?b=c&d#e",
    ";,:@&=+$",
    "\\",
    "\"<>&'`",
    "[]{}|^",
    "ä",
    // Not in NFC. It is unknown whether R2 sorts by this form or by the NFC form. Here both sort the same
    // way.
    "ö/e\u{301}\u{327}",
    "日本語/映画.mp4",
    "🎬🍿",
    "\u{200b}\u{202e}",
    "\u{7f}",
    "\t",
    "a\r\nb",
    "\u{1}",
    "http://example.com/x",
    "@example.com",
    "?uploads",
    "?delete",
];

pub(crate) async fn hostile_keys(Fixture { service, short_pages, .. }: Fixture) {
    for (index, key) in HOSTILE.iter().enumerate() {
        service.put(*key, index.to_string()).await.unwrap_or_else(|error| panic!("{error}"));
    }
    for (index, key) in HOSTILE.iter().enumerate() {
        assert!(service.head(*key).await.unwrap().is_some(), "{key:?}");
        let object = service.get(*key).await.unwrap().unwrap_or_else(|| panic!("{key:?}"));
        assert_eq!(object.text().await.unwrap(), index.to_string(), "{key:?}");
    }
    let mut expected: Vec<_> = HOSTILE.to_vec();
    expected.sort_unstable();
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let mut list = service.list().page_size(7);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        let page = list.await.unwrap();
        listed.extend(page.objects.into_iter().map(|object| object.key));
        cursor = page.cursor;
        if !page.truncated {
            break;
        }
    }
    assert_eq!(listed, expected);
    let outcome = service.delete_many(HOSTILE.iter().copied()).await.unwrap();
    assert_eq!(outcome.failed().count(), 0, "{outcome:?}");
    assert!(whole(service.list(), short_pages).await.objects.is_empty());
}

pub(crate) async fn keys_are_identified_by_their_nfc_form(
    Fixture { service, simulated, short_pages, .. }: Fixture,
) {
    let (composed, decomposed) = ("nfc/\u{e9}", "nfc/e\u{301}");
    service.put(composed, "one").await.unwrap();
    service.put(decomposed, "two").await.unwrap();
    let found = service.get(composed).await.unwrap().unwrap().text().await.unwrap();
    if simulated {
        assert_eq!(found, "one");
        return;
    }
    assert_eq!(found, "two");
    let listed = whole(service.list().prefix("nfc/"), short_pages).await;
    assert_eq!(listed.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), [decomposed]);
    service.delete(composed).await.unwrap();
    assert!(service.head(decomposed).await.unwrap().is_none());
}

pub(crate) async fn keys_that_are_too_long(Fixture { service, .. }: Fixture) {
    let longest = "ä".repeat(512);
    service.put(&longest, "x").await.unwrap();
    assert!(service.head(&longest).await.unwrap().is_some());
    let error = service.put(format!("{longest}a"), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(service.head("").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
