//! Report of a transfer of many files: an event per file, and a summary at the end.
//!
//! As text, an event is a line on stdout, a failure is a warning, and the summary is on stderr. As JSON, all
//! of them are objects on stdout:
//! `{"event":"uploaded","key":"a/b","path":"b","size":3,"verified":"crc64",..}`, and finally one with
//! `"event":"summary"`. In a dry run they say what would be done, and have `"dryRun":true`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::transfer::Verified;
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;

use crate::error::{ExitStatus, Result};
use crate::printer::{Key, Printer, count};
use crate::progress::Progress;
use crate::transfer::{Proof, Resumed};

/// An action on a file or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action {
    Uploaded,
    Downloaded,
    Copied,
    Moved,
    Deleted,
}

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uploaded => "uploaded",
            Self::Downloaded => "downloaded",
            Self::Copied => "copied",
            Self::Moved => "moved",
            Self::Deleted => "deleted",
        })
    }
}

/// A file or an object of the report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Item<'a> {
    /// Key of the object. For a copy, the new key.
    pub(crate) key: &'a str,
    /// Key of the source of a copy.
    pub(crate) source: Option<&'a str>,
    /// The file on this machine.
    pub(crate) path: Option<&'a Path>,
    pub(crate) size: Option<u64>,
}

/// Result of a finished transfer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Transferred {
    /// How both sides were compared.
    pub(crate) verified: Option<Verified>,
    /// Number of bytes transferred by an interrupted run.
    pub(crate) resumed_bytes: u64,
}

/// Reports a transfer of many files, and counts.
#[derive(Debug)]
pub(crate) struct TransferReport {
    printer: Printer,
    target: String,
    progress: Arc<Progress>,
    dry_run: bool,
    summary: Summary,
}

impl TransferReport {
    /// Creates the report of a transfer to or from a bucket, which the summary calls `target`.
    pub(crate) fn new(printer: Printer, target: String, dry_run: bool) -> Self {
        let progress = Arc::new(Progress::of_many(printer));
        Self { printer, target, progress, dry_run, summary: Summary::default() }
    }

    /// Returns the progress. Files are announced to it and report to it; this report counts finished files.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Reports a finished action, or in a dry run one that would be done.
    pub(crate) fn done(&mut self, action: Action, item: &Item<'_>, transferred: Transferred) -> Result<()> {
        let Transferred { verified, resumed_bytes } = transferred;
        self.progress.finished();
        self.summary.add(action, item, transferred);
        let line = Line { action, item, dry_run: self.dry_run };
        let (proof, resumed) = (Proof(verified), Resumed(resumed_bytes));
        let event = Event { verified, resumed_bytes, ..self.event(&action, item) };
        let print = || self.printer.result(format_args!("{line}{proof}{resumed}"), &event);
        self.progress.suspend(print)
    }

    /// Reports an item that needs no action. As text, it appears only in the summary.
    pub(crate) fn skipped(&mut self, item: &Item<'_>, why: &str) -> Result<()> {
        self.progress.finished();
        self.summary.skipped += 1;
        let event = Event { reason: Some(why), ..self.event(&"skipped", item) };
        self.progress.suspend(|| self.printer.json(&event))
    }

    /// Reports an item that is left out, with a warning.
    pub(crate) fn left_out(&mut self, item: &Item<'_>, why: &cloudflare_clients::Error) -> Result<()> {
        self.skipped(item, why.message())?;
        if !self.printer.is_json() {
            self.progress.suspend(|| self.printer.warning(why.message()));
        }
        Ok(())
    }

    /// Reports a failed item. The transfer continues with the others.
    pub(crate) fn failed(&mut self, item: &Item<'_>, error: &impl Display) -> Result<()> {
        self.progress.failed();
        self.summary.failed += 1;
        let error = error.to_string();
        let event = Event { error: Some(&error), ..self.event(&"failed", item) };
        let name = item.name();
        let named = if error.contains(&*name) { String::new() } else { format!("{}: ", Key(&name)) };
        self.progress.suspend(|| {
            // As JSON, the failure is on stdout.
            if !self.printer.is_json() {
                self.printer.warning(format_args!("{named}{error}"));
            }
            self.printer.json(&event)
        })
    }

