//! Transfers of folders and prefixes: `sync`, `put -r` and `get -r`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{HttpMetadata, R2Service};
use cloudflare_clients::transfer::{
    self, Compare, RateLimit, Tree, TreeEvent, TreeProgress, TreeReport, TreeTransfer,
};
use tokio::sync::Notify;

use crate::bucket_location::BucketLocation;
use crate::cli::{self, DATA_DIRECTORY, Get, Put};
use crate::error::{Error, ExitStatus, Result};
use crate::key_argument::KeyArgument;
use crate::printer::Printer;
use crate::shutdown;
use crate::transfer::journal_folder;
use crate::transfer_report::{Action, Item, TransferReport, Transferred};

/// Source or destination of a transfer.
#[derive(Debug)]
pub(super) enum Side {
    Folder(PathBuf),
    Keys { location: Box<BucketLocation>, prefix: String },
}

/// Options of a transfer.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) delete: bool,
    /// Whether an empty source is an error.
    pub(super) expects_some: bool,
    pub(super) dry_run: bool,
    pub(super) tree: cli::Tree,
    /// Metadata of the stored objects.
    pub(super) metadata: Option<cli::Metadata>,
    pub(super) transfer: cli::Transfer,
}

/// Refuses options that need -r.
pub(super) fn refuse_options(tree: &cli::Tree) -> Result<()> {
    let cli::Tree {
        include,
        exclude,
        checksum,
        size_only,
        ignore_times,
        follow_links,
        cache_control_of,
        content_type_of,
    } = tree;
    let given = [
        ("--include", !include.is_empty()),
        ("--exclude", !exclude.is_empty()),
        ("--checksum", *checksum),
        ("--size-only", *size_only),
        ("--ignore-times", *ignore_times),
        ("--follow-links", *follow_links),
        ("--cache-control-of", !cache_control_of.is_empty()),
        ("--content-type-of", !content_type_of.is_empty()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Error::usage(
            format!("{option} is only for folders and prefixes"),
            format!("add -r, or leave {option} out"),
        )),
        None => Ok(()),
    }
}

/// Refuses a source that is not a folder, before a store is created.
fn check_folder(folder: &Path) -> Result<()> {
    match std::fs::metadata(folder) {
        Err(error) => Err(Error::file(folder, "cannot be read", &error)),
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::usage(
            format!("\"{}\" is not a folder", folder.display()),
            "name a folder; `cfstore r2 put FILE KEY` stores a file",
        )),
    }
}

/// Removes the library's name of the operation, "sync", from a failure of this machine: `put -r` and `get -r`
/// have other names.
fn without_sync(error: Error) -> Error {
    match &error {
        Error::Service(of_sync)
            if of_sync.kind() == ErrorKind::Storage && of_sync.operation() == Some("sync") =>
        {
            Error::Local(of_sync.message().to_owned())
        }
        _ => error,
    }
}

/// Names the option of a malformed pattern.
fn in_option(option: &str) -> impl Fn(cloudflare_clients::Error) -> Error {
    move |error| Error::usage(format!("{option}: {}", error.message()), "write \\[ for the character itself")
}

/// `cfstore r2 put -r DIR PREFIX/`
pub(super) async fn put(args: Put, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let Put { files, key, dry_run, tree, metadata, transfer, .. } = args;
    let [folder] = <[PathBuf; 1]>::try_from(files).map_err(|folders| {
        Error::usage(
            format!("-r stores one folder, but {} were given", folders.len()),
            "run the command once per folder",
        )
    })?;
    let plan = Plan { delete: false, expects_some: false, dry_run, tree, metadata: Some(metadata), transfer };
    run(Side::Folder(folder), Side::Keys { location: Box::new(location), prefix: key }, plan, printer).await
}

