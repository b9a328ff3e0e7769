//! Sessions that this process has read recently.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use lru::LruCache;

use super::record::Record;
use crate::mutation::{Mutation, is_mutated};
use crate::sync::lock;
use crate::time::duration_millis;

/// The most recently used sessions, as they were read. Times are milliseconds since 1970.
#[derive(Debug)]
pub(super) struct Memory {
    ttl: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// By the keys of the sessions' data.
    entries: LruCache<String, Entry>,
    /// Incremented each time that something is forgotten. A record that was read before must not be kept
    /// afterwards.
    forgotten: u64,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    read: u64,
}

/// A miss. `keep` needs it to detect whether something was forgotten since.
pub(super) struct Missing(u64);

impl Memory {
    pub(super) fn new(ttl: Duration, sessions: usize) -> Self {
        let capacity = NonZeroUsize::new(sessions).unwrap_or(NonZeroUsize::MIN);
        let kept = Kept { entries: LruCache::new(capacity), forgotten: 0 };
        Self { ttl: duration_millis(ttl), kept: Mutex::new(kept) }
    }

    pub(super) fn find(&self, key: &str, now: u64) -> Result<Record, Missing> {
        let mut kept = lock(&self.kept);
        let missing = Missing(kept.forgotten);
        let is_fresh = |entry: &&Entry| {
            now.checked_sub(entry.read).is_some_and(|age| age < self.ttl)
                || is_mutated(Mutation::StaleSessionServed)
        };
        kept.entries.get(key).filter(is_fresh).map(|entry| entry.record.clone()).ok_or(missing)
    }

    /// Keeps a record that was read at `read` or later, unless something was forgotten since the miss.
    pub(super) fn keep(&self, key: String, record: Record, read: u64, Missing(forgotten): &Missing) {
        let mut kept = lock(&self.kept);
        if kept.forgotten == *forgotten {
            kept.entries.put(key, Entry { record, read });
        }
    }

    pub(super) fn forget(&self, key: &str) {
        let mut kept = lock(&self.kept);
        kept.forgotten += 1;
        kept.entries.pop(key);
    }

    pub(super) fn forget_user(&self, user_key: &str) {
        let mut kept = lock(&self.kept);
        kept.forgotten += 1;
        let of_user =
            |(key, entry): (&String, &Entry)| (entry.record.user_key == user_key).then(|| key.clone());
        let keys: Vec<_> = kept.entries.iter().filter_map(of_user).collect();
        for key in keys {
            kept.entries.pop(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(user: &str) -> Record {
        Record { data: "{}".to_owned(), used: None, good_since: None, user_key: user.to_owned() }
    }

    fn keep(memory: &Memory, key: &str, user: &str, read: u64) {
        let Err(missing) = memory.find(key, read) else { panic!("{key} is there") };
        memory.keep(key.to_owned(), record(user), read, &missing);
    }

    #[test]
    fn it_keeps_so_many_for_so_long() {
        let memory = Memory::new(Duration::from_millis(10), 2);
        keep(&memory, "a", "u", 5);
        assert!(memory.find("a", 14).is_ok());
        assert!(memory.find("a", 15).is_err());
        assert!(memory.find("a", 4).is_err(), "the clock was set back");
        keep(&memory, "b", "u", 5);
        keep(&memory, "c", "v", 5);
        assert!(memory.find("a", 5).is_err(), "there is room for two");
        memory.forget_user("u");
        assert!(memory.find("b", 5).is_err() && memory.find("c", 5).is_ok());
        memory.forget("c");
        assert!(memory.find("c", 5).is_err());
        assert!(Memory::new(Duration::MAX, 0).find("a", u64::MAX).is_err());
    }

    #[test]
    fn what_was_read_before_something_was_forgotten_is_not_kept() {
        for forget in [|memory: &Memory| memory.forget("a"), |memory: &Memory| memory.forget_user("u")] {
            let memory = Memory::new(Duration::from_secs(1), 2);
            let Err(missing) = memory.find("a", 0) else { panic!("nothing was kept") };
            forget(&memory);
            memory.keep("a".to_owned(), record("u"), 0, &missing);
            assert!(memory.find("a", 0).is_err());
        }
    }
}
