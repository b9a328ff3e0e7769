//! `cfstore kv bulk get KEY...`, `cfstore kv bulk get --prefix PREFIX` and `cfstore kv bulk get --all`

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::kv::{KvClient, Outcomes, ValueWithMetadata};
use futures_util::TryStreamExt as _;

use crate::cli::BulkGet;
use crate::error::{ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::{Printer, count, json_line};

/// How many keys are read before they are printed.
const CHUNK: usize = 100;

pub(crate) async fn run(args: BulkGet, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let client = location.open(printer).await?;
    let (mut missing, mut failed) = (0, 0);
    let mut print = |outcomes: Outcomes<Option<ValueWithMetadata<Bytes>>>| -> Result<()> {
        for (key, result) in outcomes.results {
            match result {
                Ok(Some(found)) => json_line(&pair_json::of(&key, &found))?,
                Ok(None) => missing += 1,
                Err(error) => {
                    failed += 1;
                    printer.warning(error);
                }
            }
        }
        Ok(())
    };
    match args.selection.prefix() {
        None => {
            for keys in args.selection.keys.chunks(CHUNK) {
                print(read(&client, keys.to_vec(), args.bytes).await?)?;
            }
        }
        Some(prefix) => {
            let keys = client.list().prefix(prefix).stream().map_ok(|key| key.name);
            let mut chunks = keys.try_chunks(CHUNK);
            while let Some(keys) = chunks.try_next().await.map_err(|error| error.1)? {
                print(read(&client, keys, args.bytes).await?)?;
            }
        }
    }
    if missing > 0 {
        printer.note(format_args!("{} not there", count(missing, "key")));
    }
    Ok(match (failed, missing) {
        (0, 0) => ExitStatus::Success,
        (0, _) => ExitStatus::NotFound,
        _ => ExitStatus::Failed,
    })
}

async fn read(
    client: &KvClient,
    keys: Vec<String>,
    as_bytes: bool,
) -> Result<Outcomes<Option<ValueWithMetadata<Bytes>>>> {
    let get = client.get_many_with_metadata(keys);
    if as_bytes {
        return Ok(get.bytes().await?);
    }
    let results = get.text().await?.results.into_iter().map(|(key, result)| {
        let found = result.map(|found| found.map(|found| found.map(Bytes::from)));
        (key, found)
    });
    Ok(Outcomes::new(results.collect()))
}
