//! The client against a server that fails some of its requests, in every way.

use std::time::Duration;

use cloudflare_clients::RetryPolicy;
use cloudflare_clients::r2::{Conditional, R2Service};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use testkit::{BUCKET, LocalServer, content};

#[tokio::test]
async fn nothing_is_lost_and_nothing_is_damaged_by_failures_of_every_kind() {
    let server = LocalServer::start().await;
    let quick = RetryPolicy::default().max_retries(12).base_delay(Duration::from_millis(2));
    let r2 = R2Service::new(server.bucket(BUCKET)).with_retry(quick);
    server.faults.follow("503=8%,500=4%,429=4%,reset=4%,lost=4%,cut=4%,slow=5ms@20%".parse().unwrap());
    let objects: Vec<_> = (0..60).map(|n| (format!("key-{n:02}"), content(n * 3000, n as u64))).collect();
    stream::iter(&objects)
        .map(|(key, bytes)| {
            // After a lost answer, the object is not taken for somebody else's.
            let only_if = Conditional::new().etag_does_not_match("*");
            r2.put(key, bytes.clone()).only_if(only_if).into_future()
        })
        .buffered(8)
        .try_for_each(async |_| Ok(()))
        .await
        .unwrap();
    for (key, bytes) in &objects {
        let found = r2.get(key).bytes().await.unwrap().unwrap();
        assert!(found == *bytes, "{key}");
    }
    let listed: Vec<_> =
        r2.list().page_size(7).stream().map_ok(|object| object.key).try_collect().await.unwrap();
    assert_eq!(listed, objects.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>());
    let copied = r2.copy("key-59", "copy").await.unwrap();
    assert_eq!(copied.etag, r2.head("key-59").await.unwrap().unwrap().etag);
    let deleted = r2.delete_many(listed).await.unwrap();
    assert_eq!(deleted.failed().count(), 0, "{deleted:?}");
    assert_eq!(r2.list().await.unwrap().objects.len(), 1);
}
