//! `cfstore r2 put FILE|- KEY` and `cfstore r2 put FILE... PREFIX/`

use std::path::Path;
use std::pin::Pin;

use cloudflare_clients::r2::{R2Service, StoredObject};
use cloudflare_clients::transfer::{Uploaded, Verified};
use indicatif::BinaryBytes;
use serde::Serialize;
use tokio::fs::{self, File};
use tokio::io::AsyncRead;

use crate::bucket_location::BucketLocation;
use crate::cli::Put;
use crate::error::{Error, ExitStatus, Result};
use crate::input::Input;
use crate::keys;
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::transfer::{self, NewObject, Proof, Resumed, Settings};
use crate::transfer_report::{Action, is_default};

use super::{put_many, tree};

pub(crate) async fn run(args: Put, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    keys::refuse_url(&args.key)?;
    if args.recursive {
        return tree::put(args, location, printer).await;
    }
    tree::refuse_options(&args.tree)?;
    match &*args.files {
        [file] if !args.dry_run => put_one(&args, file, location, printer).await,
        _ => put_many::run(args, location, printer).await,
    }
}

/// Separates the files from the key. Refuses a file without a key.
pub(super) fn arrange(args: &mut Put) -> Result<()> {
    args.arrange().map_err(|key| {
        Error::usage(format!("the key {} is not UTF-8", key.display()), "write the key in UTF-8")
    })?;
    match &*args.files {
        [file] if args.key.is_empty() => {
            let name = file.file_name().unwrap_or_default().display();
            let (option, key) =
                if args.recursive { ("-r ", format!("{name}/")) } else { ("", name.to_string()) };
            let key = if file == Path::new("-") { "KEY".to_owned() } else { key };
            Err(Error::usage(
                format!("\"{}\" has no key to be stored under", file.display()),
                format!("write the key last, as in `cfstore r2 put {option}{} {key}`", file.display()),
            ))
        }
        _ => Ok(()),
    }
}

async fn put_one(args: &Put, file: &Path, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let key = put_many::key_of(args, file)?;
    if key != args.key {
        printer.note(format_args!("the key is {}", Key(&key)));
    }
    keys::warn_of_dots(&key, printer);
    let target = location.target()?;
    let object = NewObject::new(key, file, &args.metadata, args.if_absent);
    let uploaded = upload(args, file, &object, location, &target, printer).await?;
    let Uploaded { stored, verified, resumed_bytes, restarted, .. } = uploaded;
    let size = stored.size.unwrap_or_default();
    if restarted {
        printer
            .note(format_args!("the file has changed since the interrupted upload: the upload started over"));
    }
    let (resumed, proof) = (Resumed(resumed_bytes), Proof(Some(verified)));
    let content_type = object.http_metadata.content_type.as_deref().unwrap_or_default();
    let line = format_args!("{}  {}  {content_type}{proof}{resumed}", Key(&stored.key), BinaryBytes(size));
    let path = Some(file).filter(|file| *file != Path::new("-")).map(Path::to_string_lossy);
    let event = Action::Uploaded;
    printer.result_at(line, &Printed { event, path, stored: &stored, verified, resumed_bytes }, &target)?;
    Ok(ExitStatus::Success)
}

/// JSON of a stored object, as in the events of many files.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed<'a> {
    event: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<std::borrow::Cow<'a, str>>,
    #[serde(flatten)]
    stored: &'a StoredObject,
    verified: Verified,
    #[serde(skip_serializing_if = "is_default")]
    resumed_bytes: u64,
}

async fn upload(
    args: &Put,
    path: &Path,
    object: &NewObject,
    location: BucketLocation,
    target: &str,
    printer: Printer,
) -> Result<Uploaded> {
    let begin = |service: R2Service, size| {
        let progress = Progress::new(printer, &object.key, size);
        let settings = Settings::new(&args.transfer, &service);
        (service.on_retry(progress.retries()), settings, progress)
    };
    let input: Pin<Box<dyn AsyncRead + Send>> = if path == Path::new("-") {
        Box::pin(tokio::io::stdin())
    } else {
        let unreadable = |error| Error::file(path, "cannot be read", &error);
        let found = fs::metadata(path).await.map_err(unreadable)?;
        if found.is_dir() {
            return Err(Error::usage(
                format!("\"{}\" is a folder", path.display()),
                "give -r to store the files in it",
            ));
        }
        if found.is_file() {
            let service = args.transfer.sse_c.applied(location.open_or_create(printer).await?)?;
            let (service, settings, progress) = begin(service, Some(found.len()));
            let report = progress.position();
            let uploaded = transfer::upload_file(&service, path, object, target, &settings, report).await?;
            return Ok(uploaded);
        }
        Box::pin(File::open(path).await.map_err(unreadable)?)
    };
    let service = args.transfer.sse_c.applied(location.open_or_create(printer).await?)?;
    let (service, settings, progress) = begin(service, None);
    transfer::upload_input(&service, Input::new(input)?, object, &settings, &progress).await
}
