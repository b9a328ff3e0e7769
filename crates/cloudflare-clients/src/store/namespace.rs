//! A namespace of the store, as every other namespace is reached.

use std::path::Path;
use std::time::SystemTime;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _};

use super::blobs::PendingBlob;
use super::database::{Outcome, from_millis, random_hex, to_millis};
use super::local_store::LocalStore;
use super::objects::SegmentContent;
use super::pairs::{self, KeysQuery, NewPair, namespace_number, no_such_namespace};
use super::read;
use super::receive::{Content, MAX_INLINE, receive};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::{
    GetManyRequest, GetRequest, ListPage, ListRequest, Namespace, PutRequest, ValueWithMetadata,
};
use crate::model::kv::limits::{
    MAX_KEY_SIZE, validate_cache_ttl, validate_get_count, validate_key, validate_put, validate_write_count,
};
use crate::model::kv::value;
use crate::r2::{Body, ServedRange};
use crate::time::{from_seconds, to_seconds};
use crate::wire::kv_rest::error_code::TITLE_EXISTS;

/// A namespace of a [`LocalStore`], with Workers KV's limits, expiry, metadata and listings.
///
/// Where it differs: it is strongly consistent, so that a read is never stale and a cache TTL has no effect; a key takes more than
/// one write a second, and no page of a listing is empty but the last. Keys expire to the second. Many keys are written in
/// one transaction.
#[derive(Debug, Clone)]
pub struct LocalNamespace {
    store: LocalStore,
    id: String,
}

/// A namespace in a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamespaceInfo {
    /// The id: 32 hexadecimal characters.
    pub id: String,
    /// The title.
    pub title: String,
    /// When it was created.
    pub created: SystemTime,
}

impl LocalStore {
    /// Creates a [namespace](https://developers.cloudflare.com/kv/concepts/kv-namespaces/) with an id of its own.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the title is empty or has more than 512 bytes; [`ErrorKind::Conflict`] with KV's code 10014
    /// when there is a namespace of this title.
    pub async fn create_namespace(&self, title: &str) -> Result<NamespaceInfo> {
        let title = check_title(title)?;
        self.write(Vec::new(), move |write| {
            let info = NamespaceInfo { id: random_hex(write)?, title, created: write.now };
            free_title(write, &info.title, &info.id)?;
            write
                .prepare_cached("INSERT INTO namespaces (id, title, created) VALUES (?1, ?2, ?3)")?
                .execute((&info.id, &info.title, to_millis(info.created)))?;
            Ok(info)
        })
        .await
    }

    /// Gives a namespace another title.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchNamespace`], and as [`create_namespace`](Self::create_namespace).
    pub async fn rename_namespace(&self, id: &str, title: &str) -> Result<()> {
        let (id, title) = (id.to_owned(), check_title(title)?);
        self.write(Vec::new(), move |write| {
            let number = namespace_number(write, &id)?;
            free_title(write, &title, &id)?;
            write
                .prepare_cached("UPDATE namespaces SET title = ?2 WHERE number = ?1")?
                .execute((number, title))?;
            Ok(())
        })
        .await
    }

    /// Deletes a namespace with all its keys.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchNamespace`].
    pub async fn delete_namespace(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.write(Vec::new(), move |write| {
            let number = namespace_number(write, &id)?;
            pairs::remove_all(write, number)?;
            write.prepare_cached("DELETE FROM namespaces WHERE number = ?1")?.execute((number,))?;
            Ok(())
        })
        .await
    }