/// `cfstore r2 get -r PREFIX/ DIR`
pub(super) async fn get(args: Get, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let Get { keys, file, dry_run, tree, transfer, literal, .. } = args;
    let [prefix] = <[String; 1]>::try_from(keys).map_err(|prefixes| {
        Error::usage(
            format!("-r fetches one prefix, but {} were given", prefixes.len()),
            "run the command once per prefix",
        )
    })?;
    if let KeyArgument::Pattern(pattern) = KeyArgument::parse(prefix.clone(), literal.literal)? {
        return Err(Error::usage(
            format!("-r fetches a prefix, but {:?} is a pattern", pattern.as_str()),
            "leave -r out to fetch what matches the pattern, or give --literal if it is a prefix",
        ));
    }
    let name = prefix.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let folder = match file {
        Some(folder) if folder == Path::new("-") => {
            return Err(Error::usage(
                "-r writes a folder, so it cannot write to stdout (-)",
                "name the folder to write to, such as . for the current one",
            ));
        }
        Some(folder) => folder,
        None if matches!(name, "" | "." | "..") => {
            return Err(Error::usage(
                format!("{prefix:?} does not name the folder to write to"),
                "add the folder as the last argument, such as . for the current one",
            ));
        }
        None => name.into(),
    };
    let plan = Plan { delete: false, expects_some: true, dry_run, tree, metadata: None, transfer };
    run(Side::Keys { location: Box::new(location), prefix }, Side::Folder(folder), plan, printer).await
}

pub(super) async fn run(source: Side, target: Side, plan: Plan, printer: Printer) -> Result<ExitStatus> {
    let action = match (&source, &target) {
        (Side::Folder(_), _) => Action::Uploaded,
        (_, Side::Folder(_)) => Action::Downloaded,
        _ => Action::Copied,
    };
    if let Side::Folder(folder) = &source {
        check_folder(folder)?;
    }
    let summarized = match (&source, &target) {
        (_, Side::Keys { location, .. }) | (Side::Keys { location, .. }, _) => location.target()?,
        (Side::Folder(_), Side::Folder(folder)) => folder.display().to_string(),
    };
    let [from, to] = [Names::of(&source), Names::of(&target)];
    let (expects_some, named) = (plan.expects_some, from.key("").unwrap_or_default());
    // Opens both before the progress is shown, since this prints notes.
    let sse_c = &plan.transfer.sse_c;
    let source = source.open(false, sse_c, printer).await?;
    let target = target.open(!plan.dry_run, sse_c, printer).await?;
    let report = Report::new(TransferReport::new(printer, summarized.clone(), plan.dry_run));
    let [source, target] = [source, target].map(|side| side.telling(&report));
    let mut transfer = plan.transfer(&source, &target, &summarized)?;
    let told = Arc::clone(&report);
    transfer = transfer.on_event(move |event| told.event(action, &from, &to, &event));
    let told = Arc::clone(&report);
    transfer = transfer.on_progress(move |progress| told.progress(progress));
    let done = shutdown::unless_requested(async {
        tokio::select! {
            done = transfer.into_future() => Ok(Some(done?)),
            // The reader of the output is gone.
            () = report.broken.notified() => Ok(None),
        }
    });
    match done.await {
        Ok(Some(done)) if expects_some && found_nothing(&done) => {
            let hint = "`cfstore r2 ls` lists the keys of the bucket; leave -r out to fetch a single object"
                .to_owned();
            Err(Error::NothingBegins { prefix: named, hint })
        }
        Ok(_) => report.finish(),
        Err(error) => {
            report.finish_early()?;
            Err(without_sync(error))
        }
    }
}

fn found_nothing(report: &TreeReport) -> bool {
    let TreeReport { transferred, unchanged, deleted, failed, .. } = report;
    [transferred, unchanged, deleted, failed].iter().all(|number| **number == 0)
}

