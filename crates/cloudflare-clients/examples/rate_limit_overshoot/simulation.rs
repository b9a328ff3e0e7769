//! Several locations with one limit, over a model of Workers KV.
//!
//! The model is as slow as KV's documentation allows. A location sees the writes of other locations after up
//! to 5 seconds, and then answers from its cache for 60 seconds (or the time that a read asks for). The cache
//! holds missing keys and listings too. A location sees its own writes immediately. The last write wins. A
//! second write to a key within a second is rejected with a 429. All randomness comes from a seed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::http::StatusCode;
use cloudflare_clients::kv::{
    DeleteRequest, GetManyRequest, GetRequest, KvClient, ListPage, ListRequest, ListedKey, Metadata,
    Namespace, PutRequest, ValueWithMetadata,
};
use cloudflare_clients::r2::Body;
use cloudflare_clients::rate_limit::{Decision, KvRateLimiter, RateLimiter};
use cloudflare_clients::{Error, ErrorKind, Result, RetryPolicy, Runtime, async_trait};
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};

const LIMIT: u64 = 100;
const SEEDS: u64 = 5;
const LOCATIONS: [usize; 3] = [1, 3, 10];
const WINDOWS: [(&str, u64); 3] = [("1 min", 60), ("10 min", 600), ("1 h", 3600)];
const PATTERNS: [(&str, Pattern); 3] = [
    ("steady, twice the limit", Pattern::Steady { times: 2 }),
    ("steady, 20 times the limit", Pattern::Steady { times: 20 }),
    ("a burst in each window", Pattern::Burst),
];
const LAYOUTS: [Layout; 2] = [Layout::KeyForEachWriter, Layout::SharedKey];

/// How requests arrive, each at a random location.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    /// This many times the limit per window, at irregular intervals.
    Steady { times: u64 },
    /// In each window, within 5 seconds, twice the limit per location.
    Burst,
}

/// How the counts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One key per writer, as [`KvRateLimiter`] does.
    KeyForEachWriter,
    /// One key, to which each location writes what it has read plus what it has counted since.
    SharedKey,
}

/// By how much the limit was exceeded in the worst window of the worst seed, in percent of the limit.
#[derive(Debug)]
pub(crate) struct Row {
    pattern: &'static str,
    window: &'static str,
    /// Per number of locations: with one key per writer, and with one shared key.
    overshoot: Vec<[u64; 2]>,
    /// The same for the average number of accepted writes per window.
    writes: Vec<[u64; 2]>,
}

/// Runs all simulations.
pub(crate) fn measure() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, pattern) in PATTERNS {
        for (window_name, seconds) in WINDOWS {
            let window = Duration::from_secs(seconds);
            let run = |locations, layout| {
                let runs = (0..SEEDS).map(|seed| simulate(seed, locations, window, pattern, layout));
                runs.reduce(|one, other| (one.0.max(other.0), one.1.max(other.1))).unwrap()
            };
            let runs = LOCATIONS.map(|locations| LAYOUTS.map(|layout| run(locations, layout)));
            rows.push(Row {
                pattern: name,
                window: window_name,
                overshoot: runs.iter().map(|run| run.map(|(overshoot, _)| overshoot)).collect(),
                writes: runs.iter().map(|run| run.map(|(_, writes)| writes)).collect(),
            });
        }
    }
    rows
}

/// Formats the table of the documentation.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = String::from("| requests | window |");
    for count in LOCATIONS {
        write!(table, " {count} location{} |", if count == 1 { "" } else { "s" }).unwrap();
    }
    table.push_str(" with one shared key (1, 3, 10) |\n|---|---|---|---|---|---|\n");
    for Row { pattern, window, overshoot, .. } in rows {
        write!(table, "| {pattern} | {window} |").unwrap();
        for [own, _] in overshoot {
            write!(table, " {own} % |").unwrap();
        }
        let shared: Vec<_> = overshoot.iter().map(|[_, shared]| format!("{shared} %")).collect();
        writeln!(table, " {} |", shared.join(", ")).unwrap();
    }
    table
}

/// Formats the rows for programs.
#[allow(dead_code, reason = "the example uses it, the test that includes this file does not")]
pub(crate) fn json(rows: &[Row]) -> serde_json::Value {
    let each =
        |values: &[[u64; 2]], layout: usize| -> Vec<u64> { values.iter().map(|both| both[layout]).collect() };
    let row = |row: &Row| {
        serde_json::json!({
            "pattern": row.pattern,
            "window": row.window,
            "locations": LOCATIONS,
            "overshoot_percent": each(&row.overshoot, 0),
            "overshoot_percent_shared_key": each(&row.overshoot, 1),
            "writes_per_window": each(&row.writes, 0),
            "writes_per_window_shared_key": each(&row.writes, 1),
        })
    };
    rows.iter().map(row).collect()
}

