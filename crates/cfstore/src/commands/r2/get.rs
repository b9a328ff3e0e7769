//! `cfstore r2 get KEY [FILE|-]`, `cfstore r2 get KEY... DIR` and `cfstore r2 get PATTERN DIR`

use std::mem;
use std::path::Path;

use cloudflare_clients::r2::{Body, ObjectBody, R2Service};
use cloudflare_clients::transfer::Downloaded;
use futures_util::TryStreamExt as _;
use indicatif::BinaryBytes;
use serde_json::json;
use tokio::fs;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::addresses::is_address;
use crate::bucket_location::BucketLocation;
use crate::cli::Get;
use crate::destination::Destination;
use crate::error::{Error, ExitStatus, Result};
use crate::key_argument::KeyArgument;
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::shutdown;
use crate::transfer::{self, Proof, Resumed, Settings};
use crate::transfer_report::{Action, Item, TransferReport, Transferred};

use super::{get_many, tree};

pub(crate) async fn run(args: Get, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    if args.recursive {
        return tree::get(args, location, printer).await;
    }
    tree::refuse_options(&args.tree)?;
    let literal = args.literal.literal;
    let key = match &*args.keys {
        [key] => KeyArgument::parse(key.clone(), literal)?,
        _ => return get_many::run(args, location, printer).await,
    };
    match key {
        KeyArgument::Key(key) => get_one(key, args, location, printer).await,
        KeyArgument::Pattern(_) => get_many::run(args, location, printer).await,
    }
}

/// Separates the keys from the file.
pub(super) fn arrange(args: &mut Get) -> Result<()> {
    args.arrange().map_err(|key| {
        Error::usage(format!("the key {} is not UTF-8", key.display()), "write the key in UTF-8")
    })?;
    match args.file.as_ref().and_then(|file| file.to_str()) {
        Some(file) if is_address(file) => Err(Error::usage(
            format!("{file:?} is an address, but the last argument must be a file or a folder"),
            "name the folder to write to, such as . for the current one; `cfstore r2 cp` copies objects",
        )),
        _ => Ok(()),
    }
}

async fn get_one(key: String, args: Get, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let Get { file, range, transfer, dry_run, .. } = args;
    let destination = Destination::new(file, &key).await?;
    if printer.is_json() && matches!(destination, Destination::Stdout) {
        return Err(Error::usage(
            "stdout cannot have both the object and the JSON output",
            "name a file, or leave --json out",
        ));
    }
    let target = location.target()?;
    let service = transfer.sse_c.applied(location.open(printer).await?)?;
    if dry_run {
        return tell(&service, &key, &destination, target, printer).await;
    }
    let settings = Settings::new(&transfer, &service);
    if let (Destination::File(path), None) = (&destination, range) {
        return download(&service, &key, path, &settings, &target, printer).await;
    }
    let mut get = service.get(&key);
    if let Some(range) = range {
        get = get.range(range);
    }
    let Some(mut object) = get.await? else {
        return Err(Error::NotFound(key));
    };
    object.body = settings.limited(mem::replace(&mut object.body, Body::empty()));
    let etag = object.etag.clone();
    let progress = Progress::new(printer, &key, object.body.content_length());
    let object = object.on_progress(progress.reporter());
    let (path, written) = match destination {
        Destination::Stdout => {
            copy(object, tokio::io::stdout(), Error::Output).await?;
            return Ok(ExitStatus::Success);
        }
        Destination::Special(path) => {
            let failed = |error| Error::file(&path, "cannot be written", &error);
            let file = fs::OpenOptions::new().write(true).open(&path).await.map_err(failed)?;
            let written = copy(object, file, failed).await?;
            (path, written)
        }
        Destination::File(path) => {
            let write = async { Ok(object.write_to_file(&path).await?) };
            let written = shutdown::unless_requested(write).await?;
            (path, written)
        }
    };
    drop(progress);
    printer.result_at(
        format_args!("{}  {}", Key(&path.to_string_lossy()), BinaryBytes(written)),
        &json!({
            "event": Action::Downloaded, "key": key, "path": path.to_string_lossy(), "size": written, "etag": etag,
        }),
        &target,
    )?;
    Ok(ExitStatus::Success)
}

/// Reports what would be fetched.
async fn tell(
    service: &R2Service,
    key: &str,
    destination: &Destination,
    target: String,
    printer: Printer,
) -> Result<ExitStatus> {
    let Some(object) = service.head(key).await? else {
        return Err(Error::NotFound(key.to_owned()));
    };
    let path = match destination {
        Destination::Stdout => Path::new("-"),
        Destination::File(path) | Destination::Special(path) => path,
    };
    let mut report = TransferReport::new(printer, target, true);
    let item = Item { key, path: Some(path), size: Some(object.size), source: None };
    report.done(Action::Downloaded, &item, Transferred::default())?;
    report.finish()
}

/// Downloads a whole object into a file.
async fn download(
    service: &R2Service,
    key: &str,
    path: &Path,
    settings: &Settings,
    target: &str,
    printer: Printer,
) -> Result<ExitStatus> {
    let progress = Progress::new(printer, key, Some(0));
    let service = service.clone().on_retry(progress.retries());
    let downloaded = transfer::download_file(&service, key, path, settings, progress.position()).await?;
    drop(progress);
    let Some(Downloaded { object, verified, resumed_bytes, restarted, .. }) = downloaded else {
        return Err(Error::NotFound(key.to_owned()));
    };
    if restarted {
        printer.note(format_args!(
            "the object has changed since the interrupted download: the download started over"
        ));
    }
    let (name, proof, resumed) = (path.to_string_lossy(), Proof(Some(verified)), Resumed(resumed_bytes));
    let mut value = json!({
        "event": Action::Downloaded, "key": key, "path": name, "size": object.size, "etag": object.etag, "verified": verified,
    });
    if resumed_bytes > 0 {
        value["resumedBytes"] = resumed_bytes.into();
    }
    let line = format_args!("{}  {}{proof}{resumed}", Key(&name), BinaryBytes(object.size));
    printer.result_at(line, &value, target)?;
    Ok(ExitStatus::Success)
}

async fn copy(
    object: ObjectBody,
    mut writer: impl AsyncWrite + Unpin,
    failed: impl Fn(std::io::Error) -> Error,
) -> Result<u64> {
    let mut stream = object.into_stream();
    let mut written = 0;
    while let Some(bytes) = stream.try_next().await? {
        writer.write_all(&bytes).await.map_err(&failed)?;
        written += bytes.len() as u64;
    }
    writer.flush().await.map_err(&failed)?;
    Ok(written)
}