impl Side {
    async fn open(self, creates: bool, sse_c: &cli::SseC, printer: Printer) -> Result<Opened> {
        Ok(match self {
            Self::Folder(folder) => Opened::Folder(folder),
            Self::Keys { location, prefix } => {
                let opened = if creates {
                    location.open_or_create(printer).await
                } else {
                    location.open(printer).await
                };
                Opened::Keys(sse_c.applied(opened?)?, prefix)
            }
        })
    }
}

enum Opened {
    Folder(PathBuf),
    Keys(R2Service, String),
}

impl Opened {
    /// Reports each retry.
    fn telling(self, report: &Report) -> Self {
        match self {
            Self::Keys(service, prefix) => {
                let retries = report.lock().report.as_ref().map(|report| report.progress().retries());
                match retries {
                    Some(retries) => Self::Keys(service.on_retry(retries), prefix),
                    None => Self::Keys(service, prefix),
                }
            }
            folder @ Self::Folder(_) => folder,
        }
    }

    fn tree(&self) -> Tree {
        match self {
            Self::Folder(folder) => folder.into(),
            Self::Keys(service, prefix) => service.tree(prefix),
        }
    }

    fn service(&self) -> Option<&R2Service> {
        match self {
            Self::Folder(_) => None,
            Self::Keys(service, _) => Some(service),
        }
    }
}

impl Plan {
    fn transfer(self, source: &Opened, target: &Opened, summarized: &str) -> Result<TreeTransfer> {
        let Self { delete, dry_run, tree, metadata, transfer: args, .. } = self;
        let compare = match () {
            () if tree.checksum => Compare::Checksum,
            () if tree.size_only => Compare::Size,
            () if tree.ignore_times => Compare::Nothing,
            () => Compare::Time,
        };
        let mut transfer = transfer::sync(source.tree(), target.tree())
            .delete(delete)
            .dry_run(dry_run)
            .compare(compare)
            .follow_links(tree.follow_links)
            .resume(!args.no_resume);
        if let Some(concurrency) = args.concurrency {
            transfer = transfer.concurrency(concurrency);
        }
        if let (Some(rate), Some(service)) = (args.rate.limit_rate, source.service().or(target.service())) {
            transfer = transfer.share_rate(&RateLimit::new(service, rate));
        }
        if let Some(folder) = journal_folder(summarized).filter(|_| !args.no_resume) {
            transfer = transfer.journal(folder);
        }
        if let Some(metadata) = metadata {
            transfer = stored_with(transfer, metadata);
        }
        for pattern in tree.include {
            transfer = transfer.include(pattern).map_err(in_option("--include"))?;
        }
        // The embedded store, with its credentials.
        transfer = transfer.exclude(DATA_DIRECTORY)?;
        for pattern in tree.exclude {
            transfer = transfer.exclude(pattern).map_err(in_option("--exclude"))?;
        }
        for (pattern, value) in tree.cache_control_of {
            let metadata = HttpMetadata::new().cache_control(value);
            transfer = transfer.metadata_of(pattern, metadata).map_err(in_option("--cache-control-of"))?;
        }
        for (pattern, value) in tree.content_type_of {
            let metadata = HttpMetadata::new().content_type(value);
            transfer = transfer.metadata_of(pattern, metadata).map_err(in_option("--content-type-of"))?;
        }
        Ok(transfer)
    }
}

fn stored_with(mut transfer: TreeTransfer, metadata: cli::Metadata) -> TreeTransfer {
    let cli::Metadata {
        content_type,
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        storage_class,
        checksum_algorithm,
        custom,
    } = metadata;
    let mut http = HttpMetadata::new();
    http.content_type = content_type;
    http.cache_control = cache_control;
    http.content_disposition = content_disposition;
    http.content_encoding = content_encoding;
    http.content_language = content_language;
    transfer = transfer.http_metadata(http).custom_metadata(custom.into_iter().collect());
    if let Some(class) = storage_class {
        transfer = transfer.storage_class(class.into());
    }
    match checksum_algorithm {
        Some(algorithm) => transfer.checksum_algorithm(algorithm.into()),
        None => transfer,
    }
}

