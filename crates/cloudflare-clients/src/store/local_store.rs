//! A store: a folder with buckets and namespaces.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::cleanup::clean_up;
use super::events::R2Events;
use super::lifecycle::{self, LifecycleReport};
use super::platform::{Platform, was_stopped};
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::runtime::{Runtime, TokioRuntime};

/// R2 and Workers KV in a local folder: buckets and namespaces that need no account and no network.
///
/// Acknowledged writes survive a crash of the process and of the machine. Several processes on one machine
/// can open the same store. Cloning is cheap. All methods need a Tokio runtime. Dropping the last clone waits
/// for commits in progress.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// use cloudflare_clients::LocalStore;
/// use cloudflare_clients::r2::{Bucket, HeadRequest, PutRequest};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let store = LocalStore::open(folder.path()).await?;
/// store.create_bucket("media").await?;
/// let bucket = store.bucket("media")?;
/// bucket.put(PutRequest::new("a/b.txt", "hello")).await?;
/// assert!(bucket.head(HeadRequest::new("a/b.txt")).await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LocalStore(Arc<Shared>);

impl LocalStore {
    /// Opens the store in a folder. If the folder does not exist, it is created, accessible to its owner
    /// only.
    ///
    /// In the background, expired keys of namespaces are removed, and also what a killed process left
    /// half-written. Complete files of such a process that the database does not refer to are moved to the
    /// folder `lost`, with a warning. The first use of a bucket applies the [lifecycle
    /// rules](Self::apply_lifecycle).
    ///
    /// If nothing can be written (a full disk, or a read-only file system or folder), an existing store of
    /// the newest format is opened read-only, with a warning. Writes then fail, and
    /// [`read_only_reason`](Self::read_only_reason) returns why. Deletes still work on a full disk: the store
    /// reserves 5 MiB for them.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage) if the folder or its database cannot be opened, if
    /// the store has a newer format, or if it has an older one and cannot be written.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::open_on(folder.as_ref(), Platform::new(Arc::new(TokioRuntime))).await
    }

    /// Opens the store with a custom clock and timer. The clock sets the upload times of objects and the
    /// expiry of keys; waits, such as those of a server for its clients, use the timer.
    ///
    /// # Errors
    /// The errors of [`open`](Self::open).
    pub async fn open_with_runtime(folder: impl AsRef<Path>, runtime: impl Runtime) -> Result<Self> {
        Self::open_on(folder.as_ref(), Platform::new(Arc::new(runtime))).await
    }

    pub(crate) async fn open_on(folder: &Path, platform: Platform) -> Result<Self> {
        let (folder, opened_on) = (folder.to_owned(), platform.clone());
        let shared = Arc::new(platform.blocking(move || Shared::open(&folder, opened_on)).await?);
        let cleaned = Arc::clone(&shared);
        platform.threads.spawn(Box::pin(async move {
            match clean_up(&cleaned).await {
                // The runtime ended first: the next process that opens the store cleans up.
                Err(error) if was_stopped(&error) => {}
                Err(error) => tracing::warn!(%error, "could not clean up the store"),
                Ok(()) => {}
            }
        }));
        Ok(Self(shared))
    }

    /// Returns why nothing can be written, if the store is open read-only.
    pub fn read_only_reason(&self) -> Option<&Error> {
        self.0.writer.refusal()
    }

    /// Returns the folder of the store.
    pub fn path(&self) -> &Path {
        &self.0.folder
    }

    /// Returns the clock and timer that the store was opened with. Servers over the store use them too.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.0.platform.runtime
    }

    /// Returns the current time of the store's clock.
    pub fn now(&self) -> SystemTime {
        self.0.platform.runtime.now()
    }

    /// Applies the [lifecycle rules](crate::r2::LifecyclePolicy) of all buckets that are due at the time of
    /// the store's clock.
    ///
    /// The store also does this by itself, in the background of operations on a bucket: on the first one
    /// after it was opened, and then at most once a minute. `cfstore serve` does it every minute. R2 takes up
    /// to a day.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// use std::time::Duration;
    ///
    /// use cloudflare_clients::LocalStore;
    /// # #[cfg(feature = "testing")] {
    /// use cloudflare_clients::r2::{LifecyclePolicy, LifecycleRule, R2Service};
    /// use cloudflare_clients::testing::ManualClock;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let clock = ManualClock::default();
    /// let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await?;
    /// store.create_bucket("media").await?;
    /// let r2 = R2Service::new(store.bucket("media")?);
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// r2.set_lifecycle(LifecyclePolicy::new([LifecycleRule::new("week").delete_objects(week)])).await?;
    /// r2.put("a.txt", "hello").await?;
    ///
    /// clock.advance(week);
    /// assert_eq!(store.apply_lifecycle().await?.deleted, 1);
    /// # }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Storage`](crate::ErrorKind). What was done before the error stays done.
    pub async fn apply_lifecycle(&self) -> Result<LifecycleReport> {
        lifecycle::sweep(&self.0, self.now()).await
    }

    /// Returns a stream of events about objects, starting now. The events have this account id.
    ///
    /// There are events for objects that are put, copied, completed as multipart uploads, deleted, or deleted
    /// by a lifecycle rule. Deleting a missing object causes no event.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// use cloudflare_clients::LocalStore;
    /// use cloudflare_clients::r2::{Bucket, PutRequest, R2Action};
    /// use futures_util::StreamExt;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = LocalStore::open(folder.path()).await?;
    /// store.create_bucket("media").await?;
    /// let mut events = store.events("3f4b7e3dcab231cbfdaa90a6a28bd548");
    /// store.bucket("media")?.put(PutRequest::new("a.txt", "hello")).await?;
    ///
    /// let event = events.next().await.unwrap();
    /// assert_eq!((event.action, event.object.size), (R2Action::PutObject, Some(5)));
    /// # Ok(()) }
    /// ```
    pub fn events(&self, account: impl Into<String>) -> R2Events {
        self.0.events.listen(account.into())
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r2::{Bucket as _, PutRequest};
    use crate::store::LocalBucket;
    use crate::store::disk::{Disk as _, Open, OperatingSystem};
    use crate::store::testing::pattern;

    #[cfg(unix)]
    #[tokio::test]
    async fn the_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path().join("a/b")).await.unwrap();
        assert_eq!(std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn every_file_is_its_owners_alone_in_a_folder_for_all() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        let check = || {
            let mut names = Vec::new();
            for inner in ["", "blobs", "instances"] {
                for entry in fs::read_dir(path.join(inner)).unwrap() {
                    let (entry, forbidden) = (entry.unwrap(), 0o077);
                    let metadata = entry.metadata().unwrap();
                    assert_eq!(metadata.permissions().mode() & forbidden, 0, "{}", entry.path().display());
                    names.push(entry.file_name());
                }
            }
            for name in ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm", "open.lock", "reserve"] {
                assert!(names.iter().any(|found| found == name), "{name}");
            }
        };
        let bucket = LocalBucket::open(path, "media").await.unwrap();
        bucket.put(PutRequest::new("key", pattern(100_000))).await.unwrap();
        check();
        // As a killed process of an older version left them.
        for name in ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm", "open.lock"] {
            fs::set_permissions(path.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        let _other = LocalStore::open(path).await.unwrap();
        check();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_not_a_file_in_place_of_its_files_is_refused_and_what_links_lead_to_stays() {
        use std::fs;

        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        for name in ["open.lock", "store.sqlite3", "store.sqlite3-wal", "reserve"] {
            fs::write(&victim, "precious").unwrap();
            let store = folder.path().join(format!("with {name}"));
            fs::create_dir(&store).unwrap();
            std::os::unix::fs::symlink(&victim, store.join(name)).unwrap();
            let refused = LocalStore::open(&store).await.unwrap_err();
            assert!(refused.message().contains(name), "{refused}");
            assert!(refused.message().contains("symbolic link"), "{refused}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        }
        let store = folder.path().join("with a pipe");
        fs::create_dir(&store).unwrap();
        let made = std::process::Command::new("mkfifo").arg(store.join("reserve")).status().unwrap();
        assert!(made.success());
        let refused = LocalStore::open(&store).await.unwrap_err();
        assert!(
            refused.message().contains("reserve") && refused.message().contains("not a regular file"),
            "{refused}"
        );
        for how in [Open::Read, Open::Write, Open::Create] {
            let link = folder.path().join("with reserve/reserve");
            let refused = OperatingSystem.open(&link, how).unwrap_err();
            assert!(refused.to_string().contains("symbolic link"), "{refused}");
        }
    }
}
