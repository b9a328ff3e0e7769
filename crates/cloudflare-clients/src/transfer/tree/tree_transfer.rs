//! Transfers from one tree to another.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};

use super::comparison::Compare;
use super::entry::Entries;
use super::jobs::{Jobs, Outcome, is_fatal};
use super::keys::Directories;
use super::place::{Place, Tree};
use super::planner::{Planner, Work};
use super::report::{Listeners, Reporter, TreeEvent, TreeProgress, TreeReport};
use super::selection::{MetadataRules, NamePattern, Selection};
use super::settings::Settings;
use super::{folder, keys};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::model::r2::{CreateMultipartUploadRequest, CustomMetadata, HttpMetadata, StorageClass};
use crate::r2::R2Service;
use crate::r2::ops::setters::metadata_setters;
use crate::transfer::object_checksum::checksum_algorithm_setter;
use crate::transfer::pieces::Pieces;
use crate::transfer::rate::RateLimit;

/// Number of requests of a tree transfer in flight, by default.
const DEFAULT_CONCURRENCY: usize = 32;

/// Transfers the entries of the source that are missing or different in the target.
///
/// One side is a local folder and the other one [the keys below a prefix](R2Service::tree), or both are keys.
///
/// ```
/// # use cloudflare_clients::{LocalBucket, r2::{HttpMetadata, R2Service}};
/// use cloudflare_clients::transfer::sync;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let (film, copy) = (folder.path().join("film"), folder.path().join("copy"));
/// # std::fs::create_dir(&film).unwrap();
/// # std::fs::write(film.join("master.m3u8"), "#EXTM3U\n").unwrap();
/// # std::fs::write(film.join("0001.ts"), "segment").unwrap();
/// # let r2 = R2Service::new(LocalBucket::open(folder.path().join("store"), "media").await?);
/// let sent = sync(&film, r2.tree("creator-123/film"))
///     .delete(true)
///     .metadata_of("*.m3u8", HttpMetadata::new().cache_control("no-cache"))?
///     .await?;
/// sent.check()?;
/// assert_eq!((sent.transferred, sent.unchanged, sent.deleted), (2, 0, 0));
///
/// let fetched = sync(r2.tree("creator-123/film"), &copy).await?;
/// fetched.check()?;
/// assert_eq!(fetched.transferred, 2);
/// # assert_eq!(std::fs::read(copy.join("0001.ts")).unwrap(), b"segment");
/// # Ok(()) }
/// ```
pub fn sync(source: impl Into<Tree>, target: impl Into<Tree>) -> TreeTransfer {
    TreeTransfer::new("sync", source.into(), target.into())
}

impl R2Service {
    /// Uploads the files of a folder below a prefix: [`sync`] from the folder.
    pub fn upload_dir(&self, folder: impl Into<PathBuf>, prefix: impl Into<String>) -> TreeTransfer {
        TreeTransfer::new("upload_dir", folder.into().into(), self.tree(prefix))
    }

    /// Downloads the objects below a prefix into a folder: [`sync`] to the folder.
    pub fn download_dir(&self, prefix: impl Into<String>, folder: impl Into<PathBuf>) -> TreeTransfer {
        TreeTransfer::new("download_dir", self.tree(prefix), folder.into().into())
    }

    /// Copies the objects below a prefix to another prefix of this bucket: [`sync`] within the bucket.
    pub fn copy_prefix(&self, source: impl Into<String>, target: impl Into<String>) -> TreeTransfer {
        TreeTransfer::new("copy_prefix", self.tree(source), self.tree(target))
    }

    /// Moves the objects below a prefix to another prefix of this bucket: each source is deleted once its
    /// copy is verified. Nothing is compared: existing objects of the target are replaced.
    pub fn move_prefix(&self, source: impl Into<String>, target: impl Into<String>) -> TreeTransfer {
        let mut moved = TreeTransfer::new("move_prefix", self.tree(source), self.tree(target));
        moved.settings.moves = true;
        moved
    }
}

