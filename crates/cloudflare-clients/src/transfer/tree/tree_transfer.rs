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

/// How many requests of a transfer of many are under way at once, unless it is told otherwise.
const DEFAULT_CONCURRENCY: usize = 32;

/// Transfers what the source has and the target has not, or has otherwise.
///
/// One of them is a folder and the other one [the keys below a prefix](R2Service::tree), or both are keys.
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
    /// Stores the files of a folder below a prefix: [`sync`] from the folder.
    pub fn upload_dir(&self, folder: impl Into<PathBuf>, prefix: impl Into<String>) -> TreeTransfer {
        TreeTransfer::new("upload_dir", folder.into().into(), self.tree(prefix))
    }

    /// Fetches the objects below a prefix into a folder: [`sync`] to the folder.
    pub fn download_dir(&self, prefix: impl Into<String>, folder: impl Into<PathBuf>) -> TreeTransfer {
        TreeTransfer::new("download_dir", self.tree(prefix), folder.into().into())
    }

    /// Copies the objects below a prefix to another one of this bucket: [`sync`] within it.
    pub fn copy_prefix(&self, source: impl Into<String>, target: impl Into<String>) -> TreeTransfer {
        TreeTransfer::new("copy_prefix", self.tree(source), self.tree(target))
    }

    /// Copies the objects below a prefix to another one of this bucket, and deletes each once its copy is
    /// proved. Nothing is compared: what the other prefix has is replaced.
    pub fn move_prefix(&self, source: impl Into<String>, target: impl Into<String>) -> TreeTransfer {
        let mut moved = TreeTransfer::new("move_prefix", self.tree(source), self.tree(target));
        moved.settings.moves = true;
        moved
    }
}

