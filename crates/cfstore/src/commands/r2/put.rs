//! `cfstore r2 put FILE|- KEY`

use std::path::Path;
use std::pin::Pin;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{HttpMetadata, StoredObject};
use futures_util::Stream;
use indicatif::BinaryBytes;
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::cli::Put;
use crate::content_type;
use crate::error::{Error, ExitStatus, Result};
use crate::object_json::ObjectJson;
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::store::Store;
use crate::transfer::{self, Target};

/// How much is read from a stream at a time.
const READ_SIZE: usize = 256 * 1024;

pub(crate) async fn run(args: Put, store: Store, printer: Printer) -> Result<ExitStatus> {
    let content_type =
        args.content_type.unwrap_or_else(|| content_type::guess(&[Path::new(&args.key), &args.file]));
    let target = Target {
        key: args.key,
        http_metadata: HttpMetadata {
            content_type: Some(content_type.clone()),
            cache_control: args.cache_control,
            ..HttpMetadata::default()
        },
        custom_metadata: args.metadata.into_iter().collect(),
        if_absent: args.if_absent,
    };
    let (mut stored, size) = upload(&args.file, &target, store, printer).await?;
    stored.size = Some(size);
    printer.result(
        format_args!("{}  {}  {content_type}", Key(&stored.key), BinaryBytes(size)),
        &ObjectJson::from(&stored),
    )?;
    Ok(ExitStatus::Success)
}

/// What the service says of the object, and its size, which S3 does not say.
async fn upload(path: &Path, target: &Target, store: Store, printer: Printer) -> Result<(StoredObject, u64)> {
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
            let service = store.open_or_create(printer).await?;
            let progress = Progress::new(printer, &target.key, Some(found.len()));
            let stored = transfer::upload_file(&service, path, found.len(), target, &progress).await?;
            return Ok((stored, found.len()));
        }
        Box::pin(File::open(path).await.map_err(unreadable)?)
    };
    let service = store.open_or_create(printer).await?;
    let progress = Progress::new(printer, &target.key, None);
    let stored = transfer::upload_stream(&service, chunks(input), target, &progress).await?;
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
