//! Objects over the network: conditional puts, range gets, deletes, copies and listings of a few keys, by
//! several clients. Together, all answers must be answers that R2 could give.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use cloudflare_clients::Error;
use cloudflare_clients::r2::{Conditional, ListPage, R2Service, Range};
use cloudflare_emulator::{KvBehaviour, R2Behaviour};
use fastrand::Rng;
use futures_util::future::try_join_all;
use futures_util::stream::TryStreamExt as _;

use crate::clock::Clock;
use crate::finding::{Finding, Outcome, check_answered};
use crate::history::R2History;
use crate::recorder::{self, Recorder, now};
use crate::specification::content::{Content, Digest};
use crate::specification::r2::{self, Condition, Etags, Input, Object, Output};
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{BUCKET, World};

const CLIENTS: usize = 4;
const STEPS: usize = 25;
const KEYS: [&str; 4] = ["a", "b/1", "b/é", "c"];
/// No client changes these, so their listing is always the same.
const FIXED: [&str; 8] =
    ["fixed/1", "fixed/2/a", "fixed/2/b", "fixed/2/c", "fixed/3/a", "fixed/4", "fixed/5/a", "fixed/5/b"];
/// Maximum time of an operation: its attempts, their timeouts and the waits between them.
const LONGEST: Duration = Duration::from_secs(20 * 60);

pub(super) async fn run(world: World) -> Outcome {
    let mut rng = world.rng("kind of objects");
    let write_interval = (rng.u8(..3) == 0).then(|| Duration::from_secs(1));
    let behaviour = R2Behaviour::default().write_interval(write_interval).short_pages(rng.bool());
    let mut server = world.server_that(behaviour, KvBehaviour::default())?;
    let store = server.start().await?;
    store.create_bucket(BUCKET).await?;
    drop(store);
    let history = R2History::new();
    let keys = RefCell::new(KEYS.map(str::to_owned).into());
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = world.client(&format!("client {number}"), &server);
        clients.push(ObjectsClient {
            clock: client.clock.clone(),
            r2: client.r2()?,
            recorder: Recorder { client: number, history: &history },
            keys: &keys,
        });
    }
    for key in FIXED {
        let put = clients[0].r2.put(key, "fixed").await;
        put.map_err(|error| Finding::new(format!("a put without faults fails: {error}")))?;
    }
    let work = try_join_all(clients.iter().map(|client| client.work(&world)));
    let storm = Storm::any(&mut world.rng("kind of storm"));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;

    // The final state is what the answers say.
    for key in KEYS {
        check_answered(Box::pin(clients[0].get(key, None, Condition::default())).await?)?;
    }
    for page_size in [1, 3] {
        check_answered(clients[0].list(page_size).await?)?;
        check_answered(clients[0].list_by_prefix(page_size).await?)?;
    }
    history.check().outcome()
}

/// A client that records its requests and their answers.
struct ObjectsClient<'h> {
    clock: Clock,
    r2: R2Service,
    recorder: Recorder<'h>,
    /// Every key that any client may have put.
    keys: &'h RefCell<BTreeSet<String>>,
}