    /// Returns the common part of an event.
    fn event<'a>(&'a self, what: &'a dyn Display, item: &Item<'a>) -> Event<'a> {
        Event {
            what: what.to_string(),
            key: item.key,
            source: item.source,
            path: item.path.map(Path::to_string_lossy),
            size: item.size,
            verified: None,
            resumed_bytes: 0,
            reason: None,
            error: None,
            dry_run: self.dry_run,
            target: &self.target,
        }
    }

    /// Whether nothing has been reported yet.
    pub(crate) fn is_empty(&self) -> bool {
        let Summary { uploaded, downloaded, copied, moved, deleted, skipped, failed, .. } = self.summary;
        [uploaded, downloaded, copied, moved, deleted, skipped, failed].iter().all(|number| *number == 0)
    }

    /// Prints the summary. Returns [`ExitStatus::Failed`] if an item failed.
    pub(crate) fn finish(self) -> Result<ExitStatus> {
        let Self { printer, target, progress, dry_run, mut summary } = self;
        summary.retries = progress.retried();
        progress.clear();
        if printer.is_json() {
            let (event, target) = ("summary", &*target);
            printer.json(&SummaryEvent { event, summary: &summary, dry_run, target })?;
        } else {
            printer.summary(summary.text(dry_run), &target);
        }
        Ok(if summary.failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
    }
}

impl<'a> Item<'a> {
    /// Returns its name at the source.
    fn name(&self) -> Cow<'a, str> {
        match (self.source, self.path) {
            (Some(source), _) => source.into(),
            (None, Some(path)) => path.to_string_lossy(),
            (None, None) => self.key.into(),
        }
    }
}

/// An action as a line for people.
struct Line<'a> {
    action: Action,
    item: &'a Item<'a>,
    dry_run: bool,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, item, dry_run } = self;
        let name = item.name();
        let path = item.path.unwrap_or(Path::new("")).to_string_lossy();
        let (from, to) = match action {
            Action::Uploaded | Action::Copied | Action::Moved => (&*name, Some(item.key)),
            Action::Downloaded => (item.key, Some(&*path)),
            Action::Deleted => (&*name, None),
        };
        let would_be = if *dry_run { "would be " } else { "" };
        write!(f, "{}  {would_be}{action}", Key(from))?;
        if let Some(to) = to {
            write!(f, " to {}", Key(to))?;
        }
        match item.size {
            Some(size) if *action != Action::Deleted => write!(f, "  {}", BinaryBytes(size)),
            _ => Ok(()),
        }
    }
}

/// The event of one file, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "event")]
    what: String,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
    #[serde(skip_serializing_if = "is_default")]
    resumed_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "is_default")]
    dry_run: bool,
    target: &'a str,
}

/// Whether a value is 0 or false, and left out of the JSON.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Counts of all items.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    uploaded: u64,
    downloaded: u64,
    copied: u64,
    moved: u64,
    deleted: u64,
    skipped: u64,
    failed: u64,
    /// Bytes that were uploaded, downloaded, copied and moved.
    bytes: u64,
    /// Number of these bytes that an interrupted run had transferred.
    resumed_bytes: u64,
    /// Number of retries.
    retries: u64,
    /// Number of items per way of verification.
    verified: BTreeMap<String, u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryEvent<'a> {
    event: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "is_default")]
    dry_run: bool,
    target: &'a str,
}

impl Summary {
    fn add(&mut self, action: Action, item: &Item<'_>, transferred: Transferred) {
        let number = match action {
            Action::Uploaded => &mut self.uploaded,
            Action::Downloaded => &mut self.downloaded,
            Action::Copied => &mut self.copied,
            Action::Moved => &mut self.moved,
            Action::Deleted => &mut self.deleted,
        };
        *number += 1;
        if action != Action::Deleted {
            self.bytes = self.bytes.saturating_add(item.size.unwrap_or_default());
        }
        self.resumed_bytes = self.resumed_bytes.saturating_add(transferred.resumed_bytes);
        if let Some(verified) = transferred.verified {
            *self.verified.entry(verified.to_string()).or_default() += 1;
        }
    }

