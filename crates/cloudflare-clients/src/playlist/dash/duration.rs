//! Durations as XML Schema writes them ([`xs:duration`](https://www.w3.org/TR/xmlschema-2/#duration)).

use std::time::Duration;

/// The duration that `text` is: `PT1H2M3.5S`. What goes beyond nanoseconds is cut off. `None` for what is no duration, is
/// negative, or counts in years and months, whose length is not known.
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
        (date, &[('Y', None), ('M', None), ('D', Some(86_400))]),
        (time, &[('H', Some(3600)), ('M', Some(60)), ('S', Some(1))]),
    ] {
        for &(designator, seconds) in designators {
            let Some((number, behind)) = rest.split_once(designator) else { continue };
            rest = behind;
            let number =
                if designator == 'S' { decimal(number)? } else { Duration::from_secs(digits(number)?) };
            match seconds {
                Some(seconds) => total = total.checked_add(number.checked_mul(seconds)?)?,
                None if number.is_zero() => {}
                None => return None,
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(total)
}

fn digits(text: &str) -> Option<u64> {
    // `parse` would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Seconds with a fraction.
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
            ("PT0.0019999999999S", 1),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), expected, "{text}");
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
            "P1Y",
            "P2M",
            "PT1S1M",
            "PT1M1H",
            "PT1S ",
            "PT1e3S",
            "P1M1D",
            "PT99999999999999999999S",
            "PT18446744073709551615H",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
