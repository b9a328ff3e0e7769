//! Durations in playlists.

use std::time::Duration;

/// Parses a [decimal number](https://www.rfc-editor.org/rfc/rfc8216#section-4.2) of seconds, cut to
/// nanoseconds. Does not use the parser of floating-point numbers, which would increase the size of every
/// Worker.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos = (0..9).fold(0, |nanos, place| {
        let digit = fraction.as_bytes().get(place).map_or(0, |digit| digit - b'0');
        nanos * 10 + u32::from(digit)
    });
    Some(Duration::new(whole, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_decimal() {
        for (text, nanos) in [
            ("6", Some(6_000_000_000)),
            ("6.", Some(6_000_000_000)),
            (".5", Some(500_000_000)),
            ("6.00600", Some(6_006_000_000)),
            ("0.0000000019", Some(1)),
            ("", None),
            (".", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(seconds(text).map(|seconds| seconds.as_nanos()), nanos, "{text}");
        }
    }
}
