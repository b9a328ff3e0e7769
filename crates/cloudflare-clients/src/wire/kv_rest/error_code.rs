//! The errors of the API.
//!
//! The HTTP status decides, and a number where it says more than that. Statuses and texts differ from time to time.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use serde::de::IgnoredAny;

use super::envelope::{Envelope, said};
use super::rate_limit::RateLimit;
use crate::error::{Error, ErrorKind, Result};
use crate::http::failure::{plain_text, retry_after, shorten, status_error};

/// An error of the API: its number, and with which HTTP status it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number.
    pub number: u32,
    /// The HTTP status.
    pub status: u16,
    /// What the API says.
    pub message: &'static str,
    /// What it is to callers of this crate.
    pub kind: ErrorKind,
}

const fn code(number: u32, status: u16, message: &'static str, kind: ErrorKind) -> ErrorCode {
    ErrorCode { number, status, message, kind }
}

/// The key does not exist.
pub const KEY_NOT_FOUND: ErrorCode = code(10009, 404, "key not found", ErrorKind::InvalidInput);

/// The namespace does not exist.
pub const NAMESPACE_NOT_FOUND: ErrorCode =
    code(10013, 404, "namespace not found", ErrorKind::NoSuchNamespace);

/// Another namespace of the account has this title.
pub const TITLE_EXISTS: ErrorCode = code(10014, 400, "namespace already exists", ErrorKind::Conflict);

/// The token is unknown, or may not do this.
pub const AUTHENTICATION: ErrorCode = code(10000, 403, "Authentication error", ErrorKind::Credentials);

/// Nothing in the request says who sends it.
pub const MISSING_AUTHENTICATION: ErrorCode =
    code(9106, 400, "Missing X-Auth-Key, X-Auth-Email or Authorization headers", ErrorKind::Credentials);

/// There is nothing at this path.
pub const NO_ROUTE: ErrorCode = code(7000, 400, "No route for that URI", ErrorKind::InvalidInput);

/// KV cannot answer for the moment.
pub const UNAVAILABLE: ErrorCode = code(10001, 503, "service temporarily unavailable", ErrorKind::Server);

/// Too many writes to a key.
pub const TOO_MANY_REQUESTS: ErrorCode = code(10022, 429, "too many requests", ErrorKind::RateLimited);

/// The number of a page is none.
pub const MALFORMED_PAGE: ErrorCode = code(10007, 400, "malformed page argument", ErrorKind::InvalidInput);

/// The size of a page of namespaces is none.
pub const MALFORMED_PER_PAGE: ErrorCode =
    code(10008, 400, "malformed per_page argument", ErrorKind::InvalidInput);

/// A body or a value in it has not its form.
pub const MALFORMED_VALUE: ErrorCode = code(10012, 400, "malformed value", ErrorKind::InvalidInput);

/// A namespace is to have no title.
pub const MISSING_TITLE: ErrorCode = code(10019, 400, "missing title", ErrorKind::InvalidInput);

/// A value or a whole request is too large.
pub const TOO_LARGE: ErrorCode = code(10024, 413, "payload too large", ErrorKind::InvalidInput);

/// The size of a page of keys is none.
pub const INVALID_LIMIT: ErrorCode = code(10028, 400, "invalid limit argument", ErrorKind::InvalidInput);

/// Something else about the request is wrong.
pub const INVALID_REQUEST: ErrorCode = code(10029, 400, "invalid request", ErrorKind::InvalidInput);

/// A key is too long.
pub const KEY_TOO_LONG: ErrorCode = code(10030, 414, "key too long", ErrorKind::InvalidInput);

/// An expiration is none, or less than a minute ahead.
pub const INVALID_EXPIRATION: ErrorCode = code(10033, 400, "invalid expiration", ErrorKind::InvalidInput);

/// A time to live is none, or less than a minute.
pub const INVALID_EXPIRATION_TTL: ErrorCode =
    code(10034, 400, "invalid expiration ttl", ErrorKind::InvalidInput);

/// A cursor is not one of a list of keys.
pub const INVALID_CURSOR: ErrorCode =
    code(10041, 400, "invalid \"list keys\" cursor", ErrorKind::InvalidInput);

