//! Everything that is created from a service uses the service's clock, which is its backend's.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloudflare_clients::analytics::{Event, EventStore, EventWriter};
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::kv::KvClient;
use cloudflare_clients::lock::Locks;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::rate_limit::{KvRateLimiter, RateLimiter as _};
use cloudflare_clients::session::{SessionCache, SessionLifetime};
use cloudflare_clients::{Error, ErrorKind, LocalStore, Runtime};
use futures_util::{FutureExt as _, TryStreamExt as _};
use tempfile::TempDir;
use testkit::{ManualClock, begin};

const HOUR: Duration = Duration::from_secs(3600);

/// A bucket and a namespace in a store with the given clock. The services above them have no clock set.
struct Frozen {
    clock: ManualClock,
    r2: R2Service,
    kv: KvClient,
    _folder: TempDir,
}

impl Frozen {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await.unwrap();
        store.create_bucket("media").await.unwrap();
        let namespace = store.create_namespace("sessions").await.unwrap().id;
        Self {
            clock,
            r2: R2Service::new(store.bucket("media").unwrap()),
            kv: KvClient::new(store.namespace(namespace)),
            _folder: folder,
        }
    }
}

#[tokio::test]
async fn objects_are_uploaded_and_keys_expire_by_it() {
    let Frozen { clock, r2, kv, _folder } = Frozen::new().await;
    assert_eq!(r2.put("k", "v").await.unwrap().uploaded, Some(begin()));
    kv.put("k", "v").expiration_ttl(HOUR).await.unwrap();
    clock.advance(HOUR);
    assert_eq!(kv.get("k").text().await.unwrap(), None);
    assert_eq!(r2.head("k").await.unwrap().unwrap().uploaded, begin());
}

#[tokio::test]
async fn locks_are_held_by_it() {
    let Frozen { clock, r2, _folder, .. } = Frozen::new().await;
    let ttl = Duration::from_secs(30);
    let locks = Locks::new(r2).with_ttl(ttl).with_clock_skew(Duration::from_secs(5));
    let lock = locks.try_acquire("job").await.unwrap().unwrap();
    assert_eq!(lock.expires_at(), begin() + ttl);
    clock.advance(ttl);
    assert!(locks.try_acquire("job").await.unwrap().is_none(), "the clocks may differ");
    clock.advance(Duration::from_secs(6));
    assert!(locks.try_acquire("job").await.unwrap().is_some());
}

#[tokio::test]
async fn events_are_recorded_by_it() {
    let Frozen { clock, r2, kv, _folder } = Frozen::new().await;
    for store in [EventStore::r2(r2, "events/"), EventStore::kv(kv, "events/", None)] {
        let store = store.unwrap();
        let writer = EventWriter::new(store.clone());
        writer.record(&1_u64).await.unwrap();
        writer.flush().await.unwrap();
        let events: Vec<Event<u64>> = store.read(..).try_collect().await.unwrap();
        assert_eq!(events[0].time, clock.now());
    }
}

/// Lets the other tasks and the store's threads run until something has happened.
async fn until(mut happened: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !happened().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}

#[tokio::test]
async fn events_are_stored_when_they_are_old_by_it() {
    let Frozen { clock, r2, _folder, .. } = Frozen::new().await;
    let store = EventStore::r2(r2, "events/").unwrap();
    let writer = EventWriter::new(store.clone()).with_max_age(HOUR).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(writer.run(stopped.map(drop)));
    for event in 1..=2_u64 {
        writer.record(&event).await.unwrap();
        // Long enough for a writer that does not wait.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(writer.buffered(), 1);
        clock.advance(HOUR);
        until(async || writer.buffered() == 0).await;
    }
    assert!(clock.slept().is_empty(), "the writer does not move the clock");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let events: Vec<Event<u64>> = store.read(..).try_collect().await.unwrap();
    assert_eq!(events.iter().map(|event| event.time).collect::<Vec<_>>(), [begin(), begin() + HOUR]);
}

#[tokio::test]
async fn locks_are_renewed_while_they_are_held_by_it() {
    let Frozen { clock, r2, _folder, .. } = Frozen::new().await;
    let ttl = Duration::from_secs(30);
    let locks = Locks::new(r2).with_ttl(ttl);
    let mut lock = locks.try_acquire("job").await.unwrap().unwrap();
    // In steps that are shorter than a lease, as a renewal takes a while.
    let work = async {
        for renewed in 1..=9 {
            until(async || {
                clock.advance(Duration::from_secs(1));
                let lock = locks.inspect("job").await.unwrap().unwrap();
                lock.holder.unwrap().expires_at >= begin() + renewed * ttl / 3 + ttl
            })
            .await;
        }
    };
    lock.hold(work).await.unwrap();
    assert!(lock.is_held() && clock.now() >= begin() + 3 * ttl);
    // Work that pauses for longer than the lease has lost the lock.
    let work = async {
        clock.advance(ttl);
        std::future::pending::<()>().await;
    };
    assert_eq!(lock.hold(work).await.unwrap_err().kind(), ErrorKind::LockLost);
}

