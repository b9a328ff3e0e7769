//! `cfstore kv get KEY [FILE|-]`

use std::path::Path;

use indicatif::BinaryBytes;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::cli::KvGet;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::{Key, Printer};

pub(crate) async fn run(args: KvGet, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let KvGet { key, file } = args;
    let client = location.open(printer).await?;
    if file != Path::new("-") {
        let value = client.get(&key).await?.ok_or_else(|| Error::NoSuchKey(key.clone()))?;
        let written = value.write_to_file(&file).await?;
        let path = file.to_string_lossy();
        printer.result(
            format_args!("{}  {}", Key(&path), BinaryBytes(written)),
            &json!({ "key": key, "file": path, "size": written }),
        )?;
    } else if printer.is_json() {
        let found = client.get_with_metadata(&key).bytes().await?;
        printer.json(&pair_json::of(&key, &found.ok_or_else(|| Error::NoSuchKey(key.clone()))?))?;
    } else {
        let value = client.get(&key).bytes().await?.ok_or_else(|| Error::NoSuchKey(key.clone()))?;
        let mut stdout = tokio::io::stdout();
        stdout.write_all(&value).await.map_err(Error::Output)?;
        stdout.flush().await.map_err(Error::Output)?;
    }
    Ok(ExitStatus::Success)
}
