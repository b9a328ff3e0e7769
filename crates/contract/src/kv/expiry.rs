use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::ErrorKind;

use super::Fixture;

pub(crate) async fn keys_expire(Fixture { client, clock, .. }: Fixture) {
    client.put("short", "x").expiration_ttl(Duration::from_secs(60)).await.unwrap();
    client.put("long", "x").expiration_ttl(Duration::from_secs(3600)).await.unwrap();
    client.put("ever", "x").await.unwrap();
    let Some(clock) = clock else {
        let listed = client.list().await.unwrap();
        let expires: Vec<_> = listed.keys.iter().map(|key| key.expiration.is_some()).collect();
        assert_eq!(expires, [false, true, true]);
        return;
    };
    clock.advance(Duration::from_secs(60));
    assert_eq!(client.get("short").text().await.unwrap(), None);
    assert!(client.get_with_metadata("short").text().await.unwrap().is_none());
    let many = client.get_many(["short", "long"]).text().await.unwrap().all().unwrap();
    assert_eq!(many.iter().map(|(_, found)| found.is_some()).collect::<Vec<_>>(), [false, true]);
    let listed = client.list().await.unwrap();
    assert_eq!(listed.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["ever", "long"]);
    client.put("short", "again").await.unwrap();
    clock.advance(Duration::from_secs(3600));
    assert_eq!(client.get("short").text().await.unwrap().as_deref(), Some("again"));
    assert_eq!(client.get("long").text().await.unwrap(), None);
}

pub(crate) async fn expiries_that_are_refused(Fixture { client, .. }: Fixture) {
    let put = || client.put("refused", "x");
    let errors = [
        put().expiration_ttl(Duration::from_secs(59)).await.unwrap_err(),
        put().expiration_ttl(Duration::ZERO).await.unwrap_err(),
        put().expiration(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
    }
    assert_eq!(client.get("refused").text().await.unwrap(), None);
    // The time to live takes precedence.
    let far = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    put().expiration(far).expiration_ttl(Duration::from_secs(3600)).await.unwrap();
    let listed = client.list().prefix("refused").await.unwrap();
    assert!(listed.keys[0].expiration.is_some_and(|expiration| expiration < far));
}
