//! Conditions on the etag and the upload time of an object.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;

use super::error_code::PRECONDITION_FAILED;
use super::headers::is_etag;
use super::object::Object;
use crate::error::{Error, Result};

/// Conditions that the object must meet for an operation to happen.
///
/// All given conditions must hold, with HTTP's two exceptions: if `etag_matches` holds, `uploaded_before` is
/// ignored, and if `etag_does_not_match` holds, `uploaded_after` is ignored. A failed condition is
/// [`ErrorKind::PreconditionFailed`](crate::ErrorKind). On a read, a failed `etag_does_not_match` or
/// `uploaded_after` is [`ErrorKind::NotModified`](crate::ErrorKind).
///
/// See
/// [R2's conditional operations](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#conditional-operations).
///
/// ```
/// use cloudflare_clients::r2::Conditional;
///
/// let create_only = Conditional::new().etag_does_not_match("*");
/// let replace_what_i_saw = Conditional::new().etag_matches("9e107d9d372bb6826bd81d3542a419d6");
/// # let _ = (create_only, replace_what_i_saw);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Conditional {
    /// `If-Match`: the object exists and has one of these etags.
    pub etag_matches: Option<EtagList>,
    /// `If-None-Match`: the object does not exist, or has none of these etags.
    pub etag_does_not_match: Option<EtagList>,
    /// `If-Unmodified-Since`: the object was uploaded before this time. In HTTP, the header's second is the
    /// last that meets the condition.
    pub uploaded_before: Option<SystemTime>,
    /// `If-Modified-Since`: the object was uploaded after this time.
    pub uploaded_after: Option<SystemTime>,
    /// Whether upload times are compared in whole seconds, like HTTP's dates, instead of milliseconds.
    pub seconds_granularity: bool,
}

impl Conditional {
    /// Creates an empty set of conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that the object exists and has this etag (without quotes). `"*"` means any etag.
    pub fn etag_matches(mut self, etag: impl Into<EtagList>) -> Self {
        self.etag_matches = Some(etag.into());
        self
    }

    /// Requires that the object has another etag (without quotes), or does not exist. `"*"` means: only
    /// create.
    pub fn etag_does_not_match(mut self, etag: impl Into<EtagList>) -> Self {
        self.etag_does_not_match = Some(etag.into());
        self
    }

    /// Requires that the object was uploaded before this time.
    pub fn uploaded_before(mut self, time: SystemTime) -> Self {
        self.uploaded_before = Some(time);
        self
    }

    /// Requires that the object was uploaded after this time.
    pub fn uploaded_after(mut self, time: SystemTime) -> Self {
        self.uploaded_after = Some(time);
        self
    }

    /// Compares upload times in whole seconds, like HTTP's dates, instead of milliseconds.
    pub fn seconds_granularity(mut self) -> Self {
        self.seconds_granularity = true;
        self
    }

    /// Whether there are no conditions.
    pub fn is_empty(&self) -> bool {
        self.etag_matches.is_none()
            && self.etag_does_not_match.is_none()
            && self.uploaded_before.is_none()
            && self.uploaded_after.is_none()
    }

    /// Refuses quoted etags and times before 1970.
    pub(crate) fn validate(&self) -> Result<()> {
        for list in [&self.etag_matches, &self.etag_does_not_match].into_iter().flatten() {
            if let EtagList::OneOf(etags) = list
                && let Some(etag) = etags.iter().find(|etag| !is_etag(&etag.value))
            {
                return Err(Error::invalid_input(format!(
                    "the etag {:?} of a condition must not be empty or in quotes: pass it without quotes, as in `Object::etag`",
                    etag.value
                )));
            }
        }
        for time in [self.uploaded_before, self.uploaded_after].into_iter().flatten() {
            if time < UNIX_EPOCH {
                return Err(Error::invalid_input("the time of a condition is before 1970"));
            }
        }
        Ok(())
    }

    /// Checks an object, or its absence, against the conditions of a read.
    ///
    /// # Errors
    /// [`ErrorKind::PreconditionFailed`](crate::ErrorKind) or [`ErrorKind::NotModified`](crate::ErrorKind).
    /// [`Error::with_object`] adds what a proxy needs for its response.
    pub fn check_read(&self, existing: Option<&Object>) -> Result<()> {
        self.check_matching(existing)?;
        self.check_differing(existing).map_err(|()| {
            Error::from_status(
                StatusCode::NOT_MODIFIED,
                "Not Modified: the object has not changed by the conditions of the request",
            )
        })
    }

