//! Transferring many files: as many at once as are allowed, those that fail beside the others.

use std::path::PathBuf;

use futures_util::lock::{Mutex, MutexGuard};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use crate::error::{Error, ExitStatus, Result};
use crate::shutdown;
use crate::transfer_report::{Action, Item, TransferReport, Transferred};

/// What goes in parts or ranges. One of these at a time: it takes all that is allowed at once.
const LARGE: u64 = 64 * 1024 * 1024;

/// The turn of large files.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<()>);

impl Turns {
    /// Waits for the turn of a large one; a small one has it always.
    pub(super) async fn take(&self, size: u64) -> Option<MutexGuard<'_, ()>> {
        if size > LARGE { Some(self.0.lock().await) } else { None }
    }
}

/// One that was transferred, or failed.
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

/// Does all of the work, and reports it. After Ctrl-C nothing more is begun.
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
            // What is under way ends; no more of the listing comes.
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
    let status = report.finish()?;
    failed?;
    if stop.now_or_never().is_some() { Err(Error::Interrupted) } else { Ok(status) }
}
