//! Times in the format of [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339), for serde's `with`: UTC with
//! milliseconds, as `JSON.stringify` writes a `Date`.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Visitor};
use serde::{Deserializer, Serializer};

use super::LAST_MILLISECOND;

/// Writes `2026-11-25T05:18:20.123Z`. A time outside the years 1970 to 9999, which have four digits, is
/// written as the first or last moment of that range.
pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let last = UNIX_EPOCH + Duration::from_millis(LAST_MILLISECOND);
    serializer.collect_str(&humantime::format_rfc3339_millis((*time).clamp(UNIX_EPOCH, last)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    deserializer.deserialize_str(Rfc3339)
}

struct Rfc3339;

impl Visitor<'_> for Rfc3339 {
    type Value = SystemTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"2026-11-25T05:18:20.123Z\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SystemTime, E> {
        humantime::parse_rfc3339(text).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// The same for an optional time. Fields need `default` and `skip_serializing_if` too.
pub(crate) mod option {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Time(#[serde(with = "super")] SystemTime);

    #[expect(clippy::ref_option, reason = "serde passes the field so")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Time).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Option::<Time>::deserialize(deserializer).map(|time| time.map(|Time(time)| time))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(with = "super")]
        at: SystemTime,
        #[serde(default, with = "super::option", skip_serializing_if = "Option::is_none")]
        until: Option<SystemTime>,
    }

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn times_are_written_in_milliseconds_and_read_back() {
        for (times, json) in [
            (Times { at: at(784_111_777, 0), until: None }, r#"{"at":"1994-11-06T08:49:37.000Z"}"#),
            (
                Times { at: at(0, 5_000_000), until: Some(at(253_402_300_799, 999_000_000)) },
                r#"{"at":"1970-01-01T00:00:00.005Z","until":"9999-12-31T23:59:59.999Z"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&times).unwrap(), json);
            assert_eq!(serde_json::from_str::<Times>(json).unwrap(), times);
        }
    }

    #[test]
    fn what_the_format_lacks_is_clamped() {
        let before = Times { at: UNIX_EPOCH - Duration::from_secs(1), until: Some(at(253_402_300_800, 0)) };
        let json = r#"{"at":"1970-01-01T00:00:00.000Z","until":"9999-12-31T23:59:59.999Z"}"#;
        assert_eq!(serde_json::to_string(&before).unwrap(), json);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["\"yesterday\"", "\"2026-02-30T00:00:00Z\"", "1764047900"] {
            let error = serde_json::from_str::<Times>(&format!("{{\"at\":{text}}}")).unwrap_err();
            assert!(
                error.to_string().contains("expected a time such as \"2026-11-25T05:18:20.123Z\""),
                "{error}"
            );
        }
    }
}
