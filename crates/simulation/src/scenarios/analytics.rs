//! Events in R2 and in KV: what a flush acknowledged can be read back, each event once, and nothing else.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::analytics::{Event, EventStore, EventWriter};
use cloudflare_clients::{Error, ErrorKind, Runtime as _};
use cloudflare_emulator::{KvBehaviour, R2Behaviour};
use fastrand::Rng;
use futures_util::StreamExt as _;
use futures_util::future::{self, Either, try_join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::finding::{Finding, Outcome};
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{BUCKET, Client, World};

const CLIENTS: usize = 2;
/// Two of them share a writer.
const WORKERS: usize = 4;
const STEPS: usize = 30;
/// How much longer than its event a line is, according to the documentation of the writer.
const OVERHEAD: usize = 94;
/// Maximum time of an operation: its attempts, their timeouts and the waits between them.
const LONGEST: Duration = Duration::from_secs(20 * 60);
/// Maximum number of tries after the storm. Connections from the storm may still be in use.
const TRIES: usize = 20;
pub(super) async fn run(world: World) -> Outcome {
    let settings = Settings::any(&mut world.rng("settings"));
    let mut server = world.server_that(R2Behaviour::default(), settings.kv.clone())?;
    let store = server.start().await?;
    store.create_bucket(BUCKET).await?;
    let namespace = store.create_namespace("events").await?.id;
    drop(store);
    let model = RefCell::default();
    let mut members = Vec::new();
    for number in 0..CLIENTS {
        let name = format!("client {number}");
        let client = world.client(&name, &server);
        client.clock.set(world.rng(&format!("clock of {name}")).i64(-10_000..10_000), 0);
        let store = if settings.in_kv {
            EventStore::kv(client.kv(&namespace)?, "events/", None)?
        } else {
            EventStore::r2(client.r2()?, "events/")?
        };
        let live = RefCell::new(Live::new(&store, &settings, &model)?);
        members.push(Member { name, client, store, live, settings: &settings, model: &model, world: &world });
    }
    let work = try_join_all((0..WORKERS).map(|number| members[number % CLIENTS].work(number)));
    let storm = Storm::any(&mut world.rng("kind of storm"));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;

    for member in &members {
        member.flush_in_the_end().await?;
    }
    let mut rng = world.rng("ranges");
    members[0].read_in_the_end(..).await?;
    for _ in 0..3 {
        let range = model.borrow().any_range(&mut rng);
        members[1].read_in_the_end(range).await?;
    }
    Ok(())
}

#[derive(Debug)]
struct Settings {
    in_kv: bool,
    kv: KvBehaviour,
    batch_bytes: usize,
    capacity: usize,
    padding: usize,
    /// Time after which a task stores recorded events, if there is a task.
    max_age: Option<Duration>,
    /// Whether clocks are set back and forth.
    clocks_jump: bool,
}

impl Settings {
    fn any(rng: &mut Rng) -> Self {
        Self {
            in_kv: rng.bool(),
            kv: KvBehaviour::default()
                .cache_ttl(rng.bool().then_some(Duration::from_secs(60)))
                .limits_writes(rng.bool())
                .empty_pages(rng.bool()),
            batch_bytes: rng.usize(1..3_000),
            capacity: rng.usize(1..10_000),
            padding: [0, 50, 500][rng.usize(..3)],
            max_age: (rng.u8(..3) > 0).then(|| Duration::from_secs([1, 10, 60][rng.usize(..3)])),
            clocks_jump: rng.u8(..3) == 0,
        }
    }
}

/// A recorded event. All events of a run have the same length.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    number: String,
    padding: String,
}

impl Entry {
    fn new(number: usize, settings: &Settings) -> Self {
        Self { number: format!("{number:08}"), padding: "x".repeat(settings.padding) }
    }

    /// Returns the length of its line.
    fn length(settings: &Settings) -> usize {
        OVERHEAD + r#"{"number":"00000000","padding":""}"#.len() + settings.padding
    }
}

/// The result of recording an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recorded {
    Yes,
    /// It must not be stored.
    No,
    /// The call had no answer.
    Unknown,
}

