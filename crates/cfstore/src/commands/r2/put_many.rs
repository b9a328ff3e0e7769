//! `cfstore r2 put FILE... PREFIX/`

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloudflare_clients::r2::normalize_key;
use futures_util::stream;
use tokio::fs;

use crate::bucket_location::BucketLocation;
use crate::cli::Put;
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::printer::Printer;
use crate::transfer::{self, NewObject, Settings};
use crate::transfer_report::{Action, Item, TransferReport, Transferred};

use super::many::{self, Outcome, Turns};

pub(super) async fn run(args: Put, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let named = named(&args)?;
    let target = location.target()?;
    let mut report = TransferReport::new(printer, target.clone(), args.dry_run);
    for (key, _) in &named {
        keys::warn_of_dots(key, printer);
    }
    // Opens the store before the progress is shown, since it prints notes.
    let service = if args.dry_run {
        None
    } else {
        Some(args.transfer.sse_c.applied(location.open_or_create(printer).await?)?)
    };
    let mut files = Vec::new();
    for (key, path) in named {
        match size(&path).await {
            Ok(size) => {
                report.progress().announce(1, size);
                files.push((key, path, size));
            }
            Err(error) => {
                report.progress().announce(1, 0);
                report.failed(&Item { key: &key, path: Some(&path), ..Item::default() }, &error)?;
            }
        }
    }
    let Some(service) = service else {
        for (key, path, size) in &files {
            let item = Item { key, path: Some(path), size: Some(*size), source: None };
            report.done(Action::Uploaded, &item, Transferred::default())?;
        }
        return report.finish();
    };
    let service = service.on_retry(report.progress().retries());
    let settings = Settings::new(&args.transfer, &service);
    let turns = Turns::default();
    let progress = Arc::clone(report.progress());
    let work = files.into_iter().map(|(key, path, size)| {
        let object = NewObject::new(key.clone(), &path, &args.metadata, args.if_absent);
        let (service, settings, target, turns, progress) =
            (&service, &settings, &target, &turns, Arc::clone(&progress));
        Ok(async move {
            let _turn = turns.take(size).await;
            let bytes = progress.file(&key);
            let uploaded = transfer::upload_file(service, &path, &object, target, settings, bytes).await;
            let result = uploaded.map(|uploaded| Transferred {
                verified: Some(uploaded.verified),
                resumed_bytes: uploaded.resumed_bytes,
            });
            Outcome { key, path: Some(path), size: Some(size), result }
        })
    });
    many::run(Action::Uploaded, settings.concurrency, stream::iter(work), report).await
}

/// Returns each file with its key.
fn named(args: &Put) -> Result<Vec<(String, PathBuf)>> {
    let is_folder = args.is_bucket || args.key.ends_with('/');
    if args.files.len() > 1 && !is_folder {
        return Err(Error::usage(
            format!("{:?} is a single key, but there are {} files to store", args.key, args.files.len()),
            "end the key with a slash to store each file under its name",
        ));
    }
    let mut keys: HashMap<String, &Path> = HashMap::new();
    let mut named = Vec::new();
    for file in &args.files {
        if file == Path::new("-") {
            return Err(Error::usage(
                "stdin (-) cannot be stored with other files or with --dry-run",
                "leave out the other files and --dry-run",
            ));
        }
        let key = key_of(args, file)?;
        if let Some(other) = keys.insert(normalize_key(&key).into_owned(), file) {
            let (other, file) = (other.display(), file.display());
            return Err(Error::usage(
                format!("\"{other}\" and \"{file}\" would both get the key {key:?}"),
                "store one of them by itself, under another key",
            ));
        }
        named.push((key, file.clone()));
    }
    Ok(named)
}

/// Returns the key of a file.
pub(super) fn key_of(args: &Put, file: &Path) -> Result<String> {
    let name = if file == Path::new("-") { None } else { file.file_name().and_then(OsStr::to_str) };
    match name {
        // The address of a bucket counts as a folder.
        Some(name) if args.is_bucket => Ok(name.to_owned()),
        None if args.is_bucket => keys::into_folder("/".to_owned(), None),
        name => keys::into_folder(args.key.clone(), name),
    }
}

/// Returns the size of a regular file, in bytes.
async fn size(path: &Path) -> Result<u64> {
    let found = fs::metadata(path).await.map_err(|error| Error::file(path, "cannot be read", &error))?;
    let what = match () {
        () if found.is_file() => return Ok(found.len()),
        () if found.is_dir() => "a folder: give -r to store the files in it",
        () => "a pipe or device: store it by itself",
    };
    Err(Error::Local(format!("\"{}\" is {what}", path.display())))
}
