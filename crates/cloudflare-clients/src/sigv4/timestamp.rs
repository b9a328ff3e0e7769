use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::time::seconds_of_a_date;

/// A point in time in SigV4's form: `YYYYMMDDTHHMMSSZ`, in UTC and whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    time: SystemTime,
    /// Always 16 ASCII characters in this form.
    text: String,
}

impl Timestamp {
    /// Creates a timestamp, rounded down to whole seconds.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the time is outside the years 1970 to 9999.
    pub fn new(time: SystemTime) -> Result<Self> {
        let seconds = seconds_of_a_date(time).ok_or_else(|| {
            Error::invalid_input("the time to sign with is outside the years 1970 to 9999: check the clock")
        })?;
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        let text = humantime::format_rfc3339_seconds(time).to_string().replace(['-', ':'], "");
        Ok(Self { time, text })
    }

    /// Reads exactly `YYYYMMDDTHHMMSSZ`. `None` for any other form and for dates that do not exist.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 16 || !text.is_ascii() {
            return None;
        }
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let rfc3339 = format!(
            "{}-{}-{}T{}:{}:{}Z",
            date.get(..4)?,
            date.get(4..6)?,
            date.get(6..)?,
            time.get(..2)?,
            time.get(2..4)?,
            time.get(4..)?
        );
        let parsed = Self::new(humantime::parse_rfc3339(&rfc3339).ok()?).ok()?;
        (parsed.text == text).then_some(parsed)
    }

    /// The time in the form `YYYYMMDDTHHMMSSZ`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The date of a scope, in the form `YYYYMMDD`.
    pub fn date(&self) -> &str {
        &self.text[..8]
    }

    /// The point in time.
    pub fn time(&self) -> SystemTime {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn formats_and_parses() {
        let time = UNIX_EPOCH + Duration::from_millis(1_369_353_600_999);
        let timestamp = Timestamp::new(time).unwrap();
        assert_eq!(timestamp.as_str(), "20130524T000000Z");
        assert_eq!(timestamp.date(), "20130524");
        assert_eq!(Timestamp::parse("20130524T000000Z"), Some(timestamp));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "20130524T000000",
            "20130524T0000000",
            "2013-05-24T00:00",
            "20130524t000000Z",
            "20130524 000000Z",
            "20130230T000000Z",
            "20130524T240000Z",
            "20130524T000060Z",
            "+2013524T000000Z",
            "2013052T0000000Z",
            "2013٠24T00000Z",
            "Thu, 23 May 2013",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_without_a_form_are_refused() {
        let last = Timestamp::parse("99991231T235959Z").unwrap().time();
        for time in [UNIX_EPOCH - Duration::from_secs(1), last + Duration::from_secs(1)] {
            let error = Timestamp::new(time).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains("outside the years 1970 to 9999"), "{error}");
        }
    }
}