    /// Checks an object, or its absence, against the conditions of a write.
    ///
    /// # Errors
    /// [`ErrorKind::PreconditionFailed`](crate::ErrorKind).
    pub fn check_write(&self, existing: Option<&Object>) -> Result<()> {
        self.check_matching(existing)?;
        self.check_differing(existing).map_err(|()| precondition_failed())
    }

    fn check_matching(&self, existing: Option<&Object>) -> Result<()> {
        if let Some(etags) = &self.etag_matches {
            return match existing {
                Some(object) if etags.contains_strong(&object.etag) => Ok(()),
                _ => Err(precondition_failed()),
            };
        }
        match (self.uploaded_before, existing) {
            (Some(before), Some(object)) if self.granular(object.uploaded) >= self.granular(before) => {
                Err(precondition_failed())
            }
            _ => Ok(()),
        }
    }

    fn check_differing(&self, existing: Option<&Object>) -> Result<(), ()> {
        if let Some(etags) = &self.etag_does_not_match {
            return match existing {
                Some(object) if etags.contains_weak(&object.etag) => Err(()),
                _ => Ok(()),
            };
        }
        match (self.uploaded_after, existing) {
            (Some(after), Some(object)) if self.granular(after) >= self.granular(object.uploaded) => Err(()),
            (Some(_), None) => Err(()),
            _ => Ok(()),
        }
    }

    fn granular(&self, time: SystemTime) -> Duration {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.seconds_granularity { Duration::from_secs(since.as_secs()) } else { since }
    }
}

pub(crate) fn precondition_failed() -> Error {
    Error::from_status(
        StatusCode::PRECONDITION_FAILED,
        "Precondition Failed: at least one of the conditions did not hold",
    )
    .with_code(PRECONDITION_FAILED.name)
}

/// The etags of a condition: any, or one of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EtagList {
    /// `*`: any object that exists.
    Any,
    /// An object with one of these etags.
    OneOf(Vec<Etag>),
}

impl EtagList {
    fn contains_strong(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(etags) => etags.iter().any(|e| !e.weak && e.value == etag),
        }
    }

    fn contains_weak(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(etags) => etags.iter().any(|e| e.value == etag),
        }
    }

    /// The value of an `If-Match` or `If-None-Match` header.
    pub(crate) fn to_header(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::OneOf(etags) => {
                let quoted = |etag: &Etag| format!("{}\"{}\"", if etag.weak { "W/" } else { "" }, etag.value);
                etags.iter().map(quoted).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// Reads an `If-Match` or `If-None-Match` header: `*`, or quoted etags separated by commas. Unquoted
    /// etags are accepted too, as by R2's S3 API. [`Get::http_request`](crate::r2::Get::http_request) does
    /// not accept them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the value is neither.
    pub fn parse_header(value: &str) -> Result<Self> {
        Self::parse(value, true)
    }

    /// Like [`parse_header`](Self::parse_header), but accepts only quoted etags, as
    /// [HTTP](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3) requires.
    pub(crate) fn parse_quoted(value: &str) -> Result<Self> {
        Self::parse(value, false)
    }

    fn parse(value: &str, bare_too: bool) -> Result<Self> {
        let malformed = || Error::invalid_input(format!("{value:?} is not `*` or a list of etags in quotes"));
        let value = value.trim();
        if value == "*" {
            return Ok(Self::Any);
        }
        let mut etags = Vec::new();
        let mut rest = value;
        loop {
            // HTTP ignores empty elements of lists.
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() && !etags.is_empty() {
                return Ok(Self::OneOf(etags));
            }
            let (weak, unprefixed) = match rest.strip_prefix("W/") {
                Some(tag) => (true, tag),
                None => (false, rest),
            };
            let (tag, after) = if let Some(quoted) = unprefixed.strip_prefix('"') {
                quoted.split_once('"').ok_or_else(malformed)?
            } else if !bare_too {
                return Err(malformed());
            } else {
                let end = unprefixed.find(',').unwrap_or(unprefixed.len());
                let (bare, after) = unprefixed.split_at(end);
                (bare.trim_end(), after)
            };
            if tag.is_empty() || tag.contains('"') {
                return Err(malformed());
            }
            etags.push(Etag { value: tag.to_owned(), weak });
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Self::OneOf(etags));
            }
            rest = rest.strip_prefix(',').ok_or_else(malformed)?;
        }
    }
}

impl From<&str> for EtagList {
    /// Converts `"*"` to [`Any`](Self::Any), and any other text to one strong etag.
    fn from(etag: &str) -> Self {
        if etag == "*" { Self::Any } else { Self::OneOf(vec![Etag::new(etag)]) }
    }
}

