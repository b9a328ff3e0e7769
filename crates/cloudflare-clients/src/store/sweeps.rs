//! When lifecycle rules are carried out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::database::to_millis;
use crate::time::later;

/// How often rules are carried out on a store that is used, at most.
const INTERVAL: Duration = Duration::from_mins(1);

/// When rules are carried out next.
#[derive(Debug)]
pub(super) struct Sweeps {
    /// In milliseconds since 1970.
    next: AtomicU64,
    /// Held by whoever carries them out.
    pub(super) running: tokio::sync::Mutex<()>,
}

impl Sweeps {
    /// Those of a store that is opened now, which carries the rules out.
    pub(super) fn new(now: SystemTime) -> Self {
        Self { next: to_millis(later(now, INTERVAL)).into(), running: tokio::sync::Mutex::default() }
    }

    /// Has the next use of a bucket carry out the rules.
    pub(super) fn hasten(&self) {
        self.next.store(0, Ordering::Relaxed);
    }

    /// Whether they are to be carried out: then nobody else is told so for a while. A clock that was set back far counts as moved on.
    pub(super) fn are_due(&self, now: SystemTime) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        let (at, after) = (to_millis(now), to_millis(later(now, INTERVAL)));
        let is_due = at >= next || after < next;
        is_due && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
