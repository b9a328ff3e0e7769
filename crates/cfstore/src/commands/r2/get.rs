//! `cfstore r2 get KEY [FILE|-]`

use std::path::Path;

use cloudflare_clients::r2::{ObjectBody, R2Service};
use cloudflare_clients::transfer::Downloaded;
use futures_util::TryStreamExt as _;
use indicatif::BinaryBytes;
use serde_json::json;
use tokio::fs;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::bucket_location::BucketLocation;
use crate::cli::Get;
use crate::destination::Destination;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::shutdown;
use crate::transfer::{self, Proof, Resumed, Settings};

pub(crate) async fn run(args: Get, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let Get { key, file, range, transfer } = args;
    let destination = Destination::new(file, &key).await?;
    if printer.is_json() && matches!(destination, Destination::Stdout) {
        return Err(Error::usage(
            "stdout cannot have both the object and JSON about it",
            "name a file, or leave --json out",
        ));
    }
    let target = location.target()?;
    let service = location.open(printer).await?;
    if let (Destination::File(path), None) = (&destination, range) {
        let settings = Settings { resume: !transfer.no_resume, concurrency: transfer.concurrency };
        return download(&service, &key, path, settings, &target, printer).await;
    }
    let mut get = service.get(&key);
    if let Some(range) = range {
        get = get.range(range);
    }
    let Some(object) = get.await? else {
        return Err(Error::NotFound(key));
    };
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
        &json!({ "key": key, "file": path.to_string_lossy(), "size": written, "etag": etag }),
        &target,
    )?;
    Ok(ExitStatus::Success)
}

/// All of an object into a file.
async fn download(
    service: &R2Service,
    key: &str,
    path: &Path,
    settings: Settings,
    target: &str,
    printer: Printer,
) -> Result<ExitStatus> {
    let progress = Progress::new(printer, key, Some(0));
    let downloaded = transfer::download_file(service, key, path, settings, &progress).await?;
    drop(progress);
    let Some(Downloaded { object, verified, resumed_bytes, restarted, .. }) = downloaded else {
        return Err(Error::NotFound(key.to_owned()));
    };
    if restarted {
        printer.note(format_args!("the object is another one than was begun with: it was fetched anew"));
    }
    let (name, proof, resumed) = (path.to_string_lossy(), Proof(Some(verified)), Resumed(resumed_bytes));
    let mut value = json!({
        "key": key, "file": name, "size": object.size, "etag": object.etag, "verified": verified,
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
