//! When lifecycle rules are carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::database::to_millis;
use crate::time::later;

/// How often rules are carried out on a store that is used, at most.
const INTERVAL: Duration = Duration::from_secs(60);

/// When rules are carried out next: with the first use of a bucket after the store was opened.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    /// In milliseconds since 1970.
    next: AtomicU64,
    /// Held by whoever carries them out.
    pub(super) running: Arc<Mutex<()>>,
}

impl Sweeps {
    /// Has the next use of a bucket carry out the rules.
    pub(super) fn hasten(&self) {
        self.next.store(0, Ordering::Relaxed);
    }

    /// Lets the caller carry them out, if they are due: then nobody else may for a while. A clock that was
    /// set back far counts as moved on.
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
