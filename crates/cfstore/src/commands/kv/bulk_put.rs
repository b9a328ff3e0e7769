//! `cfstore kv bulk put FILE|-`

use std::path::Path;
use std::time::{Duration, SystemTime};

use cloudflare_clients::kv::{MIN_EXPIRATION_TTL, PutRequest};
use serde_json::json;

use crate::cli::BulkPut;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::{Key, Printer, count};
use crate::stdin;

pub(crate) async fn run(args: BulkPut, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let document = if args.file == Path::new("-") {
        stdin::read(u64::MAX).await?
    } else {
        let read = tokio::fs::read(&args.file).await;
        read.map_err(|error| Error::file(&args.file, "cannot be read", &error))?
    };
    let now = SystemTime::now();
    let (puts, expired): (Vec<_>, Vec<_>) =
        pair_json::parse(&document)?.into_iter().partition(|put| outlives(put, now));
    let target = location.target();
    let outcomes = location.open_or_create(printer).await?.put_many(puts).await?;
    for (key, result) in &outcomes.results {
        if let Err(error) = result {
            printer.warning(error);
        }
        let error = result.as_ref().err().map(ToString::to_string);
        let value = json!({ "key": key, "stored": result.is_ok(), "expired": false, "error": error });
        printer.json_at(&value, &target)?;
    }
    for put in &expired {
        let value = json!({ "key": put.key, "stored": false, "expired": true, "error": null });
        printer.json_at(&value, &target)?;
    }
    let mut line = format!("stored {}", count(outcomes.succeeded().count() as u64, "key"));
    if !expired.is_empty() {
        line += &format!(", skipped {} that expired, or would within a minute", expired.len());
    }
    printer.line(format_args!("{line}  ({})", Key(&target)))?;
    Ok(if outcomes.failed().next().is_none() { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Whether KV takes the pair's expiration at `now`, and a moment later. Time has passed since a backup was made: what it
/// ended is no fault.
fn outlives(put: &PutRequest, now: SystemTime) -> bool {
    const LEAST: Duration = MIN_EXPIRATION_TTL.saturating_add(Duration::from_secs(1));
    let is_ahead = |at: SystemTime| at.duration_since(now).is_ok_and(|ahead| ahead >= LEAST);
    put.expiration_ttl.is_some() || put.expiration.is_none_or(is_ahead)
}
