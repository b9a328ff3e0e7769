//! The limiter over the embedded store, with a manual clock and a namespace that counts calls and fails on
//! demand.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::ErrorKind;
use crate::kv::testing::Recording;
use crate::transport::headers::header_map;

const MINUTE: Duration = Duration::from_secs(60);

fn limiter(kv: &Recording, limit: u64) -> KvRateLimiter {
    KvRateLimiter::new(kv.client(), "test", limit, MINUTE).unwrap()
}

async fn allowed(limiter: &KvRateLimiter, key: &str) -> bool {
    limiter.check(key).await.unwrap().allowed
}

#[tokio::test]
async fn what_is_left_is_exact_in_one_place() {
    let kv = Recording::new().await;
    let limiter = limiter(&kv, 3);
    // The clock starts at the beginning of a window.
    for (remaining, reset) in [(2, 120), (1, 90), (0, 80)] {
        let quota = limiter.check("a").await.unwrap().quota.unwrap();
        assert_eq!((quota.limit, quota.remaining, quota.reset.as_secs()), (3, remaining, reset));
    }
    let refused = limiter.check("a").await.unwrap();
    assert!(!refused.allowed && refused.failure.is_none());
    // Two of the three are available once a third of the next window has passed.
    assert_eq!(refused.quota.as_ref().unwrap().reset, Duration::from_secs(80));
    assert_eq!(
        refused.headers(),
        header_map([
            ("ratelimit-policy", "\"test\";q=3;w=60"),
            ("ratelimit", "\"test\";r=0;t=60"),
            ("retry-after", "60"),
        ])
    );
    kv.advance(Duration::from_secs(80) - Duration::from_millis(1));
    assert!(!allowed(&limiter, "a").await);
    kv.advance(Duration::from_millis(1));
    assert!(allowed(&limiter, "a").await);
    assert!(!allowed(&limiter, "a").await);
    assert!(allowed(&limiter, "b").await, "another key");
    kv.advance(MINUTE * 2);
    assert_eq!(limiter.check("a").await.unwrap().quota.unwrap().remaining, 2);
}

#[tokio::test]
async fn nobody_is_told_to_wait_longer_than_the_window() {
    let kv = Recording::new().await;
    let limiter = limiter(&kv, 1);
    assert!(allowed(&limiter, "a").await);
    for (seconds, reset, told) in [(0, 120, "60"), (45, 75, "60"), (30, 45, "45"), (44, 1, "1")] {
        kv.advance(Duration::from_secs(seconds));
        let refused = limiter.check("a").await.unwrap();
        assert_eq!(refused.quota.as_ref().unwrap().reset, Duration::from_secs(reset));
        let headers = refused.headers();
        assert_eq!(headers["retry-after"], told);
        assert_eq!(headers["ratelimit"], format!("\"test\";r=0;t={told}"));
    }
    kv.advance(Duration::from_secs(1));
    assert!(allowed(&limiter, "a").await);
}

#[tokio::test]
async fn places_hear_of_each_other() {
    let kv = Recording::new().await;
    let (one, two) = (limiter(&kv, 4), limiter(&kv, 4));
    for _ in 0..3 {
        assert!(allowed(&one, "a").await);
    }
    one.flush().await.unwrap();
    assert_eq!(two.check("a").await.unwrap().quota.unwrap().remaining, 0);
    two.flush().await.unwrap();
    // It has read the counts a moment ago.
    assert!(allowed(&one, "a").await);
    kv.advance(Duration::from_secs(10));
    assert!(!allowed(&one, "a").await);
    // In the next window: unwritten counts are written now, and count for the previous window.
    kv.advance(MINUTE);
    one.flush().await.unwrap();
    let three = limiter(&kv, 4);
    let quota = three.check("a").await.unwrap().quota.unwrap();
    assert_eq!(quota.remaining, 0, "5 in the window before, of which 50 s are left, count as 4.2");
}

#[tokio::test]
async fn a_key_is_written_once_a_second_and_when_something_was_counted() {
    let kv = Recording::new().await;
    let limiter = limiter(&kv, 1000);
    for _ in 0..50 {
        assert!(allowed(&limiter, "a").await);
        limiter.flush().await.unwrap();
        kv.advance(Duration::from_millis(100));
    }
    assert_eq!(kv.puts().len(), 5);
    assert_eq!(kv.calls("list"), 1);
    kv.advance(Duration::from_secs(1));
    for _ in 0..3 {
        limiter.flush().await.unwrap();
    }
    assert_eq!(kv.puts().len(), 6, "the rest");
    let listed = kv.client().list().await.unwrap();
    assert_eq!(listed.keys.len(), 1);
    assert_eq!(listed.keys[0].metadata.as_ref().unwrap().as_str(), "50");
    kv.advance(MINUTE * 2);
    assert!(kv.client().list().await.unwrap().keys.is_empty(), "it has expired");
}

