//! The errors of R2, as its S3 API and its binding name them.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use super::xml::Element;
use crate::error::{Error, ErrorKind};

/// An error of R2: what its S3 API calls it, with which HTTP status it is sent, and its number in the binding.
///
/// See [R2's error codes](https://developers.cloudflare.com/r2/api/error-codes/).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The `<Code>` of the S3 API.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The number at the end of the binding's messages, where it has one.
    pub number: Option<u32>,
    /// What it is to callers of this crate.
    pub kind: ErrorKind,
}

impl ErrorCode {
    /// The error of this number in the binding's messages.
    pub fn by_number(number: u32) -> Option<&'static Self> {
        ERROR_CODES.iter().find(|code| code.number == Some(number))
    }

    /// The error of this name in the S3 API.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ERROR_CODES.iter().find(|code| code.name == name)
    }
}

const fn s3(name: &'static str, status: u16, kind: ErrorKind) -> ErrorCode {
    ErrorCode { name, status, number: None, kind }
}

const fn r2(number: u32, name: &'static str, status: u16, kind: ErrorKind) -> ErrorCode {
    ErrorCode { name, status, number: Some(number), kind }
}

/// Every error that R2 documents or was seen to send, and those of other S3 services that say more than their status.
pub const ERROR_CODES: &[ErrorCode] = &[
    r2(10001, "InternalError", 500, ErrorKind::Server),
    r2(10002, "Unauthorized", 401, ErrorKind::Credentials),
    r2(10003, "AccessDenied", 403, ErrorKind::Forbidden),
    r2(10005, "InvalidBucketName", 400, ErrorKind::InvalidInput),
    r2(10006, "NoSuchBucket", 404, ErrorKind::NoSuchBucket),
    r2(10007, "NoSuchKey", 404, ErrorKind::InvalidInput),
    r2(10008, "BucketNotEmpty", 409, ErrorKind::Conflict),
    r2(10009, "TooManyBuckets", 400, ErrorKind::InvalidInput),
    r2(10011, "EntityTooSmall", 400, ErrorKind::InvalidInput),
    r2(10012, "MetadataTooLarge", 400, ErrorKind::InvalidInput),
    r2(10013, "IncompleteBody", 400, ErrorKind::Connection),
    r2(10014, "InvalidDigest", 400, ErrorKind::InvalidInput),
    r2(10018, "ExpiredRequest", 403, ErrorKind::Forbidden),
    r2(10020, "InvalidObjectName", 400, ErrorKind::InvalidInput),
    r2(10022, "InvalidMaxKeys", 400, ErrorKind::InvalidInput),
    r2(10024, "NoSuchUpload", 404, ErrorKind::NoSuchUpload),
    r2(10025, "InvalidPart", 400, ErrorKind::InvalidInput),
    r2(10029, "InvalidArgument", 400, ErrorKind::InvalidInput),
    r2(10031, "PreconditionFailed", 412, ErrorKind::PreconditionFailed),
    r2(10033, "MissingContentLength", 411, ErrorKind::InvalidInput),
    r2(10035, "SignatureDoesNotMatch", 403, ErrorKind::Credentials),
    r2(10037, "BadDigest", 400, ErrorKind::Integrity),
    r2(10039, "InvalidRange", 416, ErrorKind::RangeNotSatisfiable),
    r2(10042, "NotEntitled", 403, ErrorKind::Forbidden),
    r2(10043, "ServiceUnavailable", 503, ErrorKind::Server),
    // Parts that are not all of one size have the name of a missing part over S3.
    r2(10048, "InvalidPart", 400, ErrorKind::InvalidInput),
    r2(10054, "ClientDisconnect", 400, ErrorKind::Connection),
    r2(10058, "TooManyRequests", 429, ErrorKind::RateLimited),
    r2(10069, "ObjectLockedByBucketPolicy", 403, ErrorKind::Forbidden),
    r2(10073, "BucketConflict", 409, ErrorKind::Conflict),
    r2(100_100, "EntityTooLarge", 400, ErrorKind::InvalidInput),
    // Without a number of their own.
    s3("BucketAlreadyOwnedByYou", 409, ErrorKind::Conflict),
    s3("InvalidEncryptionAlgorithmError", 400, ErrorKind::InvalidInput),
    s3("InvalidPartOrder", 400, ErrorKind::InvalidInput),
    s3("InvalidRequest", 400, ErrorKind::InvalidInput),
    s3("InvalidStorageClass", 400, ErrorKind::InvalidInput),
    s3("MalformedXML", 400, ErrorKind::InvalidInput),
    s3("MethodNotAllowed", 405, ErrorKind::InvalidInput),
    s3("NoSuchCORSConfiguration", 404, ErrorKind::InvalidInput),
    s3("NoSuchLifecycleConfiguration", 404, ErrorKind::InvalidInput),
    s3("NoSuchTagSet", 404, ErrorKind::InvalidInput),
    s3("NotImplemented", 501, ErrorKind::Unsupported),
    s3("ObjectLockConfigurationNotFoundError", 404, ErrorKind::InvalidInput),
    s3("ReplicationConfigurationNotFoundError", 404, ErrorKind::InvalidInput),
    s3("RequestTimeTooSkewed", 403, ErrorKind::Credentials),
    s3("RouteNotFound", 404, ErrorKind::InvalidInput),
    s3("XAmzContentSHA256Mismatch", 400, ErrorKind::Integrity),
    // Other S3 services.
    s3("ConditionalRequestConflict", 409, ErrorKind::Conflict),
    s3("ExpiredToken", 400, ErrorKind::Credentials),
    s3("InvalidAccessKeyId", 403, ErrorKind::Credentials),
    s3("InvalidToken", 400, ErrorKind::Credentials),
    s3("RequestTimeout", 400, ErrorKind::Timeout),
    s3("SlowDown", 503, ErrorKind::RateLimited),
];