impl ObjectsClient<'_> {
    async fn work(&self, world: &World) -> Outcome {
        for (index, mut rng) in world.steps.of(self.recorder.client, STEPS) {
            tokio::time::sleep(Duration::from_millis(rng.u64(..10_000))).await;
            if rng.u8(..8) == 0 {
                // R2 accepts requests that were signed within 15 minutes.
                self.clock.set(rng.i64(-300_000..300_000), rng.i64(-1000..1000));
            }
            let step = Box::pin(self.step(index, &mut rng));
            tokio::time::timeout(LONGEST, step).await.unwrap_or_else(|_| {
                Err(Finding::new(format!(
                    "step {index} of client {} takes longer than {LONGEST:?}",
                    self.recorder.client
                )))
            })?;
        }
        Ok(())
    }

    async fn step(&self, index: usize, rng: &mut Rng) -> Outcome {
        let key = KEYS[rng.usize(..KEYS.len())];
        match rng.u8(..20) {
            0..6 => {
                let condition = self.condition(key, rng).await?;
                self.put(key, rng, condition).await
            }
            6..11 => {
                let condition =
                    if rng.u8(..3) == 0 { self.condition(key, rng).await? } else { Condition::default() };
                let range = rng.bool().then(|| range(rng));
                Box::pin(self.get(key, range, condition)).await.map(drop)
            }
            11..13 => self.head(key).await,
            13..15 => self.delete(key).await,
            15..17 => {
                let condition = self.condition(key, rng).await?;
                self.copy(KEYS[rng.usize(..KEYS.len())], key, rng, condition).await
            }
            17..18 if rng.bool() => self.list_by_prefix(rng.u32(1..4)).await.map(drop),
            17..18 => self.list(rng.u32(1..4)).await.map(drop),
            _ => Box::pin(self.put_of_own(index, rng)).await,
        }
    }

    /// Returns a condition that may or may not hold.
    async fn condition(&self, key: &str, rng: &mut Rng) -> Result<Condition, Finding> {
        Ok(match rng.u8(..4) {
            0 | 1 => Condition::default(),
            2 => Condition::absent(),
            _ => match self.r2.head(key).await {
                Ok(Some(object)) if rng.u8(..4) > 0 => Condition::is(object.etag),
                Ok(Some(object)) => Condition::is_not(object.etag),
                Ok(None) | Err(_) => Condition::is("0123456789abcdef0123456789abcdef"),
            },
        })
    }

    async fn put(&self, key: &str, rng: &mut Rng, condition: Condition) -> Outcome {
        // No two puts have the same bytes and mark: otherwise nobody could tell them apart after a lost
        // answer.
        let (content, mark) = if rng.u8(..4) == 0 {
            (Content::new(1, 16), Some(rng.u64(..)))
        } else {
            let size = [16, 1000, 70_000, 300_000][rng.usize(..4)];
            (Content::new(rng.u64(..), size), rng.bool().then(|| rng.u64(..1000)))
        };
        let input = Input::Put { object: Object::new(content.clone(), mark), condition: condition.clone() };
        let mut put = self.r2.put(key, content.bytes()).only_if(conditional(&condition));
        if let Some(mark) = mark {
            put = put.metadata("mark", mark.to_string());
        }
        let stored =
            self.record(key, input, async { put.await.map(|stored| Output::Stored { etag: stored.etag }) });
        stored.await
    }

    /// Puts a key that no other client writes: the condition holds, whatever answers are lost.
    async fn put_of_own(&self, index: usize, rng: &mut Rng) -> Outcome {
        let key = format!("own/{}-{index}", self.recorder.client);
        let content = Content::new(rng.u64(..), rng.u64(16..2000));
        let input = Input::Put { object: Object::new(content.clone(), None), condition: Condition::absent() };
        let put = self.r2.put(&key, content.bytes()).only_if(Conditional::new().etag_does_not_match("*"));
        self.keys.borrow_mut().insert(key.clone());
        let stored = async { put.await.map(|stored| Output::Stored { etag: stored.etag }) };
        if self.recorder.record(&key, input, stored).await? == Some(Output::PreconditionFailed) {
            return Err(Finding::new(format!(
                "the put of {key} was refused although only this client writes the key"
            )));
        }
        Box::pin(self.get(&key, None, Condition::default())).await.map(drop)
    }

    /// Gets an object. Returns whether there was an answer.
    async fn get(&self, key: &str, range: Option<r2::Range>, condition: Condition) -> Result<bool, Finding> {
        let mut get = self.r2.get(key).only_if(conditional(&condition));
        if let Some(range) = range {
            get = get.range(match range {
                r2::Range::From { offset } => Range::OffsetToEnd { offset },
                r2::Range::Slice { offset, length } => Range::OffsetWithLength { offset, length },
                r2::Range::Suffix { length } => Range::Suffix { suffix: length },
            });
        }
        let input = Input::Get { condition, range };
        let got = async {
            let Some(object) = get.await? else { return Ok(Output::Absent) };
            let (etag, size, mark) = (object.etag.clone(), object.size, mark(&object));
            let bytes = object.bytes().await?;
            Ok(Output::Found { etag, size, mark, bytes: Digest::of(&bytes) })
        };
        Ok(Box::pin(self.recorder.record(key, input, got)).await?.is_some())
    }

    async fn head(&self, key: &str) -> Outcome {
        let head = async {
            Ok(match self.r2.head(key).await? {
                None => Output::Absent,
                Some(object) => Output::Head { mark: mark(&object), size: object.size, etag: object.etag },
            })
        };
        self.record(key, Input::Head, head).await
    }

    async fn delete(&self, key: &str) -> Outcome {
        let delete = async { self.r2.delete(key).await.map(|()| Output::Done) };
        self.record(key, Input::delete(), delete).await
    }

    async fn copy(&self, source: &str, key: &str, rng: &mut Rng, condition: Condition) -> Outcome {
        if source == key {
            return Ok(());
        }
        let mut copy = self.r2.copy(source, key).only_if(conditional(&condition));
        // The same rule as for puts.
        let mark = (condition != Condition::default() || rng.bool()).then(|| rng.u64(..));
        if let Some(mark) = mark {
            copy = copy.metadata("mark", mark.to_string());
        }
        let copied = async { copy.await.map(|stored| Output::Stored { etag: stored.etag }) };
        self.record(key, Input::copy(source, mark, condition), copied).await
    }

    /// Lists the unchanged keys page by page. Returns whether there was an answer.
    async fn list_by_prefix(&self, page_size: u32) -> Result<bool, Finding> {
        trace::count("operations");
        let pages = self.r2.list().prefix("fixed/").delimiter("/").page_size(page_size).pages();
        let listed: Result<Vec<_>, Error> = pages.try_collect().await;
        let pages = match listed {
            Ok(pages) => pages,
            Err(error) => return Ok(recorder::answer(&error)?.is_some()),
        };
        let names = |page: ListPage| {
            let keys = page.objects.into_iter().map(|object| object.key);
            keys.chain(page.delimited_prefixes).collect::<Vec<_>>()
        };
        let mut names: Vec<_> = pages.into_iter().flat_map(names).collect();
        names.sort();
        if names != ["fixed/1", "fixed/2/", "fixed/3/", "fixed/4", "fixed/5/"] {
            return Err(Finding::new(format!("the listing by a delimiter has {names:?}")));
        }
        Ok(true)
    }

    /// Lists the keys. Returns whether there was an answer.
    async fn list(&self, page_size: u32) -> Result<bool, Finding> {
        let began = now();
        trace::count("operations");
        let listed: Result<Vec<_>, Error> = self.r2.list().page_size(page_size).stream().try_collect().await;
        let rows = match listed {
            Ok(rows) => rows,
            Err(error) => return Ok(recorder::answer(&error)?.is_some()),
        };
        if !rows.is_sorted_by(|one, two| one.key < two.key) {
            return Err(Finding::new("a listing is out of order, or has a key twice"));
        }
        let during = (began, now());
        let known = self.keys.borrow().clone();
        for key in &known {
            let row = rows.iter().find(|object| object.key == *key);
            let output = row.map_or(Output::Absent, |object| Output::Row {
                etag: object.etag.clone(),
                size: object.size,
            });
            self.recorder.history.record(during, self.recorder.client, key.as_str(), Input::Listed, output);
        }
        let is_known = |key: &String| known.contains(key) || FIXED.contains(&key.as_str());
        if let Some(object) = rows.iter().find(|object| !is_known(&object.key)) {
            return Err(Finding::new(format!("the listing has {:?}, which no client put", object.key)));
        }
        match FIXED.iter().find(|key| !rows.iter().any(|object| object.key == **key)) {
            None => Ok(true),
            Some(key) => Err(Finding::new(format!("the listing lacks {key:?}"))),
        }
    }

    async fn record(
        &self,
        key: &str,
        input: Input,
        work: impl Future<Output = Result<Output, Error>>,
    ) -> Outcome {
        self.recorder.record(key, input, work).await.map(drop)
    }
}

fn conditional(condition: &Condition) -> Conditional {
    let mut conditional = Conditional::new();
    match &condition.matches {
        Some(Etags::Any) => conditional = conditional.etag_matches("*"),
        Some(Etags::OneOf(etags)) => conditional = conditional.etag_matches(etags.join(", ")),
        None => {}
    }
    match &condition.differs {
        Some(Etags::Any) => conditional = conditional.etag_does_not_match("*"),
        Some(Etags::OneOf(etags)) => conditional = conditional.etag_does_not_match(etags.join(", ")),
        None => {}
    }
    conditional
}

fn mark(object: &cloudflare_clients::r2::Object) -> Option<u64> {
    object.metadata("mark")?.parse().ok()
}

/// Returns a random range, which may be small or everything.
fn range(rng: &mut Rng) -> r2::Range {
    let at = [0, 15, 999, 69_999, 299_999][rng.usize(..5)];
    match rng.u8(..3) {
        0 => r2::Range::From { offset: at },
        1 => r2::Range::Slice { offset: at, length: rng.u64(1..100_000) },
        _ => r2::Range::Suffix { length: at + 1 },
    }
}
