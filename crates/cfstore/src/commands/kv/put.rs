//! `cfstore kv put KEY VALUE` and `cfstore kv put KEY --file FILE|-`

use std::path::Path;

use cloudflare_clients::kv::MAX_VALUE_SIZE;
use cloudflare_clients::r2::Body;
use indicatif::BinaryBytes;
use serde_json::json;

use crate::cli::KvPut;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::printer::{Key, Printer};
use crate::stdin;

pub(crate) async fn run(args: KvPut, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let KvPut { key, value, file, ttl, expires_at, metadata } = args;
    if let Some(value) = &value
        && (value == "-" || Path::new(value).is_file())
    {
        printer.warning(format_args!(
            "stored the text {value:?} as the value: to store the contents of a file or of stdin (-), give --file"
        ));
    }
    let target = location.target();
    let value = match (value, file) {
        (_, Some(file)) => read(&file).await?,
        (value, None) => Body::from(value.unwrap_or_default()),
    };
    let size = value.content_length();
    let mut put = location.open_or_create(printer).await?.put(&key, value);
    if let Some(ttl) = ttl {
        put = put.expiration_ttl(ttl);
    }
    if let Some(at) = expires_at {
        put = put.expiration(at);
    }
    if let Some(metadata) = metadata {
        put = put.metadata(&metadata);
    }
    put.await?;
    let bytes = size.unwrap_or_default();
    printer.result_at(
        format_args!("{}  {}", Key(&key), BinaryBytes(bytes)),
        &json!({ "key": key, "size": size }),
        &target,
    )?;
    Ok(ExitStatus::Success)
}

/// Reads the value from a file or stdin.
async fn read(path: &Path) -> Result<Body> {
    if path != Path::new("-") {
        if path.is_dir() {
            return Err(Error::usage(
                format!("--file \"{}\" is a folder", path.display()),
                "name a file, or - for stdin",
            ));
        }
        return Ok(Body::from_file(path).await?);
    }
    // One byte above KV's maximum is enough to be refused.
    Ok(stdin::read(MAX_VALUE_SIZE + 1).await?.into())
}
