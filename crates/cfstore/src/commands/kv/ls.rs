//! `cfstore kv ls [PREFIX]`

use cloudflare_clients::kv::rest::list_keys::KeyJson;
use futures_util::TryStreamExt as _;

use crate::cli::KvLs;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::printer::{DIM, Key, Printer, count};
use crate::rfc3339::rfc3339_seconds;

pub(crate) async fn run(args: KvLs, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target();
    let client = location.open(printer).await?;
    let mut keys = client.list().prefix(&args.prefix).stream();
    let mut listed = 0;
    while let Some(key) = keys.try_next().await? {
        listed += 1;
        let expires = key.expiration.map(|at| format!("  {DIM}expires {}{DIM:#}", rfc3339_seconds(at)));
        let metadata =
            key.metadata.as_ref().map(|metadata| format!("  {DIM}{}{DIM:#}", Key(metadata.as_str())));
        let line =
            format!("{}{}{}", Key(&key.name), expires.unwrap_or_default(), metadata.unwrap_or_default());
        printer.result(line, &KeyJson::from(key))?;
    }
    if listed == 0 {
        Error::if_misread(&args.prefix, "kv")?;
    }
    printer.summary(count(listed, "key"), &target);
    Ok(ExitStatus::Success)
}
