//! Where events are stored: under a prefix of a bucket or a namespace.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};

use super::batch::SealedBatch;
use super::batch_name::{BatchName, MAX_SPAN, beginning, folders};
use super::millis::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::{KvClient, MIN_EXPIRATION_TTL, PutRequest};
use crate::r2::{Body, ByteStream, Conditional, ObjectBody, R2Service};
use crate::runtime::Runtime;

/// Maximum length of a prefix, in bytes. It leaves room for the names in a KV key.
const MAX_PREFIX_SIZE: usize = 400;

/// How many objects are uploaded to R2 concurrently.
const CONCURRENCY: usize = 4;

/// Where events are stored: in objects of an R2 bucket, or in values of a KV namespace, whose keys start with
/// a prefix.
///
/// Create writers with [`EventWriter::new`](super::EventWriter::new), and read events with
/// [`read`](Self::read). Clones are cheap.
#[derive(Debug, Clone)]
pub struct EventStore {
    prefix: Arc<str>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    R2(R2Service),
    Kv { client: KvClient, expiration_ttl: Option<Duration> },
}

impl EventStore {
    /// Stores events in R2 objects. A [lifecycle
    /// rule](https://developers.cloudflare.com/r2/buckets/object-lifecycles/) of the bucket can delete old
    /// ones.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the prefix has more than 400 bytes, or characters other than printable
    /// ASCII, which Unicode normalization never changes.
    pub fn r2(service: R2Service, prefix: impl Into<String>) -> Result<Self> {
        Self::new(Place::R2(service), prefix.into())
    }

    /// Stores events in KV values. They expire after `expiration_ttl` if it is set: whole seconds, 60 or
    /// more.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the prefix is invalid as in [`r2`](Self::r2), or the time to live is.
    pub fn kv(client: KvClient, prefix: impl Into<String>, expiration_ttl: Option<Duration>) -> Result<Self> {
        if let Some(ttl) = expiration_ttl
            && (ttl < MIN_EXPIRATION_TTL || ttl.subsec_nanos() > 0)
        {
            let least = MIN_EXPIRATION_TTL.as_secs();
            return Err(Error::invalid_input(format!(
                "the expiration TTL of events is {ttl:?}: KV accepts whole seconds, {least} or more"
            )));
        }
        Self::new(Place::Kv { client, expiration_ttl }, prefix.into())
    }

    fn new(place: Place, prefix: String) -> Result<Self> {
        if prefix.len() > MAX_PREFIX_SIZE || !prefix.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Error::invalid_input(format!(
                "the prefix {prefix:?} of events must be printable ASCII of at most {MAX_PREFIX_SIZE} bytes"
            )));
        }
        Ok(Self { prefix: prefix.into(), place })
    }

    /// Returns the clock, timer and randomness of the service or client.
    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        match &self.place {
            Place::R2(service) => service.runtime(),
            Place::Kv { client, .. } => client.runtime(),
        }
    }

    pub(super) fn key(&self, name: &BatchName) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Stores batches and returns one result per batch. A batch that is already stored is a success.
    pub(super) async fn put(&self, batches: &[Arc<SealedBatch>]) -> Vec<Result<()>> {
        match &self.place {
            Place::R2(service) => {
                let puts: Vec<_> = batches
                    .iter()
                    .map(|batch| put_object(service.clone(), self.key(&batch.name), Arc::clone(batch)))
                    .collect();
                stream::iter(puts).buffered(CONCURRENCY).collect().await
            }
            Place::Kv { client, expiration_ttl } => {
                let put = |batch: &Arc<SealedBatch>| PutRequest {
                    expiration_ttl: *expiration_ttl,
                    ..PutRequest::new(self.key(&batch.name), batch.content.clone())
                };
                match client.put_many(batches.iter().map(put)).await {
                    Ok(outcomes) => outcomes.results.into_iter().map(|(_, result)| result).collect(),
                    Err(error) => batches.iter().map(|_| Err(error.clone())).collect(),
                }
            }
        }
    }

    /// Lists the batches that may contain events of the range, ordered by name. Skips keys that are not names
    /// of batches.
    pub(super) fn list(&self, range: Range<Millis>) -> BoxStream<'static, Result<BatchName>> {
        if range.start >= range.end {
            return stream::empty().boxed();
        }
        let first_events = range.start.saturating_sub(MAX_SPAN)..range.end;
        let keys = match &self.place {
            Place::R2(service) => {
                let list = service.list().prefix(&*self.prefix);
                let list = list.start_after(format!("{}{}", self.prefix, beginning(first_events.start)));
                list.stream().map_ok(|object| object.key).boxed()
            }
            Place::Kv { client, .. } => {
                let (client, prefix) = (client.clone(), Arc::clone(&self.prefix));
                stream::iter(folders(&first_events))
                    .flat_map(move |folder| client.list().prefix(format!("{prefix}{folder}")).stream())
                    .map_ok(|key| key.name)
                    .boxed()
            }
        };
        let behind = format!("{}{}", self.prefix, beginning(range.end));
        let prefix = Arc::clone(&self.prefix);
        keys.try_take_while(move |key| std::future::ready(Ok(*key < behind)))
            .try_filter_map(move |key| {
                let name = key.strip_prefix(&*prefix).and_then(BatchName::parse);
                std::future::ready(Ok(name.filter(|name| name.overlaps(&range))))
            })
            .boxed()
    }

    /// Returns the content of a batch, or `None` if it was deleted since it was listed.
    pub(super) async fn get(&self, key: &str) -> Result<Option<ByteStream>> {
        match &self.place {
            Place::R2(service) => Ok(service.get(key).await?.map(ObjectBody::into_stream)),
            // Read whole, because KV cannot resume a read that was cut off.
            Place::Kv { client, .. } => {
                Ok(client.get(key).bytes().await?.map(|value| Body::from(value).into_stream()))
            }
        }
    }
}

/// Stores an object that must not exist yet, unless it is this one: an earlier put may have stored it and
/// lost its answer.
fn put_object(service: R2Service, key: String, batch: Arc<SealedBatch>) -> BoxFuture<'static, Result<()>> {
    async move {
        let put = service.put(&key, batch.content.clone()).content_type("application/gzip");
        let Err(error) = put.only_if(Conditional::new().etag_does_not_match("*")).await else {
            return Ok(());
        };
        if error.kind() != ErrorKind::PreconditionFailed {
            return Err(error);
        }
        let there = match service.get(&key).await? {
            Some(there) if there.size == batch.content.len() as u64 => Some(there.bytes().await?),
            _ => None,
        };
        if there.as_ref() == Some(&batch.content) {
            return Ok(());
        }
        Err(error.explain("another object already has the random name of these events"))
    }
    .boxed()
}
