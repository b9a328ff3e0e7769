//! `cfstore r2 put FILE|- KEY` and `cfstore r2 put FILE... PREFIX/`

use std::ffi::OsStr;
use std::path::Path;
use std::pin::Pin;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{R2Service, StoredObject};
use cloudflare_clients::transfer::{Uploaded, Verified};
use futures_util::Stream;
use indicatif::BinaryBytes;
use serde::Serialize;
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::bucket_location::BucketLocation;
use crate::cli::Put;
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::transfer::{self, NewObject, Proof, Resumed, Settings};
use crate::transfer_report::{Action, is_default};

/// How much is read from a stream at a time.
const READ_SIZE: usize = 256 * 1024;

pub(crate) async fn run(args: Put, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    keys::refuse_url(&args.key)?;
    match &*args.files {
        [file] if !args.dry_run => put_one(&args, file, location, printer).await,
        _ => super::put_many::run(args, location, printer).await,
    }
}

async fn put_one(args: &Put, file: &Path, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let key = key_of(args, file)?;
    if key != args.key {
        printer.note(format_args!("its key is {}", Key(&key)));
    }
    keys::warn_of_dots(&key, printer);
    let target = location.target()?;
    let object = NewObject::new(key, file, &args.metadata, args.if_absent);
    let Done { mut stored, size, verified, resumed_bytes, restarted } =
        upload(args, file, &object, location, &target, printer).await?;
    stored.size = Some(size);
    if restarted {
        printer.note(format_args!(
            "the file has changed since an upload of it was interrupted: it was sent anew"
        ));
    }
    let (resumed, proof) = (Resumed(resumed_bytes), Proof(verified));
    let content_type = object.http_metadata.content_type.as_deref().unwrap_or_default();
    let line = format_args!("{}  {}  {content_type}{proof}{resumed}", Key(&stored.key), BinaryBytes(size));
    let path = Some(file).filter(|file| *file != Path::new("-")).map(Path::to_string_lossy);
    let event = Action::Uploaded;
    printer.result_at(line, &Printed { event, path, stored: &stored, verified, resumed_bytes }, &target)?;
    Ok(ExitStatus::Success)
}

/// The key that a file gets.
pub(super) fn key_of(args: &Put, file: &Path) -> Result<String> {
    let name = if file == Path::new("-") { None } else { file.file_name().and_then(OsStr::to_str) };
    match name {
        // The address of a bucket is a folder.
        Some(name) if args.is_bucket => Ok(name.to_owned()),
        None if args.is_bucket => keys::into_folder("/".to_owned(), None),
        name => keys::into_folder(args.key.clone(), name),
    }
}

/// The object, with what proved it: as in the events of many.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed<'a> {
    event: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<std::borrow::Cow<'a, str>>,
    #[serde(flatten)]
    stored: &'a StoredObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
    #[serde(skip_serializing_if = "is_default")]
    resumed_bytes: u64,
}

/// What the service says of the object, and its size, which S3 does not say.
struct Done {
    stored: StoredObject,
    size: u64,
    verified: Option<Verified>,
    resumed_bytes: u64,
    restarted: bool,
}

async fn upload(
    args: &Put,
    path: &Path,
    object: &NewObject,
    location: BucketLocation,
    target: &str,
    printer: Printer,
) -> Result<Done> {
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
                "put its files one by one",
            ));
        }
        if found.is_file() {
            let service = location.open_or_create(printer).await?;
            let (service, settings, progress) = begin(service, Some(found.len()));
            let report = progress.position();
            let uploaded = transfer::upload_file(&service, path, object, target, &settings, report).await?;
            let Uploaded { stored, verified, resumed_bytes, restarted, .. } = uploaded;
            let size = stored.size.unwrap_or(found.len());
            return Ok(Done { stored, size, verified: Some(verified), resumed_bytes, restarted });
        }
        Box::pin(File::open(path).await.map_err(unreadable)?)
    };
    let service = location.open_or_create(printer).await?;
    let (service, settings, progress) = begin(service, None);
    let stored = transfer::upload_stream(&service, chunks(input), object, &settings, &progress).await?;
    Ok(Done { stored, size: progress.bytes(), verified: None, resumed_bytes: 0, restarted: false })
}

fn chunks(
    reader: impl AsyncRead + Unpin + Send + 'static,
) -> impl Stream<Item = cloudflare_clients::Result<bytes::Bytes>> + Send {
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        let mut chunk = bytes::BytesMut::with_capacity(READ_SIZE);
        let read = reader.read_buf(&mut chunk).await.map_err(|error| {
            cloudflare_clients::Error::new(ErrorKind::Storage, format!("the input cannot be read: {error}"))
        })?;
        Ok((read > 0).then(|| (chunk.freeze(), reader)))
    })
}
