//! Errors in the answers of the API, and their numbers.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use serde::de::IgnoredAny;

use super::envelope::{Envelope, said};
use super::rate_limit::RateLimit;
use crate::error::{Error, Result};
pub use crate::model::kv::error_code::*;
use crate::transport::failure::{plain_text, retry_after, shorten, status_error};

/// Parses an answer that is an error.
///
/// `reason` is the reason phrase of its status line, if it is not HTTP's standard one. `now` is used to
/// compute the delay of a `Retry-After` header with a date. If a 429 has no `Retry-After`, and the account
/// has no requests left, the delay is taken from the `Ratelimit` header.
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

/// Returns `None` if the error means that the key is missing. An answer without the API's envelope does not
/// come from the API.
///
/// # Errors
/// The error, if it is a different one.
pub fn missing<T>(error: Error) -> Result<Option<T>> {
    let number = error.code().and_then(|code| code.parse().ok());
    let Some(number) = number.filter(|_| error.status() == Some(StatusCode::NOT_FOUND)) else {
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
    use crate::error::ErrorKind;

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
            assert_eq!((error.status().unwrap().as_u16(), error.code()), (status, Some(number.as_str())));
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
            // The limit of the key, not of the account.
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
        for (status, body) in [
            (404, &envelope(10013, "namespace not found")[..]),
            (404, &envelope(7003, "Could not route to /x")),
            (404, "<html>nginx"),
            (400, &envelope(10009, "key not found")),
        ] {
            let error = missing::<()>(parse(status, &[], body)).unwrap_err();
            assert_eq!(error.to_string(), parse(status, &[], body).to_string());
        }
    }
}
