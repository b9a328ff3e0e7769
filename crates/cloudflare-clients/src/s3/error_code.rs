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

/// A constant for each error, and the table of all.
macro_rules! error_codes {
    ($($constant:ident: $number:expr, $name:literal, $status:literal, $kind:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`, sent with the status ", $status, ".")]
            pub const $constant: ErrorCode =
                ErrorCode { name: $name, status: $status, number: $number, kind: ErrorKind::$kind };
        )*

        /// Every error that R2 documents or was seen to send, and those of other S3 services that say more than their status.
        pub const ERROR_CODES: &[ErrorCode] = &[$($constant),*];
    };
}

error_codes! {
    INTERNAL_ERROR: Some(10001), "InternalError", 500, Server;
    UNAUTHORIZED: Some(10002), "Unauthorized", 401, Credentials;
    ACCESS_DENIED: Some(10003), "AccessDenied", 403, Forbidden;
    INVALID_BUCKET_NAME: Some(10005), "InvalidBucketName", 400, InvalidInput;
    NO_SUCH_BUCKET: Some(10006), "NoSuchBucket", 404, NoSuchBucket;
    NO_SUCH_KEY: Some(10007), "NoSuchKey", 404, InvalidInput;
    BUCKET_NOT_EMPTY: Some(10008), "BucketNotEmpty", 409, Conflict;
    TOO_MANY_BUCKETS: Some(10009), "TooManyBuckets", 400, InvalidInput;
    ENTITY_TOO_SMALL: Some(10011), "EntityTooSmall", 400, InvalidInput;
    METADATA_TOO_LARGE: Some(10012), "MetadataTooLarge", 400, InvalidInput;
    INCOMPLETE_BODY: Some(10013), "IncompleteBody", 400, Connection;
    INVALID_DIGEST: Some(10014), "InvalidDigest", 400, InvalidInput;
    EXPIRED_REQUEST: Some(10018), "ExpiredRequest", 403, Forbidden;
    INVALID_OBJECT_NAME: Some(10020), "InvalidObjectName", 400, InvalidInput;
    INVALID_MAX_KEYS: Some(10022), "InvalidMaxKeys", 400, InvalidInput;
    NO_SUCH_UPLOAD: Some(10024), "NoSuchUpload", 404, NoSuchUpload;
    INVALID_PART: Some(10025), "InvalidPart", 400, InvalidInput;
    INVALID_ARGUMENT: Some(10029), "InvalidArgument", 400, InvalidInput;
    PRECONDITION_FAILED: Some(10031), "PreconditionFailed", 412, PreconditionFailed;
    MISSING_CONTENT_LENGTH: Some(10033), "MissingContentLength", 411, InvalidInput;
    SIGNATURE_DOES_NOT_MATCH: Some(10035), "SignatureDoesNotMatch", 403, Credentials;
    BAD_DIGEST: Some(10037), "BadDigest", 400, Integrity;
    INVALID_RANGE: Some(10039), "InvalidRange", 416, RangeNotSatisfiable;
    NOT_ENTITLED: Some(10042), "NotEntitled", 403, Forbidden;
    SERVICE_UNAVAILABLE: Some(10043), "ServiceUnavailable", 503, Server;
    // Parts that are not all of one size have the name of a missing part over S3.
    UNEQUAL_PARTS: Some(10048), "InvalidPart", 400, InvalidInput;
    CLIENT_DISCONNECT: Some(10054), "ClientDisconnect", 400, Connection;
    TOO_MANY_REQUESTS: Some(10058), "TooManyRequests", 429, RateLimited;
    OBJECT_LOCKED_BY_BUCKET_POLICY: Some(10069), "ObjectLockedByBucketPolicy", 403, Forbidden;
    BUCKET_CONFLICT: Some(10073), "BucketConflict", 409, Conflict;
    ENTITY_TOO_LARGE: Some(100_100), "EntityTooLarge", 400, InvalidInput;
    // Without a number of their own.
    BUCKET_ALREADY_OWNED_BY_YOU: None, "BucketAlreadyOwnedByYou", 409, Conflict;
    INVALID_ENCRYPTION_ALGORITHM_ERROR: None, "InvalidEncryptionAlgorithmError", 400, InvalidInput;
    INVALID_PART_ORDER: None, "InvalidPartOrder", 400, InvalidInput;
    INVALID_REQUEST: None, "InvalidRequest", 400, InvalidInput;
    INVALID_STORAGE_CLASS: None, "InvalidStorageClass", 400, InvalidInput;
    MALFORMED_XML: None, "MalformedXML", 400, InvalidInput;
    METHOD_NOT_ALLOWED: None, "MethodNotAllowed", 405, InvalidInput;
    NO_SUCH_CORS_CONFIGURATION: None, "NoSuchCORSConfiguration", 404, InvalidInput;
    NO_SUCH_LIFECYCLE_CONFIGURATION: None, "NoSuchLifecycleConfiguration", 404, InvalidInput;
    NO_SUCH_TAG_SET: None, "NoSuchTagSet", 404, InvalidInput;
    NOT_IMPLEMENTED: None, "NotImplemented", 501, Unsupported;
    OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR: None, "ObjectLockConfigurationNotFoundError", 404, InvalidInput;
    REPLICATION_CONFIGURATION_NOT_FOUND_ERROR: None, "ReplicationConfigurationNotFoundError", 404, InvalidInput;
    REQUEST_TIME_TOO_SKEWED: None, "RequestTimeTooSkewed", 403, Credentials;
    ROUTE_NOT_FOUND: None, "RouteNotFound", 404, InvalidInput;
    CONTENT_SHA256_MISMATCH: None, "XAmzContentSHA256Mismatch", 400, Integrity;
    // Other S3 services.
    CONDITIONAL_REQUEST_CONFLICT: None, "ConditionalRequestConflict", 409, Conflict;
    EXPIRED_TOKEN: None, "ExpiredToken", 400, Credentials;
    INVALID_ACCESS_KEY_ID: None, "InvalidAccessKeyId", 403, Credentials;
    INVALID_TOKEN: None, "InvalidToken", 400, Credentials;
    REQUEST_TIMEOUT: None, "RequestTimeout", 400, Timeout;
    SLOW_DOWN: None, "SlowDown", 503, RateLimited;
}

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
