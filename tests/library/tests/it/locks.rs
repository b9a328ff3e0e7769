//! Locks over a model of R2 whose answers are late or lost, with clocks that differ. Time is Tokio's, which
//! advances by itself when all tasks wait.
#![allow(clippy::unchecked_time_subtraction)]

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::lock::{Lock, Locks};
use cloudflare_clients::r2::{
    Checksum, ChecksumAlgorithm, Conditional, GetRequest, HeadRequest, Object, ObjectBody, PutRequest,
    R2Service, StoredObject,
};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::{Error, ErrorKind, Result, RetryPolicy, Runtime};
use futures_util::future;
use testkit::{RunningClock, mock};
use tokio::time::Instant;

const MS: fn(u64) -> Duration = Duration::from_millis;
const SECOND: Duration = Duration::from_secs(1);
const TTL: Duration = Duration::from_secs(30);
const SKEW: Duration = Duration::from_secs(5);
/// The object on which conditions are tested before the first acquisition.
const PROBE: &str = ".conditions";

/// The true time at which this clock shows `time`, in milliseconds since the start of the world.
fn truly(clock: &RunningClock, time: SystemTime) -> i64 {
    // A clock that is behind shows times before the start.
    let millis =
        |time: SystemTime| i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    millis(time) - millis(testkit::begin()) - clock.ahead()
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It takes this long to arrive.
    Slow(Duration),
    /// It fails and has no effect.
    Fails(u16),
    /// It takes effect, and the answer is lost.
    AnswerLost,
    /// The client gets a timeout, and the request takes effect this much later.
    Late(Duration),
}

/// R2 as far as locks need it.
#[derive(Debug, Default)]
struct Model {
    objects: Mutex<HashMap<String, Bytes>>,
    puts: Mutex<VecDeque<Fault>>,
    gets: Mutex<VecDeque<Fault>>,
    chaos: Option<Mutex<fastrand::Rng>>,
    /// Accepts one write a second per key, as R2 does.
    limited: bool,
    written: Mutex<HashMap<String, Instant>>,
    calls: AtomicU64,
    refusals: AtomicU64,
    late: AtomicU64,
    tokens: Mutex<HashMap<String, (u64, String)>>,
}

fn etag(content: &[u8]) -> String {
    Checksum::of(ChecksumAlgorithm::Md5, content).to_hex()
}