#[tokio::test]
async fn what_is_refused_costs_nothing() {
    let kv = Recording::new().await;
    let limiter = limiter(&kv, 1);
    assert!(allowed(&limiter, "a").await);
    limiter.flush().await.unwrap();
    let calls = kv.calls("");
    for _ in 0..50 {
        kv.advance(Duration::from_secs(1));
        assert!(!allowed(&limiter, "a").await);
        limiter.flush().await.unwrap();
    }
    assert_eq!(kv.calls(""), calls);
}

#[tokio::test]
async fn a_count_that_was_not_written_is_written_later() {
    let kv = Recording::new().await;
    let limiter = limiter(&kv, 10);
    assert!(allowed(&limiter, "a").await);
    kv.fail(true);
    assert_eq!(limiter.flush().await.unwrap_err().kind(), ErrorKind::Server);
    kv.fail(false);
    limiter.flush().await.unwrap();
    assert_eq!(kv.puts().len(), 1, "not before a second has passed");
    kv.advance(Duration::from_secs(1));
    limiter.flush().await.unwrap();
    assert_eq!(kv.client().list().await.unwrap().keys.len(), 1);
}

#[tokio::test]
async fn without_kv_it_is_open_or_closed() {
    let kv = Recording::new().await;
    kv.fail(true);
    let open = limiter(&kv, 2);
    let decision = open.check("a").await.unwrap();
    assert_eq!((decision.allowed, decision.failure.unwrap().kind()), (true, ErrorKind::Server));
    assert_eq!(kv.calls("list"), 1, "it is not tried again");
    // Memory continues to count, and KV is not asked each time.
    assert!(allowed(&open, "a").await);
    assert!(!allowed(&open, "a").await);
    assert_eq!(kv.calls("list"), 1);

    let closed = limiter(&kv, 2).with_fail_mode(FailMode::Closed);
    for _ in 0..3 {
        let decision = closed.check("a").await.unwrap();
        assert!(!decision.allowed && decision.failure.is_some() && decision.headers().is_empty());
    }
    assert_eq!(kv.calls("list"), 4);
    kv.fail(false);
    assert!(allowed(&closed, "a").await, "as soon as KV answers, and what was refused does not count");
    assert_eq!(closed.check("a").await.unwrap().quota.unwrap().remaining, 0);
}

#[tokio::test]
async fn memory_is_bounded_and_what_was_written_is_found_again() {
    let kv = Recording::new().await;
    let limiter = limiter(&kv, 2).with_capacity(10);
    assert!(allowed(&limiter, "a").await);
    limiter.flush().await.unwrap();
    for n in 0..100 {
        assert!(allowed(&limiter, &"long".repeat(n)).await);
    }
    assert_eq!(limiter.len(), 10);
    limiter.flush().await.unwrap();
    assert_eq!(kv.puts().len(), 11, "of those that are forgotten nothing is left to write");
    assert_eq!(limiter.check("a").await.unwrap().quota.unwrap().remaining, 0);
}

#[tokio::test]
async fn what_makes_no_limit_is_refused() {
    let kv = Recording::new().await;
    let new =
        |name, limit, window| KvRateLimiter::new(kv.client(), name, limit, window).unwrap_err().to_string();
    let long = "n".repeat(65);
    for name in ["", "a b", "a/b", "a\"", "ä", long.as_str()] {
        assert!(new(name, 1, MINUTE).contains("1 to 64 ASCII"));
    }
    assert!(new("a", 0, MINUTE).contains("allow nothing"));
    for window in [Duration::ZERO, Duration::from_millis(1500), Duration::MAX] {
        assert!(new("a", 1, window).contains("whole seconds"));
    }
    // The key of a check can be any text.
    let limiter: Arc<dyn RateLimiter> = Arc::new(limiter(&kv, 1));
    for key in ["", ".", "../a", &"x".repeat(100_000), "\0", "ä/b"] {
        assert!(limiter.check(key).await.unwrap().allowed);
    }
    limiter.flush().await.unwrap();
    assert_eq!(kv.puts().len(), 6);
    assert_eq!(kv.calls("get"), 0);
}