impl From<String> for EtagList {
    fn from(etag: String) -> Self {
        etag.as_str().into()
    }
}

impl From<&String> for EtagList {
    fn from(etag: &String) -> Self {
        etag.as_str().into()
    }
}

/// One etag of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Etag {
    /// The etag without quotes.
    pub value: String,
    /// Whether the etag had the prefix `W/`. A weak etag never meets `etag_matches`.
    pub weak: bool,
}

impl Etag {
    /// Creates a strong etag from a value without quotes.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), weak: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn missing_objects_fail_only_what_needs_one() {
        assert!(Conditional::new().check_write(None).is_ok());
        assert!(Conditional::new().etag_does_not_match("*").check_write(None).is_ok());
        assert!(Conditional::new().uploaded_before(at(5)).check_write(None).is_ok());
        let any = Conditional::new().etag_matches("*");
        assert_eq!(any.check_write(None).unwrap_err().kind(), ErrorKind::PreconditionFailed);
        let newer = Conditional::new().uploaded_after(at(5));
        assert_eq!(newer.check_read(None).unwrap_err().kind(), ErrorKind::NotModified);
    }

    #[test]
    fn reads_tell_304_from_412_and_writes_do_not() {
        let object = Object::new("k", 1, "abc", at(1000));
        let same = Conditional::new().etag_does_not_match("abc");
        assert_eq!(same.check_read(Some(&object)).map_err(|e| e.kind()), Err(ErrorKind::NotModified));
        assert_eq!(same.check_write(Some(&object)).map_err(|e| e.kind()), Err(ErrorKind::PreconditionFailed));
        let other = Conditional::new().etag_matches("def");
        assert_eq!(other.check_read(Some(&object)).map_err(|e| e.kind()), Err(ErrorKind::PreconditionFailed));
    }

    #[test]
    fn etags_excuse_times() {
        let object = Object::new("k", 1, "abc", at(1000));
        assert!(
            Conditional::new().etag_matches("abc").uploaded_before(at(1)).check_read(Some(&object)).is_ok()
        );
        assert!(
            Conditional::new()
                .etag_does_not_match("x")
                .uploaded_after(at(9000))
                .check_read(Some(&object))
                .is_ok()
        );
    }

    #[test]
    fn times_compare_strictly_and_in_seconds_where_asked() {
        let object = Object::new("k", 1, "abc", at(1500));
        assert!(Conditional::new().uploaded_after(at(1499)).check_read(Some(&object)).is_ok());
        let same = Conditional::new().uploaded_after(at(1500));
        let same_second =
            Conditional { seconds_granularity: true, ..Conditional::new().uploaded_after(at(1000)) };
        for only_if in [same, same_second] {
            assert_eq!(
                only_if.check_read(Some(&object)).unwrap_err().kind(),
                ErrorKind::NotModified,
                "{only_if:?}"
            );
        }
    }

    #[test]
    fn header_lists_round_trip() {
        for (header, expected) in [
            ("*", "*"),
            ("\"a\"", "\"a\""),
            ("\"a\" , W/\"b,c\"", "\"a\", W/\"b,c\""),
            ("bare", "\"bare\""),
            ("\"a\", ,", "\"a\""),
        ] {
            assert_eq!(EtagList::parse_header(header).map(|l| l.to_header()).ok().as_deref(), Some(expected));
        }
        assert_eq!(EtagList::parse_quoted("\"a\", W/\"b\"").unwrap().to_header(), "\"a\", W/\"b\"");
        for bare in ["bare", "\"a\", bare", "W/bare"] {
            assert_eq!(EtagList::parse_quoted(bare).unwrap_err().kind(), ErrorKind::InvalidInput, "{bare}");
        }
        for malformed in ["", "\"a", "\"a\" \"b\"", ",", "a\"b"] {
            let error = EtagList::parse_header(malformed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{malformed:?}");
            assert!(error.message().contains(&format!("{malformed:?} is not `*` or a list")), "{error}");
        }
        let weak = Conditional::new().etag_matches(EtagList::parse_header("W/\"a\"").unwrap());
        let error = weak.check_read(Some(&Object::new("k", 1, "a", at(0)))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    }

    #[test]
    fn quoted_etags_are_refused() {
        let error = Conditional::new().etag_matches("\"abc\"").validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("must not be empty or in quotes"), "{error}");
        assert!(Conditional::new().etag_matches("abc-2").validate().is_ok());
    }
}
