//! Sessions in KV: a valid session is found with its latest data, an ended one is rejected as soon as its end
//! can be known, and nobody finds another user's session.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use cloudflare_clients::session::{Session, SessionCache, SessionLifetime, SessionToken};
use cloudflare_clients::{Error, ErrorKind};
use cloudflare_emulator::{KvBehaviour, R2Behaviour};
use fastrand::Rng;
use futures_util::future::try_join_all;

use crate::finding::{Finding, Outcome};
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{Client, World, counting_requests};

const CLIENTS: usize = 3;
/// The last of them shares the sessions of the first.
const WORKERS: usize = 4;
const STEPS: usize = 40;
const USERS: [&str; 3] = ["ada", "grace", "edsger"];
/// Maximum difference between the clocks.
const SKEW: Duration = Duration::from_secs(4);
/// Maximum rounding error of a time: sessions round to milliseconds, and KV to seconds.
const ROUNDING: Duration = Duration::from_secs(2);

pub(super) async fn run(world: World) -> Outcome {
    let settings = Settings::any(&mut world.rng("settings"));
    let kv = KvBehaviour::default().cache_ttl(settings.kv_ttl).limits_writes(settings.limits_writes);
    let mut server = world.server_that(R2Behaviour::default(), kv)?;
    let store = server.start().await?;
    let namespace = store.create_namespace("sessions").await?.id;
    drop(store);
    let mut members = Vec::new();
    for number in 0..CLIENTS {
        let client = world.client(&format!("client {number}"), &server);
        members.push(Member::new(number, client, &namespace, &settings, &world)?);
    }
    let model = RefCell::new(Model::new(&settings));
    let workers = (0..WORKERS).map(|number| {
        let member = &members[number % CLIENTS];
        Worker { number, member, model: &model, world: &world }.work()
    });
    let storm = Storm::any(&mut world.rng("kind of storm"));
    let work = try_join_all(workers);
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;

    // After a while, every end is known everywhere, and new sessions are later by all clocks.
    tokio::time::sleep(settings.longest_staleness() + SKEW + ROUNDING).await;
    for (number, member) in members.iter().enumerate() {
        let worker = Worker { number, member, model: &model, world: &world };
        let sessions = model.borrow().sessions.len();
        for session in 0..sessions {
            worker.get_in_the_end(session).await?;
        }
    }
    model.borrow_mut().is_calm = true;
    use_in_the_end(&members, &model, &world).await
}

/// Without faults, each client creates a session. Another client updates it, and then they use it in turns
/// for as long as it can live.
async fn use_in_the_end<'w>(
    members: &'w [Member<'w>],
    model: &'w RefCell<Model<'w>>,
    world: &'w World,
) -> Outcome {
    let settings = model.borrow().settings;
    let worker = |number: usize| {
        let number = number % CLIENTS;
        Worker { number, member: &members[number], model, world }
    };
    let mut rng = world.rng("what is used in the end");
    let mut made = Vec::new();
    for number in 0..CLIENTS {
        made.push(worker(number).create_in_the_end(&mut rng).await?);
    }
    // So that its old state may be in memory.
    for (number, session) in made.iter().enumerate() {
        worker(number + 2).get_in_the_end(*session).await?;
    }
    // KV accepts one write per second to the same key.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for (number, session) in made.iter().enumerate() {
        worker(number + 1).update_in_the_end(*session, &mut rng).await?;
    }
    let pause = settings.pause_between_uses();
    let mut passed = Duration::ZERO;
    let mut uses = 0;
    while passed < settings.max_age {
        tokio::time::sleep(pause).await;
        passed += pause;
        uses += 1;
        for (number, session) in made.iter().enumerate() {
            worker(number + 1 + uses).get_in_the_end(*session).await?;
        }
    }
    Ok(())
}

/// The settings of all caches of a run.
#[derive(Debug)]
struct Settings {
    /// For how long KV answers from its cache.
    kv_ttl: Option<Duration>,
    limits_writes: bool,
    /// For how long sessions are kept in memory after they were read.
    memory_ttl: Option<Duration>,
    idle: Option<Duration>,
    max_age: Duration,
}

