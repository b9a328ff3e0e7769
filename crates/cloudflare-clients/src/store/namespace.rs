//! The `Namespace` implementation of the embedded store.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;

use super::blobs::PendingBlob;
use super::database::StoreResult;
use super::local_store::LocalStore;
use super::pairs::{self, KeysQuery, NewPair, namespace_number, no_such_namespace};
use super::read;
use super::receive::{MAX_INLINE, Received, receive};
use super::writer::Write;
use crate::error::Result;
use crate::kv::{
    Account, DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListPage, ListRequest, Namespace,
    PutManyRequest, PutRequest, ValueWithMetadata,
};
use crate::model::kv::limits::{
    validate_cache_ttl, validate_get_count, validate_key, validate_put, validate_write_count,
};
use crate::model::kv::value;
use crate::r2::Body;
use crate::runtime::Runtime;
use crate::time::{from_seconds, to_seconds};

/// A namespace of a [`LocalStore`] with Workers KV's limits, expiry, metadata and listings.
///
/// Differences from KV: it is strongly consistent, so that reads are never stale and a cache TTL has no
/// effect; a key accepts more than one write a second; and only the last page of a listing can be empty. Keys
/// expire to the second. A bulk write is one transaction.
#[derive(Debug, Clone)]
pub struct LocalNamespace {
    store: LocalStore,
    id: String,
}

impl LocalNamespace {
    pub(super) fn new(store: LocalStore, id: String) -> Self {
        Self { store, id }
    }

    /// Returns the id of the namespace.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the store that contains the namespace.
    pub fn store(&self) -> &LocalStore {
        &self.store
    }

    async fn write<T, F>(&self, files: Vec<PendingBlob>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>, i64) -> StoreResult<T> + Send + 'static,
    {
        let id = self.id.clone();
        let work = move |write: &Write<'_>| {
            let namespace = namespace_number(write, &id)?;
            pairs::expire(write)?;
            work(write, namespace)
        };
        self.store.shared().writer.write(files, work).await
    }

    /// Like `write`, for operations that free space.
    async fn make_room<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>, i64) -> StoreResult<T> + Clone + Send + 'static,
    {
        let id = self.id.clone();
        let work = move |write: &Write<'_>| {
            let namespace = namespace_number(write, &id)?;
            work(write, namespace)
        };
        self.store.shared().writer.make_room(work).await
    }

    async fn find(
        &self,
        key: &str,
        cache_ttl: Option<std::time::Duration>,
    ) -> Result<Option<ValueWithMetadata<Body>>> {
        validate_key(key)?;
        validate_cache_ttl(cache_ttl)?;
        let (id, looked_up, now) = (self.id.clone(), key.to_owned(), to_seconds(self.store.now()));
        let find = move |connection: &Connection| pairs::find(connection, &id, &looked_up, now);
        Ok(read::found(self.store.shared(), key, None, Arc::new(find)).await?.map(|(pair, value)| {
            ValueWithMetadata {
                metadata: pair.metadata,
                expiration: pair.expiration.and_then(from_seconds),
                ..ValueWithMetadata::new(value)
            }
        }))
    }

    /// Receives a value.
    async fn receive(&self, request: PutRequest, files: &mut Vec<PendingBlob>) -> Result<NewPair> {
        let now = self.store.now();
        validate_put(&request, now)?;
        let PutRequest { key, value, expiration, expiration_ttl, metadata } = request;
        let expiration = pairs::expiration(expiration, expiration_ttl, now);
        let value = value::bounded(value)?;
        let Received { segment, file, .. } =
            receive(&self.store.shared().blobs, value, None, None, None).await?;
        files.extend(file);
        Ok(NewPair { key, value: segment, expiration, metadata })
    }
}

