//! Times in the format of RFC 3339.

use std::time::SystemTime;

/// Formats a time with whole seconds, for people.
pub(crate) fn rfc3339_seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(in_range(time)).to_string()
}

/// Formats a time with milliseconds, as in the JSON of objects.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(in_range(time)).to_string()
}

/// Limits a time to the years 1970 to 9999: the format has four digits for the year.
fn in_range(time: SystemTime) -> SystemTime {
    let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    time.clamp(SystemTime::UNIX_EPOCH, last)
}
