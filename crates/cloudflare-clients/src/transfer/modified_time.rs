//! The modification time of a file, in the custom metadata of its object.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::r2::Object;

/// Name of the metadata; [rclone](https://rclone.org/s3/#modification-times-and-hashes) uses the same.
pub(super) const NAME: &str = "mtime";

/// Seconds since 1970, with nanoseconds. `None` for earlier times.
pub(super) fn to_text(time: SystemTime) -> Option<String> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
}

/// The time in the object's metadata.
pub(super) fn of(object: &Object) -> Option<SystemTime> {
    parse(object.metadata(NAME)?)
}

fn parse(text: &str) -> Option<SystemTime> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds.parse().ok()?, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        let time = UNIX_EPOCH + Duration::new(1_700_000_000, 120_000_001);
        assert_eq!(to_text(time).as_deref(), Some("1700000000.120000001"));
        assert_eq!(parse("1700000000.120000001"), Some(time));
        assert_eq!(to_text(UNIX_EPOCH - Duration::from_secs(1)), None);
    }

    #[test]
    fn other_programs_write_them_otherwise() {
        let seconds = |seconds, nanoseconds| Some(UNIX_EPOCH + Duration::new(seconds, nanoseconds));
        for (text, time) in [
            ("1700000000", seconds(1_700_000_000, 0)),
            ("1700000000.5", seconds(1_700_000_000, 500_000_000)),
            ("1700000000.1234567891", seconds(1_700_000_000, 123_456_789)),
            ("0", seconds(0, 0)),
            ("", None),
            ("-1", None),
            ("1e9", None),
            ("99999999999999999999", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(parse(text), time, "{text}");
        }
    }
}
