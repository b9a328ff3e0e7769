//! `cfstore kv bulk get KEY...`, `cfstore kv bulk get --prefix PREFIX` and `cfstore kv bulk get --all`

use cloudflare_clients::ErrorKind;
use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::kv::{KvClient, Outcomes, ValueWithMetadata};
use futures_util::TryStreamExt as _;

use crate::cli::BulkGet;
use crate::error::{Error, ExitStatus, Result};
use crate::keys::check_listed;
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::{Printer, also, count, json_line};

/// Number of keys that are read and then printed.
const CHUNK: usize = 100;

pub(crate) async fn run(args: BulkGet, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target();
    let client = location.open(printer).await?;
    let prefix = args.selection.prefix();
    let (mut read_keys, mut missing, mut failed) = (0, 0, 0);
    let mut print = |outcomes: Outcomes<Option<ValueWithMetadata<Bytes>>>| -> Result<()> {
        for (key, result) in outcomes.results {
            match result {
                Ok(Some(found)) => {
                    read_keys += 1;
                    json_line(&pair_json::of(&key, &found))?;
                }
                Ok(None) => {
                    missing += 1;
                    // A listed key may have been deleted since.
                    if prefix.is_none() {
                        printer.warning(Error::NoSuchKey(key));
                    }
                }
                Err(error) => {
                    failed += 1;
                    printer.warning(error);
                }
            }
        }
        Ok(())
    };
    match &prefix {
        None => {
            for keys in args.selection.keys.chunks(CHUNK) {
                print(read(&client, keys.to_vec(), args.bytes).await?)?;
            }
        }
        Some(prefix) => {
            let keys = client.list().prefix(prefix).stream().map_ok(|key| key.name);
            let mut chunks = keys.try_chunks(CHUNK);
            while let Some(keys) = chunks.try_next().await.map_err(|error| error.1)? {
                check_listed(prefix, keys.iter().map(String::as_str))?;
                print(read(&client, keys, args.bytes).await?)?;
            }
        }
    }
    if let (0, 0, Some(prefix)) = (read_keys, failed, &prefix) {
        Error::if_misread(prefix, "kv")?;
    }
    let (missing_keys, failed_keys) = (also(missing, "missing"), also(failed, "failed"));
    printer.summary(format_args!("{}{missing_keys}{failed_keys}", count(read_keys, "key")), &target);
    Ok(match (failed, missing) {
        (0, 0) => ExitStatus::Success,
        // Deleted after the listing.
        (0, _) if prefix.is_some() => ExitStatus::Success,
        (0, _) => ExitStatus::NotFound,
        _ => ExitStatus::Failed,
    })
}

/// Reads keys as text, 100 per request, and reads those that may not be text again as bytes: in a text,
/// U+FFFD replaces what is not UTF-8.
async fn read(
    client: &KvClient,
    keys: Vec<String>,
    as_bytes: bool,
) -> Result<Outcomes<Option<ValueWithMetadata<Bytes>>>> {
    let get = client.get_many_with_metadata(keys);
    if as_bytes {
        return Ok(get.bytes().await?);
    }
    let texts = get.text().await?.results;
    let doubtful = texts.iter().filter(|(_, result)| !is_certain(result)).map(|(key, _)| key);
    let again = client.get_many_with_metadata(doubtful).bytes().await?.results;
    let mut again = again.into_iter();
    let results = texts.into_iter().filter_map(|(key, result)| {
        if !is_certain(&result) {
            return again.next();
        }
        Some((key, result.map(|found| found.map(|found| found.map(Bytes::from)))))
    });
    Ok(Outcomes::new(results.collect()))
}

fn is_certain(result: &cloudflare_clients::Result<Option<ValueWithMetadata<String>>>) -> bool {
    match result {
        Ok(found) => found.as_ref().is_none_or(|found| !found.value.contains(char::REPLACEMENT_CHARACTER)),
        Err(error) => error.kind() != ErrorKind::Serialization,
    }
}
