//! Limit of writes to a key.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use lru::LruCache;

/// Maximum number of keys whose last write is remembered.
const MAX_WRITTEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// A bucket's name or a namespace's id, and a key.
type Name = (String, String);

/// Limits writes to one per key and interval.
pub(crate) struct WriteLimit {
    interval: Option<Duration>,
    written: Mutex<LruCache<Name, SystemTime>>,
}

impl WriteLimit {
    /// Creates the limit of one write per `interval`. `None` means no limit.
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        // Creating it with its capacity would allocate everything immediately.
        let mut written = LruCache::unbounded();
        written.resize(MAX_WRITTEN);
        Self { interval, written: Mutex::new(written) }
    }

    /// Whether a write comes late enough after the previous one. If so, it is recorded.
    pub(crate) fn admits(&self, container: &str, key: &str, now: SystemTime) -> bool {
        let Some(interval) = self.interval else { return true };
        let mut written = self.written();
        let name = (container.to_owned(), key.to_owned());
        let too_soon = |last: &SystemTime| now.duration_since(*last).is_ok_and(|ago| ago < interval);
        if written.get(&name).is_some_and(too_soon) {
            return false;
        }
        written.put(name, now);
        true
    }

    /// Removes a write that was admitted at this time but failed.
    pub(crate) fn forget(&self, container: &str, key: &str, admitted: SystemTime) {
        if self.interval.is_none() {
            return;
        }
        let mut written = self.written();
        let name = (container.to_owned(), key.to_owned());
        if written.peek(&name) == Some(&admitted) {
            written.pop(&name);
        }
    }

    fn written(&self) -> MutexGuard<'_, LruCache<Name, SystemTime>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_key_takes_one_write_in_the_interval_and_others_are_apart() {
        let limit = WriteLimit::new(Some(Duration::from_secs(1)));
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert!(limit.admits("media", "a", at(0)));
        assert!(limit.admits("media", "b", at(0)) && limit.admits("other", "a", at(0)));
        assert!(!limit.admits("media", "a", at(999)));
        assert!(limit.admits("media", "a", at(1000)));
        // Of a clock that was set back.
        assert!(limit.admits("media", "a", at(500)));
        limit.forget("media", "a", at(499));
        assert!(!limit.admits("media", "a", at(600)));
        limit.forget("media", "a", at(500));
        assert!(limit.admits("media", "a", at(600)));
        assert!(WriteLimit::new(None).admits("media", "a", at(600)));
    }
}
