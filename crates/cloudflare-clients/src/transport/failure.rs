//! Helpers for answers that report a failure.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use crate::error::Error;

/// Maximum length of a service's text in an error, in bytes.
const MAX_MESSAGE: usize = 1024;

/// Creates the error for a status and the service's message.
///
/// `reason` is the reason phrase of the status line, if it is not HTTP's standard one.
pub(crate) fn status_error(status: StatusCode, reason: Option<&str>, message: Option<&str>) -> Error {
    let reason = reason.or_else(|| status.canonical_reason()).unwrap_or("Unknown Status");
    match message {
        Some(message) if !reason.contains(message) && !message.ends_with(reason) => {
            Error::from_status(status, format_args!("{reason}: {message}"))
        }
        _ => Error::from_status(status, reason),
    }
}

/// Returns the status with this number, for tables of errors.
pub(crate) const fn status(number: u16) -> StatusCode {
    match StatusCode::from_u16(number) {
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the delay of a `Retry-After` header: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Returns the first line of a body that is neither XML nor HTML.
pub(crate) fn plain_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next()?.trim_end();
    (!line.starts_with('<') && !line.contains(char::is_control)).then(|| shorten(line))
}

/// Shortens a text to the length that an error shows.
pub(crate) fn shorten(text: &str) -> String {
    beginning(text, MAX_MESSAGE).to_owned()
}

/// Returns the whole characters within the first `most` bytes of a text.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}
