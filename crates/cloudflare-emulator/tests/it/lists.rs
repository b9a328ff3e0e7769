//! Listings, and deletes of many.

use crate::client::Local;

async fn with_keys(keys: &[&str]) -> Local {
    let local = Local::start().await;
    for key in keys {
        local.put(&format!("/media/{key}"), "x").await;
    }
    local
}

#[tokio::test]
async fn version_2_pages_through_keys_and_prefixes() {
    let local = with_keys(&["a", "b/1", "b/2", "c", "d/1"]).await;
    let all = local.get("/media?list-type=2&delimiter=%2F").await;
    assert_eq!(all.elements("Key"), ["a", "c"]);
    assert_eq!(all.elements("Prefix"), ["b/", "d/", ""]);
    assert_eq!((all.element("KeyCount"), all.element("IsTruncated")), ("4".to_owned(), "false".to_owned()));
    assert!(all.element("NextContinuationToken").is_empty() && !all.text().contains("<Owner>"));
    assert!(all.text().contains("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
    assert_eq!((all.element("StorageClass").as_str(), all.element("LastModified").len()), ("STANDARD", 24));

    let (mut found, mut token) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page = local.get(&format!("/media?list-type=2&delimiter=/&max-keys=1{token}")).await;
        assert_eq!(page.element("KeyCount"), "1");
        found.extend(page.elements("Key"));
        found.extend(page.elements("CommonPrefixes"));
        token = format!("&continuation-token={}", page.element("NextContinuationToken"));
    }
    assert_eq!(found, ["a", "<Prefix>b/</Prefix>", "c", "<Prefix>d/</Prefix>"]);

    let after = local.get("/media?list-type=2&start-after=b%2F1&prefix=b").await;
    assert_eq!(
        (after.elements("Key"), after.element("StartAfter")),
        (vec!["b/2".to_owned()], "b/1".to_owned())
    );
    assert!(local.get("/media?list-type=2&fetch-owner=true").await.text().contains("<Owner>"));
}

#[tokio::test]
async fn a_token_says_alone_where_a_page_begins() {
    let local = with_keys(&["1", "2", "3", "4"]).await;
    let page = local.get("/media?list-type=2&start-after=1&max-keys=1").await;
    let token = page.element("NextContinuationToken");
    assert_eq!(page.elements("Key"), ["2"]);
    // The token itself, which minio-py sends and which comes after all keys, is one of them.
    for start_after in ["", "1", "3", "zzz", &token] {
        let target = format!("/media?list-type=2&continuation-token={token}&start-after={start_after}");
        let page = local.get(&target).await;
        assert_eq!(
            (page.elements("Key"), page.element("StartAfter").as_str()),
            (vec!["3".to_owned(), "4".to_owned()], start_after)
        );
    }
    assert_eq!(
        local.get("/media?list-type=2&continuation-token=&start-after=3").await.elements("Key"),
        ["4"]
    );
}

/// What version 1 lists, one entry a page, as it is in a URL.
async fn pages_of_version_1(local: &Local, query: &str) -> Vec<String> {
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let query = format!("/media?encoding-type=url&max-keys=1&{query}&marker={marker}");
        let page = local.get(&query).await;
        found.extend(page.elements("Key"));
        found.extend(page.elements("CommonPrefixes"));
        if page.element("IsTruncated") == "false" {
            assert!(page.element("NextMarker").is_empty());
            return found;
        }
        assert!(found.len() < 10, "it does not end: {found:?}");
        marker = page.element("NextMarker");
    }
}

#[tokio::test]
async fn version_1_continues_after_a_prefix_that_is_its_marker() {
    let local = with_keys(&["a", "b/1", "b/2", "c"]).await;
    let found = pages_of_version_1(&local, "delimiter=/").await;
    assert_eq!(found, ["a", "<Prefix>b/</Prefix>", "c"]);
    assert_eq!(local.get("/media?marker=b%2F1").await.elements("Key"), ["b/2", "c"]);
    assert_eq!(local.get("/media?max-keys=2").await.element("NextMarker"), "b/1");
}

#[tokio::test]
async fn version_1_continues_after_a_prefix_in_another_form_of_unicode() {
    let local = with_keys(&["a%C3%A91", "a%C3%A92", "%C3%A9/1", "%C3%A9/2", "%C3%A9z"]).await;
    let found = pages_of_version_1(&local, "delimiter=/&prefix=e%CC%81").await;
    assert_eq!(found, ["<Prefix>%C3%A9/</Prefix>", "%C3%A9z"]);
    let found = pages_of_version_1(&local, "delimiter=e%CC%81&prefix=a").await;
    assert_eq!(found, ["<Prefix>a%C3%A9</Prefix>"]);
}

