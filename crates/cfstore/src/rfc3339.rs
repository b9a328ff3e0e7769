//! Times as text of RFC 3339.

use std::time::SystemTime;

/// Whole seconds, for people.
pub(crate) fn rfc3339_seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(in_range(time)).to_string()
}

/// Milliseconds, as in the JSON of objects.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(in_range(time)).to_string()
}

/// Four digits of a year is what the format has, and a service can say anything.
fn in_range(time: SystemTime) -> SystemTime {
    let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    time.clamp(SystemTime::UNIX_EPOCH, last)
}
