//! Backup: a copy of a whole store at one moment, while the store is in use.
//!
//! Most files are copied first, without blocking anybody. Then, while no transaction commits, one connection
//! starts to read the database at that moment, and the files that were added since get a second name: from
//! then on, nothing of that moment can be removed. What that connection reads becomes the copy's database,
//! which gets its final name when all other files are complete.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::blobs::{Blobs, PendingBlob};
use super::block_checksums::{BLOCK, CHECKSUM, is_block};
use super::database::{Failure, StoreResult, storage};
use super::disk::{Disk, DiskFile, Open};
use super::encryption::sealed_size;
use super::local_store::LocalStore;
use super::platform::Platform;
use super::scrub::{Damage, bytes_in, owner_of_blob};
use super::shared::{DATABASE, Shared, create_folder, sync_folders_above};
use super::unwritable::name_full_disk;
use crate::error::{Error, Result};
use crate::r2::{Checksum, ChecksumAlgorithm, Hasher};

/// Number of files that are listed at a time.
const PAGE: usize = 256;
/// Number of database pages that are copied at a time.
const DATABASE_PAGES: i32 = 1000;
/// Name of the database until the copy is complete.
const UNFINISHED: &str = "store.sqlite3.unfinished";

/// The result of [`LocalStore::backup`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The moment that the copy shows: everything that was acknowledged before, and nothing after it.
    pub taken: SystemTime,
    /// Total size of the objects, values and parts of unfinished uploads in the copy, in bytes.
    pub bytes: u64,
    /// What is damaged in the store, and therefore in the copy. Small objects and values are in the database
    /// and are not compared; [`LocalStore::scrub`] checks them.
    pub damaged: Vec<Damage>,
}

/// A file in `blobs/`, and its expected content.
#[derive(Debug, Clone)]
struct StoredFile {
    id: i64,
    name: String,
    /// Size of the file in bytes. An encrypted file is larger than its content.
    size: u64,
    md5: Vec<u8>,
    checksums: Option<Vec<u8>>,
}

/// The moment that is copied.
struct Moment {
    /// Reads the database as it was at that moment.
    connection: Connection,
    taken: SystemTime,
    bytes: u64,
    /// Names of all files.
    names: Vec<String>,
    /// Files that were not copied before, held so that they can be read even if they are removed, unless they
    /// are missing.
    left: Vec<(StoredFile, Option<PendingBlob>)>,
}

impl LocalStore {
    /// Copies the whole store at one moment into a folder, which must be new or empty: buckets with their
    /// settings, objects, unfinished uploads, namespaces and values. The copy is itself a store: it can be
    /// opened and served, and [`scrub`](Self::scrub) can check it.
    ///
    /// The store may be used during the backup, by this process and others. Writes only wait while the files
    /// that were added during the backup get second names. `on_progress` is called with the number of bytes
    /// copied so far and the approximate total.
    ///
    /// Damaged bytes are copied unchanged, and listed in the report. A backup that fails leaves only empty
    /// folders; if the process is killed, it leaves files but no store.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the folder is not empty.
    /// [`ErrorKind::Storage`](crate::ErrorKind) if the store cannot be read or the folder cannot be written.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    /// use cloudflare_clients::LocalStore;
    ///
    /// let store = LocalStore::open(folder.path()).await?;
    /// store.create_bucket("media").await?;
    /// let report = store.backup(elsewhere.path(), |done, all| println!("{done} of {all} bytes")).await?;
    /// assert!(report.damaged.is_empty());
    ///
    /// let copy = LocalStore::open(elsewhere.path()).await?;
    /// assert_eq!(copy.buckets().await?.len(), 1);
    /// # Ok(()) }
    /// ```
    pub async fn backup(
        &self,
        folder: impl AsRef<Path>,
        on_progress: impl Fn(u64, u64) + Send + Sync + 'static,
    ) -> Result<BackupReport> {
        let shared = Arc::clone(self.shared());
        let all = shared.readers.read(bytes_in).await?;
        let folder = folder.as_ref().to_owned();
        let platform = shared.platform.clone();
        let prepare = {
            let platform = platform.clone();
            let store = shared.folder.clone();
            move || Target::prepare(&platform, &store, &folder, all, Box::new(on_progress))
        };
        let mut target = platform.blocking(prepare).await?;

        let mut behind = 0;
        loop {
            let page = shared.readers.read(move |connection| files(connection, behind, PAGE)).await?;
            let Some(last) = page.last() else { break };
            behind = last.id;
            let blobs = Arc::clone(&shared.blobs);
            target = platform
                .blocking(move || {
                    for file in page {
                        target.copy_unless_gone(&blobs, &file)?;
                    }
                    Ok(target)
                })
                .await?;
        }

        let copied = target.files.keys().cloned().collect();
        let moment = moment(&shared, copied).await?;
        platform.blocking(move || target.finish(moment)).await
    }
}

