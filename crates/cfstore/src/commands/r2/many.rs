//! Concurrent transfers of many files. A failed one does not stop the others.

use std::path::PathBuf;

use futures_util::lock::{Mutex, MutexGuard};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use crate::error::{Error, ExitStatus, Result};
use crate::shutdown;
use crate::transfer_report::{Action, Item, TransferReport, Transferred};

/// Size in bytes above which a file goes in parts or ranges. Such files go one by one, since each uses the
/// whole concurrency.
const LARGE: u64 = 64 * 1024 * 1024;

/// Serializes large files.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<()>);

impl Turns {
    /// Waits for the turn of a large file. Small files do not wait.
    pub(super) async fn take(&self, size: u64) -> Option<MutexGuard<'_, ()>> {
        if size > LARGE { Some(self.0.lock().await) } else { None }
    }
}

/// Result of one transfer.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) key: String,
    pub(super) path: Option<PathBuf>,
    pub(super) size: Option<u64>,
    pub(super) result: Result<Transferred>,
}

impl Outcome {
    pub(super) fn item(&self) -> Item<'_> {
        Item { key: &self.key, path: self.path.as_deref(), size: self.size, source: None }
    }
}

/// Runs all transfers, and reports them. After Ctrl-C no more are started.
pub(super) async fn run<'a, W: Future<Output = Outcome> + 'a>(
    action: Action,
    concurrency: usize,
    work: impl Stream<Item = Result<W>>,
    mut report: TransferReport,
) -> Result<ExitStatus> {
    let stop = shutdown::requested()?.shared();
    let work = work.take_until(stop.clone());
    let work = work.map(async |work| Ok::<_, Error>(work?.await)).buffer_unordered(concurrency);
    let mut work = std::pin::pin!(work);
    let mut failed = Ok(());
    while let Some(outcome) = work.next().await {
        let outcome: Outcome = match outcome {
            Ok(outcome) => outcome,
            // The listing failed: finish the transfers in progress.
            Err(error) => {
                failed = Err(error);
                continue;
            }
        };
        match &outcome.result {
            Ok(transferred) => report.done(action, &outcome.item(), *transferred)?,
            Err(Error::Interrupted) => {}
            Err(error) => report.failed(&outcome.item(), error)?,
        }
    }
    // A failure before the first item needs no summary.
    if report.is_empty() {
        failed?;
        failed = Ok(());
    }
    let status = report.finish()?;
    failed?;
    if stop.now_or_never().is_some() { Err(Error::Interrupted) } else { Ok(status) }
}