impl Settings {
    fn any(rng: &mut Rng) -> Self {
        let seconds = |seconds: u64| Duration::from_secs(seconds);
        let idle = rng.bool().then(|| seconds(rng.u64(60..240)));
        Self {
            kv_ttl: rng.bool().then_some(seconds(60)),
            limits_writes: rng.bool(),
            memory_ttl: (rng.u8(..3) > 0).then(|| seconds(rng.u64(1..60))),
            idle,
            max_age: idle.map_or(seconds(rng.u64(60..600)), |idle| idle * rng.u32(1..5)),
        }
    }

    fn lifetime(&self) -> SessionLifetime {
        match self.idle {
            Some(idle) => SessionLifetime::sliding(idle, self.max_age),
            None => SessionLifetime::fixed(self.max_age),
        }
    }

    /// Returns for how long a cache may accept a session that was ended in another one.
    fn longest_staleness(&self) -> Duration {
        self.kv_ttl.unwrap_or_default() + self.memory_ttl.map_or(Duration::ZERO, |ttl| ttl + SKEW)
    }

    /// Returns the longest pause after which a session must still be found, unless it takes longer until an
    /// earlier write is known.
    fn pause_between_uses(&self) -> Duration {
        let calls = Duration::from_secs(5);
        let idle = self.idle.unwrap_or_default().saturating_sub(SKEW + ROUNDING + calls);
        idle.max(self.longest_staleness() + Duration::from_secs(1))
    }

    /// Returns for how long an unused session is valid at least.
    fn unused(&self) -> Duration {
        self.idle.map_or(self.max_age, |idle| idle.min(self.max_age)).saturating_sub(SKEW + ROUNDING)
    }
}

/// The id of a cache: the number of its client, and how often the client was restarted before.
type CacheId = (usize, usize);

/// A client process.
struct Member<'s> {
    number: usize,
    client: Client,
    namespace: String,
    settings: &'s Settings,
    cache: RefCell<(SessionCache<u64>, CacheId)>,
}

impl<'s> Member<'s> {
    fn new(
        number: usize,
        client: Client,
        namespace: &str,
        settings: &'s Settings,
        world: &World,
    ) -> Result<Self, Finding> {
        let most = most_ahead();
        client.clock.set(world.rng(&format!("clock of client {number}")).i64(-most..most), 0);
        let cache = RefCell::new((cache(&client, namespace, settings)?, (number, 0)));
        Ok(Self { number, client, namespace: namespace.to_owned(), settings, cache })
    }

    /// Returns its current cache.
    fn cache(&self) -> (SessionCache<u64>, CacheId) {
        self.cache.borrow().clone()
    }

    /// Restarts the client, which clears its memory.
    fn start_again(&self) -> Outcome {
        let (_, (_, times)) = self.cache();
        let cache = cache(&self.client, &self.namespace, self.settings)?;
        *self.cache.borrow_mut() = (cache, (self.number, times + 1));
        Ok(())
    }

    /// Sets the clock, within the maximum difference.
    fn set_clock(&self, rng: &mut Rng) {
        let most = most_ahead();
        self.client.clock.set(rng.i64(-most..most), 0);
    }
}

/// In milliseconds.
fn most_ahead() -> i64 {
    i64::try_from(SKEW.as_millis()).unwrap_or_default() / 2 - 50
}

fn cache(client: &Client, namespace: &str, settings: &Settings) -> Result<SessionCache<u64>, Finding> {
    let cache = SessionCache::new(client.kv(namespace)?, settings.lifetime())?;
    Ok(match settings.memory_ttl {
        Some(ttl) => cache.with_memory(ttl, 5),
        None => cache,
    })
}

/// A write to KV that has happened or may have happened.
#[derive(Debug, Clone, Copy)]
struct Written {
    by: CacheId,
    invoked: Duration,
    /// When the call ended.
    returned: Option<Duration>,
    /// When it was acknowledged.
    acknowledged: Option<Duration>,
    /// When it was certainly executed for the last time: an unanswered request may be executed later.
    settled: Option<Duration>,
}

impl Written {
    fn begin(by: CacheId) -> Self {
        Self { by, invoked: trace::elapsed(), returned: None, acknowledged: None, settled: None }
    }