/// An event, as its recorder knows it.
struct Known {
    writer: usize,
    /// It was recorded between these times of the writer's clock.
    earliest: SystemTime,
    latest: SystemTime,
    recorded: Recorded,
    /// The order of the starts and ends of the calls.
    invoked: u64,
    returned: Option<u64>,
    /// Whether a flush has acknowledged it.
    is_acknowledged: bool,
}

#[derive(Default)]
struct Model {
    events: Vec<Known>,
    /// How many events of each writer were stored, because they left its buffer.
    stored: BTreeMap<usize, u64>,
    writers: usize,
    order: u64,
}

impl Model {
    fn next(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Returns the events of a writer that are recorded and not known to be stored.
    fn unacknowledged(&self, writer: usize) -> Vec<usize> {
        let is_one = |event: &Known| {
            event.writer == writer && event.recorded == Recorded::Yes && !event.is_acknowledged
        };
        (0..self.events.len()).filter(|number| is_one(&self.events[*number])).collect()
    }

    /// Returns how many events of a writer have one of these results.
    fn count(&self, writer: usize, recorded: &[Recorded]) -> u64 {
        let is_one = |event: &&Known| event.writer == writer && recorded.contains(&event.recorded);
        self.events.iter().filter(is_one).count() as u64
    }

    /// Returns a range from the time of one event to that of another.
    fn any_range(&self, rng: &mut Rng) -> (Bound<SystemTime>, Bound<SystemTime>) {
        let mut time = || match rng.usize(..=self.events.len()) {
            0 => Bound::Unbounded,
            number if rng.bool() => Bound::Included(self.events[number - 1].earliest),
            number => Bound::Excluded(self.events[number - 1].earliest),
        };
        (time(), time())
    }
}

/// A task that stores events, and the channel that stops it.
type Task = (oneshot::Sender<()>, JoinHandle<Result<(), Error>>);

/// A writer, and the task that stores its events.
struct Live {
    id: usize,
    writer: EventWriter,
    task: RefCell<Option<Task>>,
    killed: Notify,
    dropped: Cell<u64>,
}

impl Live {
    fn new(store: &EventStore, settings: &Settings, model: &RefCell<Model>) -> Result<Rc<Self>, Finding> {
        let writer = EventWriter::new(store.clone())
            .with_batch_bytes(settings.batch_bytes)?
            .with_capacity(settings.capacity);
        let task = match settings.max_age {
            Some(age) => {
                let (shutdown, stopped) = oneshot::channel();
                let running = writer.clone().with_max_age(age)?.run(async { drop(stopped.await) });
                Some((shutdown, tokio::spawn(running)))
            }
            None => None,
        };
        let id = {
            let mut model = model.borrow_mut();
            model.writers += 1;
            model.writers
        };
        Ok(Rc::new(Self {
            id,
            writer,
            task: RefCell::new(task),
            killed: Notify::new(),
            dropped: Cell::new(0),
        }))
    }

    /// Returns the result of `work`, unless the process is killed first.
    async fn while_alive<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match future::select(pin!(work), pin!(self.killed.notified())).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), _)) => None,
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some((_, task)) = self.task.get_mut() {
            task.abort();
        }
    }
}

/// A client process.
struct Member<'m> {
    name: String,
    client: Client,
    store: EventStore,
    live: RefCell<Rc<Live>>,
    settings: &'m Settings,
    model: &'m RefCell<Model>,
    world: &'m World,
}

