//! `cfstore r2 get KEY... DIR` and `cfstore r2 get PATTERN DIR`

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloudflare_clients::r2::R2Service;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::fs;

use crate::bucket_location::BucketLocation;
use crate::cli::Get;
use crate::destination::path_below;
use crate::error::{Error, ExitStatus, Result};
use crate::key_argument::KeyArgument;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::selection::Selection;
use crate::transfer::{self, Settings};
use crate::transfer_report::{Action, TransferReport, Transferred};

use super::many::{self, Outcome, Turns};

pub(super) async fn run(args: Get, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    if args.range.is_some() {
        return Err(Error::usage("--range works only for a single object", "fetch the objects one by one"));
    }
    let folder = folder(&args)?;
    let literal = args.literal.literal;
    let arguments: Vec<_> =
        args.keys.into_iter().map(|key| KeyArgument::parse(key, literal)).collect::<Result<_>>()?;
    let report = TransferReport::new(printer, location.target()?, args.dry_run);
    let service = args.transfer.sse_c.applied(location.open(printer).await?)?;
    let service = service.on_retry(report.progress().retries());
    let mut sources = Vec::new();
    let is_one = arguments.len() == 1;
    for argument in arguments {
        sources.push(match argument {
            KeyArgument::Key(key) => of_key(service.clone(), key),
            KeyArgument::Pattern(pattern) => {
                let selection = Selection::Pattern(pattern);
                selection.refuse_key(&service).await?;
                of_selection(&service, selection, is_one)
            }
        });
    }
    let settings = Settings::new(&args.transfer, &service);
    let concurrency = settings.concurrency;
    let fetching = Fetching {
        settings,
        service,
        turns: Turns::default(),
        progress: Arc::clone(report.progress()),
        dry_run: args.dry_run,
    };
    let mut taken = HashSet::new();
    let work = stream::iter(sources).flatten().map_ok(|found: Found| {
        fetching.progress.announce(1, found.size.unwrap_or_default());
        let path = found.result.and_then(|name| {
            let path = path_below(&folder, &name)?;
            if taken.insert(folded(&path)) {
                return Ok(path);
            }
            let message = format!("another object already goes to \"{}\"", path.display());
            Err(Error::usage(message, "fetch this object by itself, to another file"))
        });
        fetching.run(found.key, found.size, path)
    });
    many::run(Action::Downloaded, concurrency, work, report).await
}

/// Returns the folder to write to, which must exist or end with a slash.
fn folder(args: &Get) -> Result<PathBuf> {
    let Some(file) = &args.file else { return Ok(PathBuf::new()) };
    let name = file.display();
    if file == Path::new("-") {
        return Err(Error::usage(
            "several objects or a pattern cannot go to stdout (-)",
            "`cfstore r2 cat` prints objects one after the other",
        ));
    }
    if file.is_dir() || (!file.exists() && file.to_string_lossy().ends_with(std::path::is_separator)) {
        return Ok(file.clone());
    }
    let (what, hint) = if file.exists() {
        ("is not a folder", "name a folder to write to, such as . for the current one")
    } else {
        ("does not exist", "end it with a slash to create the folder; . is the current one")
    };
    Err(Error::usage(format!("several objects need a folder to go to, but \"{name}\" {what}"), hint))
}

/// An object that an argument selects.
struct Found {
    key: String,
    size: Option<u64>,
    /// Name of the object below the folder, or why it cannot be fetched.
    result: Result<String>,
}

type Sources = BoxStream<'static, Result<Found>>;

/// Finds an object, which is named by the last part of its key.
fn of_key(service: R2Service, key: String) -> Sources {
    let found = async move {
        let result = match service.head(&key).await {
            Ok(Some(object)) => Ok(object.size),
            Ok(None) => Err(Error::NotFound(key.clone())),
            Err(error) => Err(error.into()),
        };
        let size = result.as_ref().ok().copied();
        let name = key.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Found { key, size, result: result.map(|_| name) })
    };
    stream::once(found).boxed()
}

/// Finds the objects of a selection, named by their keys below its directory. If it finds nothing and is the
/// only argument, the whole command fails.
fn of_selection(service: &R2Service, selection: Selection, is_one: bool) -> Sources {
    let pages = selection.pages(service);
    let found =
        stream::try_unfold((pages, selection, false), move |(mut pages, selection, found)| async move {
            let Some(page) = pages.try_next().await? else {
                let Err(error) = selection.check_found(found) else { return Ok(None) };
                if is_one {
                    return Err(error);
                }
                let nothing = Found { key: selection.prefix().to_owned(), size: None, result: Err(error) };
                return Ok(Some((vec![nothing], (pages, selection, true))));
            };
            let found = found || !page.is_empty();
            let objects: Vec<_> = page
                .into_iter()
                .map(|object| {
                    let name = selection.name_of(&object.key).to_owned();
                    Found { key: object.key, size: Some(object.size), result: Ok(name) }
                })
                .collect();
            Ok(Some((objects, (pages, selection, found))))
        });
    found.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten().boxed()
}

/// Returns a form by which equal files are recognized: some systems ignore case.
fn folded(path: &Path) -> PathBuf {
    if cfg!(any(windows, target_os = "macos")) {
        path.to_string_lossy().to_lowercase().into()
    } else {
        path.to_owned()
    }
}

/// State that all downloads share.
struct Fetching {
    service: R2Service,
    settings: Settings,
    turns: Turns,
    progress: Arc<Progress>,
    dry_run: bool,
}

impl Fetching {
    async fn run(&self, key: String, size: Option<u64>, path: Result<PathBuf>) -> Outcome {
        match path {
            Ok(path) => {
                let result = self.fetch(&key, size.unwrap_or_default(), &path).await;
                Outcome { key, path: Some(path), size, result }
            }
            Err(error) => Outcome { key, path: None, size, result: Err(error) },
        }
    }

    async fn fetch(&self, key: &str, size: u64, path: &Path) -> Result<Transferred> {
        if self.dry_run {
            return Ok(Transferred::default());
        }
        let _turn = self.turns.take(size).await;
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            let made = fs::create_dir_all(folder).await;
            made.map_err(|error| Error::file(folder, "cannot be created", &error))?;
        }
        let bytes = self.progress.file(key);
        let downloaded = transfer::download_file(&self.service, key, path, &self.settings, bytes).await?;
        let Some(downloaded) = downloaded else { return Err(Error::NotFound(key.to_owned())) };
        Ok(Transferred { verified: Some(downloaded.verified), resumed_bytes: downloaded.resumed_bytes })
    }
}
