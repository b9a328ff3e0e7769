//! Times in whole milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time without its fraction of a millisecond; 0 for one before 1970.
pub(crate) fn to_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time, if the platform can tell one so late.
pub(crate) fn from_millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}
