//! `If-Range`: a range request from a client that has another part of the same object.

use std::time::SystemTime;

use http::{HeaderMap, header};

use super::object::Object;
use crate::error::Error;
use crate::time::to_seconds;

/// The value of an `If-Range` header. The request's range applies to this state of the object; if the object
/// has changed, the client needs all of it
/// ([RFC 9110, 13.1.5](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfRange {
    /// The object with this etag, without quotes.
    Etag(String),
    /// The object that was uploaded in this second.
    Date(SystemTime),
    /// No object: the header has a weak etag, or neither a quoted etag nor a date.
    Never,
}

impl IfRange {
    /// Reads the `If-Range` header.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let given = headers.get(header::IF_RANGE)?;
        let validator = given.to_str().ok().and_then(|text| {
            let etag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            match etag.filter(|etag| !etag.contains('"')) {
                Some(etag) => Some(Self::Etag(etag.to_owned())),
                None => httpdate::parse_http_date(text).ok().map(Self::Date),
            }
        });
        Some(validator.unwrap_or(Self::Never))
    }

    /// Whether the range applies to this object, in a response at the time `now`. Etags are compared
    /// strongly, and dates must be equal: an older object is a different one, too.
    ///
    /// A date does not match within its own second, because another object could still replace this one with
    /// the same date. A date is a [weak validator](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2).
    pub fn matches(&self, object: &Object, now: SystemTime) -> bool {
        match self {
            Self::Etag(etag) => *etag == object.etag,
            Self::Date(date) => to_seconds(*date) == to_seconds(object.uploaded) && is_strong(*date, now),
            Self::Never => false,
        }
    }

    /// The same for the object that an error is about. Values that the error lacks do not match.
    pub(crate) fn matches_object_of(&self, error: &Error, now: SystemTime) -> bool {
        match self {
            Self::Etag(etag) => error.etag() == Some(etag),
            Self::Date(date) => error.is_about_object_of(*date) && is_strong(*date, now),
            Self::Never => false,
        }
    }
}

/// Whether the second of an upload is over, so that no other upload can have its date.
fn is_strong(date: SystemTime, now: SystemTime) -> bool {
    to_seconds(date) < to_seconds(now)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::transport::headers::header_map as headers;

    #[test]
    fn only_the_same_object_matches() {
        let object = Object::new("a", 1, "abc", UNIX_EPOCH + Duration::from_millis(784_111_777_500));
        assert_eq!(IfRange::read(&HeaderMap::new()), None);
        for (value, matches) in [
            ("\"abc\"", true),
            ("\"abd\"", false),
            ("W/\"abc\"", false),
            ("abc", false),
            ("\"abc\", \"abd\"", false),
            ("*", false),
            ("", false),
            ("Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("Sun, 06 Nov 1994 08:49:38 GMT", false),
            ("Sun, 06 Nov 1994 08:49:36 GMT", false),
            ("Sunday, 06-Nov-94 08:49:37 GMT", true),
        ] {
            let if_range = IfRange::read(&headers([("if-range", value)])).unwrap();
            let later = object.uploaded + Duration::from_millis(500);
            assert_eq!(if_range.matches(&object, later), matches, "{value}");
        }
    }

    #[test]
    fn a_date_is_weak_in_its_own_second_and_an_etag_never() {
        let uploaded = UNIX_EPOCH + Duration::from_millis(784_111_777_100);
        let object = Object::new("a", 1, "abc", uploaded);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let refused = Error::from_status(http::StatusCode::RANGE_NOT_SATISFIABLE, "x")
            .with_object_headers(&headers([("last-modified", date)]));
        let read = |value| IfRange::read(&headers([("if-range", value)])).unwrap();
        for (millis, is_strong) in [(0, false), (899, false), (900, true), (60_000, true)] {
            let now = uploaded + Duration::from_millis(millis);
            assert_eq!(read(date).matches(&object, now), is_strong, "{millis}");
            assert_eq!(read(date).matches_object_of(&refused, now), is_strong, "{millis}");
            assert!(read("\"abc\"").matches(&object, now));
        }
    }
}