/// Maps names below a root to keys or paths.
enum Names {
    Folder(PathBuf),
    Prefix(String),
}

impl Names {
    fn of(side: &Side) -> Self {
        match side {
            Side::Folder(folder) => Self::Folder(folder.clone()),
            Side::Keys { prefix, .. } if prefix.is_empty() || prefix.ends_with('/') => {
                Self::Prefix(prefix.clone())
            }
            Side::Keys { prefix, .. } => Self::Prefix(format!("{prefix}/")),
        }
    }

    fn key(&self, name: &str) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Prefix(prefix) => Some(format!("{prefix}{name}")),
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(name)),
            Self::Prefix(_) => None,
        }
    }
}

/// The report, fed by events of the transfer.
struct Report {
    state: Mutex<State>,
    /// Notified when the output can no longer be written.
    broken: Notify,
}

struct State {
    report: Option<TransferReport>,
    /// The progress as last shown.
    shown: TreeProgress,
    failed: Option<Error>,
}

impl Report {
    fn new(report: TransferReport) -> Arc<Self> {
        let state = State { report: Some(report), shown: TreeProgress::default(), failed: None };
        Arc::new(Self { state: Mutex::new(state), broken: Notify::new() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, action: Action, from: &Names, to: &Names, event: &TreeEvent<'_>) {
        let mut state = self.lock();
        let Some(report) = &mut state.report else { return };
        let (name, size) = match *event {
            TreeEvent::Transferred { name, size, .. }
            | TreeEvent::Unchanged { name, size }
            | TreeEvent::Deleted { name, size } => (name, Some(size)),
            TreeEvent::LeftOut { name, .. } | TreeEvent::Failed { name, .. } => (name, None),
            _ => return,
        };
        let (source, key) = match (from.key(name), to.key(name)) {
            (Some(source), Some(key)) => (Some(source), key),
            (source, key) => (None, key.or(source).unwrap_or_default()),
        };
        let path = from.path(name).or_else(|| to.path(name));
        let item = Item { key: &key, source: source.as_deref(), path: path.as_deref(), size };
        let told = match *event {
            TreeEvent::Transferred { verified, resumed_bytes, .. } => {
                report.done(action, &item, Transferred { verified, resumed_bytes })
            }
            TreeEvent::Unchanged { .. } => report.skipped(&item, "unchanged"),
            TreeEvent::Deleted { .. } => {
                report.progress().announce(1, 0);
                // It is at the destination.
                let path = to.path(name);
                let item = Item { source: None, path: path.as_deref(), ..item };
                report.done(Action::Deleted, &item, Transferred::default())
            }
            TreeEvent::LeftOut { why, .. } => report.left_out(&item, why),
            TreeEvent::Failed { error, .. } => report.failed(&item, error),
            _ => Ok(()),
        };
        if let Err(error) = told {
            state.failed.get_or_insert(error);
            self.broken.notify_one();
        }
    }

    fn progress(&self, now: TreeProgress) {
        let mut state = self.lock();
        let shown = std::mem::replace(&mut state.shown, now);
        let Some(report) = &state.report else { return };
        let files = (now.found + now.unchanged).saturating_sub(shown.found + shown.unchanged);
        let bytes = now.found_bytes.saturating_sub(shown.found_bytes);
        if files > 0 || bytes > 0 {
            report.progress().announce(files, bytes);
        }
        report.progress().transferred(shown.done_bytes, now.done_bytes);
    }

    /// Prints the summary of an aborted transfer, if it did anything.
    fn finish_early(&self) -> Result<()> {
        match self.lock().report.take() {
            Some(report) if !report.is_empty() => report.finish().map(drop),
            _ => Ok(()),
        }
    }

    fn finish(&self) -> Result<ExitStatus> {
        let mut state = self.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        match state.report.take() {
            Some(report) => report.finish(),
            None => Ok(ExitStatus::Success),
        }
    }
}