#[tokio::test]
async fn sessions_end_by_it() {
    let Frozen { clock, kv, _folder, .. } = Frozen::new().await;
    let sessions = SessionCache::<u64>::new(kv, SessionLifetime::fixed(HOUR)).unwrap();
    let (token, session) = sessions.create("user", 1).await.unwrap();
    assert_eq!((session.created, session.expires), (begin(), begin() + HOUR));
    clock.advance(Duration::from_secs(3599));
    assert!(sessions.get(&token).await.unwrap().is_some());
    clock.advance(Duration::from_secs(1));
    assert!(sessions.get(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn windows_of_rate_limits_pass_by_it() {
    let Frozen { clock, kv, _folder, .. } = Frozen::new().await;
    let limiter = KvRateLimiter::new(kv, "uploads", 1, HOUR).unwrap();
    assert!(limiter.check("user").await.unwrap().allowed);
    assert!(!limiter.check("user").await.unwrap().allowed);
    clock.advance(2 * HOUR);
    assert!(limiter.check("user").await.unwrap().allowed);
}

/// Over S3 and REST, retries would otherwise take seconds.
#[tokio::test]
async fn retries_wait_by_it() {
    use cloudflare_clients::testing::{MockBucket, MockNamespace};

    let clock = ManualClock::default();
    let bucket = MockBucket::new().with_runtime(clock.clone());
    bucket.head.fails(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
    R2Service::new(bucket).head("k").await.unwrap_err();
    let namespace = MockNamespace::new().with_runtime(clock.clone());
    namespace.delete.fails(Error::from_status(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
    KvClient::new(namespace).delete("k").await.unwrap_err();
    // A failed service is asked three more times, a throttling one ten times.
    assert_eq!(clock.slept().len(), 3 + 10);
    let slept: Duration = clock.slept().iter().sum();
    assert_eq!(clock.now().duration_since(begin()).unwrap(), slept);
}

#[tokio::test]
async fn a_deadline_passes_by_it_while_a_bucket_is_slow() {
    use cloudflare_clients::testing::MockBucket;

    let bucket = MockBucket::new();
    bucket.head.delays(Duration::from_secs(20));
    bucket.head.answers(|_| async { Ok(None) });
    let r2 = R2Service::new(bucket);
    assert!(r2.head("k").await.unwrap().is_none());
    let error = r2.with_deadline(Duration::from_secs(10)).head("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn a_mock_shows_the_clock_that_it_has_made() {
    use cloudflare_clients::testing::{MockBucket, MockNamespace};

    let (bucket, namespace) = (MockBucket::new(), MockNamespace::new());
    bucket.clock().unwrap().advance(HOUR);
    namespace.clock().unwrap().advance(HOUR);
    assert_eq!(R2Service::new(bucket).runtime().now(), begin() + HOUR);
    assert_eq!(KvClient::new(namespace).runtime().now(), begin() + HOUR);
    let given = ManualClock::default();
    assert!(MockBucket::new().with_runtime(given.clone()).clock().is_none());
    assert!(MockNamespace::over(MockNamespace::new().with_runtime(given)).clock().is_none());
}

#[tokio::test]
async fn a_service_can_be_given_another_one() {
    let Frozen { r2, kv, _folder, .. } = Frozen::new().await;
    let later = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000));
    let lock = Locks::new(r2.with_runtime(later.clone())).try_acquire("job").await.unwrap().unwrap();
    assert!(lock.expires_at() > later.now());
    let kv = kv.with_runtime(later.clone());
    let sessions = SessionCache::<u64>::new(kv, SessionLifetime::fixed(HOUR)).unwrap();
    assert_eq!(sessions.create("user", 1).await.unwrap().1.created, later.now());
}

#[test]
fn a_shared_one_is_the_same_one() {
    fn goes_by(runtime: &impl Runtime, clock: &ManualClock) {
        let mut bytes = [0; 2];
        runtime.fill_random(&mut bytes).unwrap();
        assert_eq!((runtime.now(), runtime.random(), bytes), (clock.now(), 0.25, [7; 2]));
        assert_eq!(runtime.monotonic(), clock.monotonic());
        assert!(runtime.timeout(HOUR).now_or_never().is_none());
        assert!(clock.slept().is_empty(), "a timeout is not a sleep");
        drop(runtime.sleep(HOUR));
        assert_eq!(clock.slept(), [HOUR]);
    }

    let clock = ManualClock::default().with_random(0.25).with_random_byte(7);
    let shared: Arc<dyn Runtime> = Arc::new(clock.clone());
    goes_by(&shared, &clock);
}
