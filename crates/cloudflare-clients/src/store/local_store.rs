//! A folder with buckets and namespaces.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rusqlite::OptionalExtension as _;

use super::blobs::{Blobs, PendingBlob};
use super::bucket::LocalBucket;
use super::cleanup;
use super::database::{self, Outcome, Readers, blocking, from_millis, random_hex, storage, to_millis};
use super::disk::{Disk, OperatingSystem};
use super::instance::Instance;
use super::objects::bucket_id;
use super::writer::{Write, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::validate_bucket_name;
use crate::runtime::{Runtime, TokioRuntime};

/// R2 and Workers KV in a folder of this machine: buckets and namespaces that need no account and no network.
///
/// What was acknowledged survives a crash of the process and of the machine. Several processes on one machine may have one
/// store open. Cloning is cheap; all methods need a Tokio runtime. The last clone to go waits for what is being committed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// use cloudflare_clients::LocalStore;
/// use cloudflare_clients::r2::{Bucket, PutRequest};
///
/// # let folder = tempfile::tempdir().map_err(|_| cloudflare_clients::Error::from_status(500, "no folder"))?;
/// let store = LocalStore::open(folder.path()).await?;
/// store.create_bucket("media").await?;
/// let bucket = store.bucket("media")?;
/// bucket.put(PutRequest::new("a/b.txt", "hello")).await?;
/// assert!(bucket.head("a/b.txt").await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LocalStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    runtime: Arc<dyn Runtime>,
    // Dropped in this order: the writer's connection is the last to close, which empties SQLite's log.
    readers: Arc<Readers>,
    writer: Writer,
    blobs: Arc<Blobs>,
}

/// A bucket of a [`LocalStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketInfo {
    /// The name.
    pub name: String,
    /// When it was created.
    pub created: SystemTime,
}