/// Lists files, in the order of their segments, after the given segment.
fn files(connection: &Connection, behind: i64, most: usize) -> StoreResult<Vec<StoredFile>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, blob, size, md5, checksums, salt IS NOT NULL FROM segments \
         WHERE id > ?1 AND blob IS NOT NULL ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map((behind, i64::try_from(most).unwrap_or(i64::MAX)), |row| {
        let size = row.get(2)?;
        Ok(StoredFile {
            id: row.get(0)?,
            name: row.get(1)?,
            size: if row.get(5)? { sealed_size(size) } else { size },
            md5: row.get(3)?,
            checksums: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Captures the store at this moment.
async fn moment(shared: &Shared, copied: HashSet<String>) -> Result<Moment> {
    let (readers, blobs) = (Arc::clone(&shared.readers), Arc::clone(&shared.blobs));
    let take = move |taken| -> StoreResult<Moment> {
        let connection = readers.begin()?;
        let all = files(&connection, 0, usize::MAX)?;
        let names = all.iter().map(|file| file.name.clone()).collect();
        let mut left = Vec::new();
        for file in all.into_iter().filter(|file| !copied.contains(&file.name)) {
            let held = blobs.hold(&file.name)?;
            left.push((file, held));
        }
        Ok(Moment { bytes: bytes_in(&connection)?, connection, taken, names, left })
    };
    if shared.writer.refusal().is_some() {
        // No transaction can write to the store.
        let now = shared.platform.runtime.now();
        return shared.platform.blocking(move || take(now).map_err(Error::from)).await;
    }
    shared.writer.write(Vec::new(), move |write| take(write.now)).await
}

/// The folder that the copy is made in.
struct Target {
    platform: Platform,
    folder: PathBuf,
    blobs: PathBuf,
    all: u64,
    done: u64,
    on_progress: Box<dyn Fn(u64, u64) + Send + Sync>,
    /// The files that were copied, and what is wrong with them.
    files: HashMap<String, Option<String>>,
    is_whole: bool,
}

impl Target {
    fn prepare(
        platform: &Platform,
        store: &Path,
        folder: &Path,
        all: u64,
        on_progress: Box<dyn Fn(u64, u64) + Send + Sync>,
    ) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(|e| storage(folder, "is not a path", e))?;
        if resolved(&folder).starts_with(resolved(store)) {
            return Err(Error::invalid_input(format!(
                "{} is inside the store: choose a folder outside it",
                folder.display()
            )));
        }
        let disk = &*platform.disk;
        let blobs = folder.join("blobs");
        let names = |folder: &Path| match disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(|e| storage(folder, "cannot be read", e)),
        };
        // A failed backup may have left empty folders.
        let is_empty = names(&folder)?.iter().all(|name| name == "blobs") && names(&blobs)?.is_empty();
        if !is_empty {
            return Err(Error::invalid_input(format!(
                "{} is not empty: choose a new or empty folder for the copy",
                folder.display()
            )));
        }
        create_folder(disk, &blobs)?;
        sync_folders_above(disk, &folder)?;
        // If two backups start concurrently, only one gets the folder. SQLite would create the file readable
        // for everybody.
        let unfinished = folder.join(UNFINISHED);
        disk.open(&unfinished, Open::CreateNew).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::invalid_input(format!("another backup into {} is in progress", folder.display()))
            }
            _ => storage(&unfinished, "cannot be created", error),
        })?;
        let platform = platform.clone();
        Ok(Self {
            platform,
            folder,
            blobs,
            all,
            done: 0,
            on_progress,
            files: HashMap::new(),
            is_whole: false,
        })
    }

    fn disk(&self) -> &dyn Disk {
        &*self.platform.disk
    }

    /// Files that SQLite may create next to the database.
    fn journals(&self) -> [PathBuf; 3] {
        ["-journal", "-wal", "-shm"].map(|end| self.folder.join(format!("{UNFINISHED}{end}")))
    }

    /// Copies a file of the store. A missing file was removed since it was listed, or is lost.
    fn copy_unless_gone(&mut self, blobs: &Blobs, file: &StoredFile) -> Result<()> {
        match blobs.open(&file.name) {
            Ok(from) => self.copy(file, from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(storage(&blobs.path(&file.name), "cannot be opened", error)),
        }
    }

    fn copy(&mut self, file: &StoredFile, from: Box<dyn DiskFile>) -> Result<()> {
        let path = self.blobs.join(&file.name);
        // If the copy fails, the file must be removed.
        self.files.insert(file.name.clone(), None);
        let copied = || -> io::Result<Option<String>> {
            let mut to = self.disk().open(&path, Open::CreateNew)?;
            let problem = copy_comparing(file, from, &mut *to)?;
            to.sync()?;
            Ok(problem)
        };
        let problem =
            copied().map_err(|e| name_full_disk(storage(&path, "cannot be written", e), &self.folder))?;
        self.files.insert(file.name.clone(), problem);
        self.advance(file.size);
        Ok(())
    }

    fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        (self.on_progress)(self.done, self.all.max(self.done));
    }

    fn finish(mut self, moment: Moment) -> Result<BackupReport> {
        let Moment { connection, taken, bytes, names, left } = moment;
        let unfinished = self.folder.join(UNFINISHED);
        let copied = self.copy_database(&connection, &unfinished);
        // SQLite can truncate the log again.
        drop(connection);
        copied?;
        for (file, held) in left {
            match held {
                Some(held) => {
                    let from = held
                        .open()
                        .map_err(|e| storage(&self.blobs.join(&file.name), "cannot be copied", e))?;
                    self.copy(&file, from)?;
                }
                None => {
                    self.files.insert(file.name, Some("the file is missing".to_owned()));
                }
            }
        }
        let names: HashSet<_> = names.into_iter().collect();
        let removed: Vec<_> = self.files.keys().filter(|name| !names.contains(*name)).cloned().collect();
        for name in removed {
            let path = self.blobs.join(&name);
            self.disk().remove(&path).map_err(|e| storage(&path, "cannot be removed", e))?;
            self.files.remove(&name);
        }
        let damaged = self.damaged(&unfinished)?;
        // A reader leaves them behind.
        for journal in self.journals() {
            self.disk().remove(&journal).map_err(|e| storage(&journal, "cannot be removed", e))?;
        }
        let database = self.folder.join(DATABASE);
        let disk = self.disk();
        disk.sync_folder(&self.blobs).map_err(|e| storage(&self.blobs, "cannot be synced", e))?;
        disk.rename(&unfinished, &database).map_err(|e| storage(&database, "cannot be stored", e))?;
        disk.sync_folder(&self.folder).map_err(|e| storage(&self.folder, "cannot be synced", e))?;
        self.is_whole = true;
        (self.on_progress)(bytes, bytes);
        Ok(BackupReport { taken, bytes, damaged })
    }

    fn copy_database(&self, from: &Connection, path: &Path) -> Result<()> {
        let failed = |error: rusqlite::Error| {
            let error: Error = Failure::from(error).into();
            name_full_disk(error.explain(format_args!("{} cannot be written", path.display())), &self.folder)
        };
        let disk = self.disk();
        let file = disk.open(path, Open::Write).map_err(|e| storage(path, "cannot be opened", e))?;
        let copied = || -> rusqlite::Result<()> {
            let mut to =
                disk.connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            // An incomplete copy is discarded.
            to.execute_batch("PRAGMA journal_mode = off; PRAGMA synchronous = off;")?;
            let backup = Backup::new(from, &mut to)?;
            while backup.step(DATABASE_PAGES)? != StepResult::Done {}
            Ok(())
        };
        copied().map_err(failed)?;
        file.sync().map_err(|e| storage(path, "cannot be synced", e))
    }

    /// The damaged files, with the objects or values that they belong to.
    fn damaged(&self, database: &Path) -> Result<Vec<Damage>> {
        let damaged = self.files.iter().filter_map(|(name, problem)| Some((name, problem.as_ref()?)));
        let mut damaged: Vec<_> = damaged.collect();
        if damaged.is_empty() {
            return Ok(Vec::new());
        }
        damaged.sort_unstable();
        let find = || -> StoreResult<Vec<Damage>> {
            let connection = self.disk().connect(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            damaged
                .into_iter()
                .map(|(name, problem)| {
                    owner_of_blob(&connection, name, self.blobs.join(name), problem.clone())
                })
                .collect()
        };
        Ok(find()?)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.is_whole {
            return;
        }
        let files = self.files.keys().map(|name| self.blobs.join(name));
        for path in files.chain([self.folder.join(UNFINISHED)]).chain(self.journals()) {
            if let Err(error) = self.disk().remove(&path) {
                tracing::warn!(path = %path.display(), %error, "could not remove a file of a failed backup");
            }
        }
    }
}

