//! Events are recorded, stored in batches, and read back, over stores that fail as scripted.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::analytics::{Event, EventStore, EventWriter, MAX_EVENT_SIZE};
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::kv::KvClient;
use cloudflare_clients::r2::{
    Bucket, GetRequest, HeadRequest, ListPage, ListRequest, Object, ObjectBody, PutRequest, R2Service,
    StoredObject,
};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::{
    Error, ErrorKind, LocalBucket, LocalNamespace, Result, RetryPolicy, Runtime, TokioRuntime,
};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future};
use tempfile::TempDir;
use testkit::{ManualClock, mock};
use tokio::sync::oneshot;

/// Difference between the length of a line and its event, in bytes.
const OVERHEAD: usize = 94;

/// At 2026-11-25T05:18:20Z.
fn clock() -> ManualClock {
    ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_795_583_900)).sleepers_wait()
}

/// What a put does instead of storing.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Stores normally.
    None,
    /// Fails without storing.
    Refuse,
    /// Stores, and then reports a failure.
    LoseAnswer,
    /// Stores, and never answers.
    Hang,
}

/// The embedded store, whose next puts fail as scripted.
#[derive(Debug)]
struct Faulty {
    bucket: LocalBucket,
    faults: Mutex<VecDeque<Fault>>,
    /// Rejects all puts.
    down: AtomicBool,
    puts: AtomicUsize,
    gets: Mutex<Vec<String>>,
    listed: AtomicUsize,
}

impl Faulty {
    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().unwrap().pop_front();
        if self.down.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
            return Err(Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "down"));
        }
        match fault {
            None | Some(Fault::None) => self.bucket.put(request).await,
            Some(Fault::Refuse) => Err(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")),
            Some(Fault::LoseAnswer) => {
                self.bucket.put(request).await?;
                Err(Error::new(ErrorKind::Connection, "connection reset"))
            }
            Some(Fault::Hang) => {
                self.bucket.put(request).await?;
                future::pending().await
            }
        }
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        self.gets.lock().unwrap().push(request.key.clone());
        self.bucket.get(request).await
    }

    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        self.bucket.head(request).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let page = self.bucket.list(request).await?;
        self.listed.fetch_add(page.objects.len(), Ordering::Relaxed);
        Ok(page)
    }

    fn service(self: &Arc<Self>, runtime: Arc<dyn Runtime>) -> R2Service {
        R2Service::new(mock!(MockBucket, self => put, get, head, list)).with_runtime(runtime)
    }
}

struct Fixture {
    bucket: Arc<Faulty>,
    store: EventStore,
    clock: ManualClock,
    _folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Arc::new(Faulty {
            bucket: LocalBucket::open(folder.path(), "analytics").await.unwrap(),
            faults: Mutex::default(),
            down: AtomicBool::default(),
            puts: AtomicUsize::default(),
            gets: Mutex::default(),
            listed: AtomicUsize::default(),
        });
        let clock = clock();
        let service = bucket.service(Arc::new(clock.clone())).with_retry(RetryPolicy::none());
        let store = EventStore::r2(service, "events/").unwrap();
        Self { bucket, store, clock, _folder: folder }
    }

    fn service(&self) -> R2Service {
        self.bucket.service(Arc::new(self.clock.clone()))
    }

    fn writer(&self) -> EventWriter {
        EventWriter::new(self.store.clone())
    }

    fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.bucket.faults.lock().unwrap().extend(faults);
    }

    fn puts(&self) -> usize {
        self.bucket.puts.load(Ordering::Relaxed)
    }

    async fn keys(&self) -> Vec<String> {
        let list = self.service().list().stream();
        list.map_ok(|object| object.key).try_collect().await.unwrap()
    }

    /// The stored events, each with a unique id.
    async fn stored(&self) -> Vec<u64> {
        stored(&self.store).await
    }

    /// Stores an object with these lines.
    async fn put_lines(&self, key: &str, lines: &[u8]) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(lines).unwrap();
        let object = encoder.finish().unwrap();
        self.service().put(key, object).await.unwrap();
    }
}