    /// Records the answer. The call took `requests`, where one at a time would have taken `needed`.
    fn end(&mut self, is_ok: bool, requests: u32, needed: u32) {
        let now = Some(trace::elapsed());
        self.returned = now;
        if is_ok {
            self.acknowledged = now;
            self.settled = now.filter(|_| requests <= needed);
        }
    }

    fn is_settled_by(&self, time: Duration) -> bool {
        self.settled.is_some_and(|settled| settled <= time)
    }
}

/// A session that was created.
struct Made {
    token: SessionToken,
    user: usize,
    created: SystemTime,
    creation: Written,
    /// The data that it was created with.
    data: u64,
    /// The data that may have replaced it, with the writes.
    updates: Vec<Option<(u64, Written)>>,
    deletions: Vec<Written>,
    /// The start times of the gets that have found it or may find it.
    uses: Vec<Option<Duration>>,
    /// Whether it was created without faults.
    is_calm: bool,
    /// For such a session: when its gets ended, and until when it lives because of what they wrote or found.
    lives: Vec<(Duration, Duration)>,
    log: Vec<String>,
}

impl Made {
    /// Returns all writes of its data, including those that may have happened.
    fn writes(&self) -> impl Iterator<Item = (u64, &Written)> {
        let updates = self.updates.iter().flatten().map(|(data, written)| (*data, written));
        updates.chain([(self.data, &self.creation)])
    }
}

/// The sessions, and which of them may have ended.
struct Model<'s> {
    settings: &'s Settings,
    sessions: Vec<Made>,
    /// Per user.
    log_outs: [Vec<Written>; USERS.len()],
    /// Whether the last storm is long over and no other will come.
    is_calm: bool,
}

impl<'s> Model<'s> {
    fn new(settings: &'s Settings) -> Self {
        Self { settings, sessions: Vec::new(), log_outs: Default::default(), is_calm: false }
    }

    /// Whether a get that started and ended at these times must find a session.
    fn has_to_be_found(&self, session: usize, begun: Duration, ended: Duration) -> bool {
        let session = &self.sessions[session];
        let creation = &session.creation;
        let is_after = |log_out: &Written| {
            let skew = if log_out.by == creation.by { Duration::ZERO } else { SKEW + ROUNDING };
            log_out.returned.is_some_and(|returned| returned + skew <= creation.invoked)
        };
        let staleness = self.settings.longest_staleness();
        let is_in_use =
            || session.lives.iter().any(|(known, until)| begun > *known + staleness && ended < *until);
        session.deletions.is_empty()
            && self.log_outs[session.user].iter().all(is_after)
            && (ended < creation.invoked + self.settings.unused() || is_in_use())
    }

    /// Records what a get has found, and until when the session lives. In a storm it is unknown whether a use
    /// was written, and whether an earlier one will be written later.
    fn found(&mut self, session: usize, found: &Session<u64>) {
        let session = &mut self.sessions[session];
        if session.is_calm
            && let Ok(life) = found.expires.duration_since(session.created)
        {
            let until = (session.creation.invoked + life).saturating_sub(SKEW + ROUNDING);
            session.lives.push((trace::elapsed(), until));
        }
    }

    /// Whether a get by a cache that started at a time must not find this data any more, because it was
    /// certainly replaced and the cache must know.
    fn is_replaced(&self, session: usize, data: u64, by: CacheId, begun: Duration) -> bool {
        let session = &self.sessions[session];
        let older =
            session.writes().filter(|(written, _)| *written == data).filter_map(|(_, older)| older.settled);
        let is_replaced = |older: Duration| {
            session.writes().any(|(_, newer)| newer.invoked > older && self.is_known(newer, by, begun))
        };
        older.max().is_some_and(is_replaced)
    }

    /// Whether a cache must know about a write at a time.
    fn is_known(&self, written: &Written, by: CacheId, begun: Duration) -> bool {
        let at_once = written.by == by && self.settings.kv_ttl.is_none();
        let staleness = if at_once { Duration::ZERO } else { self.settings.longest_staleness() };
        written.acknowledged.is_some_and(|at| begun > at + staleness)
    }

