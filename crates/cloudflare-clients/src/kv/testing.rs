//! An embedded namespace for tests: it records its calls, fails or returns stale values on demand, and has a
//! manual clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::StatusCode;
use tempfile::TempDir;

use super::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, KvClient, ListPage, ListRequest, Namespace,
    PutManyRequest, PutRequest, ValueWithMetadata,
};
use crate::r2::Body;
use crate::store::testing::Clock;
use crate::{Error, LocalNamespace, LocalStore, Result, Runtime};

#[derive(Debug, Clone)]
pub(crate) struct Recording(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    namespace: LocalNamespace,
    clock: Clock,
    calls: Mutex<Vec<&'static str>>,
    puts: Mutex<Vec<(String, String)>>,
    fails: AtomicBool,
    fails_writes: AtomicBool,
    stale: AtomicBool,
    _folder: TempDir,
}

impl Recording {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await.unwrap();
        let id = store.create_namespace("test").await.unwrap().id;
        Self(Arc::new(Inner {
            namespace: store.namespace(id),
            clock,
            calls: Mutex::default(),
            puts: Mutex::default(),
            fails: AtomicBool::new(false),
            fails_writes: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            _folder: folder,
        }))
    }

    pub(crate) fn client(&self) -> KvClient {
        KvClient::new(self.clone())
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.0.clock.advance(duration);
    }

    /// Returns the number of calls with this name; an empty name counts all calls.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.0.calls.lock().unwrap().iter().filter(|call| name.is_empty() || **call == name).count()
    }

    /// Returns the keys and values of all puts, including failed ones.
    pub(crate) fn puts(&self) -> Vec<(String, String)> {
        self.0.puts.lock().unwrap().clone()
    }

    /// Sets whether all calls fail.
    pub(crate) fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::Relaxed);
    }

    pub(crate) fn fail_writes(&self, fails: bool) {
        self.0.fails_writes.store(fails, Ordering::Relaxed);
    }

    /// Sets whether reads answer from a cache that has not seen deletions.
    pub(crate) fn set_stale(&self, stale: bool) {
        self.0.stale.store(stale, Ordering::Relaxed);
    }

    fn call(&self, name: &'static str) -> Result<()> {
        self.0.calls.lock().unwrap().push(name);
        let writes = name.starts_with("put") || name.starts_with("delete");
        let fails =
            self.0.fails.load(Ordering::Relaxed) || (writes && self.0.fails_writes.load(Ordering::Relaxed));
        if fails {
            Err(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"))
        } else {
            Ok(())
        }
    }

    fn cached(&self, key: &str) -> Option<String> {
        self.puts().into_iter().rfind(|(put, _)| put == key).map(|(_, value)| value)
    }

    /// Records the put and returns it.
    async fn recorded(&self, request: PutRequest) -> Result<PutRequest> {
        let PutRequest { key, value, expiration, expiration_ttl, metadata } = request;
        let text = value.text().await?;
        self.0.puts.lock().unwrap().push((key.clone(), text.clone()));
        Ok(PutRequest { key, value: text.into(), expiration, expiration_ttl, metadata })
    }
}

#[async_trait]
impl Namespace for Recording {
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        self.call("get")?;
        if self.0.stale.load(Ordering::Relaxed) {
            return Ok(self.cached(&request.key).map(Into::into));
        }
        self.0.namespace.get(request).await
    }

    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        self.call("get_with_metadata")?;
        self.0.namespace.get_with_metadata(request).await
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        self.call("get_many")?;
        if self.0.stale.load(Ordering::Relaxed) {
            let cached = |key: &String| Ok(self.cached(key).map(ValueWithMetadata::new));
            return Ok(request.keys.iter().map(cached).collect());
        }
        self.0.namespace.get_many(request).await
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        let request = self.recorded(request).await?;
        self.call("put")?;
        self.0.namespace.put(request).await
    }

    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        let mut recorded = Vec::new();
        for put in request.puts {
            recorded.push(self.recorded(put).await?);
        }
        self.call("put_many")?;
        self.0.namespace.put_many(PutManyRequest::new(recorded)).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        self.call("delete")?;
        self.0.namespace.delete(request).await
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        self.call("delete_many")?;
        self.0.namespace.delete_many(request).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        self.call("list")?;
        self.0.namespace.list(request).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.0.namespace.runtime()
    }
}
