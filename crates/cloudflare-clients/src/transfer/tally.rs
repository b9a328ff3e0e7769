//! The progress of a transfer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Called with the number of bytes done, and the total.
pub(super) type Report = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Sums up the progress of all pieces.
pub(super) struct Tally {
    done: AtomicU64,
    total: u64,
    report: Option<Report>,
}

impl Tally {
    pub(super) fn new(total: u64, report: Option<Report>) -> Arc<Self> {
        Arc::new(Self { done: AtomicU64::new(0), total, report })
    }

    pub(super) fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.tell(done);
    }

    fn take_back(&self, bytes: u64) {
        let done = self.done.fetch_sub(bytes, Ordering::Relaxed).saturating_sub(bytes);
        self.tell(done);
    }

    fn tell(&self, done: u64) {
        if let Some(report) = &self.report {
            report(done.min(self.total), self.total);
        }
    }

    /// Returns a callback for `Body::on_progress` of one piece. Bytes that are sent again count once.
    pub(super) fn piece(self: &Arc<Self>) -> impl Fn(u64, Option<u64>) + Send + Sync + 'static {
        let (tally, before) = (Arc::clone(self), AtomicU64::new(0));
        move |done, _| {
            let before = before.swap(done, Ordering::Relaxed);
            match done.checked_sub(before) {
                Some(more) => tally.add(more),
                None => tally.take_back(before - done),
            }
        }
    }
}
