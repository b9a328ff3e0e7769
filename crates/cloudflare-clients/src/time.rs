//! Times as whole milliseconds or seconds since 1970.

pub(crate) mod rfc3339;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, rounded down. 0 for an earlier time.
pub(crate) fn to_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time at `millis` milliseconds since 1970, or `None` if the platform cannot represent it.
pub(crate) fn from_millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// Whole milliseconds of a duration, rounded down.
pub(crate) fn duration_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970, rounded down. 0 for an earlier time.
pub(crate) fn to_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time at `seconds` seconds since 1970, or `None` if the platform cannot represent it.
pub(crate) fn from_seconds(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Adds a duration. If the platform cannot represent the sum, it is the end of the year 9999, or `time` if
/// that is later.
pub(crate) fn later(time: SystemTime, by: Duration) -> SystemTime {
    let last = UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
    time.checked_add(by).unwrap_or(last.max(time))
}

/// Rounds a time down to whole seconds.
pub(crate) fn whole_seconds(time: SystemTime) -> SystemTime {
    let fraction = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    time - Duration::from_nanos(fraction.into())
}

/// The last second of the year 9999, the last year of a date with four digits.
pub(crate) const LAST_SECOND: u64 = 253_402_300_799;

/// The last millisecond of the year 9999.
pub(crate) const LAST_MILLISECOND: u64 = LAST_SECOND * 1000 + 999;

/// Seconds since 1970, rounded down, if the time lies in the years 1970 to 9999, which four-digit dates can
/// express.
pub(crate) fn seconds_of_a_date(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs()).filter(|seconds| *seconds <= LAST_SECOND)
}
