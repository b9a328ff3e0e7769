//! What Workers KV does over a network, where the server is asked to show it.

use std::time::Duration;

use cloudflare_emulator::{Emulator, KvBehaviour};
use serde_json::json;

use crate::client::Local;
use crate::kv::{envelope, error, namespace, result};

#[tokio::test]
async fn what_was_read_goes_on_being_read() {
    let ttl = Duration::from_millis(1500);
    let local = Local::of(Emulator::builder().kv_behaviour(KvBehaviour::default().cache_ttl(ttl))).await;
    let ns = namespace(&local).await;
    let (seen, missed) = (format!("{ns}/values/seen"), format!("{ns}/values/missed"));
    result(&local.kv("PUT", &seen).body("old").send().await);
    assert_eq!(local.kv("GET", &seen).send().await.text(), "old");
    assert_eq!(error(&local.kv("GET", &missed).send().await), (404, 10009));
    for key in [&seen, &missed] {
        result(&local.kv("PUT", key).body("new").send().await);
    }
    assert_eq!(local.kv("GET", &seen).send().await.text(), "old");
    assert_eq!(error(&local.kv("GET", &missed).send().await), (404, 10009));
    assert_eq!(error(&local.kv("GET", &format!("{ns}/metadata/missed")).send().await), (404, 10009));
    let keys = json!({ "keys": ["seen", "missed"] }).to_string();
    let many = local.kv("POST", &format!("{ns}/bulk/get")).body(keys.clone()).send().await;
    assert_eq!(result(&many)["values"], json!({ "seen": "old", "missed": null }));
    let listed = local.kv("GET", &format!("{ns}/keys")).send().await;
    assert_eq!(result(&listed), json!([{ "name": "missed" }, { "name": "seen" }]));
    // What nobody has read is read as it is.
    result(&local.kv("PUT", &format!("{ns}/values/unread")).body("new").send().await);
    assert_eq!(local.kv("GET", &format!("{ns}/values/unread")).send().await.text(), "new");

    tokio::time::sleep(ttl).await;
    let many = local.kv("POST", &format!("{ns}/bulk/get")).body(keys).send().await;
    assert_eq!(result(&many)["values"], json!({ "seen": "new", "missed": "new" }));
}

#[tokio::test]
async fn a_key_takes_one_write_a_second() {
    let local = Local::of(Emulator::builder().kv_behaviour(KvBehaviour::default().limits_writes(true))).await;
    let ns = namespace(&local).await;
    let key = format!("{ns}/values/a");
    result(&local.kv("PUT", &key).body("1").send().await);
    assert_eq!(error(&local.kv("PUT", &key).body("2").send().await), (429, 10022));
    assert_eq!(error(&local.kv("DELETE", &key).send().await), (429, 10022));
    let pairs = json!([{ "key": "a", "value": "3" }, { "key": "b", "value": "3" }]).to_string();
    let put = local.kv("PUT", &format!("{ns}/bulk")).body(pairs).send().await;
    assert_eq!(result(&put), json!({ "successful_key_count": 1, "unsuccessful_keys": ["a"] }));
    let deleted = local.kv("POST", &format!("{ns}/bulk/delete")).body(r#"["a","b","c"]"#).send().await;
    assert_eq!(result(&deleted), json!({ "successful_key_count": 1, "unsuccessful_keys": ["a", "b"] }));
    assert_eq!(local.kv("GET", &key).send().await.text(), "1");
    tokio::time::sleep(Duration::from_millis(1000)).await;
    result(&local.kv("PUT", &key).body("4").send().await);
    assert_eq!(local.kv("GET", &key).send().await.text(), "4");
}

#[tokio::test]
async fn an_empty_page_comes_before_each_page_of_keys() {
    let local = Local::of(Emulator::builder().kv_behaviour(KvBehaviour::default().empty_pages(true))).await;
    let ns = namespace(&local).await;
    let pairs = json!([{ "key": "a", "value": "x" }, { "key": "b", "value": "x" }]).to_string();
    result(&local.kv("PUT", &format!("{ns}/bulk")).body(pairs).send().await);
    let (mut cursor, mut pages) = (String::new(), Vec::new());
    loop {
        let page = local.kv("GET", &format!("{ns}/keys?limit=1&cursor={cursor}")).send().await;
        pages.push(result(&page));
        cursor = envelope(&page)["result_info"]["cursor"].as_str().unwrap().to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(json!(pages), json!([[], [{ "name": "a" }], [], [{ "name": "b" }]]));
}
