//! Where events are: below a prefix of a bucket or a namespace.

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

/// The most bytes of a prefix, which leave room for the names in a key of KV.
const MAX_PREFIX_SIZE: usize = 400;

/// How many objects are on their way to R2 at once.
const CONCURRENCY: usize = 4;

/// Where events are kept: in the objects of a bucket of R2, or the values of a namespace of KV, whose keys begin with a prefix.
///
/// Writers and readers are made of it: [`EventWriter::new`](super::EventWriter::new), [`read`](Self::read). It is cheap to clone.
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
    /// Events in objects of R2. A [lifecycle rule](https://developers.cloudflare.com/r2/buckets/object-lifecycles/) of the bucket can
    /// delete old ones.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the prefix has more than 400 bytes, or others than printable ASCII, whose forms nobody changes.
    pub fn r2(service: R2Service, prefix: impl Into<String>) -> Result<Self> {
        Self::new(Place::R2(service), prefix.into())
    }

    /// Events in values of KV. They expire after `expiration_ttl`, if it is given, which is whole seconds, 60 or
    /// more.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: as [`r2`](Self::r2), or the time to live is not like that.
    pub fn kv(client: KvClient, prefix: impl Into<String>, expiration_ttl: Option<Duration>) -> Result<Self> {
        if let Some(ttl) = expiration_ttl
            && (ttl < MIN_EXPIRATION_TTL || ttl.subsec_nanos() > 0)
        {
            let least = MIN_EXPIRATION_TTL.as_secs();
            return Err(Error::invalid_input(format!(
                "the expiration TTL of events is {ttl:?}: KV takes whole seconds, {least} or more"
            )));
        }
        Self::new(Place::Kv { client, expiration_ttl }, prefix.into())
    }

    fn new(place: Place, prefix: String) -> Result<Self> {
        if prefix.len() > MAX_PREFIX_SIZE || !prefix.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Error::invalid_input(format!(
                "the prefix {prefix:?} of events has to be printable ASCII of {MAX_PREFIX_SIZE} bytes at most"
            )));
        }
        Ok(Self { prefix: prefix.into(), place })
    }

    /// The clock, timer and randomness of the service or client.
    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        match &self.place {
            Place::R2(service) => service.runtime(),
            Place::Kv { client, .. } => client.runtime(),
        }
    }

    pub(super) fn key(&self, name: &BatchName) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Stores batches and says of each whether that worked. One that is there already is fine.
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

    /// The batches that may have events of the range, in the order of their names. What has no name of a batch is passed over.
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

    /// The bytes of a batch, or `None` when it is gone since it was listed.
    pub(super) async fn get(&self, key: &str) -> Result<Option<ByteStream>> {
        match &self.place {
            Place::R2(service) => Ok(service.get(key).await?.map(ObjectBody::into_stream)),
            // Whole, as KV does not resume what was cut off.
            Place::Kv { client, .. } => {
                Ok(client.get(key).bytes().await?.map(|value| Body::from(value).into_stream()))
            }
        }
    }
}

/// Stores an object that must not be there, unless it is this one: a put before may have stored it and not have said so.
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
        Err(error.explain("another object has the name that was drawn for these events"))
    }
    .boxed()
}
