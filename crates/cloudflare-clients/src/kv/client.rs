//! The client: a namespace with retries and everything else that is the same for every backend.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::bulk;
use super::get::{Get, GetWithMetadata};
use super::get_many::{GetMany, GetManyWithMetadata};
use super::limits::validate_key;
use super::list::List;
use super::namespace::{Namespace, PutRequest};
use super::outcomes::Outcomes;
use super::put::Put;
use crate::attempts::{Attempts, Operation, operation_span};
use crate::error::Result;
use crate::r2::Body;
use crate::retry::RetryPolicy;
use crate::runtime::Runtime;

/// A key takes one write a second.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Workers KV, over any [`Namespace`]: retries, JSON, metadata, expiry, many keys at once.
///
/// It is made once, is cheap to clone, and can be shared by threads and tasks. Requests do nothing until they are awaited
/// and borrow nothing, so that they can be spawned. See [the Workers API](https://developers.cloudflare.com/kv/api/), whose names
/// are used here.
///
/// - **Missing.** A key that does not exist is `None`; a namespace that does not exist is an error.
/// - **Consistency** is KV's: see [`kv`](crate::kv).
/// - **Retries.** As the [`RetryPolicy`] says. Of a 429 without `Retry-After`, the first retry waits a second, as KV takes one write a
///   second to a key; [`RetryPolicy::rate_limit_delay`] changes that. What is read whole is read within the attempt, so that a
///   value which is cut off is read again.
/// - **Many keys.** Requests are as large as KV takes them, and each key has a result of its own. Where KV says that some keys of a
///   request were not written, these alone are sent again.
/// - **Limits** are checked before anything is sent: keys, values, metadata, expiry, pages.
/// - **Errors** name the operation, the key and the number of attempts, and keep the service's own words.
/// - **Traces.** Each operation is a span `kv` of the [`tracing`] crate with its `operation`, `key`, `attempts`, HTTP
///   `status`, and the `bytes` of the value that is sent. Values, metadata and tokens are not part of them.
///
/// ```
/// # use cloudflare_clients::{LocalNamespace, kv::KvClient};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let kv = KvClient::new(LocalNamespace::open(folder.path(), "sessions").await?);
///
/// kv.put("session/1", "hello").expiration_ttl(Duration::from_secs(3600)).metadata(&["admin"]).await?;
/// assert_eq!(kv.get("session/1").text().await?.as_deref(), Some("hello"));
/// assert_eq!(kv.get("session/2").text().await?, None);
///
/// let found = kv.get_with_metadata("session/1").text().await?.unwrap();
/// assert_eq!(found.metadata.unwrap().json::<Vec<String>>()?, ["admin"]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct KvClient {
    namespace: Arc<dyn Namespace>,
    attempts: Arc<Attempts>,
}