    /// Returns why a get that started at a time must not find a session.
    fn is_over(&self, session: usize, by: CacheId, begun: Duration) -> Option<&'static str> {
        let session = &self.sessions[session];
        let creation = &session.creation;
        let made_by = creation.returned.unwrap_or(Duration::MAX);
        if begun > made_by + self.settings.max_age + SKEW + ROUNDING {
            return Some("it has reached its greatest age");
        }
        let used = session.uses.iter().flatten().filter(|used| **used < begun).max().copied();
        let used = used.unwrap_or_default().max(made_by);
        if self.settings.idle.is_some_and(|idle| begun > used + idle + SKEW + ROUNDING) {
            return Some("it was not used for longer than its idle time");
        }
        let is_known = |ending: &Written| self.is_known(ending, by, begun);
        // A later write may undo a deletion, because the last write wins.
        let is_final =
            |deletion: &Written| session.writes().all(|(_, write)| write.is_settled_by(deletion.invoked));
        if session.deletions.iter().any(|deletion| is_known(deletion) && is_final(deletion)) {
            return Some("it was deleted");
        }
        let ends_it = |log_out: &Written| {
            let skew = if log_out.by == creation.by { Duration::ZERO } else { SKEW };
            made_by + skew < log_out.invoked
        };
        let log_outs = &self.log_outs[session.user];
        let is_last = |log_out: &Written| {
            log_outs.iter().all(|other| ends_it(other) || other.is_settled_by(log_out.invoked))
        };
        log_outs
            .iter()
            .any(|log_out| ends_it(log_out) && is_known(log_out) && is_last(log_out))
            .then_some("its user was logged out everywhere")
    }
}

/// One task of a client.
struct Worker<'w> {
    number: usize,
    member: &'w Member<'w>,
    model: &'w RefCell<Model<'w>>,
    world: &'w World,
}

