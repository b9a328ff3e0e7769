//! `cfstore kv bulk put FILE|-`

use std::path::Path;
use std::time::{Duration, SystemTime};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::{MIN_EXPIRATION_TTL, PutRequest};
use serde_json::json;

use crate::cli::BulkPut;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::{Key, Printer, also, count};
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
    let mut expired: Vec<_> = expired.into_iter().map(|put| put.key).collect();
    let target = location.target();
    let outcomes = location.open_or_create(printer).await?.put_many(puts).await?;
    let mut failed = 0;
    for (key, result) in &outcomes.results {
        match result {
            Ok(()) => {}
            // Refused before it was sent: it expired since the command started.
            Err(error) if error.kind() == ErrorKind::InvalidInput && error.attempts() == 0 => {
                expired.push(key.clone());
                continue;
            }
            Err(error) => {
                failed += 1;
                printer.warning(error);
            }
        }
        let error = result.as_ref().err().map(ToString::to_string);
        let value = json!({ "key": key, "stored": result.is_ok(), "expired": false, "error": error });
        printer.json_at(&value, &target)?;
    }
    for key in &expired {
        let value = json!({ "key": key, "stored": false, "expired": true, "error": null });
        printer.json_at(&value, &target)?;
    }
    let stored = count(outcomes.succeeded().count() as u64, "key");
    let skipped = also(expired.len(), "skipped: expired, or expiring within a minute");
    printer.line(format_args!("stored {stored}{skipped}  ({})", Key(&target)))?;
    Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Whether KV accepts the pair's expiration at `now` and a moment later. Pairs of an old backup may have
/// expired, which is not an error.
fn outlives(put: &PutRequest, now: SystemTime) -> bool {
    const LEAST: Duration = MIN_EXPIRATION_TTL.saturating_add(Duration::from_secs(1));
    let is_ahead = |at: SystemTime| at.duration_since(now).is_ok_and(|ahead| ahead >= LEAST);
    put.expiration_ttl.is_some() || put.expiration.is_none_or(is_ahead)
}