/// Returns the overshoot in percent, and the number of writes per window.
fn simulate(seed: u64, locations: usize, window: Duration, pattern: Pattern, layout: Layout) -> (u64, u64) {
    const WINDOWS_LONG: u32 = 4;
    let mut rng = fastrand::Rng::with_seed(seed);
    // Starts anywhere within a fixed window.
    let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000) + window.mul_f64(rng.f64());
    let runtime = Arc::new(Simulated { now: Mutex::new(start), rng: Mutex::new(rng.fork()) });
    let kv = Arc::new(Mutex::new(Central::default()));
    let limiters: Vec<Box<dyn RateLimiter>> = (0..locations)
        .map(|number| {
            let namespace = Location {
                number,
                central: Arc::clone(&kv),
                runtime: Arc::clone(&runtime),
                cache: Mutex::default(),
            };
            let client = KvClient::new(namespace);
            match layout {
                Layout::KeyForEachWriter => {
                    Box::new(KvRateLimiter::new(client, "simulated", LIMIT, window).unwrap()) as _
                }
                Layout::SharedKey => Box::new(SharedKey::new(client, runtime.clone(), window)) as _,
            }
        })
        .collect();

    let mut allowed = Vec::new();
    for at in arrivals(&mut rng, locations, window, pattern, WINDOWS_LONG) {
        *runtime.now.lock().unwrap() = start + at;
        let limiter = &limiters[rng.usize(..locations)];
        // The model answers immediately.
        let decision = limiter.check("key").now_or_never().unwrap().unwrap();
        if decision.allowed {
            allowed.push(at);
        }
        // The next flush writes what was rejected.
        limiter.flush().now_or_never().unwrap().ok();
    }
    let in_window = |(first, from): (usize, &Duration)| {
        allowed[first..].iter().take_while(|at| **at < *from + window).count() as u64
    };
    let most = allowed.iter().enumerate().map(in_window).max().unwrap_or(0);
    let writes = kv.lock().unwrap().writes / u64::from(WINDOWS_LONG);
    (most.saturating_sub(LIMIT) * 100 / LIMIT, writes)
}

/// Returns when requests arrive, counted from the start.
fn arrivals(
    rng: &mut fastrand::Rng,
    locations: usize,
    window: Duration,
    pattern: Pattern,
    windows: u32,
) -> Vec<Duration> {
    let mut arrivals = Vec::new();
    match pattern {
        Pattern::Steady { times } => {
            let mean = u64::try_from(window.as_micros()).unwrap() / (times * LIMIT);
            let mut at = Duration::ZERO;
            while at < window * windows {
                at += Duration::from_micros(rng.u64(0..=mean * 2));
                arrivals.push(at);
            }
        }
        Pattern::Burst => {
            for number in 0..windows {
                let begin =
                    window * number + window.saturating_sub(Duration::from_secs(5)).mul_f64(rng.f64());
                let requests = 2 * LIMIT * locations as u64;
                arrivals.extend((0..requests).map(|_| begin + Duration::from_micros(rng.u64(..5_000_000))));
            }
            arrivals.sort_unstable();
        }
    }
    arrivals
}

/// The clock of the simulation.
#[derive(Debug)]
struct Simulated {
    now: Mutex<SystemTime>,
    rng: Mutex<fastrand::Rng>,
}

impl Runtime for Simulated {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        future::ready(()).boxed()
    }

    fn random(&self) -> f64 {
        self.rng.lock().unwrap().f64()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        self.rng.lock().unwrap().fill(bytes);
        Ok(())
    }
}

/// All written versions, by key.
#[derive(Debug, Default)]
struct Central {
    versions: BTreeMap<String, Vec<Version>>,
    writes: u64,
}

#[derive(Debug, Clone)]
struct Version {
    written: SystemTime,
    by: usize,
    /// When the other locations see it.
    seen: SystemTime,
    value: Stored,
}

#[derive(Debug, Clone)]
struct Stored {
    text: String,
    metadata: Option<Metadata>,
}

/// KV, as one location sees it.
#[derive(Debug)]
struct Location {
    number: usize,
    central: Arc<Mutex<Central>>,
    runtime: Arc<Simulated>,
    cache: Mutex<Cache>,
}

/// Cached reads, with their expiry.
#[derive(Debug, Default)]
struct Cache {
    values: HashMap<String, (SystemTime, Option<Stored>)>,
    listings: HashMap<String, (SystemTime, ListPage)>,
}

const CACHED: Duration = Duration::from_secs(60);

impl Location {
    fn latest<'v>(&self, versions: &'v [Version], now: SystemTime) -> Option<&'v Stored> {
        let visible = |version: &&Version| version.by == self.number || version.seen <= now;
        versions.iter().rev().find(visible).map(|version| &version.value)
    }
}