impl Worker<'_> {
    async fn work(self) -> Outcome {
        for (_, mut rng) in self.world.steps.of(self.number, STEPS) {
            let pause = [10, 2_000, 30_000][rng.usize(..3)];
            tokio::time::sleep(Duration::from_millis(rng.u64(..pause))).await;
            trace::count("operations");
            let session = self.any_session(&mut rng);
            match (rng.u8(..40), session) {
                (0..8, _) | (_, None) => drop(self.create(&mut rng).await?),
                (8..27, Some(session)) => drop(self.get(session).await?),
                (27..31, Some(session)) => drop(self.update(session, &mut rng).await?),
                (31..34, Some(session)) => self.delete(session).await?,
                (34..36, _) => self.log_out(rng.usize(..USERS.len())).await?,
                (36, Some(session)) => self.get_of_nobody(session, &mut rng).await?,
                (37, _) => self.member.start_again()?,
                _ => self.member.set_clock(&mut rng),
            }
        }
        Ok(())
    }

    /// Returns a random session, usually one of the latest.
    fn any_session(&self, rng: &mut Rng) -> Option<usize> {
        let count = self.model.borrow().sessions.len();
        let first = if rng.u8(..4) > 0 { count.saturating_sub(4) } else { 0 };
        (count > 0).then(|| rng.usize(first..count))
    }

    /// Creates a session. Returns its number if that succeeded.
    async fn create(&self, rng: &mut Rng) -> Result<Option<usize>, Finding> {
        let (cache, id) = self.member.cache();
        let (user, data) = (rng.usize(..USERS.len()), rng.u64(..));
        let mut creation = Written::begin(id);
        let (created, requests) = counting_requests(cache.create(USERS[user], data)).await;
        let (token, session) = match created {
            Ok(created) => created,
            Err(error) => return expected(&error).map(|()| None),
        };
        trace::count("sessions made");
        creation.end(true, requests, 1);
        let mut model = self.model.borrow_mut();
        let made = Made {
            token,
            user,
            created: session.created,
            creation,
            data,
            updates: Vec::new(),
            deletions: Vec::new(),
            uses: Vec::new(),
            is_calm: model.is_calm,
            lives: Vec::new(),
            log: Vec::new(),
        };
        model.sessions.push(made);
        let number = model.sessions.len() - 1;
        drop(model);
        self.note(number, format_args!("made for {} by {id:?}", USERS[user]));
        self.check_content(number, &session).map(|()| Some(number))
    }

    /// Gets a session. Returns whether there was an answer.
    async fn get(&self, number: usize) -> Result<bool, Finding> {
        let (cache, id) = self.member.cache();
        let begun = trace::elapsed();
        let (token, used) = {
            let mut model = self.model.borrow_mut();
            let session = &mut model.sessions[number];
            session.uses.push(Some(begun));
            (session.token.clone(), session.uses.len() - 1)
        };
        let found = cache.get(&token).await;
        if !matches!(found, Ok(Some(_))) {
            self.model.borrow_mut().sessions[number].uses[used] = None;
        }
        let found = match found {
            Ok(found) => found,
            Err(error) => return expected(&error).map(|()| false),
        };
        let answer = if found.is_some() { "found" } else { "not found" };
        self.note(number, format_args!("{answer} by {id:?}, who asked at {:.3}", begun.as_secs_f64()));
        if let Some(session) = found {
            trace::count("sessions found");
            self.check_content(number, &session)?;
            if let Some(why) = self.model.borrow().is_over(number, id, begun) {
                return Err(self.finding(number, format_args!("was found by {id:?} although {why}")));
            }
            if self.model.borrow().is_replaced(number, session.data, id, begun) {
                let what = format_args!("is found by {id:?} with data that was replaced");
                return Err(self.finding(number, what));
            }
            self.model.borrow_mut().found(number, &session);
        } else {
            if self.model.borrow().has_to_be_found(number, begun, trace::elapsed()) {
                return Err(
                    self.finding(number, format_args!("was not found by {id:?} although it is valid"))
                );
            }
            if self.model.borrow().is_over(number, id, begun).is_some() {
                trace::count("ended sessions refused");
            }
        }
        Ok(true)
    }

    /// Gets a session until there is an answer. There are no faults.
    async fn get_in_the_end(&self, session: usize) -> Outcome {
        for _ in 0..10 {
            if self.get(session).await? {
                return Ok(());
            }
        }
        Err(Finding::new(format!("session {session} cannot be read although there are no faults")))
    }

    /// Creates a session, without faults.
    async fn create_in_the_end(&self, rng: &mut Rng) -> Result<usize, Finding> {
        for _ in 0..10 {
            if let Some(session) = self.create(rng).await? {
                return Ok(session);
            }
        }
        Err(Finding::new("no session can be created although there are no faults"))
    }

    /// Updates a session, without faults.
    async fn update_in_the_end(&self, session: usize, rng: &mut Rng) -> Outcome {
        for _ in 0..10 {
            if self.update(session, rng).await? {
                return Ok(());
            }
        }
        Err(Finding::new(format!("session {session} cannot be updated although there are no faults")))
    }

    /// Updates a session. Returns whether there was an answer.
    async fn update(&self, number: usize, rng: &mut Rng) -> Result<bool, Finding> {
        let (cache, id) = self.member.cache();
        let data = rng.u64(..);
        let mut written = Written::begin(id);
        let (token, update) = {
            let mut model = self.model.borrow_mut();
            let session = &mut model.sessions[number];
            session.updates.push(Some((data, written)));
            (session.token.clone(), session.updates.len() - 1)
        };
        let (updated, requests) = counting_requests(cache.update(&token, data)).await;
        written.end(updated.is_ok(), requests, 2);
        // If it found no session, it wrote nothing.
        let wrote = !matches!(updated, Ok(None));
        self.model.borrow_mut().sessions[number].updates[update] = wrote.then_some((data, written));
        self.note(
            number,
            format_args!("updated by {id:?} since {:.3}: {}", written.invoked.as_secs_f64(), said(&updated)),
        );
        match updated {
            Ok(Some(session)) if session.data == data => self.check_content(number, &session).map(|()| true),
            Ok(Some(_)) => Err(self.finding(number, format_args!("was updated but has other data"))),
            Ok(None) if self.model.borrow().has_to_be_found(number, written.invoked, trace::elapsed()) => {
                Err(self.finding(number, format_args!("was not found for an update although it is valid")))
            }
            Ok(None) => Ok(true),
            Err(error) => expected(&error).map(|()| false),
        }
    }

    async fn delete(&self, number: usize) -> Outcome {
        let (cache, id) = self.member.cache();
        let mut written = Written::begin(id);
        let (token, deletion) = {
            let mut model = self.model.borrow_mut();
            let session = &mut model.sessions[number];
            session.deletions.push(written);
            (session.token.clone(), session.deletions.len() - 1)
        };
        let (deleted, requests) = counting_requests(cache.delete(&token)).await;
        written.end(deleted.is_ok(), requests, 1);
        self.model.borrow_mut().sessions[number].deletions[deletion] = written;
        self.note(
            number,
            format_args!("deleted by {id:?} since {:.3}: {}", written.invoked.as_secs_f64(), said(&deleted)),
        );
        deleted.or_else(|error| expected(&error))
    }

    async fn log_out(&self, user: usize) -> Outcome {
        let (cache, id) = self.member.cache();
        let mut written = Written::begin(id);
        let log_out = {
            let log_outs = &mut self.model.borrow_mut().log_outs[user];
            log_outs.push(written);
            log_outs.len() - 1
        };
        let (ended, requests) = counting_requests(cache.delete_all_of(USERS[user])).await;
        written.end(ended.is_ok(), requests, 1);
        self.model.borrow_mut().log_outs[user][log_out] = written;
        let sessions = self.model.borrow().sessions.len();
        for number in 0..sessions {
            if self.model.borrow().sessions[number].user == user {
                let since = written.invoked.as_secs_f64();
                self.note(
                    number,
                    format_args!("its user was logged out by {id:?} since {since:.3}: {}", said(&ended)),
                );
            }
        }
        ended.or_else(|error| expected(&error))
    }

    /// Checks that a token that was never created opens no session.
    async fn get_of_nobody(&self, like: usize, rng: &mut Rng) -> Outcome {
        let token = self.model.borrow().sessions[like].token.clone();
        let mut text = token.as_str().to_owned();
        let other = if text.starts_with('A') { "B" } else { "A" };
        text.replace_range(..1, other);
        if rng.bool() {
            // The form of earlier versions, without the user.
            text.truncate(22);
        }
        let (cache, _) = self.member.cache();
        match cache.get(&SessionToken::parse(&text)?).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Finding::new("a token that was never created opens a session")),
            Err(error) => expected(&error),
        }
    }

    fn check_content(&self, number: usize, found: &Session<u64>) -> Outcome {
        let is_as_made = {
            let model = self.model.borrow();
            let session = &model.sessions[number];
            found.user == USERS[session.user]
                && found.created == session.created
                && session.writes().any(|(data, _)| data == found.data)
                && found.expires <= found.created + model.settings.max_age
        };
        if is_as_made {
            return Ok(());
        }
        Err(self.finding(
            number,
            format_args!("does not have the data that it was created or updated with: {found:?}"),
        ))
    }

    fn note(&self, number: usize, what: std::fmt::Arguments<'_>) {
        trace::note(format_args!("session {number} {what}"));
        let line = format!("{:10.3} s {what}", trace::elapsed().as_secs_f64());
        self.model.borrow_mut().sessions[number].log.push(line);
    }

    fn finding(&self, number: usize, what: std::fmt::Arguments<'_>) -> Finding {
        let model = self.model.borrow();
        Finding::new(format!("session {number} {what}; {:?}", model.settings))
            .with_history(model.sessions[number].log.iter().cloned())
    }
}

fn said<T>(result: &Result<T, Error>) -> &'static str {
    if result.is_ok() { "done" } else { "not known" }
}

/// Whether a storm explains a failure.
fn expected(error: &Error) -> Outcome {
    trace::note(format_args!("it fails: {error}"));
    trace::count("failures");
    match error.kind() {
        ErrorKind::Serialization
        | ErrorKind::InvalidInput
        | ErrorKind::Unsupported
        | ErrorKind::Integrity => Err(Finding::new(format!("no storm explains the error: {error}"))),
        _ => Ok(()),
    }
}
