//! The client: a namespace with retries and everything else that all backends share.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::namespace::Namespace;
use crate::client::attempts::{Attempts, operation_span};
use crate::retry::RetryPolicy;
use crate::runtime::Runtime;

/// KV accepts one write per second to the same key.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// A client of one Workers KV namespace, over any [`Namespace`]: retries, JSON, metadata, expiration, bulk
/// operations.
///
/// Create it once and clone it freely: clones are cheap and can be used from many threads and tasks. A
/// request does nothing until it is awaited. Requests own their data, so they can be spawned. Methods are
/// named as in [the Workers API](https://developers.cloudflare.com/kv/api/).
///
/// - **Missing keys.** A key that does not exist is `None`; a namespace that does not exist is an error.
/// - **Consistency** is KV's: see [`kv`](crate::kv).
/// - **Retries** follow the [`RetryPolicy`]. After a 429 without `Retry-After` the first retry waits one
///   second, because KV accepts one write per second to the same key; [`RetryPolicy::rate_limit_delay`]
///   changes that. Values that are read whole are read within the attempt, so a truncated value is read
///   again.
/// - **Bulk operations** use the largest requests that KV accepts and return one result per key. If KV
///   reports that it did not write some keys of a request, only those are sent again.
/// - **Limits** are checked before anything is sent: keys, values, metadata, expiration, page sizes.
/// - **Errors** name the operation, the key and the number of attempts, and keep the service's message.
/// - **Tracing.** Each operation is a `kv` span of the [`tracing`] crate with its `operation`, `key`,
///   `attempts`, HTTP `status`, and the `bytes` of the value that is sent. Spans never contain values,
///   metadata or tokens.
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
    /// Creates a client of a namespace, which may be a shared [`Arc`]. The client uses the namespace's
    /// [clock, timer and randomness](Namespace::runtime).
    pub fn new(namespace: impl Namespace) -> Self {
        let attempts = Arc::new(Attempts::new(operation_span!("kv"), namespace.runtime()));
        Self { namespace: Arc::new(namespace), attempts }.with_retry(RetryPolicy::default())
    }

    /// Sets a clock, timer and randomness to use instead of the namespace's. Sessions, rate limits and event
    /// writers made from the client use them too. The namespace itself keeps its own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.attempts_mut().runtime = Arc::new(runtime);
        self
    }

    /// Sets when failed requests are sent again. Default: [`RetryPolicy::default`], with a wait of one second
    /// after a 429 without `Retry-After`.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts_mut().retry = policy.rate_limit_delay_or(WRITE_INTERVAL);
        self
    }

    /// Sets the maximum duration of one request, including all its attempts and the waits between them.
    /// Default: no limit. Each request of a bulk operation and each page of a listing gets the whole
    /// deadline.
    ///
    /// A request that exceeds it fails with [`ErrorKind::Timeout`](crate::ErrorKind). If a wait would leave
    /// no time for another attempt, the request fails immediately with the error of its last attempt, which
    /// keeps its [`retry_after`](crate::Error::retry_after).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.attempts_mut().deadline = Some(deadline);
        self
    }

    /// Sets how many operations of this client and of its later clones run concurrently. Default: unlimited;
    /// 0 counts as 1. Further operations wait. A streamed get counts until its value starts to arrive; a get
    /// that is read whole counts until it has been read.
    #[must_use]
    pub fn with_max_concurrency(mut self, operations: usize) -> Self {
        self.attempts_mut().set_max_concurrency(operations);
        self
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        Arc::make_mut(&mut self.attempts)
    }

    /// Returns the underlying namespace.
    pub fn namespace(&self) -> &Arc<dyn Namespace> {
        &self.namespace
    }

    /// Returns the settings and state of its attempts.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Returns the clock, timer and randomness, shared with everything built on the client.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.attempts.runtime
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.runtime().now()
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