impl LocalStore {
    /// Opens the store in a folder, which is created where it is not there, for its owner alone.
    ///
    /// Multipart uploads that were begun more than 7 days ago are aborted, as R2 does, keys of namespaces that have expired are
    /// removed, and what a process that was killed left half-written; all of it happens in the background.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when the folder or its database cannot be opened, or has a newer format.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::open_with_runtime(folder, Arc::new(TokioRuntime)).await
    }

    /// Opens the store with another clock, from which objects get their upload times, and by which keys expire.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with_runtime(folder: impl AsRef<Path>, runtime: Arc<dyn Runtime>) -> Result<Self> {
        Self::open_on(folder.as_ref().to_owned(), runtime, Arc::new(OperatingSystem)).await
    }

    pub(super) async fn open_on(
        folder: PathBuf,
        runtime: Arc<dyn Runtime>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self> {
        let store = blocking(move || Shared::open(&folder, runtime, disk)).await?;
        let store = Self(Arc::new(store));
        let cleaned = store.clone();
        tokio::spawn(async move {
            match cleanup::clean_up(&cleaned).await {
                // The runtime ended first: whoever opens the store next cleans up.
                Err(error) if database::was_stopped(&error) => {}
                Err(error) => tracing::warn!(%error, "the store cannot be cleaned up yet"),
                Ok(()) => {}
            }
        });
        Ok(store)
    }

    /// Creates a bucket.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the name is not one that R2 takes (3 to 63 lower-case letters, digits and hyphens,
    /// with no hyphen at the ends); [`ErrorKind::Conflict`] with the code `BucketAlreadyOwnedByYou` when it is taken.
    pub async fn create_bucket(&self, name: &str) -> Result<BucketInfo> {
        let bucket = check_bucket_name(name)?;
        let created = self
            .write(Vec::new(), move |write| {
                let inserted = write
                    .prepare_cached(
                        "INSERT INTO buckets (name, created) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    )?
                    .execute((&bucket, to_millis(write.now)))?;
                Ok((inserted == 1).then_some(BucketInfo { name: bucket, created: write.now }))
            })
            .await?;
        created.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, format!("the store has a bucket {name:?} already"))
                .with_code("BucketAlreadyOwnedByYou")
        })
    }

    /// Deletes a bucket without objects. Multipart uploads under way are aborted.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchBucket`]; [`ErrorKind::Conflict`] with the code `BucketNotEmpty`.
    pub async fn delete_bucket(&self, name: &str) -> Result<()> {
        let name = check_bucket_name(name)?;
        self.write(Vec::new(), move |write| {
            let bucket = bucket_id(write, &name)?;
            let used: bool = write
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM objects WHERE bucket = ?1)")?
                .query_row((bucket,), |row| row.get(0))?;
            if used {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("the bucket {name:?} is not empty: delete its objects first"),
                )
                .with_code("BucketNotEmpty")
                .into());
            }
            super::multipart::abort_all(write, bucket)?;
            write.prepare_cached("DELETE FROM buckets WHERE id = ?1")?.execute((bucket,))?;
            Ok(())
        })
        .await
    }

    /// The buckets, by name.
    pub async fn buckets(&self) -> Result<Vec<BucketInfo>> {
        self.readers()
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT name, created FROM buckets ORDER BY name")?;
                let rows = statement.query_map((), read_bucket)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// A bucket, if it is there.
    pub async fn bucket_info(&self, name: &str) -> Result<Option<BucketInfo>> {
        let name = check_bucket_name(name)?;
        self.readers()
            .read(move |connection| {
                let found = connection
                    .prepare_cached("SELECT name, created FROM buckets WHERE name = ?1")?
                    .query_row((name,), read_bucket)
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// A bucket's handle. Whether the bucket is there shows when it is used: [`ErrorKind::NoSuchBucket`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the name is not one that R2 takes.
    pub fn bucket(&self, name: &str) -> Result<LocalBucket> {
        Ok(LocalBucket::new(self.clone(), check_bucket_name(name)?))
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.0.folder
    }

    /// The time by the store's clock.
    pub fn now(&self) -> SystemTime {
        self.0.runtime.now()
    }

    /// The clock and timer that the store was opened with. What serves the store keeps time by them too.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.0.runtime
    }

    pub(super) fn readers(&self) -> &Arc<Readers> {
        &self.0.readers
    }

    pub(super) fn blobs(&self) -> &Arc<Blobs> {
        &self.0.blobs
    }

    /// Runs `work` in a transaction: see [`Writer::write`].
    pub(super) async fn write<T, F>(&self, files: Vec<PendingBlob>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Outcome<T> + Send + 'static,
    {
        self.0.writer.write(files, work).await
    }
}

fn read_bucket(row: &rusqlite::Row<'_>) -> rusqlite::Result<BucketInfo> {
    Ok(BucketInfo { name: row.get(0)?, created: from_millis(row.get(1)?) })
}

fn check_bucket_name(name: &str) -> Result<String> {
    validate_bucket_name(name)?;
    Ok(name.to_owned())
}

impl Shared {
    fn open(folder: &Path, runtime: Arc<dyn Runtime>, disk: Arc<dyn Disk>) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(|e| storage(folder, "is not a path", e))?;
        create_folder(&*disk, &folder)?;
        // One process at a time makes what is not there yet.
        let lock_path = folder.join("open.lock");
        let lock = File::create(&lock_path).map_err(|e| storage(&lock_path, "cannot be opened", e))?;
        lock.lock().map_err(|e| storage(&lock_path, "cannot be locked", e))?;
        let [blobs, incoming, instances] = ["blobs", "incoming", "instances"].map(|name| folder.join(name));
        for inner in [&blobs, &incoming, &instances] {
            create_folder(&*disk, inner)?;
        }
        let database = folder.join("store.sqlite3");
        let connection = database::open(&database)?;
        // What a killed process wrote to the log and did not sync is committed from here on: nobody may act on it before it
        // is synced, such as by removing the files that it let go of.
        let log = folder.join("store.sqlite3-wal");
        File::options()
            .write(true)
            .open(&log)
            .and_then(|file| disk.sync_file(&file, &log))
            .map_err(|e| storage(&log, "cannot be synced", e))?;
        disk.sync_folder(&folder).map_err(|e| storage(&folder, "cannot be synced", e))?;
        let instance = Instance::register(&instances, || {
            random_hex(&connection).map_err(|error| database::Failure::from(error).into())
        })?;
        let blobs = Arc::new(Blobs { folder: blobs, incoming, instances, disk, instance });
        let writer = Writer::start(connection, Arc::clone(&blobs), Arc::clone(&runtime))
            .map_err(|e| storage(&folder, "cannot be opened: no thread", e))?;
        Ok(Self { readers: Arc::new(Readers::new(database)), writer, blobs, folder, runtime })
    }
}

/// Creates a folder and those above it, for their owner alone, so that their names survive a power cut.
fn create_folder(disk: &dyn Disk, folder: &Path) -> Result<()> {
    let failed = |e| storage(folder, "cannot be created", e);
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent();
    if let Some(parent) = parent {
        create_folder(disk, parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        result => result.map_err(failed)?,
    }
    parent.map_or(Ok(()), |parent| disk.sync_folder(parent).map_err(failed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r2::{Bucket, PutRequest};
    use crate::store::testing::{bytes, files, pattern};

    #[tokio::test]
    async fn buckets_are_created_listed_and_deleted_when_empty() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).await.unwrap();
        let media = store.create_bucket("media").await.unwrap();
        let taken = store.create_bucket("media").await.unwrap_err();
        assert_eq!((taken.kind(), taken.code()), (ErrorKind::Conflict, Some("BucketAlreadyOwnedByYou")));
        for name in ["ab", "-ab", "ab-", "Media", "a.b", "../x", &"a".repeat(64)] {
            let refused = store.create_bucket(name).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{name}");
        }
        assert_eq!(store.buckets().await.unwrap(), std::slice::from_ref(&media));
        assert_eq!(store.bucket_info("media").await.unwrap(), Some(media));

        let bucket = store.bucket("media").unwrap();
        bucket.put(PutRequest::new("key", "1")).await.unwrap();
        let used = store.delete_bucket("media").await.unwrap_err();
        assert_eq!((used.kind(), used.code()), (ErrorKind::Conflict, Some("BucketNotEmpty")));
        bucket.delete("key").await.unwrap();
        store.delete_bucket("media").await.unwrap();
        for result in [
            store.delete_bucket("media").await,
            bucket.put(PutRequest::new("key", "1")).await.map(drop),
            bucket.head("key").await.map(drop),
            bucket.delete("key").await,
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::NoSuchBucket);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_processes_see_what_each_other_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let one = LocalBucket::open(folder.path(), "media").await.unwrap();
        let two = LocalBucket::open(folder.path(), "media").await.unwrap();
        let writers = [one.clone(), two.clone()].into_iter().enumerate().map(|(id, bucket)| {
            tokio::spawn(async move {
                for i in 0..30 {
                    bucket.put(PutRequest::new(format!("{id}/{i}"), pattern(100 + i))).await.unwrap();
                    bucket.put(PutRequest::new("shared", pattern(100_000))).await.unwrap();
                    assert_eq!(bytes(&bucket, "shared").await, Some(pattern(100_000)));
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        for (bucket, other) in [(&one, 1), (&two, 0)] {
            assert_eq!(bytes(bucket, &format!("{other}/29")).await, Some(pattern(129)));
        }
        assert_eq!(files(one.store()).await.1, 0);
        drop((one, two));
        let store = LocalStore::open(folder.path()).await.unwrap();
        assert_eq!(store.bucket("media").unwrap().head("0/0").await.unwrap().unwrap().size, 100);
        assert_eq!(files(&store).await, (1, 0));
    }

    #[tokio::test]
    async fn a_store_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(LocalStore::open(folder.path()).await.unwrap());
        let database = rusqlite::Connection::open(folder.path().join("store.sqlite3")).unwrap();
        database.pragma_update(None, "user_version", 99).unwrap();
        let refused = LocalStore::open(folder.path()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Storage);
        assert!(refused.message().contains("format 99"), "{refused}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path().join("a/b")).await.unwrap();
        assert_eq!(fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