#[tokio::test]
async fn version_1_continues_after_a_prefix_that_is_longer_when_keys_are_compared() {
    // 900 bytes as they are sent, and 1,800 as they are compared.
    let folder = "%E0%A5%98".repeat(300);
    let last = "%F4%8F%BF%BF";
    let keys = [format!("{folder}/{}", last.repeat(5)), format!("{folder}/a"), format!("{last}z")];
    let local = with_keys(&keys.each_ref().map(String::as_str)).await;
    let found = pages_of_version_1(&local, "delimiter=/").await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1], keys[2]);
}

#[tokio::test]
async fn parameters_as_r2_reads_them() {
    let local = with_keys(&["a%20%26", "b", "%01"]).await;
    let none = local.get("/media?list-type=2&max-keys=0").await;
    assert_eq!((none.element("IsTruncated"), none.element("KeyCount")), ("true".to_owned(), "0".to_owned()));
    assert_eq!(local.get("/media?list-type=2&max-keys=0&prefix=z").await.element("IsTruncated"), "false");
    assert_eq!(local.get("/media?list-type=2&max-keys=1.9").await.element("MaxKeys"), "1");
    assert_eq!(local.get("/media?list-type=2&max-keys=5000").await.element("MaxKeys"), "5000");
    assert_eq!(
        local.get("/media?list-type=2&encoding-type=url").await.elements("Key"),
        ["%01", "a%20%26", "b"]
    );
    assert_eq!(local.get("/media?prefix=a").await.element("Key"), "a &amp;");
    for (query, status, code) in [
        ("list-type=2&max-keys=-1", 400, "InvalidMaxKeys"),
        ("max-keys=x", 400, "InvalidMaxKeys"),
        ("encoding-type=base64", 501, "NotImplemented"),
        ("continuation-token=x", 400, "InvalidArgument"),
        ("list-type=2&continuation-token=!", 400, "InvalidArgument"),
        ("list-type=2&unknown=1", 501, "NotImplemented"),
        ("prefix=%FF", 400, "InvalidArgument"),
    ] {
        assert_eq!(local.get(&format!("/media?{query}")).await.error(), (status, code.to_owned()), "{query}");
    }
    let unknown = local.get("/media?list-type=2&unknown=1").await;
    assert_eq!(unknown.element("Message"), "ListObjectsV2 search parameter unknown not implemented");
    assert_eq!(local.get("/none?list-type=2").await.error(), (404, "NoSuchBucket".to_owned()));
}

#[tokio::test]
async fn deletes_of_many_name_every_key() {
    let local = with_keys(&["a%26b", "%20c"]).await;
    let delete = |body: String| local.request("POST", "/media?delete").body(body);
    let object = |key: &str| format!("<Object><Key>{key}</Key></Object>");
    let body = format!(
        "<Delete><Quiet>true</Quiet>{}{}{}</Delete>",
        object("a&amp;b"),
        object(" c"),
        object("none")
    );
    let answer = delete(body).send().await;
    assert_eq!(
        (answer.status, answer.elements("Key")),
        (200, vec!["a&amp;b".into(), " c".into(), "none".into()])
    );
    assert!(local.get("/media").await.elements("Key").is_empty());

    let many = (0..1001).map(|n| object(&n.to_string())).collect::<String>();
    for malformed in [
        String::new(),
        "<Delete>".to_owned(),
        "<Delete/>".to_owned(),
        "<Other/>".to_owned(),
        "<Delete><Object/></Delete>".to_owned(),
        format!("<Delete><Quiet>maybe</Quiet>{}</Delete>", object("a")),
        format!("<Delete>{many}</Delete>"),
        format!("<!DOCTYPE d [<!ENTITY e \"x\">]><Delete>{}</Delete>", object("&e;")),
        "\u{0}\u{1}".to_owned(),
    ] {
        assert_eq!(delete(malformed).send().await.error(), (400, "MalformedXML".to_owned()));
    }
    let wrong =
        delete(format!("<Delete>{}</Delete>", object("a"))).header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(wrong.send().await.error(), (400, "BadDigest".to_owned()));
}
