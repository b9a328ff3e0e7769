//! `cfstore backup` and `cfstore restore`

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use cloudflare_clients::{BackupReport, LocalStore};
use indicatif::BinaryBytes;
use serde_json::{Value, json};

use super::scrub::damage_line;
use crate::cli::{Backup, Restore};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Printer, count};
use crate::progress::Progress;
use crate::rfc3339::rfc3339;
use crate::store_folder::{DATABASE, has_store};

/// Files of the server next to the store: credentials, keys and certificates.
const OF_THE_SERVER: &[&str] = &["credentials.json", "keys.json", "tls-certificate.pem", "tls-key.pem"];

pub(crate) async fn backup(args: Backup, printer: Printer) -> Result<ExitStatus> {
    if !has_store(&args.data) {
        return Err(Error::usage(
            format!("{}/ does not hold a store", args.data.display()),
            "give the folder with store.sqlite3: --data DIR",
        ));
    }
    let (from, to) = (&args.data, &args.dir);
    let report = copy(from, to, printer).await?;
    let taken = rfc3339(report.taken);
    printer.line(format_args!("backed up {}/ as of {taken}: {}", from.display(), copied(&report, to)))?;
    let mut summary = summary(from, to, &report);
    summary["taken"] = taken.into();
    printer.json(&summary)?;
    Ok(status(&report))
}

pub(crate) async fn restore(args: Restore, printer: Printer) -> Result<ExitStatus> {
    if !has_store(&args.dir) {
        return Err(Error::usage(
            format!("{}/ does not hold a backup", args.dir.display()),
            "give the folder that `cfstore backup` created, which has store.sqlite3",
        ));
    }
    let (from, to) = (&args.dir, &args.data);
    let report = copy(from, to, printer).await?;
    printer.line(format_args!("restored {}/: {}", from.display(), copied(&report, to)))?;
    printer.json(&summary(from, to, &report))?;
    Ok(status(&report))
}

/// Copies a store. Backup and restore do the same, since a backup is a store.
async fn copy(from: &Path, to: &Path, printer: Printer) -> Result<BackupReport> {
    if to.exists() && !to.is_dir() {
        return Err(Error::usage(
            format!("\"{}\" is not a folder", to.display()),
            "name a new or empty folder to write to",
        ));
    }
    let store = LocalStore::open(from).await?;
    let progress = Progress::new(printer, &to.display().to_string(), Some(0));
    let report = store.backup(to, progress.position()).await;
    drop(progress);
    let report = report.map_err(|error| match error.kind() {
        cloudflare_clients::ErrorKind::InvalidInput => {
            Error::usage(error.message(), "name a new or empty folder, or move away its files")
        }
        _ => error.into(),
    })?;
    let folder = to;
    for name in OF_THE_SERVER {
        let (from, to) = (from.join(name), to.join(name));
        if let Err(error) = copy_secret(&from, &to) {
            let message = format!("cannot copy {} to {}: {error}", from.display(), to.display());
            remove_copy(folder);
            return Err(Error::Local(message));
        }
    }
    for damage in &report.damaged {
        printer.result(damage_line(damage, to), damage)?;
    }
    Ok(report)
}

/// Describes the copy: its size, folder and damage.
fn copied(report: &BackupReport, to: &Path) -> String {
    let faults = match report.damaged.len() as u64 {
        0 => String::new(),
        damaged => format!(", with {}", count(damaged, "fault")),
    };
    format!("{} in {}/{faults}", BinaryBytes(report.bytes), to.display())
}

/// Returns the JSON of both commands.
fn summary(from: &Path, to: &Path, report: &BackupReport) -> Value {
    json!({
        "from": from.display().to_string(),
        "to": to.display().to_string(),
        "bytes": report.bytes,
        "damaged": report.damaged.len(),
    })
}

fn status(report: &BackupReport) -> ExitStatus {
    if report.damaged.is_empty() { ExitStatus::Success } else { ExitStatus::Failed }
}

/// Removes an incomplete copy.
fn remove_copy(folder: &Path) {
    let files = OF_THE_SERVER.iter().chain(&[DATABASE]).map(|name| fs::remove_file(folder.join(name)));
    for removed in files.chain([fs::remove_dir_all(folder.join("blobs"))]) {
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "cannot remove the incomplete copy");
        }
    }
}

/// Copies a file, if it exists, readable only by its owner.
fn copy_secret(from: &Path, to: &Path) -> io::Result<()> {
    let content = match fs::read(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        content => content?,
    };
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(to)?;
    file.write_all(&content)?;
    file.sync_all()
}
