//! `cfstore kv get KEY [FILE|-]`

use indicatif::BinaryBytes;
use serde_json::json;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::cli::KvGet;
use crate::destination::Destination;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::{Key, Printer};

pub(crate) async fn run(args: KvGet, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let KvGet { key, file } = args;
    let destination = Destination::new(Some(file), &key).await?;
    let target = location.target();
    let client = location.open(printer).await?;
    if let (Destination::Stdout, true) = (&destination, printer.is_json()) {
        let found = client.get_with_metadata(&key).bytes().await?;
        // In the format of `bulk put`, which refuses other fields.
        printer.json(&pair_json::of(&key, &found.ok_or_else(|| Error::NoSuchKey(key.clone()))?))?;
        printer.summary("1 key", &target);
        return Ok(ExitStatus::Success);
    }
    let value = client.get(&key).await?.ok_or_else(|| Error::NoSuchKey(key.clone()))?;
    let (path, written) = match destination {
        Destination::Stdout => {
            write(&value.bytes().await?, tokio::io::stdout(), Error::Output).await?;
            return Ok(ExitStatus::Success);
        }
        Destination::Special(path) => {
            let failed = |error| Error::file(&path, "cannot be written", &error);
            let file = OpenOptions::new().write(true).open(&path).await.map_err(failed)?;
            let written = write(&value.bytes().await?, file, failed).await?;
            (path, written)
        }
        Destination::File(path) => {
            let written = value.write_to_file(&path).await?;
            (path, written)
        }
    };
    let path = path.to_string_lossy();
    printer.result_at(
        format_args!("{}  {}", Key(&path), BinaryBytes(written)),
        &json!({ "key": key, "file": path, "size": written }),
        &target,
    )?;
    Ok(ExitStatus::Success)
}

async fn write(
    bytes: &[u8],
    mut writer: impl AsyncWrite + Unpin,
    failed: impl Fn(std::io::Error) -> Error,
) -> Result<u64> {
    writer.write_all(bytes).await.map_err(&failed)?;
    writer.flush().await.map_err(&failed)?;
    Ok(bytes.len() as u64)
}
