//! `cfstore scrub`

use std::path::Path;

use cloudflare_clients::{Damage, LocalStore};
use indicatif::BinaryBytes;
use serde_json::json;

use crate::cli::Scrub;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer, count};
use crate::progress::Progress;
use crate::store_folder::has_store;

pub(crate) async fn run(args: Scrub, printer: Printer) -> Result<ExitStatus> {
    if !has_store(&args.data) {
        return Err(Error::usage(
            format!("{}/ does not hold a store", args.data.display()),
            "give the folder with store.sqlite3: --data DIR",
        ));
    }
    let store = LocalStore::open(&args.data).await?;
    let progress = Progress::new(printer, &args.data.display().to_string(), Some(0));
    let report = store.scrub(progress.position()).await?;
    drop(progress);
    for damage in &report.damaged {
        printer.result(damage_line(damage, &args.data), damage)?;
    }
    let damaged = report.damaged.len() as u64;
    printer.line(format_args!(
        "read {} of {}/: {}",
        BinaryBytes(report.bytes),
        args.data.display(),
        if damaged == 0 { "nothing is damaged".to_owned() } else { count(damaged, "fault") }
    ))?;
    printer.json(&json!({
        "store": args.data.display().to_string(),
        "checked": report.checked,
        "bytes": report.bytes,
        "checksumsAdded": report.checksums_added,
        "damaged": damaged,
    }))?;
    Ok(if damaged == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Describes damage: the key, the file and the problem.
pub(super) fn damage_line(damage: &Damage, store: &Path) -> String {
    let file =
        damage.file.strip_prefix(std::path::absolute(store).unwrap_or_default()).unwrap_or(&damage.file);
    let place = match (&damage.bucket, &damage.namespace, &damage.key) {
        (Some(bucket), _, Some(key)) => format!("bucket {bucket}: {}", Key(key)),
        (_, Some(namespace), Some(key)) => format!("namespace {namespace}: {}", Key(key)),
        _ => "the database".to_owned(),
    };
    let part = damage.upload_id.as_ref().map(|_| ", a part of an unfinished upload").unwrap_or_default();
    format!("damaged  {place}{part}  {}  {}", file.display(), damage.problem)
}