/// A request to transfer a tree. Awaiting it returns a [`TreeReport`], which lists the entries that could not
/// be transferred.
///
/// - **Selection.** Entries are transferred that exist only in the source, or that differ, as [`Compare`]
///   defines. Both sides are listed during the transfer, in the order of their names. Only the names that are
///   to be deleted are held in memory.
/// - **Resume.** The same call resumes an interrupted transfer: entries that have arrived are unchanged.
///   Large files continue where they stopped; for uploads this needs a [`journal`](Self::journal).
/// - **Files.** Special files are left out, and so are symbolic links unless they are
///   [followed](Self::follow_links). Entries of the target below one of them are not deleted. Directories are
///   created for the files in them.
/// - **Keys** that cannot be file names in the folder, because of `..`, a leading slash, or names that
///   Windows reserves, are rejected: nothing is written outside the folder. Empty objects whose keys end with
///   a slash, which stand for directories, are skipped. Between prefixes, all keys are copied.
/// - **Times.** The modification time of a file is stored in the custom metadata `mtime` of its object, which
///   rclone uses too. A downloaded file gets this time, or else the time at which its object was uploaded.
///
/// # Errors
/// Failures of single entries are in the report. The transfer itself fails if a side cannot be listed, or the
/// credentials are rejected.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct TreeTransfer {
    name: &'static str,
    source: Tree,
    target: Tree,
    settings: Settings,
    /// The metadata and settings that all objects are stored with. The key is not used.
    request: CreateMultipartUploadRequest,
    selection: Selection,
    follow_links: bool,
    listeners: Listeners,
}

impl TreeTransfer {
    fn new(name: &'static str, source: Tree, target: Tree) -> Self {
        let settings = Settings {
            compare: Compare::default(),
            delete: false,
            dry_run: false,
            moves: false,
            metadata_rules: MetadataRules { guess_content_type: true, keep_times: true, rules: Vec::new() },
            part_size: None,
            concurrency: DEFAULT_CONCURRENCY,
            resume: true,
            rate: None,
            journal: None,
        };
        Self {
            name,
            source,
            target,
            settings,
            request: CreateMultipartUploadRequest::new(String::new()),
            selection: Selection::default(),
            follow_links: false,
            listeners: Listeners::default(),
        }
    }

    /// Sets how to find out what has changed. The default is [`Compare::Time`].
    pub fn compare(mut self, compare: Compare) -> Self {
        self.settings.compare = compare;
        self
    }

    /// Sets whether to delete entries that exist only in the target. The default is false. Entries that are
    /// not [included](Self::include), or are [excluded](Self::exclude), are kept. The deletion starts when
    /// both sides are listed, and does not happen if a part of the source cannot be listed. If the source is
    /// empty and the target is not, the transfer fails with [`ErrorKind::InvalidInput`](crate::ErrorKind), as
    /// it may be the wrong source.
    pub fn delete(mut self, delete: bool) -> Self {
        self.settings.delete = delete;
        self
    }