/// A key is empty, `.` or `..`.
pub const ILLEGAL_KEY: ErrorCode = code(10042, 400, "illegal key name", ErrorKind::InvalidInput);

/// Namespaces cannot be ordered so.
pub const INVALID_ORDER: ErrorCode = code(10043, 400, "invalid order", ErrorKind::InvalidInput);

/// Namespaces cannot be ordered in this direction.
pub const INVALID_DIRECTION: ErrorCode = code(10044, 400, "invalid direction", ErrorKind::InvalidInput);

/// Metadata is not JSON, or too long.
pub const INVALID_METADATA: ErrorCode = code(10047, 400, "invalid metadata", ErrorKind::InvalidInput);

/// The errors whose numbers are known: those of KV as
/// [Cloudflare's SDK for PHP](https://github.com/cloudflare/cloudflare-php) has them, and those of the API around it.
pub const ERROR_CODES: &[ErrorCode] = &[
    code(971, 429, "Please wait and consider throttling your request speed", ErrorKind::RateLimited),
    code(1000, 401, "Invalid API Token", ErrorKind::Credentials),
    code(6003, 400, "Invalid request headers", ErrorKind::Credentials),
    NO_ROUTE,
    code(
        7003,
        404,
        "Could not route to the requested resource, perhaps your object identifier is invalid?",
        ErrorKind::InvalidInput,
    ),
    MISSING_AUTHENTICATION,
    code(9109, 403, "Invalid access token", ErrorKind::Credentials),
    AUTHENTICATION,
    UNAVAILABLE,
    MALFORMED_PAGE,
    MALFORMED_PER_PAGE,
    KEY_NOT_FOUND,
    code(10011, 400, "malformed namespace ID", ErrorKind::InvalidInput),
    MALFORMED_VALUE,
    NAMESPACE_NOT_FOUND,
    TITLE_EXISTS,
    code(10018, 400, "too many namespaces in this account", ErrorKind::InvalidInput),
    MISSING_TITLE,
    TOO_MANY_REQUESTS,
    TOO_LARGE,
    code(10025, 404, "endpoint does not exist", ErrorKind::InvalidInput),
    code(10026, 403, "not entitled", ErrorKind::Forbidden),
    INVALID_LIMIT,
    INVALID_REQUEST,
    KEY_TOO_LONG,
    INVALID_EXPIRATION,
    INVALID_EXPIRATION_TTL,
    code(10037, 403, "the user lacks the permissions to perform this operation", ErrorKind::Forbidden),
    INVALID_CURSOR,
    ILLEGAL_KEY,
    INVALID_ORDER,
    INVALID_DIRECTION,
    code(10046, 429, "too many bulk requests", ErrorKind::RateLimited),
    INVALID_METADATA,
    code(10048, 429, "free limit reached", ErrorKind::RateLimited),
];

impl ErrorCode {
    /// The error of this number.
    pub fn by_number(number: u32) -> Option<&'static Self> {
        ERROR_CODES.iter().find(|code| code.number == number)
    }
}

