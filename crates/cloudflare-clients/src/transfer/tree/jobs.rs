//! The transfer of each entry of a tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::comparison::{self, Compare, Pair};
use super::entry::Entry;
use super::file_names::path_in;
use super::place::Place;
use super::planner::Work;
use super::report::Reporter;
use super::settings::Settings;
use crate::body::Body;
use crate::client::pace::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{
    Checksum, ChecksumAlgorithm, Conditional, Crc64Nvme, CreateMultipartUploadRequest, Object,
};
use crate::r2::R2Service;
use crate::sync::lock;
use crate::transfer::DEFAULT_CONCURRENCY;
use crate::transfer::blocking::{blocking, storage};
use crate::transfer::copy_route::CopyRoute;
use crate::transfer::download::Modified;
use crate::transfer::file_identity::FileIdentity;
use crate::transfer::modified_time;
use crate::transfer::partial_file::PartialFile;
use crate::transfer::proof::Verified;
use crate::transfer::rate::RateLimit;
use crate::transfer::small_file::{MAX_IN_MEMORY, read_small};
use crate::transfer::upload::put_whole;

/// Files above this size are large: a few are in progress at a time, each in pieces. In bytes.
const MAX_SMALL: u64 = 64 * 1024 * 1024;

/// The same for objects that are copied to another bucket through this process, and are in memory.
const MAX_SMALL_THROUGH: u64 = 16 * 1024 * 1024;

/// Number of large files in progress at a time.
const LARGE_AT_ONCE: usize = 4;

/// How often a file is sent again because it changes while it is sent.
const MAX_SENDS: u32 = 3;

/// The result of a piece of work.
#[derive(Debug)]
pub(super) enum Outcome {
    Transferred {
        name: String,
        size: u64,
        verified: Option<Verified>,
        resumed_bytes: u64,
    },
    Unchanged {
        name: String,
        size: u64,
    },
    Deleted(Vec<(Entry, Result<()>)>),
    LeftOut {
        name: String,
        why: Error,
    },
    Failed {
        name: String,
        error: Error,
        /// Whether it was counted as found.
        was_found: bool,
    },
}

/// A completed transfer.
struct Done {
    size: u64,
    verified: Verified,
    resumed_bytes: u64,
}

/// What the jobs of one transfer share.
pub(super) struct Jobs {
    direction: Direction,
    settings: Settings,
    /// The metadata and settings that all objects are stored with.
    request: CreateMultipartUploadRequest,
    reporter: Arc<Reporter>,
    pace: Arc<Pace>,
    large: Semaphore,
    /// Whether the target was listed, so that entries missing from the listing do not exist.
    is_target_listed: bool,
    /// The directory that was created or found last.
    parent: Mutex<Option<PathBuf>>,
    /// The directories that files were deleted from.
    deleted_from: Mutex<BTreeSet<PathBuf>>,
    /// Entries that wait until a file or directory in their way is deleted.
    blocked: Mutex<Vec<Entry>>,
}

enum Direction {
    Up { folder: PathBuf, service: R2Service, prefix: String },
    Down { service: R2Service, folder: PathBuf },
    Across { source: R2Service, target: R2Service, target_prefix: String },
}

impl Jobs {
    pub(super) fn new(
        source: Place,
        target: Place,
        settings: Settings,
        request: CreateMultipartUploadRequest,
        reporter: Arc<Reporter>,
        is_target_listed: bool,
    ) -> Result<Self> {
        let runtime = match (&source, &target) {
            (Place::Keys { service, .. }, _) | (_, Place::Keys { service, .. }) => {
                Arc::clone(service.runtime())
            }
            (Place::Folder(_), Place::Folder(_)) => {
                return Err(Error::invalid_input(
                    "one side of the transfer must be a bucket: both are folders",
                ));
            }
        };
        let concurrency = RateLimit::pieces_at_once(settings.rate.as_ref(), settings.concurrency);
        let pace = Arc::new(Pace::new(runtime, concurrency));
        let direction = match (source, target) {
            (Place::Keys { service: source, .. }, Place::Keys { service: target, prefix: target_prefix }) => {
                let [source, target] = [source, target].map(|service| service.at_pace(&pace));
                Direction::Across { source, target, target_prefix }
            }
            (Place::Folder(folder), Place::Keys { service, prefix }) => {
                Direction::Up { folder, service: service.at_pace(&pace), prefix }
            }
            (Place::Keys { service, .. }, Place::Folder(folder)) => {
                Direction::Down { service: service.at_pace(&pace), folder }
            }
            (Place::Folder(_), Place::Folder(_)) => {
                return Err(Error::invalid_input(
                    "one side of the transfer must be a bucket: both are folders",
                ));
            }
        };
        Ok(Self {
            direction,
            settings,
            request,
            reporter,
            pace,
            large: Semaphore::new(LARGE_AT_ONCE),
            is_target_listed,
            parent: Mutex::default(),
            deleted_from: Mutex::default(),
            blocked: Mutex::default(),
        })
    }