    /// The namespaces, by title.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceInfo>> {
        self.readers()
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT id, title, created FROM namespaces ORDER BY title")?;
                let rows = statement.query_map((), read_namespace)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// A namespace, if it is there.
    pub async fn namespace_info(&self, id: &str) -> Result<Option<NamespaceInfo>> {
        let id = id.to_owned();
        self.readers()
            .read(move |connection| {
                let found = connection
                    .prepare_cached("SELECT id, title, created FROM namespaces WHERE id = ?1")?
                    .query_row((id,), read_namespace)
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// A namespace's handle. Whether the namespace is there shows when it is used: [`ErrorKind::NoSuchNamespace`].
    pub fn namespace(&self, id: impl Into<String>) -> LocalNamespace {
        LocalNamespace { store: self.clone(), id: id.into() }
    }
}

fn read_namespace(row: &rusqlite::Row<'_>) -> rusqlite::Result<NamespaceInfo> {
    Ok(NamespaceInfo { id: row.get(0)?, title: row.get(1)?, created: from_millis(row.get(2)?) })
}

fn check_title(title: &str) -> Result<String> {
    if (1..=MAX_KEY_SIZE).contains(&title.len()) {
        return Ok(title.to_owned());
    }
    Err(Error::invalid_input(format!("the title has {} bytes: a title has 1 to {MAX_KEY_SIZE}", title.len())))
}

/// Refuses a title that another namespace has.
fn free_title(write: &Write<'_>, title: &str, id: &str) -> Outcome<()> {
    let taken: bool = write
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM namespaces WHERE title = ?1 AND id <> ?2)")?
        .query_row((title, id), |row| row.get(0))?;
    if !taken {
        return Ok(());
    }
    let message = format!("the store has a namespace with the title {title:?} already");
    Err(Error::new(ErrorKind::Conflict, message).with_code(TITLE_EXISTS.number.to_string()).into())
}

impl LocalNamespace {
    /// Opens the store in a folder and a namespace of it by its title; both are created where they are not there.
    ///
    /// # Errors
    /// As [`LocalStore::open`] and [`LocalStore::create_namespace`], but that the namespace may be there.
    pub async fn open(folder: impl AsRef<Path>, title: &str) -> Result<Self> {
        Self::open_in(&LocalStore::open(folder).await?, title).await
    }

    /// Opens a namespace of a store by its title; it is created where it is not there.
    ///
    /// # Errors
    /// As [`LocalStore::create_namespace`], but that the namespace may be there.
    pub async fn open_in(store: &LocalStore, title: &str) -> Result<Self> {
        let created = store.create_namespace(title).await;
        let id = match created {
            Ok(info) => info.id,
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let mut all = store.namespaces().await?.into_iter();
                all.find(|info| info.title == title).ok_or(error)?.id
            }
            Err(error) => return Err(error),
        };
        Ok(store.namespace(id))
    }

    /// The namespace's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The store that it is in.
    pub fn store(&self) -> &LocalStore {
        &self.store
    }

    async fn write<T, F>(&self, files: Vec<PendingBlob>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>, i64) -> Outcome<T> + Send + 'static,
    {
        let id = self.id.clone();
        let work = move |write: &Write<'_>| {
            let namespace = namespace_number(write, &id)?;
            pairs::expire(write)?;
            work(write, namespace)
        };
        self.store.write(files, work).await
    }

    async fn find(
        &self,
        key: &str,
        cache_ttl: Option<std::time::Duration>,
    ) -> Result<Option<ValueWithMetadata<Body>>> {
        validate_key(key)?;
        validate_cache_ttl(cache_ttl)?;
        let (id, looked_up, now) = (self.id.clone(), key.to_owned(), to_seconds(self.store.now()));
        let find = move |connection: &Connection| {
            let namespace = namespace_number(connection, &id)?;
            let pair = pairs::find(connection, namespace, &looked_up, now)?;
            Ok(pair.map(|pair| {
                let (body, all) = (pair.body, ServedRange { offset: 0, length: pair.size });
                (pair, body, all)
            }))
        };
        Ok(read::found(&self.store, key, find).await?.map(|(pair, value)| ValueWithMetadata {
            value,
            metadata: pair.metadata,
            expiration: pair.expiration.and_then(from_seconds),
            cache_status: None,
        }))
    }

    /// Receives a value.
    async fn receive(&self, request: PutRequest, files: &mut Vec<PendingBlob>) -> Result<NewPair> {
        let now = self.store.now();
        validate_put(&request, now)?;
        let PutRequest { key, value, expiration, expiration_ttl, metadata } = request;
        let mut received = receive(self.store.blobs(), value::bounded(value)?, None).await?;
        let value = SegmentContent::from(&received.content);
        let content = std::mem::replace(&mut received.content, Content::Inline(bytes::Bytes::new()));
        if let Content::File(file) = content {
            files.push(file);
        }
        let expiration = pairs::expiration(expiration, expiration_ttl, now);
        Ok(NewPair { key, received, value, expiration, metadata })
    }
}

#[async_trait]
impl Namespace for LocalNamespace {
    fn has_bulk_writes(&self) -> bool {
        true
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
            let ValueWithMetadata { value, metadata, expiration, cache_status } = found;
            let text = value::text(value.bytes().await?);
            let metadata = metadata.filter(|_| request.with_metadata);
            let found = |value| Some(ValueWithMetadata { value, metadata, expiration, cache_status });
            values.push(text.map(found));
        }
        Ok(values)
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        if request.value.content_length().is_none_or(|length| length > MAX_INLINE as u64)
            && self.store.namespace_info(&self.id).await?.is_none()
        {
            // A namespace that is not there is found out before a large value is received.
            return Err(no_such_namespace(&self.id));
        }
        let mut files = Vec::new();
        let pair = self.receive(request, &mut files).await?;
        self.write(files, move |write, namespace| pairs::replace(write, namespace, &pair)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        validate_key(key)?;
        let key = key.to_owned();
        self.write(Vec::new(), move |write, namespace| pairs::remove(write, namespace, &key)).await
    }