#[async_trait]
impl Namespace for LocalNamespace {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.store.runtime().clone()
    }

    fn account(&self) -> Result<Arc<dyn Account>> {
        Ok(Arc::new(self.store.clone()))
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        Ok(self.find(&request.key, request.cache_ttl).await?.map(|found| found.value))
    }

    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        self.find(&request.key, request.cache_ttl).await
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        validate_get_count(request.keys.len())?;
        let mut values = Vec::with_capacity(request.keys.len());
        for key in &request.keys {
            let Some(found) = self.find(key, request.cache_ttl).await? else {
                values.push(Ok(None));
                continue;
            };
            let (value, mut found) = found.split();
            let text = value::text(value.bytes().await?);
            found.metadata = found.metadata.filter(|_| request.with_metadata);
            values.push(text.map(|text| Some(found.map(|()| text))));
        }
        Ok(values)
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        if request.value.content_length().is_none_or(|length| length > MAX_INLINE as u64)
            && self.store.namespace_info(&self.id).await?.is_none()
        {
            // Detects a missing namespace before a large value is received.
            return Err(no_such_namespace(&self.id));
        }
        let mut files = Vec::new();
        let pair = self.receive(request, &mut files).await?;
        self.write(files, move |write, namespace| pairs::replace(write, namespace, &pair)).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        let key = request.key;
        validate_key(&key)?;
        self.make_room(move |write, namespace| pairs::remove(write, namespace, &key)).await
    }

    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        let puts = request.puts;
        validate_write_count(puts.len())?;
        let (mut files, mut new) = (Vec::new(), Vec::with_capacity(puts.len()));
        for put in puts {
            new.push(self.receive(put, &mut files).await?);
        }
        self.write(files, move |write, namespace| {
            new.iter().map(|pair| Ok(Ok(pairs::replace(write, namespace, pair)?))).collect()
        })
        .await
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        let keys = request.keys;
        validate_write_count(keys.len())?;
        keys.iter().try_for_each(|key| validate_key(key))?;
        self.make_room(move |write, namespace| {
            keys.iter().map(|key| Ok(Ok(pairs::remove(write, namespace, key)?))).collect()
        })
        .await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let query = KeysQuery::new(&request)?;
        let (id, now) = (self.id.clone(), to_seconds(self.store.now()));
        self.store
            .shared()
            .readers
            .read(move |connection| query.run(connection, namespace_number(connection, &id)?, now))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::kv::KvClient;
    use crate::store::cleanup::clean_up;
    use crate::store::testing::{files, namespace, pattern, rows, value};

    #[tokio::test]
    async fn keys_expire_to_the_second_and_then_go() {
        let (_folder, namespace, clock) = namespace().await;
        clock.advance(Duration::from_millis(700));
        let now = namespace.store().now();
        let ttl = Duration::from_secs(60);
        namespace.put(PutRequest::new("ttl", pattern(100_000)).expiration_ttl(ttl)).await.unwrap();
        // Fractions of a second do not count.
        let at = now + Duration::from_millis(60_900);
        namespace.put(PutRequest::new("at", "v").expiration(at)).await.unwrap();
        let both = PutRequest::new("both", "v").expiration(at).expiration_ttl(Duration::from_secs(600));
        namespace.put(both).await.unwrap();
        let listed = || async {
            let page = namespace.list(ListRequest::default()).await.unwrap();
            page.keys.into_iter().map(|key| key.name).collect::<Vec<_>>()
        };
        clock.advance(Duration::from_millis(59_299));
        assert_eq!(listed().await, ["at", "both", "ttl"]);
        assert!(value(&namespace, "ttl").await.is_some());
        clock.advance(Duration::from_millis(1));
        assert_eq!(listed().await, ["at", "both"]);
        assert_eq!(value(&namespace, "ttl").await, None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(listed().await, ["both"]);
        assert_eq!(rows(namespace.store(), "pairs").await, 3);

        // A write of any key removes expired keys.
        namespace.put(PutRequest::new("new", "v")).await.unwrap();
        assert_eq!(rows(namespace.store(), "pairs").await, 2);
        assert_eq!(files(namespace.store()).await, (0, 0));
    }

    #[tokio::test]
    async fn a_page_before_expired_keys_is_the_last() {
        let (_folder, namespace, clock) = namespace().await;
        let ttl = Duration::from_secs(60);
        namespace
            .put_many(PutManyRequest::new(["a", "b"].map(|key| PutRequest::new(key, "v"))))
            .await
            .unwrap();
        let brief = ["aa", "c", "d"].map(|key| PutRequest::new(key, "v").expiration_ttl(ttl));
        namespace.put_many(PutManyRequest::new(brief)).await.unwrap();
        clock.advance(ttl);
        let page = |cursor, limit| {
            let request = ListRequest { cursor, limit: Some(limit), ..ListRequest::default() };
            let namespace = &namespace;
            async move { namespace.list(request).await.unwrap() }
        };
        let first = page(None, 1).await;
        assert_eq!((first.keys[0].name.as_str(), first.list_complete), ("a", false));
        let second = page(first.cursor, 1).await;
        assert_eq!((second.keys[0].name.as_str(), second.list_complete), ("b", true));
        assert_eq!(second.cursor, None);
    }

    #[tokio::test]
    async fn times_at_the_end_of_their_range_are_kept_or_refused() {
        let (_folder, namespace, _clock) = namespace().await;
        let last = std::time::UNIX_EPOCH + Duration::from_secs(crate::time::LAST_SECOND);
        namespace.put(PutRequest::new("last", "v").expiration(last)).await.unwrap();
        let found = namespace.get_with_metadata(GetRequest::new("last")).await.unwrap().unwrap();
        assert_eq!(found.expiration, Some(last));
        let put = || PutRequest::new("k", "v");
        let to_last = last.duration_since(namespace.store().now()).unwrap();
        namespace.put(put().expiration_ttl(to_last)).await.unwrap();
        let second = Duration::from_secs(1);
        let mut late = vec![put().expiration(last + second), put().expiration_ttl(to_last + second)];
        for seconds in [1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX] {
            let ttl = Duration::from_secs(seconds);
            late.push(put().expiration_ttl(ttl));
            late.extend(std::time::UNIX_EPOCH.checked_add(ttl).map(|at| put().expiration(at)));
        }
        for request in late {
            let error = namespace.put(request).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.message().contains("after the year 9999"), "{error}");
        }
    }

    #[tokio::test]
    async fn rewriting_a_key_resets_its_expiry() {
        let (_folder, namespace, clock) = namespace().await;
        let ttl = Duration::from_secs(60);
        namespace.put(PutRequest::new("k", "1").expiration_ttl(ttl)).await.unwrap();
        namespace.put(PutRequest::new("k", "2")).await.unwrap();
        clock.advance(2 * ttl);
        assert_eq!(value(&namespace, "k").await, Some(b"2".to_vec()));
    }

    #[tokio::test]
    async fn opening_removes_all_that_has_expired() {
        let (_folder, namespace, clock) = namespace().await;
        let store = namespace.store();
        let ttl = Duration::from_secs(60);
        let put = |n: usize| PutRequest::new(format!("{n}"), "v").expiration_ttl(ttl);
        namespace.put_many(PutManyRequest::new((0..250).map(put))).await.unwrap();
        assert_eq!(rows(store, "pairs").await, 250);
        // From here on, the clean-up of `open` in the background may remove them too.
        clock.advance(ttl);
        clean_up(store.shared()).await.unwrap();
        assert_eq!((rows(store, "pairs").await, rows(store, "segments").await), (0, 0));
    }

    #[tokio::test]
    async fn values_of_every_size_come_back_whole_and_larger_ones_are_refused() {
        let (_folder, namespace, _clock) = namespace().await;
        let most = 25 * 1024 * 1024;
        for size in [0, 1, 64 * 1024, 64 * 1024 + 1, most] {
            namespace.put(PutRequest::new("k", pattern(size))).await.unwrap();
            assert!(value(&namespace, "k").await == Some(pattern(size)), "{size}");
        }
        let body = || pattern(most + 1);
        let stream = Body::from_stream(stream::iter([Ok(bytes::Bytes::from(body()))]), None);
        for value in [body().into(), stream] {
            let error = namespace.put(PutRequest::new("k", value)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains("26214400"), "{error}");
        }
        assert_eq!(files(namespace.store()).await, (1, 0));
    }

    #[tokio::test]
    async fn many_are_written_at_once_or_not_at_all() {
        let (_folder, namespace, _clock) = namespace().await;
        let failing = Body::from_stream(stream::iter([Err(Error::new(ErrorKind::Storage, "no"))]), None);
        let puts = [PutRequest::new("a", pattern(100_000)), PutRequest::new("b", failing)];
        let error = namespace.put_many(PutManyRequest::new(puts)).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Storage, "no"));
        assert_eq!(value(&namespace, "a").await, None);
        assert_eq!(files(namespace.store()).await, (0, 0));
        let puts = ["a", "b", "a"].map(|key| PutRequest::new(key, pattern(100_000)));
        assert!(namespace.put_many(PutManyRequest::new(puts)).await.unwrap().iter().all(Result::is_ok));
        assert_eq!(files(namespace.store()).await, (2, 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_processes_see_what_each_other_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let one = KvClient::new(LocalNamespace::open(folder.path(), "sessions").await.unwrap());
        let two = KvClient::new(LocalNamespace::open(folder.path(), "sessions").await.unwrap());
        let writers = [one.clone(), two.clone()].into_iter().enumerate().map(|(id, kv)| {
            tokio::spawn(async move {
                for n in 0..30 {
                    kv.put(format!("{id}/{n}"), pattern(100 + n)).await.unwrap();
                    kv.put("shared", pattern(100_000)).await.unwrap();
                    assert_eq!(kv.get("shared").bytes().await.unwrap().unwrap(), pattern(100_000));
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        for (kv, other) in [(&one, 1), (&two, 0)] {
            assert_eq!(kv.get(format!("{other}/29")).bytes().await.unwrap().unwrap(), pattern(129));
            assert_eq!(kv.list().await.unwrap().keys.len(), 61);
        }
    }
}