    /// How many pieces of work to start concurrently. Most of them wait for a slot of the pace.
    pub(super) fn most_under_way(&self) -> usize {
        self.settings.concurrency + LARGE_AT_ONCE * 2
    }

    /// How many pieces of one file may ask for slots concurrently: few enough that other files get theirs
    /// soon.
    fn pieces_at_once(&self) -> usize {
        self.settings.concurrency.min(DEFAULT_CONCURRENCY)
    }

    fn max_small(&self) -> u64 {
        match &self.direction {
            Direction::Across { source, target, .. }
                if CopyRoute::between(source, target) == CopyRoute::Through =>
            {
                MAX_SMALL_THROUGH
            }
            _ => MAX_SMALL,
        }
    }

    /// Performs a piece of work. Returns `None` for an entry that is [blocked](Self::take_blocked). Fails
    /// only with an error that all other work would meet too.
    pub(super) async fn perform(&self, work: Work) -> Result<Option<Outcome>> {
        let failed = |name, error, was_found| Ok(Some(Outcome::Failed { name, error, was_found }));
        let (source, transferred) = match work {
            Work::Refused { name, error } => return failed(name, error, false),
            Work::LeftOut { name, why } => return Ok(Some(Outcome::LeftOut { name, why })),
            Work::Extra(entries) => return self.delete(entries).await.map(Some),
            Work::New(source) => {
                self.found(&source);
                let transferred = self.transfer(&source, self.is_target_listed).await;
                if transferred.as_ref().is_err_and(|error| self.may_be_blocked(error)) {
                    lock(&self.blocked).push(source);
                    return Ok(None);
                }
                (source, transferred)
            }
            Work::Again(source) => {
                let transferred = self.transfer(&source, self.is_target_listed).await;
                (source, transferred)
            }
            Work::Both { source, target } => {
                match self.is_unchanged(&source, &target).await {
                    Ok(true) => {
                        return Ok(Some(Outcome::Unchanged { name: source.name, size: source.size }));
                    }
                    Ok(false) => {}
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(error) => return failed(source.name, error, false),
                }
                self.found(&source);
                let transferred = self.transfer(&source, false).await;
                (source, transferred)
            }
        };
        match transferred {
            Ok(Done { size, verified, resumed_bytes }) => {
                let verified = Some(verified).filter(|_| !self.settings.dry_run);
                Ok(Some(Outcome::Transferred { name: source.name, size, verified, resumed_bytes }))
            }
            Err(error) if is_fatal(&error) => Err(error),
            Err(error) => failed(source.name, error, true),
        }
    }

    /// Takes the entries that were blocked by something that only the target may have. Each is returned once.
    pub(super) fn take_blocked(&self) -> Vec<Entry> {
        std::mem::take(&mut lock(&self.blocked))
    }

    async fn is_unchanged(&self, source: &Entry, target: &Entry) -> Result<bool> {
        // An object whose source is deleted afterwards is always copied first.
        let compare = if self.settings.moves { Compare::Nothing } else { self.settings.compare };
        match &self.direction {
            Direction::Up { folder, service, .. } => {
                Pair {
                    service,
                    path: &path_in(folder, &source.name)?,
                    file: source,
                    object: target,
                    is_download: false,
                }
                .is_unchanged(compare, &self.pace)
                .await
            }
            Direction::Down { service, folder, .. } => {
                path_in(folder, &source.name)?;
                Pair {
                    service,
                    path: &upload_path(folder, &target.name),
                    file: target,
                    object: source,
                    is_download: true,
                }
                .is_unchanged(compare, &self.pace)
                .await
            }
            Direction::Across { source: from, target: to, .. } => {
                comparison::are_unchanged(compare, (from, source), (to, target)).await
            }
        }
    }

    fn found(&self, source: &Entry) {
        self.reporter.progress(|progress| {
            progress.found += 1;
            progress.found_bytes += source.size;
        });
    }