    /// Sets whether to change nothing and only report what would be done. The default is false.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.settings.dry_run = dry_run;
        self
    }

    /// Transfers only names that match this pattern, or another one that was included. The pattern is a
    /// [`KeyPattern`](crate::transfer::KeyPattern). Without a slash, as in `*.mp4`, it applies to the last
    /// part of a name; with one, as in `drafts/*.mp4`, to the whole name below the root. A pattern that
    /// matches a directory includes everything in it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the pattern is malformed.
    pub fn include(mut self, pattern: impl Into<String>) -> Result<Self> {
        self.selection.include.push(NamePattern::parse(&pattern.into())?);
        Ok(self)
    }

    /// Leaves out names that match this pattern, even if they are included. Patterns are those of
    /// [`include`](Self::include).
    ///
    /// # Errors
    /// Like [`include`](Self::include).
    pub fn exclude(mut self, pattern: impl Into<String>) -> Result<Self> {
        self.selection.exclude.push(NamePattern::parse(&pattern.into())?);
        Ok(self)
    }

    metadata_setters!();
    checksum_algorithm_setter!(request);

    /// Sets the metadata of objects whose names match a pattern, in addition to that of all objects. If
    /// several patterns match, the later one wins. Copies keep the metadata of their sources.
    ///
    /// # Errors
    /// Like [`include`](Self::include).
    pub fn metadata_of(mut self, pattern: impl Into<String>, metadata: HttpMetadata) -> Result<Self> {
        self.settings.metadata_rules.rules.push((NamePattern::parse(&pattern.into())?, metadata));
        Ok(self)
    }

    /// Sets whether objects get the content type [for the extension of their
    /// name](crate::transfer::guess_content_type) if no other one is set. The default is true.
    pub fn guess_content_type(mut self, guess: bool) -> Self {
        self.settings.metadata_rules.guess_content_type = guess;
        self
    }

    /// Sets whether the modification times of files are stored with their objects, and restored by downloads.
    /// The default is true. Without it, a downloaded file gets the time at which its object was uploaded.
    pub fn keep_times(mut self, keep: bool) -> Self {
        self.settings.metadata_rules.keep_times = keep;
        self
    }

    /// Sets whether symbolic links in a source folder are followed. The default is false. A link that forms a
    /// loop is a failure in the report.
    pub fn follow_links(mut self, follow: bool) -> Self {
        self.follow_links = follow;
        self
    }

    /// Sets the size of upload parts, as in [`Upload::part_size`](crate::transfer::Upload::part_size), and of
    /// download ranges.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.settings.part_size = Some(bytes);
        self
    }

    /// Sets the maximum number of requests in flight. The default is 32; 0 counts as 1.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.settings.concurrency = requests.max(1);
        self
    }

    /// Limits the rate of all bytes together. Other transfers may share the limit.
    pub fn share_rate(mut self, limit: &RateLimit) -> Self {
        self.settings.rate = Some(limit.clone());
        self
    }

    /// Sets the folder for the journals of large files, from which uploads are resumed:
    /// [`Upload::journal`](crate::transfer::Upload::journal).
    pub fn journal(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.journal = Some(folder.into());
        self
    }

    /// Sets whether downloads are resumed, and kept to be resumed:
    /// [`Download::resume`](crate::transfer::Download::resume).
    pub fn resume(mut self, resume: bool) -> Self {
        self.settings.resume = resume;
        self
    }

    /// Calls `listen` with the result for each name, as soon as it is known.
    pub fn on_event(mut self, listen: impl Fn(TreeEvent<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.event = Some(Arc::new(listen));
        self
    }

    /// Calls `report` as bytes are transferred and names are found or done.
    pub fn on_progress(mut self, report: impl Fn(TreeProgress) + Send + Sync + 'static) -> Self {
        self.listeners.progress = Some(Arc::new(report));
        self
    }

    async fn send(self) -> Result<TreeReport> {
        let operation = Operation::without_key(self.name);
        operation.check(self.validate())?;
        operation.check(self.run().await)
    }

    fn validate(&self) -> Result<()> {
        let (source, target) = (&self.source.0, &self.target.0);
        if let (Place::Folder(_), Place::Folder(_)) = (source, target) {
            let message = "both sides are local folders: one of them must be a tree of a bucket";
            return Err(Error::invalid_input(message));
        }
        if source.overlaps(target) {
            return Err(Error::invalid_input(
                "one prefix contains the other: a tree cannot be transferred into itself",
            ));
        }
        if self.settings.moves && matches!(source, Place::Keys { prefix, .. } if prefix.is_empty()) {
            return Err(Error::invalid_input("an empty prefix is the whole bucket: name the prefix to move"));
        }
        let CreateMultipartUploadRequest {
            http_metadata,
            custom_metadata,
            storage_class,
            checksum_algorithm,
            key: _,
            ssec_key: _,
        } = &self.request;
        let has_metadata = *http_metadata != HttpMetadata::new()
            || !custom_metadata.is_empty()
            || storage_class.is_some()
            || checksum_algorithm.is_some()
            || !self.settings.metadata_rules.rules.is_empty();
        if has_metadata && !matches!(source, Place::Folder(_)) {
            let message = "metadata, storage class and checksum algorithm can only be set when files are uploaded: copies and \
                 downloads keep those of their sources";
            return Err(Error::invalid_input(message));
        }
        Pieces::new(0, self.settings.part_size)?;
        self.request.http_metadata.validate()?;
        self.request.custom_metadata.validate()?;
        checksum_algorithm.map_or(Ok(()), |algorithm| algorithm.required_type_of_parts().map(drop))?;
        self.settings.metadata_rules.rules.iter().try_for_each(|(_, metadata)| metadata.validate())
    }

    async fn run(self) -> Result<TreeReport> {
        let directories = match (&self.source.0, &self.target.0) {
            // A key cannot be empty.
            (Place::Keys { .. }, Place::Keys { prefix, .. }) if prefix.is_empty() => Directories::Below,
            (Place::Keys { .. }, Place::Keys { .. }) => Directories::All,
            _ => Directories::None,
        };
        let source = match &self.source.0 {
            Place::Folder(path) => folder::list(path.clone(), self.follow_links, false),
            Place::Keys { service, prefix } => keys::list(service, prefix.clone(), directories),
        };
        let lists_target = self.settings.delete || self.settings.compare != Compare::Nothing;
        let target: Entries = match &self.target.0 {
            _ if !lists_target => stream::empty().boxed(),
            Place::Folder(path) => folder::list(path.clone(), false, true),
            Place::Keys { service, prefix } => keys::list(service, prefix.clone(), directories),
        };
        let planner = Planner::new(source, target, self.selection, self.settings.delete);
        let reporter = Reporter::new(self.listeners);
        let jobs = Jobs::new(
            self.source.0,
            self.target.0,
            self.settings,
            self.request,
            Arc::clone(&reporter),
            lists_target,
        )?;

        let plan = stream::unfold(Some(planner), |planner| async {
            let mut planner = planner?;
            match planner.next().await.transpose()? {
                Ok(work) => Some((Ok(work), Some(planner))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let plan = plan.chain(
            stream::once(async {
                reporter.progress(|progress| progress.is_listed = true);
            })
            .filter_map(async |()| None),
        );
        let mut outcomes = plan
            .map(|work| async { jobs.perform(work?).await })
            .buffer_unordered(jobs.most_under_way())
            .boxed();
        let mut report = TreeReport::default();
        let mut ended = None;
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(outcome) => tell(&reporter, &mut report, outcome.as_ref()),
                // What is in progress is finished first.
                Err(error) => {
                    ended.get_or_insert(error);
                }
            }
            if ended.as_ref().is_some_and(is_fatal) {
                break;
            }
        }
        drop(outcomes);
        jobs.remove_emptied().await?;
        if let Some(error) = ended {
            return Err(error);
        }
        let mut again = stream::iter(jobs.take_blocked())
            .map(|source| jobs.perform(Work::Again(source)))
            .buffer_unordered(jobs.most_under_way())
            .boxed();
        while let Some(outcome) = again.next().await {
            tell(&reporter, &mut report, outcome?.as_ref());
        }
        Ok(report)
    }
}

fn tell(reporter: &Reporter, report: &mut TreeReport, outcome: Option<&Outcome>) {
    let Some(outcome) = outcome else { return };
    match outcome {
        Outcome::Transferred { name, size, verified, resumed_bytes } => {
            let (size, verified, resumed_bytes) = (*size, *verified, *resumed_bytes);
            reporter.progress(|progress| progress.done += 1);
            reporter.record(report, TreeEvent::Transferred { name, size, verified, resumed_bytes });
        }
        Outcome::Unchanged { name, size } => {
            reporter.progress(|progress| progress.unchanged += 1);
            reporter.record(report, TreeEvent::Unchanged { name, size: *size });
        }
        Outcome::Deleted(results) => {
            for (entry, result) in results {
                let event = match result {
                    Ok(()) => TreeEvent::Deleted { name: &entry.name, size: entry.size },
                    Err(error) => TreeEvent::Failed { name: &entry.name, error },
                };
                reporter.record(report, event);
            }
        }
        Outcome::LeftOut { name, why } => {
            reporter.progress(|progress| progress.unchanged += 1);
            reporter.record(report, TreeEvent::LeftOut { name, why });
        }
        Outcome::Failed { name, error, was_found } => {
            reporter.progress(|progress| {
                progress.found += u64::from(!was_found);
                progress.done += 1;
            });
            reporter.record(report, TreeEvent::Failed { name, error });
        }
    }
}

sent_when_awaited!(TreeTransfer => TreeReport);
