//! A namespace with scripted answers.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::clock::ManualClock;
use super::script::Script;
use crate::error::Result;
use crate::kv::namespace::{delete_one_by_one, put_one_by_one};
use crate::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListPage, ListRequest, Namespace,
    PutManyRequest, PutRequest, ValueWithMetadata,
};
use crate::r2::Body;
use crate::runtime::Runtime;

/// A namespace that answers as the test says, with a [`Script`] per operation.
///
/// ```
/// use std::sync::Arc;
///
/// use cloudflare_clients::Error;
/// use cloudflare_clients::http::StatusCode;
/// use cloudflare_clients::kv::KvClient;
/// use cloudflare_clients::testing::MockNamespace;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// let namespace = Arc::new(MockNamespace::new());
/// namespace.get.fails_times(1, Error::from_status(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
/// namespace.get.answers(|request| async move { Ok(Some(request.key.into())) });
///
/// let kv = KvClient::new(namespace.clone());
/// assert_eq!(kv.get("k").text().await?.as_deref(), Some("k"));
/// assert_eq!(namespace.get.calls(), 2);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct MockNamespace {
    runtime: Arc<dyn Runtime>,
    /// The runtime, unless another one was set.
    clock: Option<ManualClock>,
    over: Option<Arc<dyn Namespace>>,
    /// [`Namespace::get`].
    pub get: Script<GetRequest, Option<Body>>,
    /// [`Namespace::get_with_metadata`].
    pub get_with_metadata: Script<GetRequest, Option<ValueWithMetadata<Body>>>,
    /// [`Namespace::get_many`].
    pub get_many: Script<GetManyRequest, Vec<Result<Option<ValueWithMetadata<String>>>>>,
    /// [`Namespace::put`].
    pub put: Script<PutRequest, ()>,
    /// [`Namespace::put_many`]. Without an answer and an underlying namespace, it calls [`put`](Self::put)
    /// for each value.
    pub put_many: Script<PutManyRequest, Vec<Result<()>>>,
    /// [`Namespace::delete`].
    pub delete: Script<DeleteRequest, ()>,
    /// [`Namespace::delete_many`]. Without an answer and an underlying namespace, it calls
    /// [`delete`](Self::delete) for each key.
    pub delete_many: Script<DeleteManyRequest, Vec<Result<()>>>,
    /// [`Namespace::list`].
    pub list: Script<ListRequest, ListPage>,
}

impl Default for MockNamespace {
    fn default() -> Self {
        let clock = ManualClock::default();
        Self {
            runtime: Arc::new(clock.clone()),
            clock: Some(clock),
            over: None,
            get: Script::default(),
            get_with_metadata: Script::default(),
            get_many: Script::default(),
            put: Script::default(),
            put_many: Script::default(),
            delete: Script::default(),
            delete_many: Script::default(),
            list: Script::default(),
        }
    }
}

impl MockNamespace {
    /// Creates a namespace without answers. It has a [`ManualClock`], its [`clock`](Self::clock), so waiting
    /// takes no time.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a namespace that passes calls without a scripted answer to another namespace, and uses that
    /// namespace's clock.
    pub fn over(namespace: impl Namespace) -> Self {
        Self { runtime: namespace.runtime(), clock: None, over: Some(Arc::new(namespace)), ..Self::default() }
    }

    /// Sets the clock, timer and randomness of the mock and of clients over it.
    #[must_use]
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        Self { runtime: Arc::new(runtime), clock: None, ..self }
    }

    /// Returns the clock that [`new`](Self::new) created, for the test to advance. `None` if the mock has
    /// another clock: its own after [`with_runtime`](Self::with_runtime), or that of the namespace that it is
    /// [over](Self::over).
    pub fn clock(&self) -> Option<&ManualClock> {
        self.clock.as_ref()
    }
}

/// Calls the operation's script, with the underlying namespace as the fallback.
macro_rules! answer {
    ($mock:ident, $operation:ident, $request:ident) => {{
        let otherwise = $mock.over.as_ref().map(|namespace| |request| namespace.$operation(request));
        $mock.$operation.call(stringify!($operation), $request, &*$mock.runtime, otherwise).await
    }};
}

#[async_trait]
impl Namespace for MockNamespace {
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        answer!(self, get, request)
    }

    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        answer!(self, get_with_metadata, request)
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        answer!(self, get_many, request)
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        answer!(self, put, request)
    }

    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        let otherwise = |request| match &self.over {
            Some(namespace) => namespace.put_many(request),
            None => put_one_by_one(self, request).map(Ok).boxed(),
        };
        self.put_many.call("put_many", request, &*self.runtime, Some(otherwise)).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        answer!(self, delete, request)
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        let otherwise = |request| match &self.over {
            Some(namespace) => namespace.delete_many(request),
            None => delete_one_by_one(self, request).map(Ok).boxed(),
        };
        self.delete_many.call("delete_many", request, &*self.runtime, Some(otherwise)).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        answer!(self, list, request)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.runtime.clone()
    }
}
