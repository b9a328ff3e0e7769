//! The result of a transfer of many objects, by name and in total.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::sync::lock;
use crate::transfer::proof::Verified;

/// Maximum number of failures that a report keeps.
const MAX_FAILURES: usize = 1000;

/// What happened to one entry of a transfer, for [`TreeTransfer::on_event`](super::TreeTransfer::on_event).
///
/// Names are paths below the roots of both trees, with slashes.
#[derive(Debug)]
#[non_exhaustive]
pub enum TreeEvent<'a> {
    /// The entry was transferred to the target.
    Transferred {
        /// Name of the entry.
        name: &'a str,
        /// Size in bytes.
        size: u64,
        /// How it was verified; `None` in a dry run.
        verified: Option<Verified>,
        /// Number of bytes that had arrived in an earlier attempt.
        resumed_bytes: u64,
    },
    /// The target was up to date.
    Unchanged {
        /// Name of the entry.
        name: &'a str,
        /// Size in bytes.
        size: u64,
    },
    /// The entry existed only in the target and was deleted:
    /// [`TreeTransfer::delete`](super::TreeTransfer::delete).
    Deleted {
        /// Name of the entry.
        name: &'a str,
        /// Former size in bytes.
        size: u64,
    },
    /// The entry is not transferred: a link that is not followed, or a special file.
    LeftOut {
        /// Name of the entry.
        name: &'a str,
        /// The reason.
        why: &'a Error,
    },
    /// The entry could not be transferred or deleted, or was rejected, such as a key that cannot be a file
    /// name.
    Failed {
        /// Name of the entry.
        name: &'a str,
        /// The error.
        error: &'a Error,
    },
}

/// Progress of a transfer, for [`TreeTransfer::on_progress`](super::TreeTransfer::on_progress). The numbers
/// found grow while both sides are still being listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeProgress {
    /// Number of files or objects that are to be transferred, including those that are rejected.
    pub found: u64,
    /// Their total size in bytes.
    pub found_bytes: u64,
    /// Number of them that are done, including failures.
    pub done: u64,
    /// Number of bytes transferred.
    pub done_bytes: u64,
    /// Number of entries that are equal on both sides or left out.
    pub unchanged: u64,
    /// Whether both sides are listed completely, so that the numbers found are final.
    pub is_listed: bool,
}

/// The result of a transfer. After a dry run, what would have been done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use = "some of it may have failed"]
pub struct TreeReport {
    /// Number of files or objects transferred.
    pub transferred: u64,
    /// Their total size in bytes.
    pub transferred_bytes: u64,
    /// Number of these bytes that had arrived in an earlier attempt.
    pub resumed_bytes: u64,
    /// Number of entries that were up to date in the target.
    pub unchanged: u64,
    /// Number of entries that existed only in the target and were deleted.
    pub deleted: u64,
    /// Number of entries that were not transferred because they are links that are not followed, or special
    /// files.
    pub left_out: u64,
    /// Number of entries that could not be transferred or deleted.
    pub failed: u64,
    /// Number of transferred entries for each kind of verification.
    pub verified: BTreeMap<Verified, u64>,
    /// Names and errors of the first 1,000 failures.
    pub failures: Vec<(String, Error)>,
}

impl TreeReport {
    /// Returns an error if anything failed.
    ///
    /// # Errors
    /// The first failure, with the number of other failures.
    pub fn check(&self) -> Result<()> {
        let Some((name, error)) = self.failures.first() else { return Ok(()) };
        Err(match self.failed.saturating_sub(1) {
            0 => error.clone().explain(format_args!("{name:?} could not be transferred")),
            others => {
                error.clone().explain(format_args!("{name:?} and {others} more could not be transferred"))
            }
        })
    }
}

type OnEvent = Arc<dyn Fn(TreeEvent<'_>) + Send + Sync>;
type OnProgress = Arc<dyn Fn(TreeProgress) + Send + Sync>;

/// The callbacks of a transfer.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    pub(super) event: Option<OnEvent>,
    pub(super) progress: Option<OnProgress>,
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}

/// Collects the report and calls the callbacks.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    listeners: Listeners,
    progress: Mutex<TreeProgress>,
}

impl Reporter {
    pub(super) fn new(listeners: Listeners) -> Arc<Self> {
        Arc::new(Self { listeners, progress: Mutex::default() })
    }

    pub(super) fn progress(&self, change: impl FnOnce(&mut TreeProgress)) {
        let mut progress = lock(&self.progress);
        change(&mut progress);
        // Called under the lock, so that a later call never has an earlier progress.
        if let Some(listener) = &self.listeners.progress {
            listener(*progress);
        }
    }

    /// Returns a callback for the progress of one file. It is called with the number of bytes done.
    pub(super) fn bytes(self: &Arc<Self>) -> impl Fn(u64, u64) + Send + Sync + 'static {
        let (reporter, before) = (Arc::clone(self), Mutex::new(0));
        move |done: u64, _: u64| {
            let before = std::mem::replace(&mut *lock(&before), done);
            reporter.progress(|progress| {
                progress.done_bytes = progress.done_bytes.saturating_add(done).saturating_sub(before);
            });
        }
    }

    pub(super) fn record(&self, report: &mut TreeReport, event: TreeEvent<'_>) {
        match &event {
            TreeEvent::Transferred { size, verified, resumed_bytes, .. } => {
                report.transferred += 1;
                report.transferred_bytes += size;
                report.resumed_bytes += resumed_bytes;
                if let Some(verified) = verified {
                    *report.verified.entry(*verified).or_default() += 1;
                }
            }
            TreeEvent::Unchanged { .. } => report.unchanged += 1,
            TreeEvent::Deleted { .. } => report.deleted += 1,
            TreeEvent::LeftOut { .. } => report.left_out += 1,
            TreeEvent::Failed { name, error } => {
                report.failed += 1;
                if report.failures.len() < MAX_FAILURES {
                    report.failures.push(((*name).to_owned(), (*error).clone()));
                }
            }
        }
        if let Some(listener) = &self.listeners.event {
            listener(event);
        }
    }
}
