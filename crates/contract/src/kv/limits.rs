use std::time::Duration;

use cloudflare_clients::rate_limit::{KvRateLimiter, RateLimiter};

use super::Fixture;

pub(crate) async fn rate_limits(Fixture { client, clock, .. }: Fixture) {
    // A real clock does not advance far in a window of this length.
    let window = Duration::from_secs(86_400);
    let limiter = || KvRateLimiter::new(client.clone(), "contract", 5, window).unwrap();
    let (one, two) = (limiter(), limiter());
    for left in [4, 3, 2] {
        let decision = one.check("user/1").await.unwrap();
        assert!(decision.allowed && decision.failure.is_none(), "{decision:?}");
        assert_eq!(decision.quota.unwrap().remaining, left);
    }
    one.flush().await.unwrap();
    assert_eq!(client.list().prefix("limits/").await.unwrap().keys.len(), 1);
    for left in [1, 0] {
        let decision = two.check("user/1").await.unwrap();
        assert_eq!(
            (decision.allowed, decision.quota.unwrap().remaining),
            (true, left),
            "the count of the other limiter is visible"
        );
    }
    let refused = two.check("user/1").await.unwrap();
    assert!(!refused.allowed, "{refused:?}");
    let headers = refused.headers();
    assert_eq!(headers["RateLimit-Policy"], "\"contract\";q=5;w=86400");
    assert!(headers["RateLimit"].to_str().unwrap().starts_with("\"contract\";r=0;t="), "{headers:?}");
    assert!(headers.contains_key("Retry-After"), "{headers:?}");
    assert!(two.check("user/2").await.unwrap().allowed);
    two.flush().await.unwrap();
    assert!(!limiter().check("user/1").await.unwrap().allowed);

    let Some(clock) = clock else { return };
    clock.advance(refused.quota.unwrap().reset);
    assert!(two.check("user/1").await.unwrap().allowed);
    clock.advance(window * 2);
    assert_eq!(limiter().check("user/1").await.unwrap().quota.unwrap().remaining, 4);
}