    async fn put_many(&self, requests: Vec<PutRequest>) -> Result<Vec<Result<()>>> {
        validate_write_count(requests.len())?;
        let (mut files, mut new) = (Vec::new(), Vec::with_capacity(requests.len()));
        for request in requests {
            new.push(self.receive(request, &mut files).await?);
        }
        self.write(files, move |write, namespace| {
            new.iter().map(|pair| Ok(Ok(pairs::replace(write, namespace, pair)?))).collect()
        })
        .await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        validate_write_count(keys.len())?;
        keys.iter().try_for_each(|key| validate_key(key))?;
        let keys = keys.to_vec();
        self.write(Vec::new(), move |write, namespace| {
            keys.iter().map(|key| Ok(Ok(pairs::remove(write, namespace, key)?))).collect()
        })
        .await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let query = KeysQuery::new(&request)?;
        let (id, now) = (self.id.clone(), to_seconds(self.store.now()));
        self.store
            .readers()
            .read(move |connection| query.run(connection, namespace_number(connection, &id)?, now))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::stream;
    use tempfile::TempDir;

    use super::*;
    use crate::kv::KvClient;
    use crate::r2::{Bucket as _, PutRequest as PutObject};
    use crate::store::LocalBucket;
    use crate::store::cleanup::clean_up;
    use crate::store::testing::{Clock, files, pattern};

    async fn namespace() -> (TempDir, LocalNamespace, Clock) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let store = LocalStore::open_with_runtime(folder.path(), Arc::new(clock.clone())).await.unwrap();
        let id = store.create_namespace("sessions").await.unwrap().id;
        let namespace = store.namespace(id);
        (folder, namespace, clock)
    }

    async fn get(namespace: &LocalNamespace, key: &str) -> Option<Vec<u8>> {
        let value = namespace.find(key, None).await.unwrap()?.value;
        Some(value.bytes().await.unwrap().to_vec())
    }