    fn text(&self, dry_run: bool) -> String {
        let Self { uploaded, downloaded, copied, moved, deleted, .. } = *self;
        let would_be = if dry_run { "would be " } else { "" };
        let done: Vec<_> = [
            (uploaded, "file", Action::Uploaded),
            (downloaded, "object", Action::Downloaded),
            (copied, "object", Action::Copied),
            (moved, "object", Action::Moved),
        ]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, action)| format!("{} {would_be}{action}", count(number, what)))
        .collect();
        let mut texts = vec![match &*done {
            [] => "nothing to transfer".to_owned(),
            done => format!("{}, {}", done.join(", "), BinaryBytes(self.bytes)),
        }];
        if deleted > 0 {
            texts.push(format!("{} {would_be}deleted", HumanCount(deleted)));
        }
        if self.skipped > 0 {
            texts.push(format!("{} skipped", HumanCount(self.skipped)));
        }
        if self.resumed_bytes > 0 {
            texts.push(format!("{} resumed", BinaryBytes(self.resumed_bytes)));
        }
        texts.extend(self.proofs());
        match self.retries {
            0 => {}
            1 => texts.push("1 retry".to_owned()),
            retries => texts.push(format!("{} retries", HumanCount(retries))),
        }
        if self.failed > 0 {
            texts.push(format!("{} failed", HumanCount(self.failed)));
        }
        texts.join(", ")
    }

    /// Returns the ways of verification, with their counts if there are several.
    fn proofs(&self) -> Option<String> {
        let is_one = self.verified.len() == 1;
        let each = self.verified.iter();
        let each =
            each.map(|(proof, number)| if is_one { proof.clone() } else { format!("{proof} ({number})") });
        let proofs = each.collect::<Vec<_>>().join(" and ");
        (!proofs.is_empty()).then(|| format!("verified by {proofs}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(dry_run: bool) -> TransferReport {
        TransferReport::new(Printer::new(true), "bucket b".to_owned(), dry_run)
    }

    #[test]
    fn summaries_count_everything() {
        let mut report = report(false);
        let item = Item { key: "a/b", path: Some(Path::new("b")), size: Some(1024), source: None };
        for (verified, resumed_bytes) in [(Verified::Crc64, 0), (Verified::Crc64, 1000), (Verified::Md5, 0)] {
            let transferred = Transferred { verified: Some(verified), resumed_bytes };
            report.done(Action::Uploaded, &item, transferred).unwrap();
        }
        report.done(Action::Deleted, &item, Transferred::default()).unwrap();
        report.skipped(&item, "the same").unwrap();
        report.failed(&item, &"it does not work").unwrap();
        report.progress().retries()(&cloudflare_clients::Error::new(
            cloudflare_clients::ErrorKind::Timeout,
            "late",
        ));
        report.summary.retries = report.progress.retried();
        assert_eq!(
            report.summary.text(false),
            "3 files uploaded, 3.00 KiB, 1 deleted, 1 skipped, 1000 B resumed, \
             verified by crc64 (2) and md5 (1), 1 retry, 1 failed"
        );
        let json = serde_json::to_value(&report.summary).unwrap();
        assert_eq!((&json["bytes"], &json["verified"]["crc64"]), (&3072.into(), &2.into()));
        assert_eq!(report.finish().unwrap(), ExitStatus::Failed);
    }

    #[test]
    fn lines_say_what_goes_where() {
        let file = Item { key: "a/b", path: Some(Path::new("x/b")), size: Some(3), source: None };
        let copy = Item { key: "c", source: Some("a\n"), ..Item::default() };
        for (action, item, dry_run, line) in [
            (Action::Uploaded, &file, false, "x/b  uploaded to a/b  3 B"),
            (Action::Downloaded, &file, true, "a/b  would be downloaded to x/b  3 B"),
            (Action::Copied, &copy, false, "a\\n  copied to c"),
            (Action::Deleted, &file, false, "x/b  deleted"),
            (Action::Deleted, &Item { path: None, ..file }, true, "a/b  would be deleted"),
        ] {
            assert_eq!(Line { action, item, dry_run }.to_string(), line);
        }
        let mut dry = report(true);
        dry.done(Action::Uploaded, &file, Transferred::default()).unwrap();
        assert_eq!(dry.summary.text(true), "1 file would be uploaded, 3 B");
        assert_eq!(report(false).summary.text(false), "nothing to transfer");
        assert_eq!(dry.finish().unwrap(), ExitStatus::Success);
    }
}
