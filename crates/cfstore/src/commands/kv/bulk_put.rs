//! `cfstore kv bulk put FILE|-`

use std::path::Path;

use serde_json::json;

use crate::cli::BulkPut;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace::Namespace;
use crate::pair_json;
use crate::printer::{Printer, count};
use crate::stdin;

pub(crate) async fn run(args: BulkPut, namespace: Namespace, printer: Printer) -> Result<ExitStatus> {
    let document = if args.file == Path::new("-") {
        stdin::read(u64::MAX).await?
    } else {
        let read = tokio::fs::read(&args.file).await;
        read.map_err(|error| Error::file(&args.file, "cannot be read", &error))?
    };
    let puts = pair_json::parse(&document)?;
    let outcomes = namespace.open_or_create(printer).await?.put_many(puts).await?;
    for (key, result) in &outcomes.results {
        if let Err(error) = result {
            printer.warning(error);
        }
        let error = result.as_ref().err().map(ToString::to_string);
        printer.json(&json!({ "key": key, "stored": result.is_ok(), "error": error }))?;
    }
    printer.line(format_args!("stored {}", count(outcomes.succeeded().count() as u64, "key")))?;
    Ok(if outcomes.failed().next().is_none() { ExitStatus::Success } else { ExitStatus::Failed })
}