/// The longest text of a service that goes into an error.
const MAX_MESSAGE: usize = 1024;

/// The error that an answer is.
///
/// `reason` is the reason phrase of its status line, where it has another one than HTTP's, and `now` is what a
/// `Retry-After` with a date counts from. Only the `<Code>` decides between what shares a status: a 404 is
/// [`ErrorKind::NoSuchBucket`] or [`ErrorKind::NoSuchUpload`] where the body says so; a missing key has the code
/// `NoSuchKey`, and a 404 without a body has none.
pub fn parse_error(
    status: StatusCode,
    reason: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Error {
    let reason = reason.or_else(|| status.canonical_reason()).unwrap_or("Unknown Status");
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

    let mut error = match &message {
        Some(message) if !reason.contains(message.as_str()) && !message.ends_with(reason) => {
            Error::from_status(status.as_u16(), format_args!("{reason}: {message}"))
        }
        _ => Error::from_status(status.as_u16(), reason),
    };
    let known = code.as_deref().and_then(ErrorCode::by_name);
    if let Some(known) = known {
        error = error.with_kind(known.kind);
    } else if code.is_some() && status.is_success() {
        error = error.with_kind(ErrorKind::Server);
    }
    // R2 tells an access key id of the wrong form by its message alone.
    if code.as_deref() == Some("InvalidArgument")
        && message.is_some_and(|text| text.starts_with("Credential "))
    {
        error = error.with_kind(ErrorKind::Credentials);
    }
    if error.kind() == ErrorKind::Credentials {
        error = error.explain("the credentials were rejected");
    }
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
    error
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

/// The delay of a `Retry-After` header: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The first line of a body that is neither XML nor a page.
pub(crate) fn plain_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next()?.trim_end();
    (!line.starts_with('<') && !line.contains(char::is_control)).then(|| shorten(line))
}

/// The beginning of a text, as much of it as an error shows.
pub(crate) fn shorten(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_MESSAGE)].to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

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
            (404, "NoSuchKey", ErrorKind::InvalidInput, false),
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
            assert_eq!((error.status(), error.code()), (Some(status), Some(code)));
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
