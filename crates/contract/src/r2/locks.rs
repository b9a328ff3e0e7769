use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloudflare_clients::lock::Locks;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{ErrorKind, RetryPolicy};
use futures_util::future;

use super::Fixture;

const MINUTE: Duration = Duration::from_secs(60);

fn locks(service: R2Service) -> Locks {
    // Test backends that limit writes to a key use a tenth of R2's second.
    let quick = RetryPolicy::default().base_delay(Duration::from_millis(5));
    let quick = quick.rate_limit_delay(Duration::from_millis(100));
    Locks::new(service.with_retry(quick))
}

pub(crate) async fn a_lock_has_one_holder(Fixture { service, .. }: Fixture) {
    let (one, other) = (locks(service.clone()).with_owner("one"), locks(service));
    assert!(other.inspect("a b/ä").await.unwrap().is_none());
    let mut lock = one.try_acquire("a b/ä").await.unwrap().unwrap();
    assert_eq!(lock.token(), 1);
    assert!(other.try_acquire("a b/ä").await.unwrap().is_none());
    let seen = other.inspect("a b/ä").await.unwrap().unwrap();
    assert_eq!(seen.holder.unwrap().owner.as_deref(), Some("one"));

    let expires_at = lock.expires_at();
    let output = lock.hold(other.acquire("a b/ä", Duration::from_millis(50))).await.unwrap();
    assert_eq!(output.unwrap_err().kind(), ErrorKind::Timeout);
    lock.renew().await.unwrap();
    lock.renew().await.unwrap();
    assert!(lock.expires_at() >= expires_at && lock.is_held());
    assert!(other.try_acquire("a b/ä").await.unwrap().is_none());

    lock.release().await.unwrap();
    let seen = other.inspect("a b/ä").await.unwrap().unwrap();
    assert_eq!((seen.token, seen.holder), (1, None));
    let lock = other.try_acquire("a b/ä").await.unwrap().unwrap();
    assert_eq!(lock.token(), 2);
    lock.release().await.unwrap();
}

pub(crate) async fn a_lock_that_expires_is_taken_over(Fixture { service, .. }: Fixture) {
    let locks = locks(service).with_ttl(Duration::from_millis(500)).with_clock_skew(Duration::ZERO);
    let mut late = locks.acquire("expires", MINUTE).await.unwrap();
    let lock = locks.acquire("expires", MINUTE).await.unwrap();
    assert_eq!((late.is_held(), lock.token()), (false, 2));
    assert_eq!(late.renew().await.unwrap_err().kind(), ErrorKind::LockLost);
    assert_eq!(late.release().await.unwrap_err().kind(), ErrorKind::LockLost);
    lock.release().await.unwrap();
}

pub(crate) async fn a_lock_for_which_many_contend(Fixture { service, .. }: Fixture) {
    let locks = locks(service);
    let (inside, last) = (AtomicU64::new(0), AtomicU64::new(0));
    let workers = (0..8).map(async |_| {
        for _ in 0..5 {
            let lock = locks.acquire("many", MINUTE).await.unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two holders");
            assert!(last.swap(lock.token(), Ordering::SeqCst) < lock.token(), "the token has not grown");
            locks.inspect("many").await.unwrap();
            inside.fetch_sub(1, Ordering::SeqCst);
            lock.release().await.unwrap();
        }
    });
    future::join_all(workers).await;
    assert_eq!(last.load(Ordering::SeqCst), 40);
}
