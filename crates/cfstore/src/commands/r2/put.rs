//! `cfstore r2 put FILE|- KEY`

use std::ffi::OsStr;
use std::path::Path;
use std::pin::Pin;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{HttpMetadata, StoredObject};
use futures_util::Stream;
use indicatif::BinaryBytes;
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::bucket_location::BucketLocation;
use crate::cli::Put;
use crate::content_type;
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::transfer::{self, NewObject};

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
    let (mut stored, size) = upload(&args.file, &object, location, printer).await?;
    stored.size = Some(size);
    let line = format_args!("{}  {}  {content_type}", Key(&stored.key), BinaryBytes(size));
    printer.result_at(line, &stored, &target)?;
    Ok(ExitStatus::Success)
}

/// What the service says of the object, and its size, which S3 does not say.
async fn upload(
    path: &Path,
    object: &NewObject,
    location: BucketLocation,
    printer: Printer,
) -> Result<(StoredObject, u64)> {
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
            let stored = transfer::upload_file(&service, path, found.len(), object, &progress).await?;
            return Ok((stored, found.len()));
        }
        Box::pin(File::open(path).await.map_err(unreadable)?)
    };
    let service = location.open_or_create(printer).await?;
    let progress = Progress::new(printer, &object.key, None);
    let stored = transfer::upload_stream(&service, chunks(input), object, &progress).await?;
    Ok((stored, progress.bytes()))
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
