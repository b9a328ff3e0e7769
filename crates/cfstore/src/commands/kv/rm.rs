//! `cfstore kv rm KEY...`, `cfstore kv rm --prefix PREFIX` and `cfstore kv rm --all`

use futures_util::TryStreamExt as _;

use super::outcomes;
use crate::cli::KvRm;
use crate::confirm;
use crate::error::{ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::printer::{Key, Printer, count};

pub(crate) async fn run(args: KvRm, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let prefix = args.selection.prefix();
    let asks = prefix.is_some() && !args.yes;
    if asks {
        confirm::possible()?;
    }
    let client = location.open(printer).await?;
    let keys = match prefix {
        None => args.selection.keys,
        Some(prefix) => {
            let keys: Vec<_> =
                client.list().prefix(&prefix).stream().map_ok(|key| key.name).try_collect().await?;
            if asks && !confirmed(keys.len(), &prefix).await? {
                printer.note("nothing was deleted");
                return Ok(ExitStatus::Failed);
            }
            keys
        }
    };
    outcomes::print(&client.delete_many(keys).await?, "deleted", printer)
}

async fn confirmed(keys: usize, prefix: &str) -> Result<bool> {
    if keys == 0 {
        return Ok(true);
    }
    let what =
        if prefix.is_empty() { "all of the namespace".to_owned() } else { format!("under {}", Key(prefix)) };
    confirm::ask(format!("delete {}, {what}?", count(keys as u64, "key"))).await
}