impl Model {
    fn fault(&self, planned: &Mutex<VecDeque<Fault>>) -> Option<Fault> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if let Some(fault) = planned.lock().unwrap().pop_front() {
            return Some(fault);
        }
        let mut random = self.chaos.as_ref()?.lock().unwrap();
        Some(match random.u32(..100) {
            0..8 => Fault::AnswerLost,
            8..14 => Fault::Late(MS(random.u64(..6000))),
            14..20 => Fault::Fails(503),
            20..23 => Fault::Fails(429),
            23..27 => Fault::Slow(MS(random.u64(..6000))),
            _ => Fault::Slow(MS(random.u64(..300))),
        })
    }

    async fn slow_answer(&self) {
        let pause = self.chaos.as_ref().map(|random| {
            let mut random = random.lock().unwrap();
            if random.u32(..20) == 0 { MS(random.u64(..5000)) } else { MS(random.u64(..300)) }
        });
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }

    fn found(&self, key: &str) -> Option<(Object, Bytes)> {
        let content = self.objects.lock().unwrap().get(key)?.clone();
        Some((object(key, &content), content))
    }

    fn store(
        &self,
        key: &str,
        content: Bytes,
        only_if: &cloudflare_clients::r2::Conditional,
    ) -> Result<StoredObject> {
        let mut objects = self.objects.lock().unwrap();
        let existing = objects.get(key).map(|content| object(key, content));
        only_if.check_write(existing.as_ref())?;
        let now = Instant::now();
        let mut written = self.written.lock().unwrap();
        if self.limited && written.get(key).is_some_and(|last| now - *last < SECOND) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return Err(Error::from_status(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        written.insert(key.to_owned(), now);
        self.check_token(key, &content);
        let etag = etag(&content);
        objects.insert(key.to_owned(), content);
        Ok(StoredObject::new(key, etag))
    }

    /// For every writer, however wrong the clocks are: a token belongs to one acquisition, and only grows.
    fn check_token(&self, key: &str, content: &[u8]) {
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(content) else { return };
        let (Some(token), Some(nonce)) = (json["token"].as_u64(), json["nonce"].as_str()) else { return };
        let mut tokens = self.tokens.lock().unwrap();
        if let Some((last, owner)) = tokens.get(key) {
            assert!(if nonce == owner { token == *last } else { token > *last }, "{token} after {last}");
        }
        tokens.insert(key.to_owned(), (token, nonce.to_owned()));
    }
}

fn object(key: &str, content: &[u8]) -> Object {
    Object::new(key, content.len() as u64, etag(content), UNIX_EPOCH)
}

fn timeout() -> Error {
    Error::new(ErrorKind::Timeout, "nothing was heard")
}

/// The model as a client reaches it.
#[derive(Debug, Clone)]
struct Reach(Arc<Model>);

impl Reach {
    fn service(self, runtime: Arc<dyn Runtime>) -> R2Service {
        R2Service::new(mock!(MockBucket, Arc::new(self) => head, get, put)).with_runtime(runtime)
    }

    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        let fault = self.0.fault(&self.0.gets);
        before(fault).await?;
        Ok(self.0.found(&request.key).map(|(object, _)| object))
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        let fault = self.0.fault(&self.0.gets);
        before(fault).await?;
        let found = self.0.found(&request.key);
        request.only_if.check_read(found.as_ref().map(|(object, _)| object))?;
        self.0.slow_answer().await;
        Ok(found.map(|(object, content)| ObjectBody::new(object, content)))
    }

    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        let (key, only_if) = (request.key, request.only_if);
        let content = request.body.bytes().await?;
        // The probe before the first acquisition has its own test.
        if key.ends_with(PROBE) {
            return self.0.store(&key, content, &only_if);
        }
        let fault = self.0.fault(&self.0.puts);
        if let Some(Fault::Late(delay)) = fault {
            let model = Arc::clone(&self.0);
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                if model.store(&key, content, &only_if).is_ok() {
                    model.late.fetch_add(1, Ordering::SeqCst);
                }
            });
            return Err(timeout());
        }
        before(fault).await?;
        let stored = self.0.store(&key, content, &only_if)?;
        if matches!(fault, Some(Fault::AnswerLost)) {
            return Err(timeout());
        }
        self.0.slow_answer().await;
        Ok(stored)
    }
}

async fn before(fault: Option<Fault>) -> Result<()> {
    match fault {
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::Fails(status)) => {
            return Err(Error::from_status(StatusCode::from_u16(status).unwrap(), "as planned"));
        }
        _ => {}
    }
    Ok(())
}

struct World {
    model: Arc<Model>,
    origin: Instant,
}

impl World {
    fn new() -> Self {
        Self::of(Model::default())
    }

    fn of(model: Model) -> Self {
        Self { model: Arc::new(model), origin: Instant::now() }
    }

    /// A clock that is ahead of or behind the others, in milliseconds.
    fn clock(&self, ahead: i64, seed: u64) -> Arc<RunningClock> {
        let clock = RunningClock::since(testkit::begin(), self.origin, seed);
        clock.set_ahead(ahead);
        Arc::new(clock)
    }

    fn locks(&self, owner: &str, retry: RetryPolicy) -> Locks {
        self.locks_by(self.clock(0, owner.bytes().map(u64::from).sum()), owner, retry)
    }

    fn locks_by(&self, clock: Arc<RunningClock>, owner: &str, retry: RetryPolicy) -> Locks {
        let r2 = Reach(self.model.clone()).service(clock);
        Locks::new(r2.with_retry(retry)).with_owner(owner)
    }

    fn pair(&self) -> (Locks, Locks) {
        (self.locks("a", RetryPolicy::none()), self.locks("b", RetryPolicy::none()))
    }

    fn next_puts(&self, faults: &[Fault]) {
        self.model.puts.lock().unwrap().extend(faults);
    }

    fn next_gets(&self, faults: &[Fault]) {
        self.model.gets.lock().unwrap().extend(faults);
    }

