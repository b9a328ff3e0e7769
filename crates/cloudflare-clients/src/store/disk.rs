//! The disk: every step between receiving bytes and acknowledging them, and every read of stored bytes.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// The files and folders of the store, and access to its database. In production it is `OperatingSystem`.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file. Symbolic links are not followed: whoever could create one would choose which file is
    /// written. New files are accessible to their owner only.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>>;

    /// Makes a file that others may read or write accessible to its owner only. A missing file is not an
    /// error; a symbolic link or a pipe is.
    fn make_private(&self, path: &Path) -> io::Result<()>;

    /// Returns the size of a file in bytes. Fails if it does not exist.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// Renames a file, replacing the file that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. A missing file is not an error.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Whether the folder exists.
    fn is_folder(&self, path: &Path) -> bool;

    /// Creates a folder in an existing one, accessible to its owner only.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Lists the names in a folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// Syncs a folder, so that its names survive a power failure.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Opens a database. SQLite accesses its files through the VFS of this connection.
    fn connect(&self, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection>;

    /// Commits a transaction. With `synchronous=FULL` it is on disk when this returns.
    fn commit(&self, connection: &Connection) -> rusqlite::Result<()>;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// An existing file, for reading.
    Read,
    /// An existing file, for writing.
    Write,
    /// For writing from the start; created if it does not exist, and not truncated if it does.
    Create,
    /// A new file, for writing. Fails if it exists.
    CreateNew,
}

/// An open file. Its lock is released at the latest when it is dropped.
pub trait DiskFile: Read + Write + Seek + fmt::Debug + Send + Sync {
    /// Syncs the file, so that its bytes survive a power failure.
    fn sync(&self) -> io::Result<()>;

    /// Takes the exclusive lock, unless another handle holds a lock.
    fn try_lock(&self) -> Result<(), TryLockError>;

    /// Takes a shared lock, unless another handle holds the exclusive lock.
    fn try_lock_shared(&self) -> Result<(), TryLockError>;

    /// Releases the lock.
    fn unlock(&self) -> io::Result<()>;
}

/// The real disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperatingSystem;

impl Disk for OperatingSystem {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let mut options = File::options();
        match how {
            Open::Read => options.read(true),
            Open::Write => options.write(true),
            Open::Create => options.write(true).create(true).truncate(false),
            Open::CreateNew => options.write(true).create_new(true),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        }
        match options.open(path) {
            #[cfg(unix)]
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                Err(symbolic_link())
            }
            file => Ok(Box::new(file?)),
        }
    }

    fn make_private(&self, path: &Path) -> io::Result<()> {
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata?,
        };
        if metadata.is_symlink() {
            return Err(symbolic_link());
        }
        if !metadata.is_file() {
            // Opening a pipe would block forever.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file: remove it"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mut permissions = metadata.permissions();
            if permissions.mode() & 0o077 != 0 {
                permissions.set_mode(0o600);
                fs::set_permissions(path, permissions)?;
            }
        }
        Ok(())
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        fs::metadata(path).map(|file| file.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        #[cfg_attr(not(unix), expect(unused_mut, reason = "folders have a mode on Unix alone"))]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Other systems cannot open a folder; NTFS journals names by itself.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn connect(&self, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(path, flags)
    }

    fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch("COMMIT")
    }
}

fn symbolic_link() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is a symbolic link, which the store never creates: remove it",
    )
}

