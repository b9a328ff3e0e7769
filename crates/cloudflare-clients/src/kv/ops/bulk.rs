//! Storing and deleting many keys.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};

use super::CONCURRENCY;
use super::put::Put;
use crate::body::Body;
use crate::client::operation::Operation;
use crate::client::outcomes::{Outcomes, one_for_each};
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::model::kv::limits::{validate_key, validate_put};
use crate::model::kv::{MAX_BULK_BYTES, MAX_BULK_WRITES, PutRequest, value};
use crate::sync::{into_inner, lock};
use crate::wire::kv_rest::bulk_put::encoded_len;

impl KvClient {
    /// Stores many values and says of each whether that worked: pairs of a key and a value, or [`PutRequest`]s.
    ///
    /// Over REST and in the embedded store one request takes 10,000 keys and 100 MB; a Worker's binding takes them one by one,
    /// of which 8 are under way at once. The values are read into memory.
    ///
    /// # Errors
    /// What KV would refuse of any of them fails all before anything is sent, as does a stream that cannot be read.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalNamespace, kv::KvClient};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let kv = KvClient::new(LocalNamespace::open(folder.path(), "sessions").await?);
    /// let outcomes = kv.put_many([("a", "1"), ("b", "2")]).await?;
    /// assert_eq!(outcomes.failed().count(), 0);
    /// let values = kv.get_many(["b", "c"]).text().await?.all()?;
    /// assert_eq!(values, [("b".to_owned(), Some("2".to_owned())), ("c".to_owned(), None)]);
    /// # Ok(()) }
    /// ```
    pub fn put_many<P: Into<PutRequest>>(
        &self,
        pairs: impl IntoIterator<Item = P>,
    ) -> BoxFuture<'static, Result<Outcomes<()>>> {
        put_many(self.clone(), pairs.into_iter().map(Into::into).collect()).boxed()
    }

    /// Deletes keys and says of each whether that worked. Fine for those that are not there.
    ///
    /// Over REST and in the embedded store one request takes 10,000 keys; a Worker's binding takes them one by one, of which 8 are
    /// under way at once.
    pub fn delete_many<K: Into<String>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> BoxFuture<'static, Result<Outcomes<()>>> {
        delete_many(self.clone(), keys.into_iter().map(Into::into).collect()).boxed()
    }
}

async fn put_many(client: KvClient, requests: Vec<PutRequest>) -> Result<Outcomes<()>> {
    let now = client.now();
    for request in &requests {
        Operation::new("put", &request.key).check(validate_put(request, now))?;
    }
    if !client.namespace().has_bulk_writes() {
        let puts = requests.into_iter().map(|request| {
            let (client, key) = (client.clone(), request.key.clone());
            async move { (key, Put::of(client, request).await) }.boxed()
        });
        return Ok(Outcomes { results: in_parallel(puts.collect()).await });
    }
    let mut pairs = VecDeque::with_capacity(requests.len());
    for mut request in requests {
        let value = std::mem::replace(&mut request.value, Body::empty());
        let value = Operation::new("put", &request.key).check(value::collect(value).await)?;
        pairs.push_back((request, value));
    }
    let mut results = Vec::with_capacity(pairs.len());
    while !pairs.is_empty() {
        let chunk: Vec<_> = pairs.drain(..fitting(&pairs)).collect();
        let outcomes = each(&client, "putMany", chunk.len(), |pending| {
            let pair = |index: &usize| {
                let (request, value) = &chunk[*index];
                request.with_value(value.clone().into())
            };
            client.namespace().put_many(pending.iter().map(pair).collect())
        })
        .await;
        let named = chunk.into_iter().zip(outcomes).map(|((request, _), outcome)| {
            let outcome = Operation::new("put", &request.key).check(outcome);
            (request.key, outcome)
        });
        results.extend(named);
    }
    Ok(Outcomes { results })
}

/// How many of the pairs one request takes.
fn fitting(pairs: &VecDeque<(PutRequest, Bytes)>) -> usize {
    // The brackets of the array.
    let mut bytes = 2;
    let fits = |(request, value): &&(PutRequest, Bytes)| {
        bytes += encoded_len(request, value) + 1;
        bytes <= MAX_BULK_BYTES
    };
    // One pair always fits: the largest value has 35 MB in Base64.
    pairs.iter().take(MAX_BULK_WRITES).take_while(fits).count().max(1)
}

async fn delete_many(client: KvClient, keys: Vec<String>) -> Result<Outcomes<()>> {
    for key in &keys {
        Operation::new("delete", key).check(validate_key(key))?;
    }
    if !client.namespace().has_bulk_writes() {
        let deletes = keys.into_iter().map(|key| {
            let client = client.clone();
            async move {
                let deleted = client.delete(&key).await;
                (key, deleted)
            }
            .boxed()
        });
        return Ok(Outcomes { results: in_parallel(deletes.collect()).await });
    }
    let mut results = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(MAX_BULK_WRITES) {
        let outcomes = each(&client, "deleteMany", chunk.len(), |pending| {
            let keys: Vec<_> = pending.iter().map(|index| chunk[*index].clone()).collect();
            let client = client.clone();
            async move { client.namespace().delete_many(&keys).await }.boxed()
        })
        .await;
        let named = chunk.iter().zip(outcomes);
        results
            .extend(named.map(|(key, outcome)| (key.clone(), Operation::new("delete", key).check(outcome))));
    }
    Ok(Outcomes { results })
}

async fn in_parallel(work: Vec<BoxFuture<'static, (String, Result<()>)>>) -> Vec<(String, Result<()>)> {
    stream::iter(work).buffered(CONCURRENCY).collect().await
}

/// Runs one operation on `count` things: each attempt is about those that the ones before it have not done. What is left in
/// the end fails with the operation's error.
async fn each<'a>(
    client: &KvClient,
    name: &'static str,
    count: usize,
    mut attempt: impl FnMut(&[usize]) -> BoxFuture<'a, Result<Vec<Result<()>>>> + Send,
) -> Vec<Result<()>> {
    let outcomes: Mutex<Vec<Option<Result<()>>>> = Mutex::new((0..count).map(|_| None).collect());
    let done = client
        .attempts()
        .run(&Operation::without_key(name), || {
            let pending: Vec<usize> = lock(&outcomes)
                .iter()
                .enumerate()
                .filter_map(|(index, outcome)| outcome.is_none().then_some(index))
                .collect();
            let answer = attempt(&pending);
            let outcomes = &outcomes;
            Some(
                async move {
                    let answered = one_for_each(pending.len(), answer.await?)?;
                    let mut failure = None;
                    let mut outcomes = lock(outcomes);
                    for (index, outcome) in pending.into_iter().zip(answered) {
                        match outcome {
                            Err(error) if error.is_retryable() => failure = failure.or(Some(error)),
                            outcome => outcomes[index] = Some(outcome),
                        }
                    }
                    failure.map_or(Ok(()), Err)
                }
                .boxed(),
            )
        })
        .await;
    let failure = done.err();
    let left = || failure.as_ref().map_or(Ok(()), |error| Err(error.copy()));
    let outcomes = into_inner(outcomes);
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(left)).collect()
}