    fn delete_all(&self) {
        self.model.objects.lock().unwrap().clear();
        self.model.tokens.lock().unwrap().clear();
    }

    fn calls(&self) -> u64 {
        self.model.calls.swap(0, Ordering::SeqCst)
    }
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

async fn taken(locks: &Locks) -> Lock {
    locks.try_acquire("x").await.unwrap().unwrap()
}

async fn is_free(locks: &Locks) -> bool {
    locks.try_acquire("x").await.unwrap().is_some()
}

/// A bucket that ignores one of the conditions of puts, and sometimes does not answer.
fn careless(
    heeds: impl Fn(&Conditional) -> bool + Send + Sync + 'static,
    answers_lost: usize,
) -> Arc<MockBucket> {
    let model = Arc::new(Model::default());
    let bucket = Arc::new(mock!(MockBucket, Arc::new(Reach(Arc::clone(&model))) => head, get));
    let put = move |request: PutRequest| {
        let mut only_if = request.only_if;
        if !heeds(&only_if) {
            only_if = Conditional::new();
        }
        let model = Arc::clone(&model);
        async move { model.store(&request.key, request.body.bytes().await?, &only_if) }
    };
    let put = Arc::new(put);
    for _ in 0..answers_lost {
        let put = Arc::clone(&put);
        bucket.put.answers_once(move |request| {
            let stored = put(request);
            async {
                stored.await?;
                Err(timeout())
            }
        });
    }
    bucket.put.answers(move |request| put(request));
    bucket
}

#[tokio::test]
async fn a_bucket_that_ignores_conditions_has_no_locks() {
    for (bucket, good) in [
        (careless(|_| true, 0), true),
        // A retry meets the object that it has stored itself.
        (careless(|_| true, 3), true),
        (careless(|_| false, 0), false),
        (careless(|_| false, 2), false),
        (careless(|only_if| only_if.etag_matches.is_none(), 0), false),
        (careless(|only_if| only_if.etag_does_not_match.is_none(), 0), false),
    ] {
        let locks = Locks::new(R2Service::new(Arc::clone(&bucket)));
        let acquired = locks.try_acquire("x").await;
        if good {
            let lock = acquired.unwrap().unwrap();
            // Rejected, created, rejected, and the lock: from then on conditions are known to work.
            let calls = bucket.put.calls();
            lock.release().await.unwrap();
            assert!(locks.clone().with_ttl(SECOND).try_acquire("x").await.unwrap().is_some());
            assert_eq!(bucket.put.calls(), calls + 2);
            // The object exists now.
            assert!(
                Locks::new(R2Service::new(Arc::clone(&bucket))).try_acquire("y").await.unwrap().is_some()
            );
            assert_eq!(bucket.put.calls(), calls + 5);
        } else {
            let error = acquired.unwrap_err();
            assert_eq!(
                (error.kind(), error.operation()),
                (ErrorKind::Unsupported, Some("acquire")),
                "{error}"
            );
            assert!(locks.inspect("x").await.unwrap().is_none(), "nothing was acquired");
            let waiting = locks.acquire("x", SECOND).await;
            assert_eq!(kind(waiting), Some(ErrorKind::Unsupported));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_holds_it_until_it_is_released_and_tokens_grow() {
    let world = World::new();
    let (a, b) = world.pair();
    assert_eq!(a.inspect("x").await.unwrap(), None);
    world.calls();
    let lock = taken(&a).await;
    assert_eq!(world.calls(), 2);
    assert_eq!((lock.token(), lock.name(), lock.is_held(), lock.remaining()), (1, "x", true, TTL));
    assert!(!is_free(&b).await && !is_free(&a).await);
    assert!(b.try_acquire("y").await.unwrap().is_some(), "another lock is another matter");

    let info = b.inspect("x").await.unwrap().unwrap();
    let holder = info.holder.unwrap();
    assert_eq!((info.token, holder.owner.as_deref(), holder.expires_at), (1, Some("a"), lock.expires_at()));

    world.calls();
    lock.release().await.unwrap();
    assert_eq!(world.calls(), 1);
    let info = b.inspect("x").await.unwrap().unwrap();
    assert_eq!((info.token, info.holder), (1, None));
    assert_eq!(taken(&b).await.token(), 2);
}

#[tokio::test(start_paused = true)]
async fn others_wait_for_the_expiry_and_the_skew() {
    let world = World::new();
    let (a, b) = world.pair();
    let mut lock = taken(&a).await;
    tokio::time::sleep(TTL - MS(1)).await;
    assert!(lock.is_held());
    tokio::time::sleep(MS(1)).await;
    assert!(!lock.is_held());
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::LockLost), "nobody has it, but somebody might");
    tokio::time::sleep(SKEW - MS(1)).await;
    assert!(!is_free(&b).await);
    tokio::time::sleep(MS(1)).await;
    assert_eq!(taken(&b).await.token(), 2);
    let error = lock.release().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockLost);
    assert_eq!(
        error.to_string(),
        "release \"locks/x\": the lock with token 1 is lost: it was taken over with token 2"
    );
    assert!(!is_free(&a).await, "a loser releases nobody else's lock");

    // Expired, but nobody else wanted it.
    tokio::time::sleep(TTL + SKEW).await;
    let lock = taken(&a).await;
    tokio::time::sleep(TTL + SKEW).await;
    lock.release().await.unwrap();
    assert_eq!(taken(&b).await.token(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_renewed_lock_is_held_for_longer() {
    let world = World::new();
    let (a, b) = world.pair();
    let mut lock = taken(&a).await;
    for _ in 0..5 {
        tokio::time::sleep(TTL - MS(1)).await;
        assert!(!is_free(&b).await);
        lock.renew().await.unwrap();
        assert_eq!((lock.remaining(), lock.token()), (TTL, 1));
    }
    lock.release().await.unwrap();
    assert!(is_free(&b).await);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_an_acquire_is_read_back() {
    let world = World::new();
    let (a, b) = world.pair();
    world.next_puts(&[Fault::AnswerLost]);
    let lock = taken(&a).await;
    assert_eq!(lock.token(), 1);
    lock.release().await.unwrap();

    // The request had no effect.
    world.next_puts(&[Fault::Fails(503)]);
    assert_eq!(kind(a.try_acquire("x").await), Some(ErrorKind::Server));
    taken(&b).await.release().await.unwrap();

    // It is unknown whether the request took effect. It did, so nobody has the lock until it expires.
    world.next_puts(&[Fault::AnswerLost]);
    world.next_gets(&[Fault::Slow(MS(1)), Fault::Fails(500)]);
    assert_eq!(kind(a.try_acquire("x").await), Some(ErrorKind::Timeout));
    assert!(!is_free(&b).await && !is_free(&a).await);
    tokio::time::sleep(TTL + SKEW).await;
    let lock = taken(&b).await;
    assert_eq!(lock.token(), 4);
    lock.release().await.unwrap();

    // It takes effect when nobody expects it any more.
    world.next_puts(&[Fault::Late(SECOND)]);
    assert_eq!(kind(a.try_acquire("x").await), Some(ErrorKind::Timeout));
    tokio::time::sleep(SECOND * 2).await;
    assert!(!is_free(&b).await);
    tokio::time::sleep(TTL + SKEW - SECOND * 2).await;
    let lock = taken(&b).await;
    assert_eq!(lock.token(), 6);
    lock.release().await.unwrap();

    // Another client is faster: the late request has no effect.
    world.next_puts(&[Fault::Late(SECOND)]);
    assert_eq!(kind(a.try_acquire("x").await), Some(ErrorKind::Timeout));
    let mut lock = taken(&b).await;
    tokio::time::sleep(SECOND * 2).await;
    lock.renew().await.unwrap();
    assert_eq!(lock.token(), 7);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_within_the_retries_of_the_service() {
    for faults in [&[Fault::AnswerLost][..], &[Fault::Fails(503), Fault::AnswerLost, Fault::AnswerLost]] {
        let world = World::new();
        let (a, b) = (world.locks("a", RetryPolicy::default()), world.locks("b", RetryPolicy::default()));
        world.next_puts(faults);
        let mut lock = taken(&a).await;
        assert!(!is_free(&b).await);
        world.next_puts(faults);
        lock.renew().await.unwrap();
        world.next_puts(faults);
        lock.release().await.unwrap();
        assert_eq!(taken(&b).await.token(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_extends_nothing_until_it_is_known() {
    let world = World::new();
    let (a, b) = world.pair();
    let mut lock = taken(&a).await;
    let first = lock.expires_at();
    tokio::time::sleep(SECOND).await;

    world.next_puts(&[Fault::AnswerLost]);
    lock.renew().await.unwrap();
    assert_eq!(lock.expires_at(), first + SECOND);

    tokio::time::sleep(SECOND).await;
    world.next_puts(&[Fault::Fails(500)]);
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::Server));
    assert!(lock.is_held());
    assert_eq!(lock.expires_at(), first + SECOND);

    // Unknown: it took effect, but the holder does not rely on that.
    world.next_puts(&[Fault::AnswerLost]);
    world.next_gets(&[Fault::Fails(500)]);
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::Timeout));
    assert_eq!(lock.expires_at(), first + SECOND);
    lock.renew().await.unwrap();
    assert_eq!(lock.expires_at(), first + SECOND * 2);

    // Late, so the next request finds a different object than expected, but one of its own.
    world.next_puts(&[Fault::Late(SECOND)]);
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::Timeout));
    tokio::time::sleep(SECOND * 2).await;
    // Rejected because of it, and unable to read the object.
    world.next_gets(&[Fault::Fails(500)]);
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::Server));
    lock.renew().await.unwrap();
    assert_eq!((lock.remaining(), lock.token()), (TTL, 1));

    // The same with a release, which a late renewal cannot undo.
    world.next_puts(&[Fault::Late(SECOND)]);
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::Timeout));
    tokio::time::sleep(SECOND * 2).await;
    lock.release().await.unwrap();
    let mut lock = taken(&b).await;
    world.next_puts(&[Fault::Late(SECOND)]);
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::Timeout));
    lock.release().await.unwrap();
    tokio::time::sleep(SECOND * 2).await;
    assert_eq!(taken(&a).await.token(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_release_is_read_back() {
    let world = World::new();
    let (a, b) = world.pair();
    world.next_puts(&[Fault::Slow(MS(1)), Fault::AnswerLost]);
    taken(&a).await.release().await.unwrap();

    // When it is read back, somebody else has the lock: that is not a loss.
    let lock = taken(&a).await;
    world.next_puts(&[Fault::AnswerLost]);
    world.next_gets(&[Fault::Slow(SECOND * 3)]);
    let (released, acquired) = future::join(lock.release(), async {
        tokio::time::sleep(SECOND).await;
        taken(&b).await
    })
    .await;
    released.unwrap();
    assert_eq!(acquired.token(), 3);

    // It had no effect: the lock is free when it expires.
    world.next_puts(&[Fault::Fails(500)]);
    assert_eq!(kind(acquired.release().await), Some(ErrorKind::Server));
    assert!(!is_free(&a).await);
    tokio::time::sleep(TTL + SKEW).await;
    assert!(is_free(&a).await);
}

#[tokio::test(start_paused = true)]
async fn a_lease_counts_from_before_its_request() {
    let world = World::new();
    let (a, b) = world.pair();
    world.next_puts(&[Fault::Slow(SECOND * 10)]);
    let mut lock = taken(&a).await;
    assert_eq!(lock.remaining(), TTL - SECOND * 10);

    // An answer that does not arrive before the end of the lease is too late.
    world.next_puts(&[Fault::Slow(SECOND * 25)]);
    let begun = Instant::now();
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::LockLost));
    assert_eq!(begun.elapsed(), TTL - SECOND * 10);
    assert!(!lock.is_held());
    tokio::time::sleep(SKEW).await;

    world.next_puts(&[Fault::Slow(TTL + SECOND)]);
    let begun = Instant::now();
    assert_eq!(kind(b.try_acquire("x").await), Some(ErrorKind::Timeout));
    assert_eq!(begun.elapsed(), TTL);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_neither_shortens_a_lease_nor_makes_a_holder_of_who_was_too_late() {
    let world = World::new();
    let clock = world.clock(0, 1);
    let a = world.locks_by(clock.clone(), "a", RetryPolicy::none());
    let mut lock = taken(&a).await;
    let expires_at = lock.expires_at();
    // Others may have seen the lease unchanged, and the holder may not learn of a shorter one.
    clock.set_ahead(-2000);
    lock.renew().await.unwrap();
    assert_eq!(lock.expires_at(), expires_at);
    lock.release().await.unwrap();

    world.next_puts(&[Fault::Slow(SECOND)]);
    let set = async { clock.set_ahead(60_000) };
    let (acquired, ()) = future::join(a.try_acquire("x"), set).await;
    assert_eq!(kind(acquired), Some(ErrorKind::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_lock_turns_over_every_two_seconds_at_best() {
    let world = World::of(Model { limited: true, ..Model::default() });
    let a = world.locks("a", RetryPolicy::default());
    let begun = Instant::now();
    for turn in 1..=20 {
        let lock = a.acquire("x", SECOND * 10).await.unwrap();
        assert_eq!(lock.token(), turn);
        lock.release().await.unwrap();
    }
    let took = begun.elapsed();
    // Each write except the first is rejected once, and is retried after a second has passed: 1 to 1.5 s with
    // jitter.
    assert_eq!(world.model.refusals.load(Ordering::SeqCst), 39);
    assert!(took >= SECOND * 39 && took < SECOND * 59, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gets_it_or_hears_who_has_it() {
    let world = World::new();
    let (a, b) = world.pair();
    let lock = taken(&a).await;
    let begun = Instant::now();
    let error = b.acquire("x", SECOND * 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error.to_string().contains("not free within 10s: \"a\" holds it until 2027-01-15T08:00:30.000Z"),
        "{error}"
    );
    assert!((SECOND * 7..SECOND * 10).contains(&begun.elapsed()), "{:?}", begun.elapsed());

    // Temporary failures do not end the wait; others do.
    world.next_gets(&[Fault::Fails(503), Fault::Slow(MS(1)), Fault::Fails(503)]);
    let (waited, released) = future::join(b.acquire("x", SECOND * 10), async {
        tokio::time::sleep(SECOND * 3).await;
        lock.release().await
    })
    .await;
    released.unwrap();
    assert_eq!(waited.unwrap().token(), 2);
    world.next_gets(&[Fault::Fails(403)]);
    assert_eq!(kind(a.acquire("x", SECOND * 10).await), Some(ErrorKind::Forbidden));
    world.next_gets(&[Fault::Fails(503); 50]);
    assert_eq!(kind(a.acquire("x", SECOND * 10).await), Some(ErrorKind::Server));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_lock_is_left_as_it_is() {
    let world = World::new();
    let (a, _) = world.pair();
    let record = |version: u32, token: u64, expires_at: u64| {
        let nonce = "0".repeat(32);
        serde_json::json!({ "version": version, "token": token, "nonce": nonce, "writes": 0, "expires_at": expires_at })
            .to_string()
    };
    for (content, says) in [
        ("hello".to_owned(), "not the expected JSON"),
        (String::new(), "not the expected JSON"),
        ("\u{1}".repeat(20_000), "it has 20000 bytes"),
        (record(1, 1, 1).replace("writes", "wrote"), "writes"),
        (record(2, 1, 1), "its version is 2"),
        (record(1, 1, u64::MAX), "after the year 9999"),
        (record(1, u64::MAX, 1), "no greater token"),
    ] {
        let content = Bytes::from(content);
        world.model.objects.lock().unwrap().insert("locks/x".to_owned(), content.clone());
        let error = a.try_acquire("x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialization, "{error}");
        assert!(error.to_string().contains(says) && error.to_string().contains("locks/x"), "{error}");
        assert_eq!(kind(a.acquire("x", SECOND).await), Some(ErrorKind::Serialization));
        assert_eq!(world.model.objects.lock().unwrap()["locks/x"], content);
    }
    world.model.objects.lock().unwrap().insert("locks/x".to_owned(), record(1, 7, 1).into());
    let mut lock = taken(&a).await;
    assert_eq!(lock.token(), 8);

    world.delete_all();
    assert_eq!(kind(lock.renew().await), Some(ErrorKind::LockLost));
    assert_eq!(kind(lock.release().await), Some(ErrorKind::LockLost));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_refused_before_anything_is_sent() {
    let world = World::new();
    let (a, _) = world.pair();
    for (locks, name, says) in [
        (a.clone(), "", "must not be empty"),
        (a.clone(), &*"n".repeat(1019), "1,024"),
        (a.clone(), PROBE, "choose another"),
        (a.clone().with_ttl(Duration::ZERO), "x", "less than the minimum of 1ms"),
        (a.clone().with_ttl(Duration::MAX), "x", "year 9999"),
        (a.clone().with_owner("o".repeat(1025)), "x", "1025 bytes"),
    ] {
        let error = locks.acquire(name, SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(kind(locks.try_acquire(name).await), Some(ErrorKind::InvalidInput));
    }
    assert_eq!(world.calls(), 0);
    assert!(a.clone().with_prefix("").try_acquire("n").await.unwrap().is_some());
    assert!(world.model.objects.lock().unwrap().contains_key("n"));
}

#[tokio::test(start_paused = true)]
async fn work_is_done_under_a_lock_that_is_renewed() {
    let world = World::new();
    let (a, b) = world.pair();
    let mut lock = taken(&a).await;
    // Renewals fail for a while.
    world.next_puts(&[
        Fault::Slow(MS(1)),
        Fault::Fails(500),
        Fault::Fails(429),
        Fault::AnswerLost,
        Fault::Fails(503),
    ]);
    let work = async {
        for _ in 0..100 {
            tokio::time::sleep(SECOND * 3).await;
            assert!(!is_free(&b).await);
        }
        "done"
    };
    assert_eq!(lock.hold(work).await.unwrap(), "done");
    assert!(lock.is_held());

    // Done in the middle of a renewal.
    world.next_puts(&[Fault::Late(SECOND)]);
    world.next_gets(&[Fault::Slow(SECOND * 10)]);
    lock.hold(tokio::time::sleep(TTL / 3 + SECOND * 2)).await.unwrap();
    lock.release().await.unwrap();
    assert!(is_free(&b).await);
}

#[tokio::test(start_paused = true)]
async fn work_is_stopped_when_the_lock_is_lost() {
    let world = World::new();
    let (a, b) = world.pair();

    // By the end of the lease, if it cannot be renewed.
    let mut lock = taken(&a).await;
    world.next_puts(&[Fault::Fails(503); 50]);
    let begun = Instant::now();
    let error = lock.hold(future::pending::<()>()).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::LockLost, TTL));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("503"), "why is part of it");
    world.model.puts.lock().unwrap().clear();

    // Immediately, if somebody else has the lock.
    tokio::time::sleep(SKEW).await;
    let mut lock = taken(&a).await;
    world.delete_all();
    taken(&b).await.release().await.unwrap();
    let begun = Instant::now();
    assert_eq!(kind(lock.hold(future::pending::<()>()).await), Some(ErrorKind::LockLost));
    assert_eq!(begun.elapsed(), TTL / 3);

    // Blocking work is not stopped, but it does not count as done under the lock.
    world.delete_all();
    let mut lock = taken(&a).await;
    let blocking = async { tokio::time::advance(TTL).await };
    assert_eq!(kind(lock.hold(blocking).await), Some(ErrorKind::LockLost));
}

/// Who holds the lock until when, in true time, as the holders see it.
#[derive(Default)]
struct Holders {
    until: HashMap<usize, i64>,
    tokens: HashSet<u64>,
    greatest: u64,
    taken_over: u64,
    violations: Vec<String>,
}

impl Holders {
    fn enter(&mut self, client: usize, token: u64, now: i64, until: i64) {
        for (other, until) in &self.until {
            if now < *until {
                self.violations.push(format!("{client} at {now} while {other} holds it until {until}"));
            }
        }
        assert!(self.tokens.insert(token), "the token {token} came twice");
        if token <= self.greatest {
            self.violations.push(format!("token {token} after {}", self.greatest));
        }
        self.greatest = self.greatest.max(token);
        self.taken_over += u64::from(!self.until.is_empty());
        self.until.clear();
        self.until.insert(client, until);
    }
}

#[derive(Debug, Default)]
struct Counts {
    acquired: u64,
    taken_over: u64,
    late: u64,
    violations: u64,
}

/// Four clients for ten minutes, whose clocks differ by up to `apart`.
async fn simulate(seed: u64, skew: Duration, apart: Duration) -> (Counts, Vec<String>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::of(Model { chaos: Some(Mutex::new(random.fork())), ..Model::default() });
    let holders = Arc::new(Mutex::new(Holders::default()));
    let apart = i64::try_from(apart.as_millis()).unwrap();
    let clients = (0..4).map(|client| {
        // The two clocks that are furthest apart are always included.
        let ahead = if client < 2 { client * apart } else { random.i64(0..=apart) };
        let clock = world.clock(ahead - apart / 2, random.u64(..));
        let retry = RetryPolicy::default().max_retries(random.u32(..3)).rate_limit_delay(MS(100));
        let r2 = Reach(world.model.clone()).service(clock.clone());
        let locks = Locks::new(r2.with_retry(retry));
        let locks = locks.with_ttl(SECOND * 3).with_clock_skew(skew);
        let client =
            Client { index: usize::try_from(client).unwrap(), clock, locks, holders: Arc::clone(&holders) };
        client.run(random.fork())
    });
    future::join_all(clients.collect::<Vec<_>>()).await;
    let mut holders = holders.lock().unwrap();
    let counts = Counts {
        acquired: holders.tokens.len() as u64,
        taken_over: holders.taken_over,
        late: world.model.late.load(Ordering::SeqCst),
        violations: holders.violations.len() as u64,
    };
    (counts, std::mem::take(&mut holders.violations))
}

struct Client {
    index: usize,
    clock: Arc<RunningClock>,
    locks: Locks,
    holders: Arc<Mutex<Holders>>,
}

impl Client {
    fn now(&self) -> i64 {
        truly(&self.clock, self.clock.now())
    }

    async fn run(self, mut random: fastrand::Rng) {
        while self.now() < 600_000 {
            tokio::time::sleep(MS(random.u64(..500))).await;
            let Ok(Some(mut lock)) = self.locks.try_acquire("x").await else { continue };
            let until = truly(&self.clock, lock.expires_at());
            self.holders.lock().unwrap().enter(self.index, lock.token(), self.now(), until);
            // A crash or a stall of the client keeps the entry: it holds the lock until its time is over.
            while random.u32(..4) != 0 {
                tokio::time::sleep(MS(random.u64(..1500))).await;
                if lock.renew().await.is_ok() {
                    let until = truly(&self.clock, lock.expires_at());
                    let mut holders = self.holders.lock().unwrap();
                    match holders.until.get_mut(&self.index) {
                        Some(known) => *known = until,
                        None => holders.violations.push(format!("{} renewed what is another's", self.index)),
                    }
                } else if !lock.is_held() {
                    break;
                }
            }
            if random.u32(..3) != 0 {
                self.holders.lock().unwrap().until.remove(&self.index);
                let _ = lock.release().await;
            }
        }
    }
}

async fn simulate_all(seeds: u64, skew: Duration, apart: Duration) -> (Counts, Option<String>) {
    let mut all = Counts::default();
    let mut first = None;
    for seed in 0..seeds {
        let (counts, violations) = simulate(seed, skew, apart).await;
        all.acquired += counts.acquired;
        all.taken_over += counts.taken_over;
        all.late += counts.late;
        all.violations += counts.violations;
        first = first.or_else(|| violations.into_iter().next().map(|first| format!("seed {seed}: {first}")));
    }
    (all, first)
}

#[tokio::test(start_paused = true)]
async fn clocks_that_differ_by_less_than_the_skew_never_give_two_holders() {
    let (counts, violation) = simulate_all(40, SECOND, MS(999)).await;
    println!("{counts:?}");
    assert_eq!(violation, None, "{counts:?}");
    assert!(counts.acquired > 2000 && counts.taken_over > 500 && counts.late > 100, "{counts:?}");
}

/// The simulation detects two holders.
#[tokio::test(start_paused = true)]
async fn clocks_that_differ_by_more_than_the_skew_can_give_two_holders() {
    let (counts, violation) = simulate_all(10, SECOND, SECOND * 3).await;
    println!("{counts:?}");
    assert!(violation.is_some(), "{counts:?}");
}