    /// Whether the file may be blocked by something that is deleted at the end, or has just been deleted.
    fn may_be_blocked(&self, error: &Error) -> bool {
        let is_down = matches!(self.direction, Direction::Down { .. });
        is_down && self.settings.delete && error.kind() == ErrorKind::Conflict
    }

    async fn transfer(&self, source: &Entry, is_absent: bool) -> Result<Done> {
        // The semaphore is never closed.
        let _large = if source.size > self.max_small() { self.large.acquire().await.ok() } else { None };
        match &self.direction {
            Direction::Up { folder, service, prefix } => {
                self.upload(
                    service,
                    &upload_path(folder, &source.name),
                    format!("{prefix}{}", source.name),
                    source,
                )
                .await
            }
            Direction::Down { service, folder, .. } => {
                let path = path_in(folder, &source.name)?;
                let Some(object) = source.object.as_deref() else { return Err(gone(source)) };
                self.download(service, object, folder, path, is_absent).await
            }
            Direction::Across { source: from, target: to, target_prefix, .. } => {
                let Some(object) = source.object.as_deref() else { return Err(gone(source)) };
                self.copy(from, object, to, &format!("{target_prefix}{}", source.name)).await
            }
        }
    }

    async fn upload(&self, service: &R2Service, path: &Path, key: String, source: &Entry) -> Result<Done> {
        if self.settings.dry_run {
            return Ok(Done::not(source.size));
        }
        let mut request = self.request.clone();
        request.http_metadata = self.settings.metadata_rules.of(&source.name, &request.http_metadata);
        request.key = key;
        if source.size <= MAX_IN_MEMORY {
            return self.upload_small(service, path, request).await;
        }
        let mut sends = 0;
        loop {
            let file = FileIdentity::of(path).await?;
            sends += 1;
            let sent = match self.upload_large(service, path, request.clone(), &file).await {
                Err(error) if error.kind() != ErrorKind::Storage => return Err(error),
                sent => sent,
            };
            // The file may have been written to while it was sent, as with a small file.
            match file.check(path).await {
                Ok(()) => return sent,
                Err(error) if sends >= MAX_SENDS => return Err(error),
                Err(_) => {}
            }
        }
    }

    async fn upload_large(
        &self,
        service: &R2Service,
        path: &Path,
        mut request: CreateMultipartUploadRequest,
        file: &FileIdentity,
    ) -> Result<Done> {
        self.keep_time(&mut request, file);
        let mut upload = service
            .upload(path, request.key)
            .http_metadata(request.http_metadata)
            .custom_metadata(request.custom_metadata)
            .concurrency(self.pieces_at_once())
            .on_progress(self.reporter.bytes());
        if let Some(class) = request.storage_class {
            upload = upload.storage_class(class);
        }
        if let Some(algorithm) = request.checksum_algorithm {
            upload = upload.checksum_algorithm(algorithm);
        }
        if let Some(size) = self.settings.part_size {
            upload = upload.part_size(size);
        }
        if let Some(journal) = &self.settings.journal {
            upload = upload.journal(journal);
        }
        if let Some(rate) = &self.settings.rate {
            upload = upload.share_rate(rate);
        }
        let done = upload.await?;
        Ok(Done { size: file.size, verified: done.verified, resumed_bytes: done.resumed_bytes })
    }

