//! Durations in the form of XML Schema ([`xs:duration`](https://www.w3.org/TR/xmlschema-2/#duration)).

use std::time::Duration;

/// Parses a duration such as `PT1H2M3.5S`, cut to nanoseconds. Years and months count as 365 and 30 days, as
/// in players. Returns `None` if it is malformed or negative.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (&text[1..], ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    for (mut rest, designators) in [
        (date, &[('Y', 365 * 86_400), ('M', 30 * 86_400), ('D', 86_400)]),
        (time, &[('H', 3600), ('M', 60), ('S', 1)]),
    ] {
        for &(designator, seconds) in designators {
            let Some((number, behind)) = rest.split_once(designator) else { continue };
            rest = behind;
            let number =
                if designator == 'S' { decimal(number)? } else { Duration::from_secs(digits(number)?) };
            total = total.checked_add(number.checked_mul(seconds)?)?;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(total)
}

/// Formats a duration.
pub(super) fn write(duration: Duration) -> String {
    let text = format!("PT{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    format!("{}S", text.trim_end_matches('0').trim_end_matches('.'))
}

fn digits(text: &str) -> Option<u64> {
    // `parse` would accept a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses seconds with a fraction.
fn decimal(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = nanos.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some(Duration::new(digits(whole)?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_designators_in_order() {
        for (text, expected) in [
            ("PT0S", 0),
            ("PT21.0S", 21_000),
            ("PT1H2M3.5S", 3_723_500),
            ("PT90M", 5_400_000),
            ("P1DT0.001S", 86_400_001),
            ("P0Y0M0DT0H3M30S", 210_000),
            ("P1Y2M3D", (365 + 60 + 3) * 86_400_000),
            ("PT0.0019999999999S", 1),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (text, expected) in [
            ("PT0.5S", "PT0.5S"),
            ("PT10S", "PT10S"),
            ("PT1M0.000000001S", "PT60.000000001S"),
            ("PT0S", "PT0S"),
        ] {
            assert_eq!(write(parse(text).unwrap()), expected);
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1",
            "PT1",
            "PTS",
            "PT.5S",
            "PT1.S",
            "PT1.5M",
            "PT-1S",
            "-PT1S",
            "PT+1S",
            "P-1Y",
            "PT1S1M",
            "PT1M1H",
            "PT1S ",
            "PT1e3S",
            "P1M1Y",
            "PT99999999999999999999S",
            "PT18446744073709551615H",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
