//! Values of Workers KV over the network: puts, gets, deletes and listings of a few keys, one by one and in
//! bulk. Together, all answers must be answers that KV could give. Its reads may be stale for as long as it
//! caches.

use std::time::Duration;

use cloudflare_clients::kv::{KvClient, ListedKey, Metadata, PutRequest};
use cloudflare_clients::{Error, Runtime as _};
use cloudflare_emulator::{KvBehaviour, R2Behaviour};
use fastrand::Rng;
use futures_util::future::try_join_all;
use futures_util::stream::TryStreamExt as _;

use crate::clock::Clock;
use crate::finding::{Finding, Outcome, check_answered};
use crate::history::{KvHistory, OperationId};
use crate::recorder::{is_unknown, now};
use crate::specification::content::Digest;
use crate::specification::kv::{Expiration, Input, Output, Pair, Rules};
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{World, counting_requests};

const CLIENTS: usize = 4;
const STEPS: usize = 25;
const KEYS: [&str; 4] = ["a", "b/1", "b/é", "c"];
/// Number of additional keys that no client changes. Their listing is always the same, and takes several
/// pages.
const FIXED: usize = 25;
const LONGEST: Duration = Duration::from_secs(30 * 60);
const CACHE_TTL: Duration = Duration::from_secs(60);

pub(super) async fn run(world: World) -> Outcome {
    let mut rng = world.rng("kind of values");
    let is_eventual = rng.bool();
    let behaviour =
        KvBehaviour::default().cache_ttl(is_eventual.then_some(CACHE_TTL)).empty_pages(rng.bool());
    let mut server = world.server_that(R2Behaviour::default(), behaviour)?;
    let store = server.start().await?;
    let namespace = store.create_namespace("values").await?.id;
    drop(store);
    let history = KvHistory::new();
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = world.client(&format!("client {number}"), &server);
        clients.push(ValuesClient {
            number,
            clock: client.clock.clone(),
            kv: client.kv(&namespace)?,
            history: &history,
        });
    }
    let puts = (0..FIXED).map(|number| PutRequest::new(fixed(number), "fixed"));
    let put = async { clients[0].kv.put_many(puts).await?.all().map(drop) };
    put.await.map_err(|error| Finding::new(format!("a put without faults fails: {error}")))?;
    let work = try_join_all(clients.iter().map(|client| client.work(&world)));
    let storm = Storm::any(&mut world.rng("kind of storm"));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;
    tokio::time::sleep(CACHE_TTL).await;
    let mut are_answered = true;
    for key in KEYS {
        are_answered &= clients[0].get(key).await?;
    }
    are_answered &= clients[0].list(1).await?;
    check_answered(are_answered)?;
    let rules = if is_eventual { Rules::EVENTUAL } else { Rules::IMMEDIATE };
    history.check(rules).outcome()
}

fn fixed(number: usize) -> String {
    format!("fixed/{number:02}")
}

struct ValuesClient<'h> {
    number: usize,
    clock: Clock,
    kv: KvClient,
    history: &'h KvHistory,
}

