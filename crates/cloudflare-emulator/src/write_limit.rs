//! How often a key may be written to.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use lru::LruCache;

/// How many keys' last writes are remembered.
const MAX_WRITTEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// A bucket's name or a namespace's id, and a key.
type Name = (String, String);

/// The last writes to keys, where a key takes only one in a time.
pub(crate) struct WriteLimit {
    interval: Option<Duration>,
    written: Mutex<LruCache<Name, SystemTime>>,
}

impl WriteLimit {
    /// One write in `interval`; with `None`, any number.
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        // Made with its capacity, it would have room for all of it at once.
        let mut written = LruCache::unbounded();
        written.resize(MAX_WRITTEN);
        Self { interval, written: Mutex::new(written) }
    }

    /// Whether a write does not come too soon after the one before. If so, it counts from now on.
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

    /// Does not count a write that was admitted at this time and has failed.
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