impl DiskFile for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        File::try_lock(self)
    }

    fn try_lock_shared(&self) -> Result<(), TryLockError> {
        File::try_lock_shared(self)
    }

    fn unlock(&self) -> io::Result<()> {
        File::unlock(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::kv::{self, Namespace};
    use crate::r2::{
        Bucket, CompleteMultipartUploadRequest, Conditional, CopyRequest, CreateMultipartUploadRequest,
        DeleteRequest, PutRequest, UploadPartRequest,
    };
    use crate::store::database::VERSIONS;
    use crate::store::platform::Platform;
    use crate::store::testing::{Clock, bytes, pattern};
    use crate::store::{LifecycleReport, LocalBucket, LocalStore, upgrade};

    /// Records each step once it is done, after a delay: a step that does not wait for it comes earlier.
    #[derive(Debug, Default)]
    struct Recorder(Arc<Steps>);

    #[derive(Debug, Default)]
    struct Steps {
        steps: Mutex<Vec<(&'static str, PathBuf)>>,
        fails: Mutex<Option<&'static str>>,
    }

    #[derive(Debug)]
    struct RecordedFile {
        file: Box<dyn DiskFile>,
        path: PathBuf,
        recorder: Arc<Steps>,
    }

    impl Steps {
        fn step<E: From<io::Error>, T>(
            &self,
            name: &'static str,
            path: &Path,
            step: impl FnOnce() -> Result<T, E>,
        ) -> Result<T, E> {
            std::thread::sleep(Duration::from_millis(20));
            if *self.fails.lock().unwrap() == Some(name) {
                return Err(io::Error::from(io::ErrorKind::StorageFull).into());
            }
            let done = step()?;
            self.steps.lock().unwrap().push((name, path.to_owned()));
            Ok(done)
        }

        /// The steps since the last call and their folders, without the removal of files.
        fn take(&self) -> Vec<String> {
            let steps = std::mem::take(&mut *self.steps.lock().unwrap());
            let made = steps.into_iter().filter(|(name, _)| *name != "remove");
            let step = |(name, path): (&str, PathBuf)| {
                let folder = if path.is_dir() { Some(&*path) } else { path.parent() };
                match folder.and_then(Path::file_name) {
                    Some(folder) => format!("{name} in {}", folder.display()),
                    None => name.to_owned(),
                }
            };
            made.map(step).collect()
        }

        fn acknowledged(&self) {
            self.steps.lock().unwrap().push(("acknowledge", PathBuf::new()));
        }
    }

    impl Disk for Recorder {
        fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
            let open = || OperatingSystem.open(path, how);
            let file = if how == Open::CreateNew { self.0.step("create", path, open) } else { open() }?;
            Ok(Box::new(RecordedFile { file, path: path.to_owned(), recorder: Arc::clone(&self.0) }))
        }

        fn make_private(&self, path: &Path) -> io::Result<()> {
            OperatingSystem.make_private(path)
        }

        fn size(&self, path: &Path) -> io::Result<u64> {
            OperatingSystem.size(path)
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.0.step("rename", to, || OperatingSystem.rename(from, to))
        }

        fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.0.step("link", to, || OperatingSystem.hard_link(from, to))
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.0.step("remove", path, || OperatingSystem.remove(path))
        }

        fn is_folder(&self, path: &Path) -> bool {
            OperatingSystem.is_folder(path)
        }

        fn create_folder(&self, folder: &Path) -> io::Result<()> {
            OperatingSystem.create_folder(folder)
        }

        fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
            OperatingSystem.list(folder)
        }

        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            self.0.step("sync folder", folder, || OperatingSystem.sync_folder(folder))
        }

        fn connect(&self, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
            OperatingSystem.connect(path, flags)
        }

        fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
            let failed = || rusqlite::Error::InvalidQuery;
            self.0
                .step("commit", Path::new(""), || {
                    OperatingSystem.commit(connection).map_err(io::Error::other)
                })
                .map_err(|_: io::Error| failed())
        }
    }

    impl DiskFile for RecordedFile {
        fn sync(&self) -> io::Result<()> {
            self.recorder.step("sync file", &self.path, || self.file.sync())
        }

        fn try_lock(&self) -> Result<(), TryLockError> {
            self.file.try_lock()
        }

        fn try_lock_shared(&self) -> Result<(), TryLockError> {
            self.file.try_lock_shared()
        }

        fn unlock(&self) -> io::Result<()> {
            self.file.unlock()
        }
    }

    impl Read for RecordedFile {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.file.read(bytes)
        }
    }

    impl Write for RecordedFile {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.file.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Seek for RecordedFile {
        fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    async fn recorded() -> (tempfile::TempDir, Arc<Steps>, LocalBucket) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(Steps::default());
        let recorder = Arc::new(Recorder(Arc::clone(&disk)));
        let platform = Platform { disk: recorder, ..Platform::new(Arc::new(Clock::new())) };
        let store = LocalStore::open_on(&folder.path().join("new/store"), platform).await.unwrap();
        // The clean-up of `open` makes its own commit.
        while !disk.steps.lock().unwrap().iter().any(|(name, _)| *name == "commit") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.create_bucket("media").await.unwrap();
        let bucket = store.bucket("media").unwrap();
        (folder, disk, bucket)
    }

    #[tokio::test]
    async fn every_write_is_synced_before_it_is_committed_and_committed_before_it_is_acknowledged() {
        let (_folder, disk, bucket) = recorded().await;
        disk.take();
        let file = [
            "create in incoming",
            "sync file in incoming",
            "rename in blobs",
            "sync folder in blobs",
            "commit",
            "acknowledge",
        ];

        bucket.put(PutRequest::new("large", pattern(300_000))).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), file);

        bucket.put(PutRequest::new("small", pattern(1000))).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);

        let copy = CopyRequest::new("large", "copy");
        bucket.copy(copy).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["link in blobs", "sync folder in blobs", "commit", "acknowledge"]);

        let key = "parts".to_owned();
        let create = CreateMultipartUploadRequest::new(key.clone());
        let upload_id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
        disk.take();
        let part = UploadPartRequest {
            key: key.clone(),
            upload_id: upload_id.clone(),
            part_number: 1,
            body: pattern(300_000).into(),
            checksum: None,
            ssec_key: None,
        };
        let part = bucket.upload_part(part).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), file);
        let complete = CompleteMultipartUploadRequest::new(key, upload_id, vec![part]);
        bucket.complete_multipart_upload(complete).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);

        bucket.delete(DeleteRequest::new("large")).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);

        let id = bucket.store().create_namespace("sessions").await.unwrap().id;
        let namespace = bucket.store().namespace(id);
        disk.take();
        namespace.put(kv::PutRequest::new("large", pattern(300_000))).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), file);
        let small = || kv::PutRequest::new("small", pattern(1000));
        namespace.put_many(kv::PutManyRequest::new([small(), small()])).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);
    }

    #[tokio::test]
    async fn a_commit_syncs_the_log_and_new_folders_are_synced() {
        let (folder, disk, bucket) = recorded().await;
        let steps = std::mem::take(&mut *disk.steps.lock().unwrap());
        let synced: Vec<PathBuf> =
            steps.into_iter().filter(|(name, _)| name.starts_with("sync")).map(|(_, path)| path).collect();
        // `new` in the folder above, and `store` in it; all folders above, one of which a killed process may
        // have created; the store's three folders; the log, which may contain bytes that a killed process did
        // not sync; the database's name, and the instance's.
        let store = folder.path().join("new/store");
        let mut expected = vec![folder.path().to_owned(), folder.path().join("new")];
        expected.extend(store.ancestors().skip(1).map(Path::to_owned));
        let within = ["", "", "", "store.sqlite3-wal", "", "instances"];
        expected.extend(within.map(|path| if path.is_empty() { store.clone() } else { store.join(path) }));
        assert_eq!(synced, expected);

        let pragmas = bucket.store().shared().writer.write(Vec::new(), |write| {
            let synchronous: u32 = write.query_row("PRAGMA synchronous", (), |row| row.get(0))?;
            let journal: String = write.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
            Ok((synchronous, journal))
        });
        assert_eq!(pragmas.await.unwrap(), (2, "wal".to_owned()));
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_write_and_leaves_nothing_behind() {
        let (folder, disk, bucket) = recorded().await;
        for step in ["create", "sync file", "rename", "sync folder", "commit"] {
            *disk.fails.lock().unwrap() = Some(step);
            let failed = bucket.put(PutRequest::new("large", pattern(300_000))).await;
            assert_eq!(failed.map_err(|error| error.kind()).err(), Some(ErrorKind::Storage), "{step}");
            *disk.fails.lock().unwrap() = None;
            assert_eq!(bytes(&bucket, "large").await, None, "{step}");
            let store = folder.path().join("new/store");
            for name in ["blobs", "incoming"] {
                assert_eq!(std::fs::read_dir(store.join(name)).unwrap().count(), 0, "{step}: {name}");
            }
        }
        bucket.put(PutRequest::new("large", pattern(300_000))).await.unwrap();
        assert_eq!(bytes(&bucket, "large").await, Some(pattern(300_000)));
    }

    /// A disk without room for a commit as long as the room for deletes is reserved, or that does not allow
    /// writes in a folder.
    #[derive(Debug, Default)]
    struct Unwritable {
        is_full: AtomicBool,
        reads_only: AtomicBool,
        cannot_open: AtomicBool,
        folder: PathBuf,
    }

    impl Unwritable {
        fn reads_only(&self, path: &Path) -> bool {
            self.reads_only.load(Ordering::Relaxed) && path.starts_with(&self.folder)
        }

        fn refuse_writes(&self, path: &Path) -> io::Result<()> {
            if self.reads_only(path) {
                return Err(io::ErrorKind::ReadOnlyFilesystem.into());
            }
            Ok(())
        }
    }

    impl Disk for Arc<Unwritable> {
        fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
            if how != Open::Read {
                self.refuse_writes(path)?;
            }
            if path.ends_with("reserve") && self.is_full.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            OperatingSystem.open(path, how)
        }

        fn make_private(&self, path: &Path) -> io::Result<()> {
            self.refuse_writes(path)?;
            OperatingSystem.make_private(path)
        }

        fn size(&self, path: &Path) -> io::Result<u64> {
            OperatingSystem.size(path)
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.refuse_writes(to)?;
            OperatingSystem.rename(from, to)
        }

        fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.refuse_writes(to)?;
            OperatingSystem.hard_link(from, to)
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.refuse_writes(path)?;
            OperatingSystem.remove(path)
        }

        fn is_folder(&self, path: &Path) -> bool {
            OperatingSystem.is_folder(path)
        }

        fn create_folder(&self, folder: &Path) -> io::Result<()> {
            self.refuse_writes(folder)?;
            OperatingSystem.create_folder(folder)
        }

        fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
            OperatingSystem.list(folder)
        }

        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            OperatingSystem.sync_folder(folder)
        }

        fn connect(&self, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
            assert!(!self.reads_only(path) || flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY));
            if self.cannot_open.swap(false, Ordering::Relaxed) {
                let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
                return Err(rusqlite::Error::SqliteFailure(failed, None));
            }
            OperatingSystem.connect(path, flags)
        }

        fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
            if self.is_full.load(Ordering::Relaxed) && self.folder.join("reserve").exists() {
                let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
                return Err(rusqlite::Error::SqliteFailure(full, None));
            }
            OperatingSystem.commit(connection)
        }
    }

    fn unwritable(folder: &Path) -> (Arc<Unwritable>, Platform) {
        let disk = Arc::new(Unwritable { folder: folder.to_owned(), ..Unwritable::default() });
        let platform =
            Platform { disk: Arc::new(Arc::clone(&disk)), ..Platform::new(Arc::new(Clock::new())) };
        (disk, platform)
    }

    #[tokio::test]
    async fn a_full_disk_takes_deletes() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, platform) = unwritable(folder.path());
        let store = LocalStore::open_on(folder.path(), platform).await.unwrap();
        store.create_bucket("media").await.unwrap();
        let bucket = store.bucket("media").unwrap();
        for key in ["a", "b"] {
            bucket.put(PutRequest::new(key, pattern(100_000))).await.unwrap();
        }
        assert_eq!(std::fs::metadata(folder.path().join("reserve")).unwrap().len(), 5 * 1024 * 1024);
        disk.is_full.store(true, Ordering::Relaxed);
        let full = bucket.put(PutRequest::new("c", "1")).await.unwrap_err();
        let said = format!("no space left for {}", folder.path().display());
        assert!(full.kind() == ErrorKind::Storage && full.message().contains(&said), "{full}");
        bucket.delete(DeleteRequest::new("a")).await.unwrap();
        assert_eq!(bytes(&bucket, "a").await, None);
        assert!(!folder.path().join("reserve").exists());
        // Once there is room again, the next delete reserves it.
        disk.is_full.store(false, Ordering::Relaxed);
        bucket.delete(DeleteRequest::new("b")).await.unwrap();
        bucket.put(PutRequest::new("c", "1")).await.unwrap();
        assert!(folder.path().join("reserve").exists());
    }

    #[tokio::test]
    async fn a_full_disk_takes_conditional_deletes() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, platform) = unwritable(folder.path());
        let store = LocalStore::open_on(folder.path(), platform).await.unwrap();
        store.create_bucket("media").await.unwrap();
        let bucket = store.bucket("media").unwrap();
        bucket.put(PutRequest::new("a", "1")).await.unwrap();
        disk.is_full.store(true, Ordering::Relaxed);
        bucket.delete_if("a", Conditional::default()).await.unwrap();
        assert_eq!(bytes(&bucket, "a").await, None);
    }

    #[tokio::test]
    async fn where_nothing_can_be_written_what_is_there_is_read() {
        let folder = tempfile::tempdir().unwrap();
        // Characters that must be encoded in the path of a URI.
        let path = folder.path().join("a b?c#d%20");
        let bucket = LocalBucket::open(&path, "media").await.unwrap();
        bucket.put(PutRequest::new("large", pattern(300_000))).await.unwrap();
        bucket.put(PutRequest::new("small", "v")).await.unwrap();
        let reopen = async || {
            let (disk, platform) = unwritable(&path);
            disk.reads_only.store(true, Ordering::Relaxed);
            let store = LocalStore::open_on(&path, platform).await.unwrap();
            let reason = store.read_only_reason().unwrap();
            assert!(reason.message().contains(path.to_str().unwrap()), "{reason}");
            let bucket = store.bucket("media").unwrap();
            assert_eq!(bytes(&bucket, "large").await, Some(pattern(300_000)));
            assert_eq!(bytes(&bucket, "small").await, Some(b"v".to_vec()));
            for size in [1, 300_000] {
                let refused = bucket.put(PutRequest::new("new", pattern(size))).await.unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::Storage);
                assert!(refused.message().contains("open read-only"), "{refused}");
            }
            assert!(bucket.delete(DeleteRequest::new("small")).await.is_err());
            assert_eq!(store.scrub(|_, _| {}).await.unwrap().damaged, []);
            store
        };
        // Next to a process that writes, and without one.
        drop(reopen().await);
        assert!(bucket.store().read_only_reason().is_none());
        drop(bucket);
        while path.join("store.sqlite3-wal").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (one, other) = (reopen().await, reopen().await);
        assert!(!path.join("store.sqlite3-wal").exists());
        drop((one, other));
        assert!(LocalStore::open(&path).await.unwrap().read_only_reason().is_none());

        let (disk, platform) = unwritable(folder.path());
        disk.reads_only.store(true, Ordering::Relaxed);
        let nothing = LocalStore::open_on(&folder.path().join("new"), platform).await.unwrap_err();
        assert!(nothing.message().contains("cannot be created"), "{nothing}");
    }

    #[tokio::test]
    async fn a_failure_that_passes_does_not_make_a_store_one_to_read_only() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, platform) = unwritable(folder.path());
        LocalStore::open_on(folder.path(), platform.clone())
            .await
            .unwrap()
            .create_bucket("media")
            .await
            .unwrap();
        disk.cannot_open.store(true, Ordering::Relaxed);
        let failed = LocalStore::open_on(folder.path(), platform.clone()).await.unwrap_err();
        assert!(failed.message().contains("cannot be opened"), "{failed}");
        let store = LocalStore::open_on(folder.path(), platform).await.unwrap();
        assert!(store.read_only_reason().is_none());
    }

    /// A store of the newest format is read completely, including encrypted objects, and its rules are not
    /// applied. A store of an older format would have to be upgraded.
    #[tokio::test]
    async fn a_store_of_a_format_is_read_where_it_cannot_be_written() {
        let newest = VERSIONS.len();
        for written in 7..=newest {
            let folder = upgrade::fixture(written);
            let before = upgrade::contents(folder.path());
            let (disk, platform) = unwritable(folder.path());
            disk.reads_only.store(true, Ordering::Relaxed);
            let opened = LocalStore::open_on(folder.path(), platform).await;
            if written < newest {
                let refused = opened.unwrap_err();
                let both = format!("the store has format {written}, and this version reads {newest}");
                assert!(refused.message().contains(&both), "{refused}");
                assert!(refused.message().contains("make the store writable"), "{refused}");
                assert!(upgrade::contents(folder.path()) == before);
                continue;
            }
            let store = opened.unwrap();
            assert!(store.read_only_reason().is_some());
            upgrade::check_objects(&store).await;
            upgrade::check_values(&store).await;
            let media = store.bucket("media").unwrap();
            upgrade::check_sealed(&media).await;
            assert!(media.cors().await.unwrap().is_some());
            assert_eq!(media.lifecycle().await.unwrap(), Some(upgrade::lifecycle()));
            assert_eq!(store.apply_lifecycle().await.unwrap(), LifecycleReport::default());
            let refused = media.put_lifecycle(upgrade::lifecycle()).await.unwrap_err();
            assert!(refused.message().contains("open read-only"), "{refused}");
            assert_eq!(store.scrub(|_, _| {}).await.unwrap().damaged, []);
            let elsewhere = tempfile::tempdir().unwrap();
            let copied = elsewhere.path().join("copy");
            assert_eq!(store.backup(&copied, |_, _| {}).await.unwrap().damaged, []);
            let copy = LocalStore::open(&copied).await.unwrap();
            assert!(copy.read_only_reason().is_none());
            upgrade::check_objects(&copy).await;
            upgrade::check_sealed(&copy.bucket("media").unwrap()).await;
            assert!(upgrade::contents(folder.path()) == before);
        }
    }
}
