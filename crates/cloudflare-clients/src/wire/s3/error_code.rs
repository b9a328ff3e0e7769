//! Errors in the answers of R2's S3 API, and their codes.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use super::xml::Element;
use crate::error::{Error, ErrorKind};
pub use crate::model::r2::error_code::*;
use crate::transport::failure::{plain_text, retry_after, shorten, status_error};

/// Parses an answer that is an error.
///
/// `reason` is the reason phrase of its status line, if it is not HTTP's standard one. `now` is used to
/// compute the delay of a `Retry-After` header with a date. Errors that share a status are distinguished by
/// the `<Code>` only: a 404 is [`ErrorKind::NoSuchKey`], [`ErrorKind::NoSuchBucket`] or
/// [`ErrorKind::NoSuchUpload`] if the body says so, and [`ErrorKind::NotFound`] without a body. For a 304,
/// 412 or 416, the error keeps what the headers say about the object.
pub fn parse_error(
    status: StatusCode,
    reason: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Error {
    let document = Element::parse(body).ok().filter(|root| root.name() == "Error");
    let said = |name: &str| {
        let text = document.as_ref()?.child(name)?.text().trim();
        (!text.is_empty()).then(|| shorten(text))
    };
    let code = said("Code");
    let message = match said("Message") {
        Some(message) => Some(message),
        None if document.is_none() => plain_text(body),
        None => None,
    };

    let mut error = status_error(status, reason, message.as_deref());
    let known = code.as_deref().and_then(ErrorCode::by_name);
    if let Some(known) = known {
        error = error.with_kind(known.kind);
    } else if code.is_some() && status.is_success() {
        error = error.with_kind(ErrorKind::Server);
    }
    // R2 reports a malformed access key id only by its message.
    if code.as_deref() == Some(INVALID_ARGUMENT.name)
        && message.is_some_and(|text| text.starts_with("Credential "))
    {
        error = error.with_kind(ErrorKind::Credentials);
    }
    error = error.explain_credentials();
    if let Some(code) = code {
        error = error.with_code(code);
    }
    let request_id =
        ["cf-ray", "x-amz-request-id"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    if let Some(id) = request_id {
        error = error.with_request_id(id);
    }
    if let Some(delay) = retry_after(headers, now) {
        error = error.with_retry_after(delay);
    }
    match error.kind() {
        ErrorKind::NotModified | ErrorKind::PreconditionFailed | ErrorKind::RangeNotSatisfiable => {
            error.with_object_headers(headers)
        }
        _ => error,
    }
}

/// The error of one entry in the answer to a request about many objects.
pub(super) fn entry_error(code: &str, message: &str) -> Error {
    let message = shorten(if message.is_empty() { code } else { message });
    let error = match ErrorCode::by_name(code) {
        Some(known) => Error::new(known.kind, message).with_status(known.status),
        None => Error::new(ErrorKind::Server, message),
    };
    error.with_code(shorten(code))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::header;

    use super::*;

    fn parse(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        parse_error(status, None, &HeaderMap::new(), body.as_bytes(), UNIX_EPOCH)
    }

    fn xml(code: &str, message: &str) -> String {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
    }

    #[test]
    fn the_code_decides_before_the_status() {
        for (status, code, kind, retryable) in [
            (404, "NoSuchBucket", ErrorKind::NoSuchBucket, false),
            (404, "NoSuchUpload", ErrorKind::NoSuchUpload, false),
            (404, "NoSuchKey", ErrorKind::NoSuchKey, false),
            (404, "NewInTown", ErrorKind::NotFound, false),
            (403, "AccessDenied", ErrorKind::Forbidden, false),
            (403, "SignatureDoesNotMatch", ErrorKind::Credentials, false),
            (400, "BadDigest", ErrorKind::Integrity, false),
            (400, "IncompleteBody", ErrorKind::Connection, true),
            (429, "TooManyRequests", ErrorKind::RateLimited, true),
            (503, "NewInTown", ErrorKind::Server, true),
            (200, "InternalError", ErrorKind::Server, true),
            (501, "NotImplemented", ErrorKind::Unsupported, false),
        ] {
            let error = parse(status, &xml(code, "m"));
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{code}");
            assert_eq!((error.status().unwrap().as_u16(), error.code()), (status, Some(code)));
        }
    }

    #[test]
    fn texts_stay_readable() {
        let error = parse(404, &xml("NoSuchBucket", "The specified bucket does not exist."));
        assert_eq!(error.to_string(), "404 Not Found: The specified bucket does not exist. (NoSuchBucket)");
        assert_eq!(parse(404, "").to_string(), "404 Not Found");
        assert_eq!(parse(404, "").code(), None);
        assert_eq!(parse(502, "<html><p>Bad").to_string(), "502 Bad Gateway");
        assert_eq!(parse(502, "down\nline 2").to_string(), "502 Bad Gateway: down");
        assert_eq!(parse(404, "404 Not Found").to_string(), "404 Not Found");
        let reason = parse_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            Some("Server Error"),
            &HeaderMap::new(),
            b"",
            UNIX_EPOCH,
        );
        assert_eq!(reason.to_string(), "500 Server Error");
    }

    #[test]
    fn rejected_credentials_say_so() {
        for error in [
            parse(401, ""),
            parse(403, &xml("SignatureDoesNotMatch", "no")),
            parse(400, &xml("InvalidArgument", "Credential access key has length 20, should be 32")),
        ] {
            assert_eq!(error.kind(), ErrorKind::Credentials);
            assert!(error.to_string().contains("credentials"), "{error}");
        }
        assert_eq!(parse(403, &xml("AccessDenied", "no")).kind(), ErrorKind::Forbidden);
    }

    #[test]
    fn what_a_304_and_a_416_say_of_the_object_is_kept() {
        let headers = HeaderMap::from_iter([
            (header::ETAG, "\"abc\"".parse().unwrap()),
            (header::CONTENT_RANGE, "bytes */10".parse().unwrap()),
        ]);
        for (status, body) in [(304, ""), (412, ""), (416, "<Error><Code>InvalidRange</Code></Error>")] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = parse_error(status, None, &headers, body.as_bytes(), UNIX_EPOCH);
            assert_eq!((error.etag(), error.size()), (Some("abc"), Some(10)), "{status}");
        }
        let error = parse_error(StatusCode::BAD_REQUEST, None, &headers, b"", UNIX_EPOCH);
        assert_eq!((error.etag(), error.size()), (None, None));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (value, expected) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([
                (header::RETRY_AFTER, value.parse().unwrap()),
                ("cf-ray".parse().unwrap(), "abc".parse().unwrap()),
            ]);
            let error = parse_error(StatusCode::SERVICE_UNAVAILABLE, None, &headers, b"", now);
            assert_eq!(error.retry_after(), expected.map(Duration::from_secs), "{value}");
            assert_eq!(error.request_id(), Some("abc"));
        }
    }
}