/// The error that an answer is.
///
/// `reason` is the reason phrase of its status line, where it has another one than HTTP's, and `now` is what a
/// `Retry-After` with a date counts from. Where there is none, and none of the account's requests are left, a 429 waits for what the
/// `Ratelimit` header says.
pub fn parse_error(
    status: StatusCode,
    reason: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Error {
    let envelope: Option<Envelope<IgnoredAny>> = serde_json::from_slice(body).ok();
    let (message, number) = match &envelope {
        Some(envelope) => (said(&envelope.errors), envelope.errors.first().map(|error| error.code)),
        None => (plain_text(body), None),
    };
    let mut error = status_error(status, reason, message.as_deref().map(shorten).as_deref());
    if let Some(known) = number.and_then(ErrorCode::by_number) {
        error = error.with_kind(known.kind);
    }
    error = error.explain_credentials();
    if let Some(number) = number {
        error = error.with_code(number.to_string());
    }
    if let Some(id) = headers.get("cf-ray").and_then(|id| id.to_str().ok()) {
        error = error.with_request_id(id);
    }
    let rate_limited = || {
        let limit = RateLimit::parse(headers).filter(|_| status == StatusCode::TOO_MANY_REQUESTS)?;
        (limit.remaining == 0).then_some(limit.resets_in)
    };
    match retry_after(headers, now).or_else(rate_limited) {
        Some(delay) => error.with_retry_after(delay),
        None => error,
    }
}

/// `None` where the key is what was not found. What is not in the API's envelope was not said by the API.
///
/// # Errors
/// The error, where it is another.
pub fn missing<T>(error: Error) -> Result<Option<T>> {
    let number = error.code().and_then(|code| code.parse().ok());
    let Some(number) = number.filter(|_| error.status() == Some(404)) else {
        return Err(error);
    };
    match ErrorCode::by_number(number) {
        Some(known) if *known != KEY_NOT_FOUND => Err(error),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn parse(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Error {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        let status = StatusCode::from_u16(status).unwrap();
        parse_error(status, None, &headers.collect(), body.as_bytes(), UNIX_EPOCH)
    }

    fn envelope(number: u32, message: &str) -> String {
        format!(
            r#"{{"success":false,"errors":[{{"code":{number},"message":"{message}","error_chain":[]}}],"messages":null,"result":null}}"#
        )
    }

    #[test]
    fn the_status_decides_but_where_the_number_says_more() {
        for (status, number, kind, retryable) in [
            (404, 10013, ErrorKind::NoSuchNamespace, false),
            (400, 10014, ErrorKind::Conflict, false),
            (403, 10000, ErrorKind::Credentials, false),
            (400, 6003, ErrorKind::Credentials, false),
            (403, 4711, ErrorKind::Forbidden, false),
            (401, 4711, ErrorKind::Credentials, false),
            (413, 4711, ErrorKind::InvalidInput, false),
            (429, 4711, ErrorKind::RateLimited, true),
            (429, 971, ErrorKind::RateLimited, true),
            (503, 4711, ErrorKind::Server, true),
        ] {
            let error = parse(status, &[], &envelope(number, "m"));
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{status} {number}");
            let number = number.to_string();
            assert_eq!((error.status(), error.code()), (Some(status), Some(number.as_str())));
        }
    }

    #[test]
    fn texts_stay_readable() {
        let error = parse(404, &[("cf-ray", "ray")], &envelope(10013, "namespace not found"));
        assert_eq!(error.to_string(), "404 Not Found: namespace not found (10013)");
        assert_eq!(error.request_id(), Some("ray"));
        assert_eq!(parse(502, &[], "<html><p>Bad").to_string(), "502 Bad Gateway");
        assert_eq!(parse(502, &[], "down").to_string(), "502 Bad Gateway: down");
        let error = parse(403, &[], &envelope(10000, "Authentication error")).to_string();
        assert_eq!(error, "the credentials were rejected: 403 Forbidden: Authentication error (10000)");
    }

    #[test]
    fn a_429_waits_for_what_it_says() {
        let limit = |left| ("ratelimit", if left { "\"default\";r=5;t=40" } else { "\"default\";r=0;t=40" });
        for (headers, expected) in [
            (vec![("retry-after", "7"), limit(false)], Some(7)),
            (vec![limit(false)], Some(40)),
            // The key's limit and not the account's.
            (vec![limit(true)], None),
            (vec![], None),
        ] {
            let error = parse(429, &headers, "");
            assert_eq!(error.retry_after(), expected.map(Duration::from_secs), "{headers:?}");
        }
        assert_eq!(parse(503, &[limit(false)], "").retry_after(), None);
    }

    #[test]
    fn only_a_missing_key_is_none() {
        assert!(missing::<()>(parse(404, &[], &envelope(10009, "key not found"))).unwrap().is_none());
        assert!(missing::<()>(parse(404, &[], &envelope(4711, "key is not there"))).unwrap().is_none());
        for error in [
            parse(404, &[], &envelope(10013, "namespace not found")),
            parse(404, &[], &envelope(7003, "Could not route to /x")),
            parse(404, &[], "<html>nginx"),
            parse(400, &[], &envelope(10009, "key not found")),
        ] {
            assert!(missing::<()>(error).is_err());
        }
    }
}