impl Member<'_> {
    async fn work(&self, number: usize) -> Outcome {
        for (index, mut rng) in self.world.steps.of(number, STEPS) {
            // Sometimes longer than the maximum span of a batch.
            let pause = if rng.u8(..20) == 0 { 3_000_000 } else { [10, 100, 1_000, 20_000][rng.usize(..4)] };
            tokio::time::sleep(Duration::from_millis(rng.u64(..pause))).await;
            trace::count("operations");
            let step = tokio::time::timeout(LONGEST, self.step(&mut rng));
            step.await.unwrap_or_else(|_| {
                Err(Finding::new(format!("step {index} of {} takes longer than {LONGEST:?}", self.name)))
            })?;
        }
        Ok(())
    }

    async fn step(&self, rng: &mut Rng) -> Outcome {
        let live = Rc::clone(&self.live.borrow());
        match rng.u8(..20) {
            0..8 => {
                for _ in 0..rng.u8(1..12) {
                    self.record(&live).await?;
                }
            }
            8..11 => {
                for _ in 0..rng.u8(1..12) {
                    self.record_or_drop(&live)?;
                }
            }
            11..14 => drop(self.flush(&live, LONGEST * 2).await?),
            14 => drop(self.flush(&live, Duration::from_millis(rng.u64(..500))).await?),
            15 => self.kill(&live, rng)?,
            16 => self.close(&live).await?,
            17 => drop(self.read(..).await?),
            18 => {
                let range = self.model.borrow().any_range(rng);
                self.read(range).await?;
            }
            _ if self.settings.clocks_jump => self.client.clock.set(rng.i64(-100_000..100_000), 0),
            _ => {}
        }
        self.check_buffer(&live)
    }

    /// Records that an event is about to be recorded.
    fn begin(&self, live: &Live) -> (usize, Entry) {
        let mut model = self.model.borrow_mut();
        let invoked = model.next();
        let known = Known {
            writer: live.id,
            earliest: self.now(),
            latest: last(),
            recorded: Recorded::Unknown,
            invoked,
            returned: None,
            is_acknowledged: false,
        };
        model.events.push(known);
        let number = model.events.len() - 1;
        (number, Entry::new(number, self.settings))
    }

    fn end(&self, number: usize, recorded: Recorded) {
        trace::note(format_args!("{} has recorded event {number}: {recorded:?}", self.name));
        let mut model = self.model.borrow_mut();
        let returned = model.next();
        let event = &mut model.events[number];
        (event.recorded, event.returned) = (recorded, Some(returned));
        event.latest = self.now();
        if self.settings.clocks_jump && event.latest != event.earliest {
            // It is unknown what the clock has shown meanwhile.
            (event.earliest, event.latest) = (UNIX_EPOCH, last());
        }
    }

    /// Returns the time of the process's clock, in whole milliseconds.
    fn now(&self) -> SystemTime {
        let since = self.client.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + Duration::from_millis(u64::try_from(since.as_millis()).unwrap_or_default())
    }

    async fn record(&self, live: &Live) -> Outcome {
        let (number, entry) = self.begin(live);
        match live.while_alive(live.writer.record(&entry)).await {
            // The process may have been killed at that moment.
            None => Ok(()),
            Some(Ok(())) => {
                trace::count("events recorded");
                self.end(number, Recorded::Yes);
                Ok(())
            }
            Some(Err(error)) => {
                self.end(number, Recorded::No);
                self.expected(&error)
            }
        }
    }

    fn record_or_drop(&self, live: &Live) -> Outcome {
        let (number, entry) = self.begin(live);
        if live.writer.record_or_drop(&entry)? {
            trace::count("events recorded");
            self.end(number, Recorded::Yes);
        } else {
            trace::count("events dropped");
            live.dropped.set(live.dropped.get() + 1);
            self.end(number, Recorded::No);
        }
        Ok(())
    }

    /// Flushes, and returns whether the flush was acknowledged.
    async fn flush(&self, live: &Live, limit: Duration) -> Result<bool, Finding> {
        let recorded = self.model.borrow().unacknowledged(live.id);
        let flushed = live.while_alive(tokio::time::timeout(limit, live.writer.flush())).await;
        trace::note(format_args!("{} has flushed: {:?}", self.name, flushed.as_ref().map(is_done)));
        match flushed {
            Some(Ok(Ok(()))) => {
                trace::count("flushes");
                self.acknowledge(&recorded);
                Ok(true)
            }
            Some(Ok(Err(error))) => self.expected(&error).map(|()| false),
            Some(Err(_)) | None => Ok(false),
        }
    }

    fn acknowledge(&self, events: &[usize]) {
        let mut model = self.model.borrow_mut();
        for number in events {
            model.events[*number].is_acknowledged = true;
        }
    }

    /// Kills the process, and starts another one.
    fn kill(&self, live: &Rc<Live>, rng: &mut Rng) -> Outcome {
        self.check_buffer(live)?;
        trace::count("writers killed");
        trace::note(format_args!("{} is killed", self.name));
        if let Some((_, task)) = live.task.borrow_mut().take() {
            task.abort();
        }
        live.killed.notify_waiters();
        if rng.bool() {
            self.world.network.cut_off(&self.name);
        }
        *self.live.borrow_mut() = Live::new(&self.store, self.settings, self.model)?;
        Ok(())
    }

    /// Stops the task of the writer gracefully, and starts another one.
    async fn close(&self, live: &Rc<Live>) -> Outcome {
        let task = live.task.borrow_mut().take();
        let Some((shutdown, task)) = task else { return Ok(()) };
        let recorded = self.model.borrow().unacknowledged(live.id);
        drop(shutdown);
        match task.await {
            Ok(Ok(())) => {
                trace::count("writers closed");
                self.acknowledge(&recorded);
            }
            Ok(Err(error)) => self.expected(&error)?,
            Err(error) => return Err(Finding::new(format!("the task of a writer has ended: {error}"))),
        }
        self.check_buffer(live)?;
        *self.live.borrow_mut() = Live::new(&self.store, self.settings, self.model)?;
        Ok(())
    }

    /// Checks that the writer's counts are consistent, and that its buffer is within its limit.
    fn check_buffer(&self, live: &Live) -> Outcome {
        let mut model = self.model.borrow_mut();
        let (buffered, dropped) = (live.writer.buffered(), live.writer.dropped());
        let finding = |what: String| Err(Finding::new(format!("{} {what}; {:?}", self.name, self.settings)));
        if dropped != live.dropped.get() {
            return finding(format!("has dropped {} events and says {dropped}", live.dropped.get()));
        }
        let most = (self.settings.capacity / Entry::length(self.settings)).max(1) as u64;
        if buffered > most {
            return finding(format!("keeps {buffered} events where there is room for {most}"));
        }
        let unstored =
            model.unacknowledged(live.id).len() as u64 + model.count(live.id, &[Recorded::Unknown]);
        if buffered > unstored {
            return finding(format!(
                "says that {buffered} events are not stored, and acknowledged all but {unstored}"
            ));
        }
        let stored = model.count(live.id, &[Recorded::Yes]).saturating_sub(buffered);
        let known = model.stored.entry(live.id).or_default();
        *known = stored.max(*known);
        Ok(())
    }

    async fn flush_in_the_end(&self) -> Outcome {
        let live = Rc::clone(&self.live.borrow());
        for _ in 0..TRIES {
            if self.flush(&live, LONGEST).await? {
                let buffered = live.writer.buffered();
                return match buffered {
                    0 => self.check_buffer(&live),
                    _ => Err(Finding::new(format!(
                        "{} has {buffered} unstored events after a flush",
                        self.name
                    ))),
                };
            }
        }
        Err(Finding::new("no flush succeeds although there are no faults"))
    }

    async fn read_in_the_end(&self, range: impl RangeBounds<SystemTime> + Clone) -> Outcome {
        for _ in 0..TRIES {
            if let Some(read) = self.read(range.clone()).await? {
                trace::note(format_args!("{} events are read in the end", read.len()));
                let is_all =
                    matches!((range.start_bound(), range.end_bound()), (Bound::Unbounded, Bound::Unbounded));
                return if is_all { self.check_stored(&read) } else { Ok(()) };
            }
        }
        Err(Finding::new("no read succeeds although there are no faults"))
    }

    /// Checks that events that left the writers' buffers are stored.
    fn check_stored(&self, read: &BTreeSet<usize>) -> Outcome {
        let model = self.model.borrow();
        for (writer, known) in &model.stored {
            let stored = read.iter().filter(|number| model.events[**number].writer == *writer).count() as u64;
            if stored < *known {
                return Err(Finding::new(format!(
                    "writer {writer} has released {known} events, of which {stored} are stored; {:?}",
                    self.settings
                )));
            }
        }
        Ok(())
    }

    /// Reads the events of a range if possible, and compares all of them with what is known.
    async fn read(
        &self,
        range: impl RangeBounds<SystemTime> + Clone,
    ) -> Result<Option<BTreeSet<usize>>, Finding> {
        let acknowledged: Vec<usize> = {
            let model = self.model.borrow();
            let is_one = |event: &Known| {
                event.is_acknowledged && range.contains(&event.earliest) && range.contains(&event.latest)
            };
            (0..model.events.len()).filter(|number| is_one(&model.events[*number])).collect()
        };
        let mut events = self.store.read::<Entry>(range.clone());
        let mut read = Read::default();
        let mut is_complete = true;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.check_event(&mut read, &event, &range)?,
                Err(error) => {
                    self.expected(&error)?;
                    is_complete = false;
                }
            }
        }
        if !is_complete {
            return Ok(None);
        }
        trace::count("complete readings");
        if let Some(lost) = acknowledged.iter().find(|number| !read.numbers.contains(number)) {
            return Err(self.finding(*lost, "was acknowledged but is missing"));
        }
        Ok(Some(read.numbers))
    }

    fn check_event(
        &self,
        read: &mut Read,
        event: &Event<Entry>,
        range: &impl RangeBounds<SystemTime>,
    ) -> Outcome {
        trace::count("events read");
        let model = self.model.borrow();
        let number = event.event.number.parse().ok().filter(|number| *number < model.events.len());
        let Some(number) = number else {
            return Err(Finding::new(format!("an event was never recorded: {event:?}")));
        };
        let known = &model.events[number];
        let is_twice = !read.numbers.insert(number);
        let has_id_of_other = !read.ids.insert(event.id.clone());
        // No event was recorded before one that comes earlier in the order.
        let newest = read.newest.entry(known.writer).or_default();
        let is_out_of_order =
            !self.settings.clocks_jump && known.returned.is_some_and(|returned| returned < *newest);
        *newest = known.invoked.max(*newest);
        let what = if known.recorded == Recorded::No {
            "was not recorded but is stored"
        } else if is_twice {
            "is there twice"
        } else if has_id_of_other {
            "has the id of another one"
        } else if event.time < known.earliest || event.time > known.latest {
            "has another time"
        } else if !range.contains(&event.time) {
            "is outside the range"
        } else if event.event.padding.len() != self.settings.padding {
            "is another one"
        } else if is_out_of_order {
            "comes after an event of its writer that was recorded later"
        } else {
            return Ok(());
        };
        drop(model);
        Err(self.finding(number, what))
    }

    fn finding(&self, number: usize, what: &str) -> Finding {
        let writer = self.model.borrow().events[number].writer;
        Finding::new(format!("event {number} of writer {writer} {what}; {:?}", self.settings))
    }

    /// Whether a storm explains a failure.
    fn expected(&self, error: &Error) -> Outcome {
        trace::note(format_args!("{}: it fails: {error}", self.name));
        trace::count("failures");
        match error.kind() {
            ErrorKind::Serialization
            | ErrorKind::InvalidInput
            | ErrorKind::Unsupported
            | ErrorKind::Integrity
            | ErrorKind::PreconditionFailed => {
                Err(Finding::new(format!("no storm explains the error: {error}; {:?}", self.settings)))
            }
            _ => Ok(()),
        }
    }
}

/// A time later than all events.
fn last() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_000_000_000)
}

fn is_done<T>(flushed: &Result<Result<(), Error>, T>) -> bool {
    matches!(flushed, Ok(Ok(())))
}

/// What has been read so far.
#[derive(Default)]
struct Read {
    numbers: BTreeSet<usize>,
    ids: BTreeSet<String>,
    /// Per writer, the latest start of a call that recorded an event.
    newest: BTreeMap<usize, u64>,
}
