//! `cfstore kv rm KEY...`, `cfstore kv rm --prefix PREFIX` and `cfstore kv rm --all`

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::KvClient;
use futures_util::TryStreamExt as _;

use crate::cli::KvRm;
use crate::commands::deletion::Deletion;
use crate::confirm;
use crate::error::{Error, ExitStatus, Result};
use crate::keys::check_listed;
use crate::namespace_location::NamespaceLocation;
use crate::printer::{Key, Printer, count};

pub(crate) async fn run(args: KvRm, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let prefix = args.selection.prefix();
    let asks = prefix.is_some() && !args.yes;
    let mut deletion = Deletion::new("key", location.target(), printer);
    let client = location.open(printer).await?;
    let keys = match prefix {
        None => {
            let keys = args.selection.keys;
            let there = are_there(&client, &keys).await?;
            deletion.note_missing(keys.iter().zip(there), "kv", Error::NoSuchKey)?;
            keys
        }
        Some(prefix) => {
            let listed = client.list().prefix(&prefix).stream().map_ok(|key| key.name);
            let keys: Vec<_> = listed.try_collect().await?;
            check_listed(&prefix, keys.iter().map(String::as_str))?;
            if keys.is_empty() {
                Error::if_misread(&prefix, "kv")?;
            } else if asks {
                let what = match &*prefix {
                    "" => "the whole namespace".to_owned(),
                    prefix => format!("all that begin with {}", Key(prefix)),
                };
                confirm::possible(&format!("deleting {} ({what})", count(keys.len() as u64, "key")))?;
                if !deletion.confirmed(&format!("{}, {what}", count(keys.len() as u64, "key"))).await? {
                    return Ok(ExitStatus::Failed);
                }
            }
            keys
        }
    };
    // Keys that were not found are deleted too: a read may be a minute old.
    deletion.add(&client.delete_many(keys).await?)?;
    deletion.finish()
}

/// Finds which of the keys exist: KV's answer to a deletion does not tell.
async fn are_there(client: &KvClient, keys: &[String]) -> Result<Vec<bool>> {
    let found = client.get_many(keys).text().await?.results.into_iter().map(|(_, found)| match found {
        Ok(found) => Ok(found.is_some()),
        // It exists, but is not text.
        Err(error) if error.kind() == ErrorKind::Serialization => Ok(true),
        Err(error) => Err(error.into()),
    });
    found.collect()
}