impl ValuesClient<'_> {
    async fn work(&self, world: &World) -> Outcome {
        for (index, mut rng) in world.steps.of(self.number, STEPS) {
            tokio::time::sleep(Duration::from_millis(rng.u64(..20_000))).await;
            tokio::time::timeout(LONGEST, self.step(&mut rng)).await.unwrap_or_else(|_| {
                let client = self.number;
                Err(Finding::new(format!("step {index} of client {client} takes longer than {LONGEST:?}")))
            })?;
        }
        Ok(())
    }

    async fn step(&self, rng: &mut Rng) -> Outcome {
        let key = KEYS[rng.usize(..KEYS.len())];
        match rng.u8(..16) {
            0..5 => {
                let (request, input) = self.put(key, rng)?;
                self.write(&[key], &[input], async { self.kv.put_many([request]).await?.all().map(drop) })
                    .await
            }
            5..8 => self.get(key).await.map(drop),
            8..9 => {
                let got = async {
                    Ok(match self.kv.get_with_metadata(key).text().await? {
                        None => Output::Missing,
                        Some(found) => {
                            let metadata =
                                found.metadata.map(|metadata| metadata.json::<String>()).transpose()?;
                            Output::Pair(Pair::new(found.value.as_bytes(), metadata.as_deref()))
                        }
                    })
                };
                self.read(key, got).await.map(drop)
            }
            9..11 => self.write(&[key], &[Input::Delete], async { self.kv.delete(key).await }).await,
            11..12 => {
                let keys = [KEYS[0], KEYS[1]];
                let deletes = async { self.kv.delete_many(keys).await?.all().map(drop) };
                self.write(&keys, &[Input::Delete, Input::Delete], deletes).await
            }
            12..13 => {
                let made: Result<Vec<_>, Error> = KEYS.iter().map(|key| self.put(key, rng)).collect();
                let (puts, inputs): (Vec<_>, Vec<_>) = made?.into_iter().unzip();
                let puts = async { self.kv.put_many(puts).await?.all().map(drop) };
                self.write(&KEYS, &inputs, puts).await
            }
            13..14 => self.get_many().await.map(drop),
            _ => self.list(rng.u32(1..4)).await.map(drop),
        }
    }

    /// Gets a value. Returns whether there was an answer, as all reads do.
    async fn get(&self, key: &str) -> Result<bool, Finding> {
        let got = async {
            Ok(match self.kv.get(key).bytes().await? {
                None => Output::Missing,
                Some(value) => Output::Value(Digest::of(&value)),
            })
        };
        self.read(key, got).await
    }

    async fn read(
        &self,
        key: &str,
        read: impl Future<Output = Result<Output, Error>>,
    ) -> Result<bool, Finding> {
        trace::count("operations");
        let id = self.history.invoke(now(), self.number, key, Input::Get);
        self.ended(&[id], read.await.map(|output| vec![output]), 1)
    }

    async fn get_many(&self) -> Result<bool, Finding> {
        trace::count("operations");
        let ids = KEYS.map(|key| self.history.invoke(now(), self.number, key, Input::Get));
        let got = async {
            let values = self.kv.get_many(KEYS).text().await?.all()?;
            let output = |value: Option<String>| match value {
                None => Output::Missing,
                Some(value) => Output::Value(Digest::of(value.as_bytes())),
            };
            Ok(values.into_iter().map(|(_, value)| output(value)).collect())
        };
        self.ended(&ids, got.await, 1)
    }

    async fn list(&self, page_size: u32) -> Result<bool, Finding> {
        trace::count("operations");
        // KV accepts page sizes of at least ten keys.
        let ids = KEYS.map(|key| self.history.invoke(now(), self.number, key, Input::Listed));
        let mut wrong = None;
        let listed = async {
            let keys: Vec<_> = self.kv.list().page_size(page_size * 10).stream().try_collect().await?;
            wrong = wrong_listing(&keys);
            KEYS.iter()
                .map(|key| match keys.iter().find(|listed| listed.name == *key) {
                    None => Ok(Output::Missing),
                    Some(listed) => {
                        let metadata = listed.metadata.as_ref().map(Metadata::json::<String>);
                        Ok(Output::Row(metadata.transpose()?))
                    }
                })
                .collect()
        };
        let listed = listed.await;
        match wrong {
            Some(wrong) => Err(Finding::new(wrong)),
            None => self.ended(&ids, listed, 1),
        }
    }

    async fn write(
        &self,
        keys: &[&str],
        inputs: &[Input],
        write: impl Future<Output = Result<(), Error>>,
    ) -> Outcome {
        trace::count("operations");
        let each = keys.iter().zip(inputs);
        let ids: Vec<_> =
            each.map(|(key, input)| self.history.invoke(now(), self.number, *key, input.clone())).collect();
        let (written, requests) = counting_requests(write).await;
        self.ended(&ids, written.map(|()| vec![Output::Done; keys.len()]), requests).map(drop)
    }

    /// Records the results of operations that were sent together. Returns whether there was an answer.
    fn ended(
        &self,
        ids: &[OperationId],
        answered: Result<Vec<Output>, Error>,
        requests: u32,
    ) -> Result<bool, Finding> {
        let is_answered = answered.is_ok();
        trace::line(format_args!("client {}: {answered:?}", self.number));
        for id in ids {
            (1..requests).for_each(|_| self.history.sent_again(*id));
        }
        match answered {
            Ok(outputs) => {
                ids.iter().zip(outputs).for_each(|(id, output)| self.history.answer(*id, now(), output));
            }
            Err(error) => {
                // A retry came too late for its expiration.
                let is_late = error.message().contains("60 seconds");
                if !is_late && !is_unknown(&error) {
                    return Err(Finding::new(format!("unexpected error: {error}")));
                }
                for id in ids {
                    self.history.gave_up(*id, now());
                }
            }
        }
        Ok(is_answered)
    }
}

/// Returns what is wrong with a listing: it is out of order, has a key twice, lacks a key that no client
/// changes, or has one that no client put.
fn wrong_listing(keys: &[ListedKey]) -> Option<String> {
    if !keys.is_sorted_by(|one, two| one.name < two.name) {
        return Some("a listing is out of order, or has a key twice".to_owned());
    }
    let is_known = |name: &str| KEYS.contains(&name) || name.starts_with("fixed/");
    let unknown = keys.iter().find(|key| !is_known(&key.name));
    let lacks = (0..FIXED).map(fixed).find(|name| !keys.iter().any(|key| key.name == *name));
    unknown
        .map(|key| format!("the listing has {:?}, which no client put", key.name))
        .or_else(|| lacks.map(|name| format!("the listing lacks {name:?}")))
}

impl ValuesClient<'_> {
    /// Creates a put of a value that no other client puts.
    fn put(&self, key: &str, rng: &mut Rng) -> Result<(PutRequest, Input), Error> {
        let length = if rng.u8(..8) == 0 { 35_000 } else { rng.usize(8..100) };
        let value: String = std::iter::repeat_with(|| rng.alphanumeric()).take(length).collect();
        let metadata = rng.bool().then(|| rng.u32(..1000).to_string());
        let mut request = PutRequest::new(key, value.clone());
        if let Some(metadata) = &metadata {
            request = request.metadata(metadata)?;
        }
        let ttl = (rng.u8(..3) == 0).then(|| rng.u64(60..200));
        let expiration = ttl.map(|seconds| {
            let nanos = seconds * 1_000_000_000;
            if rng.bool() { Expiration::After(nanos) } else { Expiration::At(now() + nanos) }
        });
        let lasts = Duration::from_secs(ttl.unwrap_or_default());
        match expiration {
            Some(Expiration::After(_)) => request = request.expiration_ttl(lasts),
            Some(Expiration::At(_)) => request = request.expiration(self.clock.now() + lasts),
            None => {}
        }
        Ok((request, Input::Put { pair: Pair::new(value.as_bytes(), metadata.as_deref()), expiration }))
    }
}