async fn stored(store: &EventStore) -> Vec<u64> {
    let events: Vec<Event<u64>> = store.read(..).try_collect().await.unwrap();
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "no id is there twice");
    events.into_iter().map(|event| event.event).collect()
}

/// Polls spawned tasks until they wait for something that only the test can do. Disks take their time.
async fn settle(mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..2000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to that");
}

const NAME: &str =
    "events/2026/11/25/05/20261125T051800000Z-20261125T052000000Z-0123456789abcdef0123456789abcdef.ndjson.gz";

#[tokio::test]
async fn a_flush_stores_what_was_recorded() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer();
    writer.flush().await.unwrap();
    assert_eq!(fixture.puts(), 0, "nothing is no object");
    for n in 0..100_u64 {
        writer.record(&n).await.unwrap();
    }
    assert_eq!((writer.buffered(), fixture.puts()), (100, 0));
    writer.flush().await.unwrap();
    assert_eq!((writer.buffered(), fixture.puts()), (0, 1));
    assert_eq!(fixture.stored().await, (0..100).collect::<Vec<_>>());

    let key = fixture.keys().await.remove(0);
    assert!(key.starts_with("events/2026/11/25/05/20261125T051820000Z-20261125T051820000Z-"), "{key}");
    let object = fixture.bucket.head(HeadRequest::new(&key)).await.unwrap().unwrap();
    let metadata = object.http_metadata.unwrap();
    assert_eq!(
        (metadata.content_type.as_deref(), metadata.content_encoding),
        (Some("application/gzip"), None)
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_is_the_callers_error_at_once() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer();
    let error = writer.record(&"x".repeat(MAX_EVENT_SIZE)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    assert_eq!(writer.record_or_drop(&map).unwrap_err().kind(), ErrorKind::Serialization);
    fixture.clock.set(UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(writer.record(&1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!((writer.buffered(), writer.dropped()), (0, 0));

    let error = fixture.writer().with_batch_bytes(16 * 1024 * 1024 + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("16777217 bytes are too large"), "{error}");
    let error = fixture.writer().with_max_age(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("an age of 0"), "{error}");
    let r2 = || fixture.service();
    for prefix in ["é/".to_owned(), "a\n".to_owned(), "a".repeat(401)] {
        assert_eq!(EventStore::r2(r2(), prefix).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn batches_are_closed_and_stored_by_size() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer().with_batch_bytes(10 * (OVERHEAD + 1)).unwrap();
    let (shutdown, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(writer.run(async { drop(stopped.await) }));
    for n in 0..9_u64 {
        writer.record(&n).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fixture.puts(), 0, "one byte less is no batch");
    writer.record(&9_u64).await.unwrap();
    settle(async || writer.buffered() == 0).await;
    assert_eq!(fixture.stored().await, (0..10).collect::<Vec<_>>());
    writer.record(&10_u64).await.unwrap();
    drop(shutdown);
    running.await.unwrap().unwrap();
    assert_eq!(fixture.stored().await, (0..11).collect::<Vec<_>>(), "and what there is at shutdown");
    assert_eq!(fixture.puts(), 2);
}

#[tokio::test]
async fn batches_are_stored_by_age() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer().with_max_age(Duration::from_secs(30)).unwrap();
    let running = tokio::spawn(writer.run(future::pending()));
    tokio::task::yield_now().await;
    writer.record(&1_u64).await.unwrap();
    fixture.clock.advance(Duration::from_secs(29));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fixture.puts(), 0);
    fixture.clock.advance(Duration::from_secs(1));
    settle(async || writer.buffered() == 0).await;
    assert_eq!(fixture.stored().await, [1]);
    running.abort();
}

#[tokio::test]
async fn the_driver_tries_again_what_failed_and_says_so_in_the_end() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer();
    fixture.fail([Fault::Refuse, Fault::Refuse]);
    let (shutdown, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(writer.run(async { drop(stopped.await) }));
    tokio::task::yield_now().await;
    writer.record(&1_u64).await.unwrap();
    fixture.clock.advance(Duration::from_secs(60));
    for puts in 1..3 {
        settle(async || fixture.puts() == puts).await;
        // The sleep starts a moment after the put.
        tokio::time::sleep(Duration::from_millis(50)).await;
        fixture.clock.advance(Duration::from_secs(5));
    }
    settle(async || writer.buffered() == 0).await;
    assert_eq!(fixture.puts(), 3);

    fixture.bucket.down.store(true, Ordering::Relaxed);
    writer.record(&2_u64).await.unwrap();
    drop(shutdown);
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(writer.buffered(), 1, "and it is still there");
    fixture.bucket.down.store(false, Ordering::Relaxed);
    writer.flush().await.unwrap();
    assert_eq!(fixture.stored().await, [1, 2]);
}

#[tokio::test]
async fn drops_are_counted_exactly() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer().with_capacity(10 * (OVERHEAD + 2));
    let recorded = (10..40_u64).filter(|n| writer.record_or_drop(n).unwrap()).count();
    assert_eq!((recorded, writer.dropped(), writer.buffered()), (10, 20, 10));
    writer.flush().await.unwrap();
    assert!(writer.record_or_drop(&40_u64).unwrap(), "there is room again");
    writer.flush().await.unwrap();
    assert_eq!(writer.dropped(), 20);
    assert_eq!(fixture.stored().await, (10..20).chain([40]).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_single_event_is_always_taken() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer().with_capacity(0);
    for n in 0..3_u64 {
        writer.record(&n).await.unwrap();
    }
    assert_eq!((writer.buffered(), fixture.puts()), (1, 2));
}

#[tokio::test]
async fn a_full_buffer_stores_its_oldest_batch_without_a_driver() {
    let fixture = Fixture::new().await;
    let line = OVERHEAD + 2;
    let writer = fixture.writer().with_batch_bytes(10 * line).unwrap().with_capacity(30 * line);
    for n in 10..40_u64 {
        writer.record(&n).now_or_never().unwrap().unwrap();
    }
    assert_eq!(fixture.puts(), 0);
    writer.record(&40_u64).await.unwrap();
    assert_eq!((fixture.puts(), writer.buffered()), (1, 21), "one batch is room enough");

    fixture.bucket.down.store(true, Ordering::Relaxed);
    for n in 41..50_u64 {
        writer.record(&n).now_or_never().unwrap().unwrap();
    }
    let error = writer.record(&50_u64).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "it does not wait for ever");
    fixture.bucket.down.store(false, Ordering::Relaxed);
    writer.record(&51_u64).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(fixture.stored().await, (10..50).chain([51]).collect::<Vec<_>>());
}

#[tokio::test]
async fn back_pressure_waits_for_the_flush_that_is_under_way() {
    let fixture = Fixture::new().await;
    let line = OVERHEAD + 1;
    let writer = fixture.writer().with_capacity(line);
    writer.record(&1_u64).await.unwrap();
    fixture.fail([Fault::Hang]);
    let mut flush = Some(writer.flush());
    assert!(flush.as_mut().unwrap().now_or_never().is_none());
    settle(async || {
        assert!(flush.as_mut().unwrap().now_or_never().is_none());
        !fixture.keys().await.is_empty()
    })
    .await;
    let mut waiting = Box::pin(writer.record(&2_u64));
    for _ in 0..20 {
        assert!((&mut waiting).now_or_never().is_none(), "the flush has not said anything");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Dropped half-way: its events stay, and waiting tasks continue.
    flush.take();
    waiting.await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(fixture.stored().await, [1, 2], "what had arrived is not there twice");
    assert_eq!(fixture.puts(), 3, "the put that hung, the same again, and that of the second event");
}

#[tokio::test]
async fn events_of_a_writer_come_back_in_the_order_in_which_they_were_taken() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer();
    let taken_later = writer.record(&2_u64);
    fixture.clock.advance(Duration::from_secs(1));
    writer.record(&1_u64).await.unwrap();
    writer.flush().await.unwrap();
    taken_later.await.unwrap();
    writer.record(&3_u64).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(fixture.stored().await, [1, 2, 3]);
}

#[tokio::test]
async fn failures_and_lost_answers_neither_lose_nor_double_events() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer();
    fixture.fail([Fault::Refuse, Fault::LoseAnswer, Fault::Refuse]);
    writer.record(&1_u64).await.unwrap();
    for said in ["500 Server Error", "connection reset"] {
        let error = writer.flush().await.unwrap_err();
        assert!(error.message().contains(said), "{error}");
        assert_eq!(writer.buffered(), 1);
    }
    // Events that were recorded since go into a separate batch.
    writer.record(&2_u64).await.unwrap();
    writer.flush().await.unwrap_err();
    writer.flush().await.unwrap();
    assert_eq!((writer.buffered(), fixture.keys().await.len()), (0, 2));
    let mut stored = fixture.stored().await;
    stored.sort_unstable();
    assert_eq!(stored, [1, 2]);
}

#[tokio::test]
async fn an_object_of_the_same_name_is_not_replaced() {
    let fixture = Fixture::new().await;
    // Both generate the same name.
    let runtime = Arc::new(fixture.clock.clone().with_random_byte(7));
    let service = fixture.bucket.service(runtime).with_retry(RetryPolicy::none());
    let store = EventStore::r2(service, "events/").unwrap();
    let writer = || EventWriter::new(store.clone());
    let (one, two) = (writer(), writer());
    one.record(&1_u64).await.unwrap();
    two.record(&2_u64).await.unwrap();
    one.flush().await.unwrap();
    let error = two.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    assert!(error.message().contains("another object already has the random name"), "{error}");
    assert_eq!((two.buffered(), fixture.stored().await), (1, vec![1]));
}

#[tokio::test]
async fn writers_of_one_millisecond_do_not_collide() {
    let fixture = Fixture::new().await;
    let writers: Vec<_> = (0..20).map(|_| fixture.writer()).collect();
    for (n, writer) in (0..20_u64).zip(&writers) {
        writer.record(&n).await.unwrap();
    }
    future::try_join_all(writers.iter().map(EventWriter::flush)).await.unwrap();
    assert_eq!(fixture.keys().await.len(), 20);
    let stored: BTreeSet<_> = fixture.stored().await.into_iter().collect();
    assert_eq!(stored, (0..20).collect());
}

#[tokio::test]
async fn those_who_wait_for_a_service_that_is_down_share_its_answer() {
    let fixture = Fixture::new().await;
    let writer = fixture.writer();
    fixture.bucket.down.store(true, Ordering::Relaxed);
    writer.record(&1_u64).await.unwrap();
    let results = future::join_all((0..50).map(|_| writer.flush())).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().kind() == ErrorKind::Server));
    assert!(fixture.puts() <= 2, "{} puts", fixture.puts());
    fixture.bucket.down.store(false, Ordering::Relaxed);
    future::try_join_all((0..50).map(|_| writer.flush())).await.unwrap();
    assert_eq!(fixture.stored().await, [1]);
}

/// The error is one of the injected faults.
fn assert_transient(error: &Error) {
    assert!(matches!(error.kind(), ErrorKind::Server | ErrorKind::Connection), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_a_flush_acknowledged_can_be_read() {
    const TASKS: u64 = 8;
    const EVENTS: u64 = 400;
    let fixture = Fixture::new().await;
    let writer = EventWriter::new(fixture.store.clone()).with_batch_bytes(2000).unwrap().with_capacity(6000);
    let mut random = fastrand::Rng::with_seed(5);
    fixture.fail((0..5000).map(|_| match random.u8(..10) {
        0 => Fault::Refuse,
        1 => Fault::LoseAnswer,
        _ => Fault::None,
    }));
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let tasks = (0..TASKS).map(|task| {
        let (writer, store, acknowledged) =
            (writer.clone(), fixture.store.clone(), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(task);
            let mut recorded = Vec::new();
            for n in 0..EVENTS {
                let event = task * EVENTS + n;
                // A rejected event is not recorded, and is sent again.
                while let Err(error) = writer.record(&event).await {
                    assert_transient(&error);
                }
                recorded.push(event);
                if random.u8(..) >= 16 {
                    continue;
                }
                if random.bool() {
                    let _ =
                        tokio::time::timeout(Duration::from_millis(random.u64(..3)), writer.flush()).await;
                } else if writer.flush().await.is_ok() {
                    acknowledged.lock().unwrap().extend(recorded.drain(..));
                }
            }
            let before = acknowledged.lock().unwrap().clone();
            let there: BTreeSet<_> = stored(&store).await.into_iter().collect();
            assert!(
                there.is_superset(&before),
                "acknowledged and not there: {:?}",
                before.difference(&there)
            );
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(!acknowledged.lock().unwrap().is_empty(), "nothing was acknowledged: the test proves nothing");
    while let Err(error) = writer.flush().await {
        assert_transient(&error);
    }
    let mut all = fixture.stored().await;
    all.sort_unstable();
    assert_eq!(all, (0..TASKS * EVENTS).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn ranges_take_neither_more_nor_less() {
    let fixture = Fixture::new().await;
    let start = fixture.clock.now();
    let writer = fixture.writer();
    // Batches of ten minutes, one event per minute, over five hours.
    for n in 0..300_u64 {
        fixture.clock.set(start + Duration::from_secs(60 * n));
        writer.record(&n).await.unwrap();
        if n % 10 == 9 {
            writer.flush().await.unwrap();
        }
    }
    let minute = |n: u64| start + Duration::from_secs(60 * n);
    let nanosecond = Duration::from_nanos(1);
    let read = async |from, to| -> Vec<u64> {
        let events: Vec<Event<u64>> = fixture.store.read(from..to).try_collect().await.unwrap();
        events.into_iter().map(|event| event.event).collect()
    };
    for (from, to) in [(0, 300), (0, 1), (5, 6), (9, 11), (55, 125), (100, 100), (299, 300), (120, 110)] {
        assert_eq!(read(minute(from), minute(to)).await, (from..to).collect::<Vec<_>>(), "{from} to {to}");
    }
    assert_eq!(read(minute(5) + nanosecond, minute(7) + nanosecond).await, [6, 7]);
    assert_eq!(read(UNIX_EPOCH, minute(2)).await, [0, 1]);
    let until: Vec<Event<u64>> = fixture.store.read(minute(298)..=minute(299)).try_collect().await.unwrap();
    assert_eq!(until.iter().map(|event| (event.time, event.event)).next_back(), Some((minute(299), 299)));

    fixture.bucket.gets.lock().unwrap().clear();
    fixture.bucket.listed.store(0, Ordering::Relaxed);
    read(minute(290), minute(300)).await;
    assert_eq!(fixture.bucket.gets.lock().unwrap().len(), 1, "only what overlaps is read");
    assert!(fixture.bucket.listed.load(Ordering::Relaxed) <= 7, "and what came long before is not listed");
}

#[tokio::test]
async fn what_was_stored_late_or_by_a_clock_that_was_set_back_is_found() {
    let fixture = Fixture::new().await;
    let start = fixture.clock.now();
    let writer = fixture.writer();
    let hours = |n: u64| Duration::from_secs(3600 * n);
    // Five hours without a flush, and then two hours back.
    for n in 0..=10_u64 {
        fixture.clock.set(start + Duration::from_secs(1800 * n));
        writer.record(&n).await.unwrap();
    }
    fixture.clock.set(start + hours(3));
    writer.record(&11_u64).await.unwrap();
    fixture.clock.set(start + hours(40));
    writer.flush().await.unwrap();
    for n in 0..=10 {
        let at = start + Duration::from_secs(1800 * n);
        let events: Vec<Event<u64>> = fixture.store.read(at..=at).try_collect().await.unwrap();
        let found: Vec<_> = events.iter().map(|event| event.event).collect();
        let expected = if n == 6 { vec![6, 11] } else { vec![n] };
        assert_eq!(
            found.iter().copied().collect::<BTreeSet<_>>(),
            expected.into_iter().collect(),
            "{found:?}"
        );
    }
    assert_eq!(fixture.keys().await.len(), 5, "no batch spans more than an hour");
}

#[tokio::test]
async fn what_is_damaged_is_named_and_what_lies_behind_it_is_read() {
    let fixture = Fixture::new().await;
    let line = |time: &str, event: &str| {
        format!("{{\"time\":\"2026-11-25T{time}Z\",\"id\":\"x\",\"event\":{event}}}\n")
    };
    let lines = [
        line("05:18:20.000", "1"),
        "no JSON\n".to_owned(),
        line("05:18:20.000", "\"of another type\""),
        line("05:17:59.999", "4"),
        line("05:19:00.000", "5"),
    ];
    fixture.put_lines(NAME, lines.concat().as_bytes()).await;
    let second = NAME.replace("T051800000Z", "T051800001Z");
    fixture.service().put(&second, "no gzip").await.unwrap();
    let third = NAME.replace("T051800000Z", "T051800002Z");
    fixture.put_lines(&third, line("05:18:20.000", "6").as_bytes()).await;
    // Not one of our batches.
    fixture.service().put("events/2026/11/25/05/README", "x").await.unwrap();
    fixture.service().put("events/2026/11/25/05/20261125T051800000Z", "x").await.unwrap();

    let mut events = fixture.store.read::<u64>(..);
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(event.map(|event| event.event).map_err(|error| (error.kind(), error.to_string())));
    }
    let failure = |at: usize, kind, key: &str, said: &str| {
        let (found, text) = seen[at].as_ref().unwrap_err();
        assert_eq!(*found, kind, "{text}");
        assert!(text.contains(key) && text.contains(said), "{text}");
    };
    assert_eq!(seen.len(), 7, "{seen:?}");
    assert_eq!(seen[0], Ok(1));
    failure(1, ErrorKind::Integrity, NAME, "line 2: is not JSON");
    failure(2, ErrorKind::Serialization, NAME, "line 3: is not an event of the expected type");
    failure(3, ErrorKind::Integrity, NAME, "line 4: has a time outside");
    assert_eq!(seen[4], Ok(5));
    failure(5, ErrorKind::Integrity, &second, "cannot decompress");
    assert_eq!(seen[6], Ok(6));
}

#[tokio::test]
async fn a_listing_that_fails_ends_the_stream() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.store.read::<u64>(..).count().await, 0);
    let store = EventStore::r2(R2Service::new(MockBucket::new()), "events/").unwrap();
    let results: Vec<_> = store.read::<u64>(..).collect().await;
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn values_of_kv_are_written_in_bulk_read_by_range_and_expire() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = Arc::new(LocalNamespace::open(folder.path(), "events").await.unwrap());
    let clock = clock();
    let client = KvClient::new(namespace).with_runtime(clock.clone());
    let day = Duration::from_secs(24 * 3600);
    let error = EventStore::kv(client.clone(), "events/", Some(Duration::from_secs(59))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("KV accepts whole seconds, 60 or more"), "{error}");
    let store = EventStore::kv(client.clone(), "events/", Some(day)).unwrap();
    let start = clock.now();
    let writer = EventWriter::new(store.clone());
    // An event every six hours, for ten days: no two are in one batch.
    let at = |n: u64| start + Duration::from_secs(6 * 3600 * n);
    for n in 0..40_u64 {
        clock.set(at(n));
        writer.record(&n).await.unwrap();
    }
    client.put("events/2026/11/25/05/README", "x").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(writer.buffered(), 0);
    for (from, to) in [(0, 40), (0, 1), (3, 30), (7, 7), (39, 40)] {
        let events: Vec<Event<u64>> = store.read(at(from)..at(to)).try_collect().await.unwrap();
        assert_eq!(
            events.into_iter().map(|event| event.event).collect::<Vec<_>>(),
            (from..to).collect::<Vec<_>>()
        );
    }
    assert_eq!(stored(&store).await, (0..40).collect::<Vec<_>>());
    let keys: Vec<_> = client.list().prefix("events/2026/11/2").stream().try_collect().await.unwrap();
    let expire = TokioRuntime.now() + day;
    for key in keys.iter().filter(|key| !key.name.ends_with("README")) {
        let expiration = key.expiration.unwrap();
        assert!(expiration <= expire && expiration > expire - Duration::from_secs(60), "{key:?}");
    }
}