/// The path with symbolic links resolved, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|parent| Some((parent, std::fs::canonicalize(parent).ok()?)));
    real.and_then(|(parent, real)| Some(real.join(path.strip_prefix(parent).ok()?))).unwrap_or(path)
}

/// Copies all bytes, and returns what is wrong with them.
fn copy_comparing(
    file: &StoredFile,
    mut from: Box<dyn DiskFile>,
    to: &mut dyn DiskFile,
) -> io::Result<Option<String>> {
    let mut checksums = file.checksums.as_ref().map(|checksums| checksums.chunks(CHECKSUM));
    let (mut length, mut md5, mut differs) = (0, Hasher::md5(), false);
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        match (&mut from).take(BLOCK as u64).read_to_end(&mut block) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Ok(Some(format!("it cannot be read: {error}"))),
        }
        to.write_all(&block)?;
        length += block.len() as u64;
        match &mut checksums {
            Some(checksums) => {
                differs |= !checksums.next().is_some_and(|checksum| is_block(&block, checksum));
            }
            None => md5.update(&block),
        }
    }
    if file.checksums.is_none() {
        differs = Checksum::from_bytes(ChecksumAlgorithm::Md5, &file.md5) != Some(md5.finish());
    }
    Ok(match (length == file.size, differs) {
        (false, _) => Some(format!("it has {length} bytes instead of {}", file.size)),
        (true, true) => Some("its bytes differ from those that were stored".to_owned()),
        (true, false) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use http::Method;

    use super::*;
    use crate::error::ErrorKind;
    use crate::kv::{self, Namespace as _};
    use crate::r2::{
        Account, Bucket as _, CompleteMultipartUploadRequest, CorsPolicy, CorsRule, CreateBucketRequest,
        CreateMultipartUploadRequest, DeleteRequest, GetRequest, LifecyclePolicy, LifecycleRule,
        LocationHint, PutRequest, SseCustomerKey, StorageClass, UploadPartRequest, UploadedPart,
    };
    use crate::runtime::Runtime as _;
    use crate::store::testing::{bucket, bucket_with_clock, bytes, files, flip, only_blob, pattern};
    use crate::store::{LocalBucket, LocalNamespace};

    /// The names in a folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn the_copy_is_a_store_with_all_that_was_there() {
        let (_folder, bucket) = bucket().await;
        let store = bucket.store().clone();
        let sessions = LocalNamespace::open_in(&store, "sessions").await.unwrap();
        sessions.put(kv::PutRequest::new("value", pattern(100_000))).await.unwrap();
        bucket.put(PutRequest::new("small", "inline")).await.unwrap();
        for key in ["large", "gone"] {
            bucket.put(PutRequest::new(key, pattern(3 * BLOCK + 17))).await.unwrap();
        }
        bucket.delete(DeleteRequest::new("gone")).await.unwrap();
        let upload = bucket.create_multipart_upload(CreateMultipartUploadRequest::new("film")).await.unwrap();
        let part = UploadPartRequest::new("film", &upload.upload_id, 1, pattern(100_000));
        let etag = bucket.upload_part(part).await.unwrap().etag;

        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("a/b");
        let report = store.backup(&target, |done, all| assert!(done <= all)).await.unwrap();
        assert_eq!(report.damaged, []);
        assert_eq!(report.bytes, 100_000 + 6 + 3 * BLOCK as u64 + 17 + 100_000);
        assert_eq!(names(&target), ["blobs", "store.sqlite3"]);
        assert_eq!((names(&target.join("blobs")).len(), files(&store).await), (3, (3, 0)));

        // The copy does not depend on the original.
        bucket.delete(DeleteRequest::new("large")).await.unwrap();
        let copy = LocalStore::open(&target).await.unwrap();
        assert_eq!(copy.scrub(|_, _| {}).await.unwrap().damaged, []);
        let copied = copy.bucket("media").unwrap();
        assert_eq!(bytes(&copied, "small").await, Some(b"inline".to_vec()));
        assert!(bytes(&copied, "large").await == Some(pattern(3 * BLOCK + 17)));
        assert_eq!(bytes(&copied, "gone").await, None);
        let part = UploadedPart::new(1, etag);
        let complete = CompleteMultipartUploadRequest::new("film", &upload.upload_id, vec![part]);
        copied.complete_multipart_upload(complete).await.unwrap();
        let value = copy.namespace(sessions.id()).get(kv::GetRequest::new("value")).await.unwrap().unwrap();
        assert!(value.bytes().await.unwrap() == pattern(100_000));
    }

    /// Encrypted objects are copied and compared as they are stored, without the key.
    #[tokio::test]
    async fn of_two_copies_into_one_folder_one_is_made() {
        let (_folder, bucket) = bucket().await;
        for number in 0..20 {
            bucket.put(PutRequest::new(format!("key {number}"), pattern(100_000))).await.unwrap();
        }
        for _ in 0..10 {
            let elsewhere = tempfile::tempdir().unwrap();
            let copy = || bucket.store().backup(elsewhere.path(), |_, _| {});
            let (one, other) = futures_util::future::join(copy(), copy()).await;
            let refused = match (one, other) {
                (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
                both => panic!("{both:?}"),
            };
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
            let copy = LocalStore::open(elsewhere.path()).await.unwrap();
            assert_eq!(copy.scrub(|_, _| {}).await.unwrap().damaged, []);
        }
    }

    #[tokio::test]
    async fn what_is_encrypted_is_copied_without_its_key_and_read_with_it() {
        let (_folder, bucket) = bucket().await;
        let key = SseCustomerKey::from_bytes([7; 32]);
        let sizes = [("empty", 0), ("small", 1000), ("large", 3 * BLOCK + 17), ("gone", 100_000)];
        for (name, size) in sizes {
            let put = PutRequest::new(name, pattern(size));
            bucket.put(PutRequest { ssec_key: Some(key.clone()), ..put }).await.unwrap();
        }
        let first = 5 * 1024 * 1024;
        let begin = async |name: &str| {
            let create = CreateMultipartUploadRequest::new(name);
            let create = CreateMultipartUploadRequest { ssec_key: Some(key.clone()), ..create };
            let upload = bucket.create_multipart_upload(create).await.unwrap();
            let part = UploadPartRequest::new(name, &upload.upload_id, 1, pattern(first));
            let part = UploadPartRequest { ssec_key: Some(key.clone()), ..part };
            (upload.upload_id, bucket.upload_part(part).await.unwrap())
        };
        let finish = async |bucket: &LocalBucket, name: &str, (id, part): (String, UploadedPart)| {
            let last = UploadPartRequest::new(name, &id, 2, pattern(1000));
            let last = UploadPartRequest { ssec_key: Some(key.clone()), ..last };
            let last = bucket.upload_part(last).await.unwrap();
            let complete = CompleteMultipartUploadRequest::new(name, &id, vec![part, last]);
            bucket.complete_multipart_upload(complete).await.unwrap();
        };
        finish(&bucket, "parts", begin("parts").await).await;
        let unfinished = begin("unfinished").await;

        let (copied, restored) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let report = bucket.store().backup(copied.path(), |_, _| {}).await.unwrap();
        assert_eq!(report.damaged, []);
        bucket.delete(DeleteRequest::new("gone")).await.unwrap();
        let copy = LocalStore::open(copied.path()).await.unwrap();
        assert_eq!(copy.backup(restored.path(), |_, _| {}).await.unwrap().damaged, []);

        let store = LocalStore::open(restored.path()).await.unwrap();
        assert_eq!(store.scrub(|_, _| {}).await.unwrap().damaged, []);
        let media = store.bucket("media").unwrap();
        finish(&media, "unfinished", unfinished).await;
        let parts = [pattern(first), pattern(1000)].concat();
        let whole = sizes.map(|(name, size)| (name, pattern(size)));
        for (name, expected) in whole.into_iter().chain([("parts", parts.clone()), ("unfinished", parts)]) {
            let get = GetRequest::new(name);
            assert_eq!(media.get(get.clone()).await.unwrap_err().code(), Some("InvalidRequest"), "{name}");
            let get = GetRequest { ssec_key: Some(key.clone()), ..get };
            let read = media.get(get).await.unwrap().unwrap();
            assert!(read.body.bytes().await.unwrap() == expected, "{name}");
        }

        // A damaged byte of ciphertext is reported too.
        drop((media, store));
        let (_folder, bucket) = self::bucket().await;
        let put = PutRequest::new("key", pattern(100_000));
        bucket.put(PutRequest { ssec_key: Some(key.clone()), ..put }).await.unwrap();
        flip(&only_blob(bucket.store()), 99_999);
        let elsewhere = tempfile::tempdir().unwrap();
        let report = bucket.store().backup(elsewhere.path(), |_, _| {}).await.unwrap();
        let [damage] = report.damaged.as_slice() else { panic!("{report:?}") };
        assert_eq!(damage.problem, "its bytes differ from those that were stored");
    }

    #[tokio::test]
    async fn what_buckets_and_values_were_told_is_copied() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        let store = bucket.store().clone();
        let day = Duration::from_secs(24 * 3600);
        let rules = LifecyclePolicy::new([LifecycleRule::new("logs").prefix("logs/").delete_objects(day)]);
        let cors = CorsPolicy::new([CorsRule::new(["https://app.example.com"], [Method::GET])]);
        bucket.put_lifecycle(rules.clone()).await.unwrap();
        bucket.put_cors(cors.clone()).await.unwrap();
        bucket.put(PutRequest::new("logs/1", "1")).await.unwrap();
        let mut create = CreateBucketRequest::new("archive");
        create.location = Some(LocationHint::Weur);
        create.storage_class = Some(StorageClass::InfrequentAccess);
        Account::create(&store, create).await.unwrap();
        let sessions = LocalNamespace::open_in(&store, "sessions").await.unwrap();
        let expiration = clock.now() + 2 * day;
        let put = kv::PutRequest::new("key", "value").metadata(&[1, 2]).unwrap();
        sessions.put(put.expiration(expiration)).await.unwrap();

        let (copied, restored) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        store.backup(copied.path(), |_, _| {}).await.unwrap();
        let copy = LocalStore::open_with_runtime(copied.path(), clock.clone()).await.unwrap();
        copy.backup(restored.path(), |_, _| {}).await.unwrap();

        let store = LocalStore::open_with_runtime(restored.path(), clock.clone()).await.unwrap();
        let media = store.bucket("media").unwrap();
        assert_eq!(media.lifecycle().await.unwrap(), Some(rules));
        assert_eq!(media.cors().await.unwrap(), Some(cors));
        let archive = store.buckets().await.unwrap().remove(0);
        assert_eq!((archive.name.as_str(), archive.location), ("archive", Some(LocationHint::Weur)));
        assert_eq!(archive.storage_class, Some(StorageClass::InfrequentAccess));
        let sessions = store.namespace(sessions.id());
        let found = sessions.get_with_metadata(kv::GetRequest::new("key")).await.unwrap().unwrap();
        assert_eq!(found.metadata.unwrap().as_str(), "[1,2]");
        assert_eq!(found.expiration, Some(expiration));
        assert_eq!(found.value.bytes().await.unwrap(), "value");
        // The rules still apply to the original upload times.
        clock.advance(day);
        store.apply_lifecycle().await.unwrap();
        assert_eq!(bytes(&media, "logs/1").await, None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_copy_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("large", pattern(100_000))).await.unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("copy");
        bucket.store().backup(&target, |_, _| {}).await.unwrap();
        let blob = target.join("blobs").join(&names(&target.join("blobs"))[0]);
        for path in [&target, &target.join("blobs"), &blob, &target.join("store.sqlite3")] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }

    /// One process writes while another one makes copies: `b` is never older than `a` was when it was
    /// written.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_copy_shows_one_moment_while_another_process_writes() {
        let (folder, bucket) = bucket().await;
        let size = |n: usize| 70_000 + n;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (bucket, stop) = (bucket.clone(), Arc::clone(&stop));
            async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    for key in ["a", "b"] {
                        bucket.put(PutRequest::new(key, pattern(size(n)))).await.unwrap();
                    }
                }
                n
            }
        });
        let other = LocalStore::open(folder.path()).await.unwrap();
        let mut seen = Vec::new();
        for n in 0..10 {
            let elsewhere = tempfile::tempdir().unwrap();
            let report = other.backup(elsewhere.path(), |_, _| {}).await.unwrap();
            assert_eq!(report.damaged, []);
            let copied = LocalBucket::open(elsewhere.path(), "media").await.unwrap();
            let length = async |key| bytes(&copied, key).await.map_or(size(0), |bytes| bytes.len());
            let (a, b) = (length("a").await, length("b").await);
            assert!(a == b || a == b + 1, "{n}: {a} and {b}");
            assert_eq!(copied.store().scrub(|_, _| {}).await.unwrap().damaged, []);
            let there = names(&elsewhere.path().join("blobs")).len();
            assert!(there <= 2, "{there}");
            seen.push(a);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.await.unwrap() > 10);
        assert!(seen.first() < seen.last(), "{seen:?}");
        assert_eq!(files(bucket.store()).await, (2, 0));
        assert_eq!(files(&other).await, (2, 0));
    }

    #[tokio::test]
    async fn what_is_damaged_is_copied_and_named() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("key", pattern(100_000))).await.unwrap();
        let blob = only_blob(bucket.store());
        flip(&blob, 99_999);
        let report = async || {
            let elsewhere = tempfile::tempdir().unwrap();
            let report = bucket.store().backup(elsewhere.path(), |_, _| {}).await.unwrap();
            let [damage] = report.damaged.as_slice() else { panic!("{report:?}") };
            assert_eq!((damage.bucket.as_deref(), damage.key.as_deref()), (Some("media"), Some("key")));
            assert!(damage.file.starts_with(elsewhere.path()) && damage.file.file_name() == blob.file_name());
            let copied = fs::read(&damage.file).ok();
            (damage.problem.clone(), copied)
        };
        let (problem, copied) = report().await;
        assert_eq!(problem, "its bytes differ from those that were stored");
        assert!(copied.as_deref() == Some(&fs::read(&blob).unwrap()[..]));
        fs::write(&blob, pattern(99_999)).unwrap();
        assert_eq!(report().await.0, "it has 99999 bytes instead of 100000");
        fs::remove_file(&blob).unwrap();
        let (problem, copied) = report().await;
        assert_eq!((problem.as_str(), copied), ("the file is missing", None));
    }

    #[tokio::test]
    async fn a_folder_with_something_in_it_is_refused_and_what_fails_leaves_no_store() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("key", pattern(100_000))).await.unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path();
        fs::write(target.join("precious"), "x").unwrap();
        let refused = bucket.store().backup(target, |_, _| {}).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.message().contains("is not empty"), "{refused}");
        assert_eq!(names(target), ["precious"]);
        let refused = bucket.store().backup(bucket.store().path(), |_, _| {}).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);

        // The database cannot be created.
        fs::remove_file(target.join("precious")).unwrap();
        let in_the_way = target.to_owned();
        let failed = bucket.store().backup(target, move |_, _| {
            let _ = fs::remove_file(in_the_way.join(UNFINISHED));
            let _ = fs::create_dir(in_the_way.join(UNFINISHED));
        });
        assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::Storage);
        assert!(names(&target.join("blobs")).is_empty() && !target.join(DATABASE).exists());
        fs::remove_dir(target.join(UNFINISHED)).unwrap();
        bucket.store().backup(target, |_, _| {}).await.unwrap();
        assert_eq!(files(bucket.store()).await, (1, 0));
    }
}
