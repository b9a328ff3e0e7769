//! `cfstore r2 put FILE|- KEY`

use std::ffi::OsStr;
use std::path::Path;
use std::pin::Pin;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{HttpMetadata, StoredObject};
use cloudflare_clients::transfer::{Uploaded, Verified};
use futures_util::Stream;
use indicatif::BinaryBytes;
use serde::Serialize;
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::bucket_location::BucketLocation;
use crate::cli::Put;
use crate::content_type;
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::transfer::{self, NewObject, Proof, Resumed, Settings};

/// How much is read from a stream at a time.
const READ_SIZE: usize = 256 * 1024;

pub(crate) async fn run(args: Put, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    keys::refuse_url(&args.key)?;
    let name = if args.file == Path::new("-") { None } else { args.file.file_name() };
    let is_folder = args.key.ends_with('/');
    let key = keys::into_folder(args.key, name.and_then(OsStr::to_str))?;
    if is_folder {
        printer.note(format_args!("its key is {}", Key(&key)));
    }
    keys::warn_of_dots(&key, printer);
    let target = location.target()?;
    let content_type =
        args.content_type.unwrap_or_else(|| content_type::guess(&[Path::new(&key), &args.file]));
    let mut http_metadata = HttpMetadata::new().content_type(&content_type);
    http_metadata.cache_control = args.cache_control;
    let object = NewObject {
        key,
        http_metadata,
        custom_metadata: args.metadata.into_iter().collect(),
        if_absent: args.if_absent,
    };
    let settings = Settings { resume: !args.transfer.no_resume, concurrency: args.transfer.concurrency };
    let Done { mut stored, size, verified, resumed_bytes, restarted } =
        upload(&args.file, &object, location, &target, settings, printer).await?;
    stored.size = Some(size);
    if restarted {
        printer.note(format_args!(
            "the file has changed since an upload of it was interrupted: it was sent anew"
        ));
    }
    let resumed = Resumed(resumed_bytes);
    let proof = Proof(verified);
    let line = format_args!("{}  {}  {content_type}{proof}{resumed}", Key(&stored.key), BinaryBytes(size));
    let value = Printed { stored: &stored, verified, resumed_bytes };
    printer.result_at(line, &value, &target)?;
    Ok(ExitStatus::Success)
}

/// The object, with what proved it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed<'a> {
    #[serde(flatten)]
    stored: &'a StoredObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
    #[serde(skip_serializing_if = "is_zero")]
    resumed_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
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
    path: &Path,
    object: &NewObject,
    location: BucketLocation,
    target: &str,
    settings: Settings,
    printer: Printer,
) -> Result<Done> {
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
            let progress = Progress::new(printer, &object.key, Some(found.len()));
            let uploaded = transfer::upload_file(&service, path, object, target, settings, &progress).await?;
            let Uploaded { stored, verified, resumed_bytes, restarted, .. } = uploaded;
            let size = stored.size.unwrap_or(found.len());
            return Ok(Done { stored, size, verified: Some(verified), resumed_bytes, restarted });
        }
        Box::pin(File::open(path).await.map_err(unreadable)?)
    };
    let service = location.open_or_create(printer).await?;
    let progress = Progress::new(printer, &object.key, None);
    let stored = transfer::upload_stream(&service, chunks(input), object, &progress).await?;
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
