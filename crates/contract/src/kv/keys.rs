use cloudflare_clients::ErrorKind;
use futures_util::TryStreamExt;

use super::Fixture;

const HOSTILE: &[&str] = &[
    "a//b",
    "/a",
    "//",
    "a/../b",
    "../a",
    "...",
    "./a",
    "a/.",
    "a/..",
    "a/",
    "a b",
    " ",
    "+",
    "a+b",
    "%2F",
    "%252F",
    "%2e%2e",
    "%",
    "a%zz",
    "!'()*",
    "~",
    "a?b=c&d#e",
    "?urlencoded=true",
    ";,:@&=+$",
    "\\",
    "\"<>&'`",
    "[]{}|^",
    "ä",
    // Not in NFC: a different key from its NFC form.
    "e\u{301}",
    "é",
    "日本語/映画.mp4",
    "🎬🍿",
    "\u{200b}\u{202e}",
    "\u{7f}",
    "\t",
    "a\r\nb",
    "\u{1}",
    "http://example.com/x",
    "__proto__",
    "bulk/get",
    "values",
];

pub(crate) async fn hostile_keys(Fixture { client, simulated, .. }: Fixture) {
    for (index, key) in HOSTILE.iter().enumerate() {
        client.put(*key, index.to_string()).await.unwrap_or_else(|error| panic!("{error}"));
    }
    for (index, key) in HOSTILE.iter().enumerate() {
        let value = client.get(*key).text().await.unwrap();
        assert_eq!(value, Some(index.to_string()), "{key:?}");
    }
    let many = client.get_many(HOSTILE.iter().copied()).text().await.unwrap().all().unwrap();
    for (index, (key, value)) in many.into_iter().enumerate() {
        let lost = simulated && key == "__proto__";
        assert_eq!((key.as_str(), value), (HOSTILE[index], (!lost).then(|| index.to_string())));
    }

    let mut expected: Vec<_> = HOSTILE.to_vec();
    expected.sort_unstable();
    let listed: Vec<_> =
        client.list().page_size(10).stream().map_ok(|key| key.name).try_collect().await.unwrap();
    assert_eq!(listed, expected);
    let outcomes = client.delete_many(HOSTILE.iter().copied()).await.unwrap();
    assert_eq!(outcomes.failed().count(), 0, "{outcomes:?}");
    assert!(client.list().await.unwrap().keys.is_empty());
}

pub(crate) async fn keys_that_are_refused(Fixture { client, .. }: Fixture) {
    let longest = "ä".repeat(256);
    client.put(&longest, "x").await.unwrap();
    assert_eq!(client.get(&longest).text().await.unwrap().as_deref(), Some("x"));
    for key in ["", ".", "..", &format!("{longest}a")] {
        let errors = [
            client.get(key).text().await.unwrap_err(),
            client.get_with_metadata(key).await.unwrap_err(),
            client.get_many(["ok", key]).text().await.unwrap_err(),
            client.put(key, "x").await.unwrap_err(),
            client.put_many([("ok", "x"), (key, "x")]).await.unwrap_err(),
            client.delete(key).await.unwrap_err(),
            client.delete_many(["ok", key]).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
        }
    }
    assert_eq!(client.get("ok").text().await.unwrap(), None);
}
