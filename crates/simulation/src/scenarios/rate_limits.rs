//! Rate limits in KV: the counts of a place and those it has read from others decide, exactly; counts that
//! nobody has made do not; and no check waits longer than it may.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::Runtime as _;
use cloudflare_clients::rate_limit::{Decision, FailMode, KvRateLimiter, RateLimiter as _};
use cloudflare_emulator::{KvBehaviour, R2Behaviour};
use fastrand::Rng;
use futures_util::future::{self, Either, try_join_all};

use crate::finding::{Finding, Outcome};
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{Client, World, counting_requests};

const CLIENTS: usize = 3;
/// The last of them shares the limiter of the first.
const WORKERS: usize = 4;
const STEPS: usize = 60;
const KEYS: [&str; 2] = ["198.51.100.7", "user-17"];
/// How late timers may be.
const LATE: Duration = Duration::from_millis(5);

pub(super) async fn run(world: World) -> Outcome {
    let settings = Settings::any(&mut world.rng("settings"));
    let kv = KvBehaviour::default()
        .cache_ttl(settings.is_stale.then_some(Duration::from_secs(60)))
        .limits_writes(settings.limits_writes)
        .empty_pages(settings.empty_pages);
    let mut server = world.server_that(R2Behaviour::default(), kv)?;
    let store = server.start().await?;
    let namespace = store.create_namespace("limits").await?.id;
    drop(store);
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = world.client(&format!("client {number}"), &server);
        client.clock.set(world.rng(&format!("clock of client {number}")).i64(-5_000..5_000), 0);
        clients.push(client);
    }
    let limits =
        Limits { clients, namespace, settings, model: RefCell::default(), places: RefCell::default() };
    for number in 0..CLIENTS {
        let place = limits.open(number)?;
        limits.places.borrow_mut().push(place);
    }
    let work = async {
        let workers = try_join_all((0..WORKERS).map(|number| limits.work(&world, number)));
        let flushes = future::select_all((0..CLIENTS).map(|number| Box::pin(limits.flush_always(number))));
        match future::select(pin!(workers), flushes).await {
            Either::Left((outcome, _)) => outcome.map(drop),
            Either::Right(((outcome, ..), _)) => outcome,
        }
    };
    let storm = Storm::any(&mut world.rng("kind of storm"));
    in_storm(&world, &mut server, storm, work).await?;

    // A new place sees everything that was written.
    for number in 0..CLIENTS {
        limits.flush(number).await?;
        let place = limits.open(number)?;
        limits.places.borrow_mut()[number] = place;
    }
    for number in 0..CLIENTS {
        for key in 0..KEYS.len() {
            limits.check(number, key).await?;
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Settings {
    is_stale: bool,
    limits_writes: bool,
    empty_pages: bool,
    limit: u64,
    window: Duration,
    mode: FailMode,
    deadline: Duration,
    read_interval: Duration,
    write_interval: Duration,
}

impl Settings {
    fn any(rng: &mut Rng) -> Self {
        let seconds = |seconds: u64| Duration::from_secs(seconds);
        Self {
            is_stale: rng.bool(),
            limits_writes: rng.bool(),
            empty_pages: rng.bool(),
            limit: rng.u64(1..20),
            window: seconds([10, 60, 300][rng.usize(..3)]),
            mode: if rng.bool() { FailMode::Open } else { FailMode::Closed },
            deadline: Duration::from_millis([300, 2_000, 10_000][rng.usize(..3)]),
            read_interval: seconds([0, 2, 10][rng.usize(..3)]),
            write_interval: seconds([1, 5][rng.usize(..2)]),
        }
    }

    /// Returns how many more requests are within the limit, as the documentation of the module defines it:
    /// the whole count of this window, and the share of the previous one that is still in the sliding window.
    fn remaining(&self, current: u64, previous: u64, elapsed: Duration) -> u64 {
        let (limit, current, previous) = (u128::from(self.limit), u128::from(current), u128::from(previous));
        let window = self.window.as_nanos();
        let left = window.saturating_sub(elapsed.as_nanos());
        let counted = current * window + previous * left;
        u64::try_from((limit * window).saturating_sub(counted) / window).unwrap_or(u64::MAX)
    }

    /// Returns for how long KV keeps a count at least. KV counts from the start of the current second.
    fn kept(&self) -> Duration {
        (self.window * 2).max(Duration::from_secs(60)).saturating_sub(Duration::from_secs(1))
    }

    /// Returns how long a check may take. If pages may be empty, its listing has an empty page before the
    /// page with keys.
    fn longest_check(&self) -> Duration {
        self.deadline * if self.empty_pages { 2 } else { 1 } + LATE
    }
}

type Window = u64;
/// The index of a limiter, among all that were created.
type PlaceId = usize;
/// By limiter, key and window.
type Counts = BTreeMap<(PlaceId, usize, Window), u64>;

/// The counts, and the part of them that is in KV.
#[derive(Default)]
struct Model {
    allowed: Counts,
    /// The acknowledged writes.
    written: Counts,
    /// When these writes started.
    written_at: BTreeMap<(PlaceId, usize, Window), Duration>,
    /// The writes without an answer. They may arrive after later ones.
    unanswered: Counts,
    made: usize,
}

impl Model {
    /// Returns the total count of a key.
    fn all(&self, key: usize, window: Window) -> u64 {
        self.allowed
            .iter()
            .filter(|((_, of, at), _)| (*of, *at) == (key, window))
            .map(|(_, count)| count)
            .sum()
    }

    fn own(&self, place: PlaceId, key: usize, window: Window) -> u64 {
        self.allowed.get(&(place, key, window)).copied().unwrap_or(0)
    }
}

/// A limiter in a process.
struct Place {
    id: PlaceId,
    limiter: KvRateLimiter,
    keys: RefCell<[KeyState; KEYS.len()]>,
}

/// What a place knows of a key.
#[derive(Default)]
struct KeyState {
    checks_under_way: usize,
    /// The earliest time at which it may have started its last read.
    asked: Option<Duration>,
    /// When it last received an answer.
    heard: Option<Duration>,
    /// The counts of others that it has read, by window.
    others: BTreeMap<Window, u64>,
    /// When it last started a write.
    wrote: Option<Duration>,
}

struct Limits {
    clients: Vec<Client>,
    namespace: String,
    settings: Settings,
    model: RefCell<Model>,
    /// The current places of the clients.
    places: RefCell<Vec<Rc<Place>>>,
}

impl Limits {
    /// Creates a limiter without any knowledge.
    fn open(&self, client: usize) -> Result<Rc<Place>, Finding> {
        let Settings { limit, window, mode, deadline, read_interval, write_interval, .. } = self.settings;
        let kv = self.clients[client].kv(&self.namespace)?.with_deadline(deadline);
        let limiter = KvRateLimiter::new(kv, "requests", limit, window)?
            .with_fail_mode(mode)
            .with_read_interval(read_interval)
            .with_write_interval(write_interval);
        let mut model = self.model.borrow_mut();
        model.made += 1;
        Ok(Rc::new(Place { id: model.made, limiter, keys: RefCell::default() }))
    }

    fn place(&self, client: usize) -> Rc<Place> {
        Rc::clone(&self.places.borrow()[client])
    }

    /// Returns the counts of a key that places other than `but` have certainly written, and that have not
    /// expired at a time.
    fn known(&self, but: PlaceId, key: usize, window: Window, at: Duration) -> u64 {
        let model = self.model.borrow();
        let mut known = 0;
        for (name, count) in &model.written {
            let (place, of, counted_in) = *name;
            let is_kept =
                model.written_at.get(name).is_some_and(|written| at < *written + self.settings.kept());
            if place != but && (of, counted_in) == (key, window) && is_kept {
                known += model.unanswered.get(name).map_or(*count, |floating| *floating.min(count));
            }
        }
        known
    }

    /// Returns the window of a client's clock, and how much of it has passed.
    fn position(&self, client: usize) -> (Window, Duration) {
        let since = self.clients[client].clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = since.as_secs() / self.settings.window.as_secs();
        (number, since.saturating_sub(Duration::from_secs(number * self.settings.window.as_secs())))
    }

    async fn work(&self, world: &World, number: usize) -> Outcome {
        let client = number % CLIENTS;
        let a_request = self.settings.window.as_millis() / u128::from(self.settings.limit) / 2;
        let a_request = u64::try_from(a_request).unwrap_or(1).clamp(1, 20_000);
        for (_, mut rng) in world.steps.of(number, STEPS) {
            let pause = [1, a_request, 3 * a_request][rng.usize(..3)];
            tokio::time::sleep(Duration::from_millis(rng.u64(..=pause))).await;
            trace::count("operations");
            if rng.u8(..100) == 0 {
                let place = self.open(client)?;
                self.places.borrow_mut()[client] = place;
            } else {
                self.check(client, rng.usize(..KEYS.len())).await?;
            }
        }
        Ok(())
    }

    /// Flushes from time to time, as a task of a server does.
    async fn flush_always(&self, client: usize) -> Outcome {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.flush(client).await?;
        }
    }

    async fn check(&self, client: usize, key: usize) -> Outcome {
        let place = self.place(client);
        let begun = trace::elapsed();
        let (has_to_ask, heard_before) = {
            let mut keys = place.keys.borrow_mut();
            let state = &mut keys[key];
            state.checks_under_way += 1;
            let is_due = state.asked.is_none_or(|asked| begun >= asked + self.settings.read_interval);
            (is_due && state.checks_under_way == 1, state.heard)
        };
        // What a read returns. The answer counts for the window of the read and the previous one.
        let (asked_in, _) = self.position(client);
        let latest = begun + self.settings.longest_check();
        let heard = [Some(asked_in), asked_in.checked_sub(1)]
            .map(|window| window.map(|window| (window, self.known(place.id, key, window, latest))));
        let (decision, requests) = counting_requests(place.limiter.check(KEYS[key])).await;
        let ended = trace::elapsed();
        place.keys.borrow_mut()[key].checks_under_way -= 1;
        let about = format!("the place {} of client {client}, asked for {}", place.id, KEYS[key]);
        let decision =
            decision.map_err(|error| Finding::new(format!("{about}, has no decision: {error}")))?;
        trace::note(format_args!(
            "{about} with {requests} requests: {}{}",
            if decision.allowed { "allowed" } else { "refused" },
            if decision.failure.is_some() { ", it could not ask" } else { "" }
        ));
        let finding = |what: String| Err(Finding::new(format!("{about}, {what}; {:?}", self.settings)));
        if ended > begun + self.settings.longest_check() {
            return finding(format!("takes {:?}", ended.saturating_sub(begun)));
        }
        if requests > 0 {
            trace::count("listings");
            let mut keys = place.keys.borrow_mut();
            let state = &mut keys[key];
            state.asked = Some(begun).max(state.asked);
            if decision.failure.is_none() {
                state.heard = Some(ended);
                for (window, count) in heard.into_iter().flatten() {
                    let others = state.others.entry(window).or_default();
                    *others = count.max(*others);
                }
            }
        } else if decision.allowed && has_to_ask {
            return finding("does not read although that is due".to_owned());
        }
        if requests == 0 && decision.failure.is_some() {
            return finding("reports a failed read without having read".to_owned());
        }
        if self.settings.mode == FailMode::Closed && decision.allowed {
            let heard = if requests > 0 { Some(ended) } else { heard_before };
            let long_ago = self.settings.read_interval + self.settings.longest_check();
            if decision.failure.is_some() || heard.is_none_or(|heard| ended > heard + long_ago) {
                return finding("allows a request that it should refuse while it cannot read".to_owned());
            }
        }
        self.check_counts(client, &place, key, &decision).or_else(finding)
    }

    /// Compares a decision with the minimum and the maximum that the place can know, and counts it.
    fn check_counts(
        &self,
        client: usize,
        place: &Place,
        key: usize,
        decision: &Decision,
    ) -> Result<(), String> {
        let (window, elapsed) = self.position(client);
        let mut model = self.model.borrow_mut();
        let keys = place.keys.borrow();
        let known =
            |window| model.own(place.id, key, window) + keys[key].others.get(&window).copied().unwrap_or(0);
        let counts = |count: &dyn Fn(Window) -> u64| (count(window), window.checked_sub(1).map_or(0, count));
        let (least, most) = (counts(&known), counts(&|window| model.all(key, window)));
        let remaining = |(current, previous)| self.settings.remaining(current, previous, elapsed);
        let is_refused_by_failure = decision.failure.is_some() && self.settings.mode == FailMode::Closed;
        if decision.allowed {
            trace::count("allowed");
            if remaining(least) == 0 {
                return Err(format!(
                    "allows one more although it knows of {} in this window and {} in the one before, {elapsed:?} after \
                     its beginning",
                    least.0, least.1
                ));
            }
            *model.allowed.entry((place.id, key, window)).or_default() += 1;
        } else if is_refused_by_failure {
            trace::count("refused because KV could not be read");
        } else {
            trace::count("refused");
            if remaining(most) > 0 {
                return Err(format!(
                    "refuses although all have counted {} in this window and {} in the one before, {elapsed:?} after its \
                     beginning",
                    most.0, most.1
                ));
            }
        }
        let own = |(current, previous)| (current + u64::from(decision.allowed), previous);
        let range = remaining(own(most))..=remaining(own(least));
        match &decision.quota {
            Some(quota) if !range.contains(&quota.remaining) => {
                Err(format!("says that {} remain, which should be {range:?}", quota.remaining))
            }
            None if !is_refused_by_failure => Err("does not say what remains".to_owned()),
            _ => Ok(()),
        }
    }

    async fn flush(&self, client: usize) -> Outcome {
        let place = self.place(client);
        let begun = trace::elapsed();
        let (window, _) = self.position(client);
        let mut due = Vec::new();
        for (key, state) in place.keys.borrow_mut().iter_mut().enumerate() {
            let model = self.model.borrow();
            let windows = [Some(window), window.checked_sub(1)].into_iter().flatten();
            let counts: Vec<_> = windows
                .map(|window| ((place.id, key, window), model.own(place.id, key, window)))
                .filter(|(at, count)| model.written.get(at).copied().unwrap_or(0) < *count)
                .collect();
            let is_due = state.wrote.is_none_or(|wrote| begun >= wrote + self.settings.write_interval);
            if is_due && !counts.is_empty() {
                state.wrote = Some(begun);
                due.extend(counts);
            }
        }
        let (flushed, requests) = counting_requests(place.limiter.flush()).await;
        trace::note(format_args!(
            "the place {} of client {client} writes with {requests} requests: {}",
            place.id,
            flushed.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned())
        ));
        let about = format!("the flush of the place {} of client {client}", place.id);
        if trace::elapsed() > begun + self.settings.deadline + LATE {
            let takes = trace::elapsed().saturating_sub(begun);
            return Err(Finding::new(format!("{about} takes {takes:?}; {:?}", self.settings)));
        }
        // A failed flush may have written some of its keys.
        let is_certain = !self.model.borrow().unanswered.keys().any(|(of, ..)| *of == place.id);
        if is_certain && (requests > 0) == due.is_empty() {
            let what = if requests > 0 { "writes what is not due" } else { "does not write what is due" };
            return Err(Finding::new(format!("{about} {what}; {:?}", self.settings)));
        }
        let mut model = self.model.borrow_mut();
        for (at, count) in due {
            if flushed.is_ok() {
                trace::count("counts written");
                model.written.insert(at, count);
                model.written_at.insert(at, begun);
            } else {
                trace::count("counts perhaps not written");
                let floating = model.unanswered.entry(at).or_insert(count);
                *floating = count.min(*floating);
            }
        }
        Ok(())
    }
}