impl KvClient {
    /// A client of a namespace.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn new(namespace: impl Namespace) -> Self {
        Self::shared(Arc::new(namespace))
    }

    /// A client of a namespace that others hold too.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn shared(namespace: Arc<dyn Namespace>) -> Self {
        Self::new_with_runtime(namespace, Arc::new(crate::runtime::DEFAULT))
    }

    /// A client with a clock, timer and randomness of your own.
    pub fn new_with_runtime(namespace: Arc<dyn Namespace>, runtime: Arc<dyn Runtime>) -> Self {
        let attempts = Arc::new(Attempts::new(operation_span!("kv"), runtime));
        Self { namespace, attempts }.with_retry(RetryPolicy::default())
    }

    /// When failed requests are sent again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts_mut().retry = policy.rate_limit_delay_or(WRITE_INTERVAL);
        self
    }

    /// The longest that one operation takes, attempts and waits together; none by default. Each request of an operation on
    /// many keys and each page of a listing is an operation of its own.
    ///
    /// What passes it fails with [`ErrorKind::Timeout`](crate::ErrorKind). A wait that would pass it is not begun: the operation then
    /// fails at once, with the error of its last attempt.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.attempts_mut().deadline = Some(deadline);
        self
    }

    /// How many operations of this client, and of those cloned from it from now on, are under way at once; unbounded by
    /// default. Further ones wait. 0 counts as 1. A get counts until its value begins, or is read where it is read whole.
    #[must_use]
    pub fn with_max_concurrency(mut self, operations: usize) -> Self {
        self.attempts_mut().set_max_concurrency(operations);
        self
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        Arc::make_mut(&mut self.attempts)
    }

    /// The namespace below.
    pub fn namespace(&self) -> &Arc<dyn Namespace> {
        &self.namespace
    }

    /// The clock, timer and randomness, which what is built on the client shares.
    pub(crate) fn runtime(&self) -> &dyn Runtime {
        &*self.attempts.runtime
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.runtime().now()
    }

    /// A value: `kv.get(key).text().await?`, or `.bytes()` or `.json()`; awaited itself, a [`Body`] to read as it arrives.
    pub fn get(&self, key: impl Into<String>) -> Get {
        Get::new(self.clone(), key.into())
    }

    /// A value with its metadata.
    ///
    /// Over REST, `text` and `json` are one request; `bytes` and the value as it arrives are two, and if the key is written
    /// between them the metadata is not that of the value.
    pub fn get_with_metadata(&self, key: impl Into<String>) -> GetWithMetadata {
        GetWithMetadata::new(self.clone(), key.into())
    }

    /// Many values, 100 a request: `kv.get_many(keys).text().await?`, or `.json()`; `.bytes()` is a request for each key, 8 at
    /// a time, as KV reads many keys as text only.
    pub fn get_many<K: Into<String>>(&self, keys: impl IntoIterator<Item = K>) -> GetMany {
        GetMany::new(self.clone(), keys.into_iter().map(Into::into).collect())
    }

    /// Many values with their metadata: as [`get_many`](Self::get_many).
    pub fn get_many_with_metadata<K: Into<String>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> GetManyWithMetadata {
        GetManyWithMetadata::new(self.clone(), keys.into_iter().map(Into::into).collect())
    }

    /// Stores a value: `kv.put(key, value).expiration_ttl(hour).metadata(&metadata).await?`.
    pub fn put(&self, key: impl Into<String>, value: impl Into<Body>) -> Put {
        Put::new(self.clone(), key.into(), value.into())
    }

    /// Stores a value as JSON.
    ///
    /// A value that does not serialise is [`ErrorKind::Serialization`](crate::ErrorKind) when the request is awaited.
    pub fn put_json<T: Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        Put::json(self.clone(), key.into(), value)
    }

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
        bulk::put_many(self.clone(), pairs.into_iter().map(Into::into).collect()).boxed()
    }

    /// Deletes a key. Fine when it is not there.
    pub fn delete(&self, key: impl Into<String>) -> BoxFuture<'static, Result<()>> {
        let (client, key) = (self.clone(), key.into());
        async move {
            let operation = Operation::new("delete", &key);
            operation.check(validate_key(&key))?;
            client.run(&operation, || Some(client.namespace.delete(&key))).await
        }
        .boxed()
    }

    /// Deletes keys and says of each whether that worked. Fine for those that are not there.
    ///
    /// Over REST and in the embedded store one request takes 10,000 keys; a Worker's binding takes them one by one, of which 8 are
    /// under way at once.
    pub fn delete_many<K: Into<String>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> BoxFuture<'static, Result<Outcomes<()>>> {
        bulk::delete_many(self.clone(), keys.into_iter().map(Into::into).collect()).boxed()
    }

    /// Lists keys: `kv.list().prefix("a/").await?` is one page, `.stream()` all keys.
    pub fn list(&self) -> List {
        List::new(self.clone())
    }

    /// Runs an operation: see [`Attempts::run`].
    pub(super) async fn run<'a, T: Send>(
        &self,
        operation: &Operation<'_>,
        attempt: impl FnMut() -> Option<BoxFuture<'a, Result<T>>> + Send,
    ) -> Result<T> {
        self.attempts.run(operation, attempt).await
    }
}

impl fmt::Debug for KvClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvClient")
            .field("namespace", &self.namespace)
            .field("retry", &self.attempts.retry)
            .finish_non_exhaustive()
    }
}
