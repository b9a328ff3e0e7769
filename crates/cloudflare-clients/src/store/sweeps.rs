//! When lifecycle rules are applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::database::to_millis;
use crate::time::later;

/// Minimum time between two sweeps of a store that is in use.
const INTERVAL: Duration = Duration::from_secs(60);

/// When the rules are applied next. The first time is with the first use of a bucket after the store was
/// opened.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    /// In milliseconds since 1970.
    next: AtomicU64,
    /// Held while the rules are applied.
    pub(super) running: Arc<Mutex<()>>,
}

impl Sweeps {
    /// Makes the next use of a bucket apply the rules.
    pub(super) fn hasten(&self) {
        self.next.store(0, Ordering::Relaxed);
    }

    /// Lets the caller apply the rules, if they are due; then nobody else does for a while. A clock that was
    /// set back far counts as due.
    pub(super) fn claim(&self, now: SystemTime) -> Option<OwnedMutexGuard<()>> {
        let next = self.next.load(Ordering::Relaxed);
        let (at, after) = (to_millis(now), to_millis(later(now, INTERVAL)));
        if at < next && next <= after {
            return None;
        }
        let alone = Arc::clone(&self.running).try_lock_owned().ok()?;
        let claimed = self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed);
        claimed.is_ok().then_some(alone)
    }
}