    async fn rows(store: &LocalStore, table: &'static str) -> usize {
        let count = move |connection: &Connection| {
            Ok(connection.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))?)
        };
        store.readers().read(count).await.unwrap()
    }

    #[tokio::test]
    async fn namespaces_are_created_listed_renamed_and_deleted_with_their_keys() {
        let (_folder, namespace, _clock) = namespace().await;
        let store = namespace.store().clone();
        let taken = store.create_namespace("sessions").await.unwrap_err();
        assert_eq!((taken.kind(), taken.code()), (ErrorKind::Conflict, Some("10014")));
        for title in [String::new(), "t".repeat(513)] {
            assert_eq!(store.create_namespace(&title).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let other = store.create_namespace("a").await.unwrap();
        assert_eq!(other.id.len(), 32);
        assert_ne!(other.id, namespace.id());
        assert_eq!(
            store.rename_namespace(&other.id, "sessions").await.unwrap_err().kind(),
            ErrorKind::Conflict
        );
        store.rename_namespace(&other.id, "z").await.unwrap();
        store.rename_namespace(&other.id, "z").await.unwrap();
        let titles: Vec<_> = store.namespaces().await.unwrap().into_iter().map(|info| info.title).collect();
        assert_eq!(titles, ["sessions", "z"]);

        for key in ["small", "large"] {
            let size = if key == "small" { 10 } else { 100_000 };
            namespace.put(PutRequest::new(key, pattern(size))).await.unwrap();
            store.namespace(&*other.id).put(PutRequest::new(key, pattern(size))).await.unwrap();
        }
        assert_eq!(files(&store).await, (2, 0));
        store.delete_namespace(namespace.id()).await.unwrap();
        assert_eq!(files(&store).await, (1, 0));
        assert_eq!((rows(&store, "pairs").await, rows(&store, "segments").await), (2, 2));
        assert_eq!(get(&store.namespace(&*other.id), "large").await, Some(pattern(100_000)));
        assert!(store.namespace_info(namespace.id()).await.unwrap().is_none());
        for result in [
            namespace.get(GetRequest { key: "k".into(), ..GetRequest::default() }).await.map(drop),
            namespace.put(PutRequest::new("k", "v")).await,
            namespace.put(PutRequest::new("k", pattern(100_000))).await,
            namespace.delete("k").await,
            namespace.list(ListRequest::default()).await.map(drop),
            store.rename_namespace(namespace.id(), "x").await,
            store.delete_namespace(namespace.id()).await,
        ] {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::NoSuchNamespace, Some("10013")));
        }
    }

    #[tokio::test]
    async fn keys_expire_to_the_second_and_then_go() {
        let (_folder, namespace, clock) = namespace().await;
        clock.advance(Duration::from_millis(700));
        let now = namespace.store().now();
        let ttl = Duration::from_secs(60);
        namespace.put(PutRequest::new("ttl", pattern(100_000)).expiration_ttl(ttl)).await.unwrap();
        // What is less than a second does not count.
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
        assert!(get(&namespace, "ttl").await.is_some());
        clock.advance(Duration::from_millis(1));
        assert_eq!(listed().await, ["at", "both"]);
        assert_eq!(get(&namespace, "ttl").await, None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(listed().await, ["both"]);
        assert_eq!(rows(namespace.store(), "pairs").await, 3);

        // A write of any key removes them.
        namespace.put(PutRequest::new("new", "v")).await.unwrap();
        assert_eq!(rows(namespace.store(), "pairs").await, 2);
        assert_eq!(files(namespace.store()).await, (0, 0));
    }

    #[tokio::test]
    async fn rewriting_a_key_resets_its_expiry() {
        let (_folder, namespace, clock) = namespace().await;
        let ttl = Duration::from_secs(60);
        namespace.put(PutRequest::new("k", "1").expiration_ttl(ttl)).await.unwrap();
        namespace.put(PutRequest::new("k", "2")).await.unwrap();
        clock.advance(2 * ttl);
        assert_eq!(get(&namespace, "k").await, Some(b"2".to_vec()));
    }

    #[tokio::test]
    async fn opening_removes_all_that_has_expired() {
        let (_folder, namespace, clock) = namespace().await;
        let store = namespace.store();
        let ttl = Duration::from_secs(60);
        let put = |n: usize| PutRequest::new(format!("{n}"), "v").expiration_ttl(ttl);
        namespace.put_many((0..250).map(put).collect()).await.unwrap();
        assert_eq!(rows(store, "pairs").await, 250);
        // From here on, what opening began in the background may remove them too.
        clock.advance(ttl);
        clean_up(store).await.unwrap();
        assert_eq!((rows(store, "pairs").await, rows(store, "segments").await), (0, 0));
    }

    #[tokio::test]
    async fn values_of_every_size_come_back_whole_and_larger_ones_are_refused() {
        let (_folder, namespace, _clock) = namespace().await;
        let most = 25 * 1024 * 1024;
        for size in [0, 1, 64 * 1024, 64 * 1024 + 1, most] {
            namespace.put(PutRequest::new("k", pattern(size))).await.unwrap();
            assert!(get(&namespace, "k").await == Some(pattern(size)), "{size}");
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
        let puts = vec![PutRequest::new("a", pattern(100_000)), PutRequest::new("b", failing)];
        namespace.put_many(puts).await.unwrap_err();
        assert_eq!(get(&namespace, "a").await, None);
        assert_eq!(files(namespace.store()).await, (0, 0));
        let puts = ["a", "b", "a"].map(|key| PutRequest::new(key, pattern(100_000)));
        assert!(namespace.put_many(puts.into()).await.unwrap().iter().all(Result::is_ok));
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

    #[tokio::test]
    async fn a_store_of_version_1_gets_namespaces_and_keeps_its_objects() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(folder.path(), "media").await.unwrap();
        bucket.put(PutObject::new("key", pattern(100_000))).await.unwrap();
        drop(bucket);
        let path = folder.path().join("store.sqlite3");
        let database = Connection::open(&path).unwrap();
        database.execute_batch("DROP TABLE pairs; DROP TABLE namespaces; PRAGMA user_version = 1;").unwrap();
        drop(database);

        let kv = LocalNamespace::open(folder.path(), "sessions").await.unwrap();
        kv.put(PutRequest::new("k", "v")).await.unwrap();
        assert_eq!(get(&kv, "k").await, Some(b"v".to_vec()));
        let bucket = kv.store().bucket("media").unwrap();
        assert_eq!(bucket.head("key").await.unwrap().unwrap().size, 100_000);
        let version: u32 =
            Connection::open(&path).unwrap().query_row("PRAGMA user_version", (), |row| row.get(0)).unwrap();
        assert_eq!(version, 2);
    }
}
