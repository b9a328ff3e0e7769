//! The client: a namespace with retries and everything else that is the same for every backend.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::namespace::Namespace;
use crate::client::attempts::{Attempts, operation_span};
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
    /// A client of a namespace, which may be an [`Arc`] that others hold too. It goes by the namespace's
    /// [clock, timer and randomness](Namespace::runtime).
    pub fn new(namespace: impl Namespace) -> Self {
        let attempts = Arc::new(Attempts::new(operation_span!("kv"), namespace.runtime()));
        Self { namespace: Arc::new(namespace), attempts }.with_retry(RetryPolicy::default())
    }

    /// A clock, timer and randomness in place of the namespace's. What is made from the client goes by them too: sessions,
    /// rate limits and batches of events. The namespace itself keeps its own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.attempts_mut().runtime = Arc::new(runtime);
        self
    }

    /// When failed requests are sent again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts_mut().retry = policy.rate_limit_delay_or(WRITE_INTERVAL);
        self
    }

    /// The longest that one request takes, with all its attempts and the waits between them; none by default.
    /// Each request of an operation on many keys and each page of a listing has the whole deadline for
    /// itself.
    ///
    /// What passes it fails with [`ErrorKind::Timeout`](crate::ErrorKind). A wait that would leave no time
    /// for another attempt is not begun: the request then fails at once, with the error of its last attempt,
    /// which keeps its [`retry_after`](crate::Error::retry_after).
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

    /// How it makes its attempts.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// The clock, timer and randomness, which what is built on the client shares.
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