    /// Reads the file once, and checks it again when it is stored. A file that was written to in the meantime
    /// is older than its object, and would count as unchanged from then on.
    async fn upload_small(
        &self,
        service: &R2Service,
        path: &Path,
        mut request: CreateMultipartUploadRequest,
    ) -> Result<Done> {
        let _slot = self.pace.slot().await;
        let report = self.reporter.bytes();
        let mut sends = 0;
        loop {
            let (bytes, file) = read_small(path.to_owned()).await?;
            self.keep_time(&mut request, &file);
            let checksum = match request.checksum_algorithm {
                Some(algorithm) => Some(Checksum::of(algorithm, &bytes)),
                None => service.verifies().then(|| Crc64Nvme::of(&bytes).checksum()),
            };
            let body = RateLimit::applied(self.settings.rate.as_ref(), Body::from(bytes));
            let (_, verified) = put_whole(service, &request, &Conditional::new(), body, checksum).await?;
            report(file.size, file.size);
            sends += 1;
            match file.check(path).await {
                Err(error) if sends >= MAX_SENDS => return Err(error),
                Err(_) if FileIdentity::of(path).await?.size <= MAX_IN_MEMORY => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Done { size: file.size, verified, resumed_bytes: 0 }),
            }
        }
    }

    fn keep_time(&self, request: &mut CreateMultipartUploadRequest, file: &FileIdentity) {
        if self.settings.metadata_rules.keep_times
            && let Some(text) = modified_time::to_text(file.modified())
        {
            request.custom_metadata.insert(modified_time::NAME, text);
        }
    }

    async fn download(
        &self,
        service: &R2Service,
        object: &Object,
        folder: &Path,
        path: PathBuf,
        is_absent: bool,
    ) -> Result<Done> {
        if self.settings.dry_run {
            return Ok(Done::not(object.size));
        }
        self.make_parent(folder, &path, is_absent).await?;
        if object.size <= MAX_IN_MEMORY {
            return self.download_small(service, object, path).await;
        }
        let modified = if self.settings.metadata_rules.keep_times {
            Modified::OfObject(object.uploaded)
        } else {
            Modified::At(object.uploaded)
        };
        let mut download = service
            .download(&object.key, path)
            .concurrency(self.pieces_at_once())
            .resume(self.settings.resume)
            .modified(modified)
            .on_progress(self.reporter.bytes());
        if let Some(size) = self.settings.part_size {
            download = download.range_size(size);
        }
        if let Some(rate) = &self.settings.rate {
            download = download.share_rate(rate);
        }
        let Some(done) = download.await? else { return Err(deleted(object)) };
        Ok(Done { size: done.object.size, verified: done.verified, resumed_bytes: done.resumed_bytes })
    }

    async fn download_small(&self, service: &R2Service, object: &Object, path: PathBuf) -> Result<Done> {
        let _slot = self.pace.slot().await;
        let Some(found) = service.get(&object.key).await? else { return Err(deleted(object)) };
        if found.size > MAX_IN_MEMORY {
            let message = format!("{:?} was replaced by a larger object after it was listed", object.key);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let kept = modified_time::of(&found).filter(|_| self.settings.metadata_rules.keep_times);
        // The listing has the time of its object to the millisecond.
        let uploaded = if found.etag == object.etag { object.uploaded } else { found.uploaded };
        let verified = if !service.verifies() {
            Verified::LengthOnly
        } else if found.checksums.get(ChecksumAlgorithm::Crc64Nvme).is_some() {
            Verified::Crc64
        } else if found.md5_of_etag().is_some() {
            Verified::Md5
        } else {
            Verified::LengthOnly
        };
        let bytes = RateLimit::applied(self.settings.rate.as_ref(), found.body).bytes().await?;
        let size = bytes.len() as u64;
        blocking(move || PartialFile::temporary(&path).write_all(&bytes, kept.unwrap_or(uploaded))).await?;
        self.reporter.bytes()(size, size);
        Ok(Done { size, verified, resumed_bytes: 0 })
    }

    /// Creates the directory of a file, unless a link would lead elsewhere. If `is_absent`, checks that the
    /// file does not exist under a name that the file system treats as equal.
    async fn make_parent(&self, folder: &Path, path: &Path, is_absent: bool) -> Result<()> {
        let parent = path.parent().unwrap_or(folder).to_owned();
        let is_made = lock(&self.parent).as_ref() == Some(&parent);
        let (folder, path, made) = (folder.to_owned(), path.to_owned(), parent.clone());
        blocking(move || {
            if !is_made {
                make_directory(&folder, &parent)?;
            }
            if is_absent && path.symlink_metadata().is_ok() {
                let message = format!(
                    "{} exists: another key maps to the same file name, or another program wrote the file",
                    path.display()
                );
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            Ok(())
        })
        .await?;
        *lock(&self.parent) = Some(made);
        Ok(())
    }

    async fn copy(&self, from: &R2Service, object: &Object, to: &R2Service, key: &str) -> Result<Done> {
        if self.settings.dry_run {
            return Ok(Done::not(object.size));
        }
        let mut copy = from
            .copy_object(object.clone(), key)
            .to_bucket(to)
            .concurrency(self.pieces_at_once())
            .on_progress(self.reporter.bytes());
        if let Some(size) = self.settings.part_size {
            copy = copy.part_size(size);
        }
        if let Some(rate) = &self.settings.rate {
            copy = copy.share_rate(rate);
        }
        let copied = copy.await?;
        if self.settings.moves {
            self.delete_copied(from, &copied.source).await?;
        }
        Ok(Done { size: copied.source.size, verified: copied.verified, resumed_bytes: 0 })
    }

    /// Deletes the source of a copy, if it is still the object that was copied.
    async fn delete_copied(&self, service: &R2Service, source: &Object) -> Result<()> {
        let _slot = self.pace.slot().await;
        match service.head(&source.key).await? {
            Some(found) if found.etag == source.etag => service.delete(&source.key).await,
            Some(_) => {
                let message = format!(
                    "{:?} was replaced while it was being moved: the copy is of the earlier object",
                    source.key
                );
                Err(Error::new(ErrorKind::Conflict, message))
            }
            None => Ok(()),
        }
    }

    async fn delete(&self, entries: Vec<Entry>) -> Result<Outcome> {
        if self.settings.dry_run {
            return Ok(Outcome::Deleted(entries.into_iter().map(|entry| (entry, Ok(()))).collect()));
        }
        let _slot = self.pace.slot().await;
        let (service, prefix) = match &self.direction {
            Direction::Up { service, prefix, .. } => (service, prefix),
            Direction::Across { target, target_prefix, .. } => (target, target_prefix),
            Direction::Down { folder, .. } => {
                let folder = folder.clone();
                let (results, directories) = blocking(move || Ok(delete_files(&folder, entries))).await?;
                lock(&self.deleted_from).extend(directories);
                return Ok(Outcome::Deleted(results));
            }
        };
        let keys = entries.iter().map(|entry| format!("{prefix}{}", entry.name));
        let results = service.delete_many(keys).await?.results;
        Ok(Outcome::Deleted(entries.into_iter().zip(results.into_iter().map(|(_, result)| result)).collect()))
    }
}

impl Jobs {
    /// Removes the directories that are empty after the deletion of files. No transfer may be in progress, as
    /// it could be about to write into one of them.
    pub(super) async fn remove_emptied(&self) -> Result<()> {
        let directories = std::mem::take(&mut *lock(&self.deleted_from));
        let Direction::Down { folder, .. } = &self.direction else { return Ok(()) };
        *lock(&self.parent) = None;
        let folder = folder.clone();
        blocking(move || {
            remove_empty(&folder, directories);
            Ok(())
        })
        .await
    }
}

impl Done {
    /// What a dry run would have done.
    fn not(size: u64) -> Self {
        Self { size, verified: Verified::LengthOnly, resumed_bytes: 0 }
    }
}

/// Whether all other work would fail with this error as well.
pub(super) fn is_fatal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Credentials | ErrorKind::MissingSigningConfig | ErrorKind::NoSuchBucket)
}