/// The transfer of a tree; awaiting it gives a [`TreeReport`], which says what could not be transferred.
///
/// - **What is transferred.** Names that only the source has, and those that differ, as [`Compare`] says.
///   Both sides are listed as it goes, in the order of their names: in memory are only the names that are to
///   be deleted.
/// - **Interrupted**, it is continued by the same call: what has arrived is unchanged. Large files are
///   continued where they stopped, if uploads have a [`journal`](Self::journal).
/// - **Files** that are not regular are left out, and links, unless they are [followed](Self::follow_links).
///   What lies below one of them in the target is not deleted. Directories come into being by the files in
///   them.
/// - **Keys** that are no names of files in the folder, by `..`, a leading slash, or what Windows keeps for
///   devices, are refused: nothing is written elsewhere. Keys that end with a slash and have no bytes, which
///   stand for directories, are skipped. From prefix to prefix, all keys are copied.
/// - **Times.** A file's time is kept in the custom metadata `mtime` of its object, where rclone keeps it
///   too, and a file that is fetched gets it back, or else the time at which its object was uploaded.
///
/// Refusals and failures of single names are in the report. That nothing can be listed, or the credentials
/// are not taken, is an error of the transfer.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct TreeTransfer {
    name: &'static str,
    source: Tree,
    target: Tree,
    settings: Settings,
    /// What all objects are stored with. Its key means nothing.
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

    /// How it finds out what has changed; [`Compare::Time`] by default.
    pub fn compare(mut self, compare: Compare) -> Self {
        self.settings.compare = compare;
        self
    }

    /// Whether what only the target has is deleted; false by default. What is not [included](Self::include),
    /// or [excluded](Self::exclude), stays. It happens once both sides are listed, and not at all if
    /// something of the source cannot be listed. That the source has nothing at all while the target has
    /// something is [`ErrorKind::InvalidInput`](crate::ErrorKind): it may be the wrong one.
    pub fn delete(mut self, delete: bool) -> Self {
        self.settings.delete = delete;
        self
    }

    /// Whether nothing is changed, and the report says what would be; false by default.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.settings.dry_run = dry_run;
        self
    }

    /// Transfers names that this pattern matches, or another one that is given so, and no others. It is a
    /// [`KeyPattern`](crate::transfer::KeyPattern): without a slash, as in `*.mp4`, it is about the last part of a name; with one it is about
    /// the whole name below the root, as in `drafts/*.mp4`. One that matches a directory is about all that
    /// lies in it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it is malformed.
    pub fn include(mut self, pattern: impl Into<String>) -> Result<Self> {
        self.selection.include.push(NamePattern::parse(&pattern.into())?);
        Ok(self)
    }

    /// Leaves out names that this pattern matches, as of [`include`](Self::include), even if they are included.
    ///
    /// # Errors
    /// As [`include`](Self::include).
    pub fn exclude(mut self, pattern: impl Into<String>) -> Result<Self> {
        self.selection.exclude.push(NamePattern::parse(&pattern.into())?);
        Ok(self)
    }

    metadata_setters!();
    checksum_algorithm_setter!(request);

    /// What the objects are stored with whose names a pattern matches, over what all of them are. Of several,
    /// the later one wins. Copies keep the metadata of their sources.
    ///
    /// # Errors
    /// As [`include`](Self::include).
    pub fn metadata_of(mut self, pattern: impl Into<String>, metadata: HttpMetadata) -> Result<Self> {
        self.settings.metadata_rules.rules.push((NamePattern::parse(&pattern.into())?, metadata));
        Ok(self)
    }

    /// Whether objects get the content type that the extension of their name
    /// [stands for](crate::transfer::guess_content_type), where no other one is given; true by default.
    pub fn guess_content_type(mut self, guess: bool) -> Self {
        self.settings.metadata_rules.guess_content_type = guess;
        self
    }

    /// Whether the times of files are kept with their objects, and given back; true by default. Without, a
    /// file that is fetched has the time at which its object was uploaded.
    pub fn keep_times(mut self, keep: bool) -> Self {
        self.settings.metadata_rules.keep_times = keep;
        self
    }

    /// Whether symbolic links in a folder are followed that is the source; false by default. One that leads back to
    /// where it lies is refused.
    pub fn follow_links(mut self, follow: bool) -> Self {
        self.follow_links = follow;
        self
    }

    /// The size of parts, as of [`Upload::part_size`](crate::transfer::Upload::part_size), and of ranges of
    /// downloads.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.settings.part_size = Some(bytes);
        self
    }

    /// How many requests are under way at once, at most; 32 by default. 0 counts as 1.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.settings.concurrency = requests.max(1);
        self
    }

    /// The rate of all bytes together, which other transfers may share.
    pub fn share_rate(mut self, limit: &RateLimit) -> Self {
        self.settings.rate = Some(limit.clone());
        self
    }

    /// The folder that keeps what has arrived of large files:
    /// [`Upload::journal`](crate::transfer::Upload::journal).
    pub fn journal(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.journal = Some(folder.into());
        self
    }

    /// Whether downloads are continued, and kept for that: [`Download::resume`](crate::transfer::Download::resume).
    pub fn resume(mut self, resume: bool) -> Self {
        self.settings.resume = resume;
        self
    }

    /// Calls `listen` with what becomes of each name, as it is known.
    pub fn on_event(mut self, listen: impl Fn(TreeEvent<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.event = Some(Arc::new(listen));
        self
    }

    /// Calls `report` as bytes go by and names are found or done.
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
            let message = "both sides are folders of this machine: one of them has to be a tree of a bucket";
            return Err(Error::invalid_input(message));
        }
        if source.overlaps(target) {
            return Err(Error::invalid_input(
                "one of the prefixes begins with the other one: a tree cannot go into itself",
            ));
        }
        if self.settings.moves && matches!(source, Place::Keys { prefix, .. } if prefix.is_empty()) {
            return Err(Error::invalid_input(
                "an empty prefix is the whole bucket: give the prefix that is to be moved",
            ));
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
            let message = "metadata, storage class and a checksum's algorithm are for files that are uploaded: copies keep those of \
                 their sources";
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
            // No key is empty.
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
                // What is under way is done first.
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
