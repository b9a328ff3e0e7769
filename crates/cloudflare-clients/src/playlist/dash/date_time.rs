//! Times in the form of XML Schema ([`xs:dateTime`](https://www.w3.org/TR/xmlschema-2/#dateTime)).

use std::time::UNIX_EPOCH;

/// The seconds in 400 years, after which the calendar repeats.
const CYCLE: i128 = 146_097 * 86_400;

const SECOND: i128 = 1_000_000_000;

/// Parses a time such as `2026-11-28T10:00:00.25+01:00`, in nanoseconds since 1970. Without a zone it is in
/// UTC, as DASH specifies. Returns `None` if it is malformed.
pub(super) fn parse(text: &str) -> Option<i128> {
    let (local, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, None),
        // Skips the date, which contains two dashes.
        None => match text.get(19..)?.rfind(['+', '-']) {
            Some(at) => (&text[..19 + at], Some(&text[19 + at..])),
            None => (text, None),
        },
    };
    let (whole, fraction) = local.split_once('.').unwrap_or((local, "0"));
    if whole.len() != "2026-11-28T10:00:00".len()
        || whole.as_bytes().get(10) != Some(&b'T')
        || fraction.is_empty()
    {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(9)];
    let (year, rest) = whole.split_once('-')?;
    let year: u16 = year.parse().ok().filter(|_| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    // Not every platform's `SystemTime` supports times before 1970.
    let cycles = if year < 1970 { 5 } else { 0 };
    let year = year + cycles * 400;
    let time = humantime::parse_rfc3339_weak(&format!("{year:04}-{rest}.{fraction}")).ok()?;
    let nanos = i128::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
    let nanos = nanos - i128::from(cycles) * CYCLE * SECOND;
    match zone {
        None => Some(nanos),
        Some(zone) => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let seconds = number(hours, 14)? * 3600 + number(minutes, 59)? * 60;
            let offset = i128::from(seconds) * SECOND;
            Some(if zone.starts_with('+') { nanos - offset } else { nanos + offset })
        }
    }
}

/// Parses two digits, up to `most`.
fn number(digits: &str, most: u64) -> Option<u64> {
    let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?.filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_zones_and_fractions() {
        let at = |text| {
            let since = humantime::parse_rfc3339(text).unwrap().duration_since(UNIX_EPOCH).unwrap();
            i128::try_from(since.as_nanos()).unwrap()
        };
        for (text, expected) in [
            ("2026-11-28T10:00:00Z", "2026-11-28T10:00:00Z"),
            ("2026-11-28T10:00:00", "2026-11-28T10:00:00Z"),
            ("2026-11-28T10:00:00.5", "2026-11-28T10:00:00.5Z"),
            ("2026-11-28T10:00:00.123456789123Z", "2026-11-28T10:00:00.123456789Z"),
            ("2026-11-28T10:00:00+01:00", "2026-11-28T09:00:00Z"),
            ("2026-11-28T10:00:00.25-05:30", "2026-11-28T15:30:00.25Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2024-02-29T23:59:60Z", "2024-02-29T23:59:59Z"),
        ] {
            assert_eq!(parse(text), Some(at(expected)), "{text}");
        }
    }

    #[test]
    fn times_may_lie_before_1970() {
        for (text, seconds) in [
            ("1969-12-31T23:59:44Z", -16),
            ("1970-01-01T00:00:00+01:00", -3600),
            ("1904-01-01T00:00:00Z", -2_082_844_800),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("0000-02-29T00:00:00Z", -62_162_121_600),
        ] {
            assert_eq!(parse(text), Some(seconds * SECOND), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "Z",
            "2026-11-28",
            "2026-11-28T10:00Z",
            "2026-11-28 10:00:00Z",
            "2026-13-28T10:00:00Z",
            "2025-02-29T10:00:00Z",
            "2026-11-28T24:00:01Z",
            "2026-11-28T10:00:00.Z",
            "2026-11-28T10:00:00.5.5Z",
            "2026-11-28T10:00:00+1:00",
            "2026-11-28T10:00:00+15:00",
            "2026-11-28T10:00:00+01",
            "2026-11-28T10:00:00+0é:00",
            "1900-02-29T10:00:00Z",
            "+026-11-28T10:00:00Z",
            "-2026-11-28T10:00:00Z",
            "now",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})?([.+Z:0-9é-]){0,12}") {
            let _ = parse(&text);
        }
    }
}
