//! `cfstore kv rm KEY...`, `cfstore kv rm --prefix PREFIX` and `cfstore kv rm --all`

use cloudflare_clients::kv::Outcomes;
use futures_util::TryStreamExt as _;
use serde_json::json;

use crate::cli::KvRm;
use crate::confirm;
use crate::error::{ExitStatus, Result};
use crate::namespace::Namespace;
use crate::printer::{Key, Printer, count};

pub(crate) async fn run(args: KvRm, namespace: Namespace, printer: Printer) -> Result<ExitStatus> {
    let client;
    let outcomes = match args.prefix.or(args.all.then(String::new)) {
        None => {
            client = namespace.open(printer).await?;
            client.delete_many(args.keys).await?
        }
        Some(prefix) => {
            if !args.yes {
                confirm::possible()?;
            }
            client = namespace.open(printer).await?;
            let keys: Vec<_> =
                client.list().prefix(&prefix).stream().map_ok(|key| key.name).try_collect().await?;
            if !args.yes && !confirmed(keys.len(), &prefix).await? {
                printer.note("nothing was deleted");
                return Ok(ExitStatus::Failed);
            }
            client.delete_many(keys).await?
        }
    };
    report(&outcomes, printer)
}

async fn confirmed(keys: usize, prefix: &str) -> Result<bool> {
    if keys == 0 {
        return Ok(true);
    }
    let what =
        if prefix.is_empty() { "all of the namespace".to_owned() } else { format!("under {}", Key(prefix)) };
    confirm::ask(format!("delete {}, {what}?", count(keys as u64, "key"))).await
}

fn report(outcomes: &Outcomes<()>, printer: Printer) -> Result<ExitStatus> {
    for (key, result) in &outcomes.results {
        if let Err(error) = result {
            printer.warning(error);
        }
        let error = result.as_ref().err().map(ToString::to_string);
        printer.json(&json!({ "key": key, "deleted": result.is_ok(), "error": error }))?;
    }
    printer.line(format_args!("deleted {}", count(outcomes.succeeded().count() as u64, "key")))?;
    Ok(if outcomes.failed().next().is_none() { ExitStatus::Success } else { ExitStatus::Failed })
}