fn upload_path(folder: &Path, name: &str) -> PathBuf {
    let mut path = folder.to_owned();
    path.extend(name.split('/'));
    path
}

fn gone(entry: &Entry) -> Error {
    Error::unexpected(format!("{:?} is not an object", entry.name))
}

fn deleted(object: &Object) -> Error {
    Error::new(ErrorKind::NoSuchKey, format!("{:?} was deleted after it was listed", object.key))
}

/// Creates each directory down to this one. The folder itself may be a link, those in it must not be.
fn make_directory(folder: &Path, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| storage(folder, "cannot be created", error))?;
    let mut path = folder.to_owned();
    for part in directory.strip_prefix(folder).unwrap_or(Path::new("")) {
        path.push(part);
        let failed = |error| storage(&path, "cannot be created", error);
        match std::fs::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let found = path.symlink_metadata().map_err(failed)?;
                if !found.is_dir() {
                    let what = if found.is_symlink() { "a symbolic link" } else { "a file" };
                    let message = format!("{} is {what}, not a directory", path.display());
                    return Err(Error::new(ErrorKind::Conflict, message));
                }
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Deletes files. Returns the results, and the directories that the files were in.
fn delete_files(folder: &Path, entries: Vec<Entry>) -> (Vec<(Entry, Result<()>)>, BTreeSet<PathBuf>) {
    let mut directories = BTreeSet::new();
    let delete = |entry: Entry| {
        let path = upload_path(folder, &entry.name);
        let result = match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(storage(&path, "cannot be deleted", error))
            }
            _ => Ok(()),
        };
        directories.extend(path.parent().map(Path::to_owned));
        (entry, result)
    };
    let results = entries.into_iter().map(delete).collect();
    (results, directories)
}

/// Removes these directories of a folder, and their parents, if they are empty.
fn remove_empty(folder: &Path, directories: BTreeSet<PathBuf>) {
    // A directory sorts after its parent.
    for directory in directories.into_iter().rev() {
        let up = directory.ancestors().take_while(|parent| *parent != folder);
        // Removal stops at the first directory that is not empty.
        let _ = up.map(std::fs::remove_dir).try_for_each(|removed| removed);
    }
}