#[async_trait]
impl Namespace for Location {
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        let now = self.runtime.now();
        let values = &mut self.cache.lock().unwrap().values;
        let cached = values.get(&request.key).filter(|(until, _)| *until > now);
        let found = if let Some((_, found)) = cached {
            found.clone()
        } else {
            let central = self.central.lock().unwrap();
            let versions = central.versions.get(&request.key);
            let found = versions.and_then(|versions| self.latest(versions, now)).cloned();
            let until = now + request.cache_ttl.unwrap_or(CACHED);
            values.insert(request.key, (until, found.clone()));
            found
        };
        Ok(found.map(|found| found.text.into()))
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let now = self.runtime.now();
        let listings = &mut self.cache.lock().unwrap().listings;
        if let Some((_, page)) = listings.get(&request.prefix).filter(|(until, _)| *until > now) {
            return Ok(page.clone());
        }
        let central = self.central.lock().unwrap();
        let keys = central
            .versions
            .range(request.prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&request.prefix))
            .filter_map(|(name, versions)| {
                let Stored { metadata, .. } = self.latest(versions, now)?.clone();
                let mut key = ListedKey::new(name);
                key.metadata = metadata;
                Some(key)
            });
        let page = ListPage::new(keys.collect());
        listings.insert(request.prefix, (now + CACHED, page.clone()));
        Ok(page)
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        let now = self.runtime.now();
        let text = request.value.text().await?;
        let seen = now + Duration::from_secs(5).mul_f64(self.runtime.random());
        let mut central = self.central.lock().unwrap();
        let versions = central.versions.entry(request.key.clone()).or_default();
        if versions.last().is_some_and(|last| now < last.written + Duration::from_secs(1)) {
            return Err(Error::from_status(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        let value = Stored { text, metadata: request.metadata };
        versions.push(Version { written: now, by: self.number, seen, value });
        central.writes += 1;
        self.cache.lock().unwrap().values.remove(&request.key);
        Ok(())
    }

    async fn get_with_metadata(&self, _: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        not_simulated()
    }

    async fn get_many(&self, _: GetManyRequest) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        not_simulated()
    }

    async fn delete(&self, _: DeleteRequest) -> Result<()> {
        not_simulated()
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.runtime.clone()
    }
}

fn not_simulated<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "the rate limiter does not use this operation"))
}

/// The layout that was not chosen: one key, overwritten with the count that was read plus the count since.
#[derive(Debug)]
struct SharedKey {
    client: KvClient,
    runtime: Arc<Simulated>,
    window: Duration,
    counted: Mutex<HashMap<u64, Counted>>,
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    read: Option<SystemTime>,
    written: Option<SystemTime>,
}

#[derive(Debug, Default)]
struct Counted {
    read: u64,
    since: u64,
}

impl SharedKey {
    fn new(client: KvClient, runtime: Arc<Simulated>, window: Duration) -> Self {
        let client = client.with_retry(RetryPolicy::none());
        Self { client, runtime, window, counted: Mutex::default(), times: Mutex::default() }
    }

    fn since(&self) -> Duration {
        self.runtime.now().duration_since(UNIX_EPOCH).unwrap()
    }
}

/// Whether an interval has passed. If so, the next one starts.
fn passed(last: &mut Option<SystemTime>, now: SystemTime, interval: Duration) -> bool {
    let due = last.is_none_or(|last| now >= last + interval);
    if due {
        *last = Some(now);
    }
    due
}

#[async_trait]
impl RateLimiter for SharedKey {
    async fn check(&self, _: &str) -> Result<Decision> {
        let since = self.since();
        let number = since.as_secs() / self.window.as_secs();
        let read = passed(&mut self.times.lock().unwrap().read, self.runtime.now(), Duration::from_secs(10));
        for number in [number - 1, number].into_iter().filter(|_| read) {
            let get = self.client.get(number.to_string()).cache_ttl(Duration::from_secs(30));
            let found = get.text().await?.map_or(0, |text| text.parse().unwrap());
            let mut counted = self.counted.lock().unwrap();
            let read = &mut counted.entry(number).or_default().read;
            *read = found.max(*read);
        }
        let mut counted = self.counted.lock().unwrap();
        let count = |number| counted.get(&number).map_or(0, |counted: &Counted| counted.read + counted.since);
        let window = self.window.as_nanos();
        let left = window - since.as_nanos() % window;
        let used = u128::from(count(number - 1)) * left + u128::from(count(number)) * window;
        let allowed = used + window <= u128::from(LIMIT) * window;
        counted.entry(number).or_default().since += u64::from(allowed);
        Ok(Decision::new(allowed))
    }

    async fn flush(&self) -> Result<()> {
        let number = self.since().as_secs() / self.window.as_secs();
        let Some(Counted { read, since }) =
            self.counted.lock().unwrap().get(&number).map(|counted| Counted { ..*counted })
        else {
            return Ok(());
        };
        let now = self.runtime.now();
        if since == 0 || !passed(&mut self.times.lock().unwrap().written, now, Duration::from_secs(1)) {
            return Ok(());
        }
        self.client.put(number.to_string(), (read + since).to_string()).await?;
        self.counted.lock().unwrap().insert(number, Counted { read: read + since, since: 0 });
        Ok(())
    }
}
