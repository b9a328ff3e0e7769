//! What became of a transfer of many, name by name and altogether.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::sync::lock;
use crate::transfer::proof::Verified;

/// How many failures a report keeps.
const MAX_FAILURES: usize = 1000;

/// What became of one name of a transfer of many, for [`TreeTransfer::on_event`](super::TreeTransfer::on_event).
///
/// Names are those below the roots of both trees.
#[derive(Debug)]
#[non_exhaustive]
pub enum TreeEvent<'a> {
    /// The target has it now.
    Transferred {
        /// What was transferred.
        name: &'a str,
        /// Its size in bytes.
        size: u64,
        /// What proved it; `None` in a dry run.
        verified: Option<Verified>,
        /// How many of the bytes had arrived before.
        resumed_bytes: u64,
    },
    /// The target had it already.
    Unchanged {
        /// What both have.
        name: &'a str,
        /// Its size in bytes.
        size: u64,
    },
    /// The target had it, and the source has not: [`TreeTransfer::delete`](super::TreeTransfer::delete).
    Deleted {
        /// What was deleted.
        name: &'a str,
        /// The size that it had, in bytes.
        size: u64,
    },
    /// It is not transferred: a link that is not followed, or a device.
    LeftOut {
        /// What it is about.
        name: &'a str,
        /// Why.
        why: &'a Error,
    },
    /// It could not be transferred or deleted, or may not be, as a key that is no name of a file.
    Failed {
        /// What it is about.
        name: &'a str,
        /// Why.
        error: &'a Error,
    },
}

/// How far a transfer of many is, for [`TreeTransfer::on_progress`](super::TreeTransfer::on_progress). What
/// is found grows while both sides are still being listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeProgress {
    /// How many files or objects were found that are to be transferred, or would be if they were not refused.
    pub found: u64,
    /// How many bytes these have.
    pub found_bytes: u64,
    /// How many of them are done, failures included.
    pub done: u64,
    /// How many bytes were transferred.
    pub done_bytes: u64,
    /// How many names both sides have alike, or are left out.
    pub unchanged: u64,
    /// Whether both sides are listed: what is found stays as it is.
    pub is_listed: bool,
}

/// What became of a transfer of many. After a dry run, what would have become of it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use = "some of it may have failed"]
pub struct TreeReport {
    /// How many files or objects were transferred.
    pub transferred: u64,
    /// How many bytes these have.
    pub transferred_bytes: u64,
    /// How many of these bytes had arrived before.
    pub resumed_bytes: u64,
    /// How many names the target had already, as the source has them.
    pub unchanged: u64,
    /// How many the target had, and the source has not, were deleted.
    pub deleted: u64,
    /// How many are not transferred as they are links, which are not followed, or no regular files.
    pub left_out: u64,
    /// How many could not be transferred or deleted.
    pub failed: u64,
    /// What proved how many of those that were transferred.
    pub verified: BTreeMap<Verified, u64>,
    /// The names that failed, the first 1,000 of them, and why.
    pub failures: Vec<(String, Error)>,
}

impl TreeReport {
    /// Fails if anything failed.
    ///
    /// # Errors
    /// The first failure, which says how many others failed.
    pub fn check(&self) -> Result<()> {
        let Some((name, error)) = self.failures.first() else { return Ok(()) };
        Err(match self.failed.saturating_sub(1) {
            0 => error.clone().explain(format_args!("{name:?} failed")),
            others => error.clone().explain(format_args!("{name:?} failed, and {others} more")),
        })
    }
}

type OnEvent = Arc<dyn Fn(TreeEvent<'_>) + Send + Sync>;
type OnProgress = Arc<dyn Fn(TreeProgress) + Send + Sync>;

/// Who is told.
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

/// The report to be, and who is told meanwhile.
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
        // Under the lock, so that no later call has an earlier progress.
        if let Some(listener) = &self.listeners.progress {
            listener(*progress);
        }
    }

    /// Something that counts the bytes of one file, of which it is told how many are done.
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
