//! The values of headers, as a client writes them and a server reads them.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::{Error, Result};
use crate::time::seconds_of_a_date;

/// Creates the value of a header. `what` names it in the error.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the value has control characters.
pub(crate) fn value(what: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|_| {
        Error::invalid_input(format!(
            "the {what} {value:?} cannot be sent as a header: it has control characters"
        ))
    })
}

/// Formats a time for a header, in whole seconds. `what` names it in the error.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the year is not 1970 to 9999.
pub(crate) fn date(what: &str, time: SystemTime) -> Result<HeaderValue> {
    if seconds_of_a_date(time).is_none() {
        return Err(Error::invalid_input(format!("the {what} is not in the years 1970 to 9999")));
    }
    value(what, &httpdate::fmt_http_date(time))
}

pub(crate) fn read_date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// Returns the text of a header, or `None` if it is not UTF-8.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?.as_bytes()).ok()
}

/// Parses a number without a sign. Numbers from 2^64 on count as the largest `u64`.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// Reads `Content-Length`.
pub fn read_content_length(headers: &HeaderMap) -> Option<u64> {
    digits(headers.get(header::CONTENT_LENGTH)?.to_str().ok()?)
}

/// The headers of a test.
#[cfg(test)]
pub(crate) fn header_map<const N: usize>(pairs: [(&'static str, &str); N]) -> HeaderMap {
    pairs.into_iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}
