//! The wall-clock time of a segment.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::time::seconds_of_a_date;

/// A time with its time zone.
#[derive(Debug)]
pub(super) struct ProgramDateTime<'a> {
    /// The local time, as if it were UTC.
    local: SystemTime,
    /// The zone as written, such as `+01:00`.
    zone: &'a str,
}

impl<'a> ProgramDateTime<'a> {
    /// Parses the time of an `EXT-X-PROGRAM-DATE-TIME`, from 1970 on.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let time = text.find('T')?;
        let zone = text[time..].find(['Z', '+', '-']).map_or(text.len(), |zone| time + zone);
        let local = humantime::parse_rfc3339(&format!("{}Z", &text[..zone])).ok()?;
        Some(Self { local, zone: &text[zone..] })
    }

    /// Adds a duration. Returns `None` if the result cannot be written as a date.
    pub(super) fn later(self, by: Duration) -> Option<Self> {
        let local = self.local.checked_add(by)?;
        seconds_of_a_date(local)?;
        Some(Self { local, ..self })
    }
}

impl fmt::Display for ProgramDateTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_rfc3339_millis(self.local).to_string();
        write!(f, "{}{}", time.trim_end_matches('Z'), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_zone() {
        let later =
            |text| Some(ProgramDateTime::parse(text)?.later(Duration::from_millis(1500))?.to_string());
        for (text, expected) in [
            ("2026-02-28T23:59:59.250Z", Some("2026-03-01T00:00:00.750Z")),
            ("2026-02-28T23:59:59+05:30", Some("2026-03-01T00:00:00.500+05:30")),
            ("2026-02-28T23:59:58.123456-0800", Some("2026-02-28T23:59:59.623-0800")),
            ("2026-02-28T23:59:58", Some("2026-02-28T23:59:59.500")),
            ("9999-12-31T23:59:59Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-02-28", None),
            ("T", None),
            ("", None),
        ] {
            assert_eq!(later(text).as_deref(), expected, "{text}");
        }
    }
}
