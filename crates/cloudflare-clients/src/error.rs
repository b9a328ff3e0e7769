//! The error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// `Result` with this crate's [`Error`] as its default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is, for code that has to tell failures apart.
///
/// New kinds may be added in a minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value from the caller is not allowed. It is refused before any I/O, or by the service with a 400.
    InvalidInput,
    /// A URL was requested, but the service has no signing config, or the Worker's secrets are incomplete.
    MissingSigningConfig,
    /// The credentials were rejected: unknown, wrong, or malformed (401, or 403 for a bad signature).
    Credentials,
    /// The credentials are valid, but do not permit this operation (403). Without a status, this program
    /// refused the request, as [`TokenRoute`](crate::playlist::TokenRoute) does with an invalid token.
    Forbidden,
    /// The object or pair with this key does not exist. Reads return `None` instead. For a copy, the missing
    /// key is the source, which [`Error::key`] names.
    NoSuchKey,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The Workers KV namespace does not exist.
    NoSuchNamespace,
    /// The multipart upload does not exist: it was never created, or is already completed or aborted.
    NoSuchUpload,
    /// The service answered 404 without naming a missing key, bucket, namespace or upload. Often the endpoint
    /// is wrong.
    NotFound,
    /// A condition of the request (`only_if`) did not hold (412).
    PreconditionFailed,
    /// The caller already has the current object (304): an `etag_does_not_match` or `uploaded_after`
    /// condition did not hold.
    NotModified,
    /// The requested range lies outside the object (416).
    RangeNotSatisfiable,
    /// The request conflicts with the state of the service (409): for example, the bucket is not empty. For a
    /// file transfer: another running transfer holds its journal.
    Conflict,
    /// A [lock](crate::lock) is no longer held: it expired, or another holder took it over.
    LockLost,
    /// Too many requests (429). R2 and KV accept one write per second to a key.
    RateLimited,
    /// The service failed (5xx).
    Server,
    /// A step took longer than its timeout, or the operation's deadline passed.
    Timeout,
    /// The host name could not be resolved.
    Dns,
    /// The connection could not be opened, or broke.
    Connection,
    /// The bytes differ from those that were stored or sent: a checksum differs, or the length received. (A
    /// request body whose length differs from the announced one is [`InvalidInput`](Self::InvalidInput).)
    Integrity,
    /// The request has to be sent again, but its body was a stream that has already been read.
    BodyNotReplayable,
    /// The backend does not support this operation or option.
    Unsupported,
    /// A value could not be converted to JSON, or JSON could not be converted to the value.
    Serialization,
    /// The local disk or database failed.
    Storage,
    /// The service sent a response that it should not have: an unknown status, an unreadable body.
    UnexpectedResponse,
}

impl ErrorKind {
    /// The kind for an S3 status alone: the fallback when the body has no error code.
    fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            304 => Self::NotModified,
            401 => Self::Credentials,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 => Self::Timeout,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            416 => Self::RangeNotSatisfiable,
            429 => Self::RateLimited,
            501 => Self::Unsupported,
            400..=499 => Self::InvalidInput,
            500..=599 => Self::Server,
            _ => Self::UnexpectedResponse,
        }
    }

    /// The status of [`Error::http_status`].
    fn http_status(self) -> StatusCode {
        match self {
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::InvalidInput => StatusCode::BAD_REQUEST,
            Self::NoSuchKey | Self::NoSuchUpload => StatusCode::NOT_FOUND,
            Self::Conflict | Self::LockLost => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Self::Server
            | Self::Dns
            | Self::Connection
            | Self::Integrity
            | Self::BodyNotReplayable
            | Self::UnexpectedResponse => StatusCode::BAD_GATEWAY,
            Self::RateLimited => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::MissingSigningConfig
            | Self::Credentials
            | Self::Forbidden
            | Self::NoSuchBucket
            | Self::NoSuchNamespace
            | Self::NotFound
            | Self::Serialization
            | Self::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may succeed when it is sent again.
    fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Server | Self::Timeout | Self::Dns | Self::Connection)
    }
}

/// Why an operation failed.
///
/// An `Error` is one pointer wide, and its clones share the cause. [`kind`](Self::kind) is for code.
/// `Display` writes one line for people: the operation, the key, the number of attempts and the service's own
/// message. [`source`](StdError::source) has the cause. Secrets and signatures are never part of it.
///
/// ```
/// use cloudflare_clients::http::StatusCode;
/// use cloudflare_clients::{Error, ErrorKind};
///
/// let error = Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error");
/// assert_eq!(error.kind(), ErrorKind::Server);
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "500 Server Error");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<StatusCode>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
    attempts: u32,
    /// Whether an attempt before the last one may have taken effect.
    may_repeat: bool,
    operation: Option<&'static str>,
    key: Option<String>,
    object: Option<Box<Refused>>,
    about: About,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Whose bytes an error is about, where that decides between a client's and a server's fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum About {
    #[default]
    Unknown,
    /// Bytes from the caller: a request body, or a body to read that does not come from a service.
    Given,
    /// Bytes from a service.
    Stored,
}

/// What is known about the object that a condition or range was checked against.
#[derive(Clone, Default)]
struct Refused {
    size: Option<u64>,
    /// Values of [`OBJECT_HEADERS`], in that order.
    headers: [Option<HeaderValue>; 4],
}

/// S3's error code for a body that is too large.
pub(crate) const TOO_LARGE: &str = "EntityTooLarge";

/// S3's error code for a body without the required length.
pub(crate) const LENGTH_MISSING: &str = "MissingContentLength";

/// The object's headers that a 304 or 412 response repeats.
const OBJECT_HEADERS: [HeaderName; 4] =
    [header::ETAG, header::LAST_MODIFIED, header::CACHE_CONTROL, header::EXPIRES];

impl Error {
    /// Creates an error of this kind. The message says what was wrong and, if possible, how to fix it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            retryable: kind.is_transient(),
            attempts: 0,
            may_repeat: false,
            operation: None,
            key: None,
            object: None,
            about: About::Unknown,
            source: None,
        }))
    }

    /// Creates the error for an HTTP status. `from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")`
    /// displays as `500 Server Error`.
    pub fn from_status(status: StatusCode, message: impl fmt::Display) -> Self {
        let mut error = Self::new(ErrorKind::from_status(status), format!("{} {message}", status.as_u16()));
        error.0.status = Some(status);
        error
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// An error about a response that the service should not have sent.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnexpectedResponse, message)
    }

    /// Adds that the credentials were rejected, which the service's own message may not say.
    #[must_use]
    pub(crate) fn explain_credentials(self) -> Self {
        if self.kind() == ErrorKind::Credentials {
            return self.explain("the credentials were rejected");
        }
        self
    }

    /// Replaces the kind, and with it whether the error is retryable.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        let inner = &mut self.0;
        inner.kind = kind;
        inner.retryable = kind.is_transient();
        self
    }

    /// Adds the service's error code, such as `NoSuchBucket` or `10058`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the service's request id (`cf-ray`).
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the delay that the service asked for (`Retry-After`).
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Sets the key that the error is about, if it differs from the operation's key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    /// Adds the size, in bytes, of the object that a range or condition was checked against.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.refused().size = Some(size);
        self
    }

    /// Adds what response headers say about the object that a range or condition was checked against: `ETag`,
    /// `Last-Modified`, `Cache-Control` and `Expires`, and the size in `Content-Range: bytes */SIZE`.
    #[must_use]
    pub fn with_object_headers(mut self, headers: &HeaderMap) -> Self {
        let refused = self.refused();
        for (slot, name) in refused.headers.iter_mut().zip(&OBJECT_HEADERS) {
            if let Some(value) = headers.get(name) {
                *slot = Some(value.clone());
            }
        }
        let unsatisfied = |value: &HeaderValue| value.to_str().ok()?.strip_prefix("bytes */")?.parse().ok();
        if let Some(size) = headers.get(header::CONTENT_RANGE).and_then(unsatisfied) {
            refused.size = Some(size);
        }
        self
    }

    /// Adds the object's size and the values of [`OBJECT_HEADERS`].
    #[must_use]
    pub(crate) fn with_refused(mut self, size: u64, headers: [Option<HeaderValue>; 4]) -> Self {
        self.0.object = Some(Box::new(Refused { size: Some(size), headers }));
        self
    }

    fn refused(&mut self) -> &mut Refused {
        self.0.object.get_or_insert_default()
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Overrides whether the same request may succeed when it is sent again.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Adds the operation and the key, unless they are already set.
    #[must_use]
    pub(crate) fn during(mut self, operation: &'static str, key: Option<&str>) -> Self {
        let inner = &mut self.0;
        inner.operation.get_or_insert(operation);
        if inner.key.is_none() {
            inner.key = key.map(str::to_owned);
        }
        self
    }

    #[must_use]
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Records whether an attempt before the last one failed in a way that may have taken effect.
    #[must_use]
    pub(crate) fn repeating(mut self, may_repeat: bool) -> Self {
        self.0.may_repeat = may_repeat;
        self
    }

    /// Whether an earlier attempt may have succeeded without its response arriving, so that this attempt was
    /// refused because of it.
    pub(crate) fn may_repeat(&self) -> bool {
        self.0.may_repeat
    }

    /// Records at least one attempt, for an error about a response.
    #[must_use]
    pub(crate) fn of_answer(mut self) -> Self {
        self.0.attempts = self.0.attempts.max(1);
        self
    }

    /// Records that the unusable bytes came from the service.
    #[must_use]
    pub(crate) fn about_stored(mut self) -> Self {
        self.0.about = About::Stored;
        self
    }

    /// Records that the unusable bytes came from the caller.
    #[must_use]
    pub(crate) fn about_given(mut self) -> Self {
        self.0.about = About::Given;
        self
    }

    /// Marks an error of the stream of a request body: it is not retryable. A broken connection is then the
    /// caller's ([`ErrorKind::InvalidInput`]), unless the error names its operation because the stream comes
    /// from another bucket.
    #[must_use]
    pub(crate) fn of_body_to_send(mut self) -> Self {
        let inner = &mut self.0;
        if inner.operation.is_none() && matches!(inner.kind, ErrorKind::Connection | ErrorKind::Timeout) {
            inner.kind = ErrorKind::InvalidInput;
        }
        inner.retryable = false;
        self.about_given()
    }

    /// Whether the error is about bytes from the caller.
    pub(crate) fn is_about_given(&self) -> bool {
        self.0.about == About::Given
    }

    /// Prepends a sentence to the message.
    #[must_use]
    pub(crate) fn explain(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed when it is sent again: 429, 5xx except 501, timeouts and
    /// connection failures.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The message, without the operation, the key and the number of attempts.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, if the service responded.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The service's error code in the vocabulary of R2's S3 API, such as `NoSuchBucket`, if there is one.
    /// For Cloudflare's REST API, and for errors of a Worker's binding without an S3 name, it is the number.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's request id (`cf-ray`), which Cloudflare's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The delay that the service asked for before the next attempt (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many times the request was sent. 0 if it was refused before any I/O.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The operation that failed, as its method is named: `put`, `complete_multipart_upload`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The key that the error is about: the operation's key, or the source's if a copy has a missing source.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The etag, without quotes, of the object that a condition was checked against. Every backend sets it
    /// for [`NotModified`](ErrorKind::NotModified); it may be set for other kinds.
    pub fn etag(&self) -> Option<&str> {
        let [etag, ..] = &self.0.object.as_ref()?.headers;
        let etag = std::str::from_utf8(etag.as_ref()?.as_bytes()).ok()?;
        Some(etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"'))
    }

    /// Whether the object that a condition or range was checked against was uploaded in this second. The time
    /// comes from an HTTP date.
    pub(crate) fn is_about_object_of(&self, time: SystemTime) -> bool {
        let last_modified = self.0.object.as_ref().and_then(|object| object.headers[1].as_ref());
        last_modified.is_some_and(|value| *value == httpdate::fmt_http_date(time))
    }

    /// The size, in bytes, of the object that a range or condition was checked against. Every backend sets it
    /// for a [`RangeNotSatisfiable`](ErrorKind::RangeNotSatisfiable) that is about an object; it may be set
    /// for other kinds.
    pub fn size(&self) -> Option<u64> {
        self.0.object.as_ref()?.size
    }

    /// The status for a server to answer its own client with when this error makes the request fail, such as
    /// a server that passes an object on. [`response_headers`](Self::response_headers) has the headers.
    ///
    /// | status | kinds |
    /// |---|---|
    /// | 304 | `NotModified` |
    /// | 400 | `InvalidInput` |
    /// | 400 | `Serialization` of a [`Body`](crate::r2::Body) from the caller, such as a request's |
    /// | 403 | `Forbidden` without a [`status`](Self::status): refused by this program (an invalid token) |
    /// | 404 | `NoSuchKey`, `NoSuchUpload` |
    /// | 409 | `Conflict`, `LockLost` |
    /// | 411 | `InvalidInput` with the code `MissingContentLength`: a body to store of unknown length |
    /// | 412 | `PreconditionFailed` |
    /// | 413 | `InvalidInput` with the code `EntityTooLarge`: a body over its limit, or over R2's or KV's |
    /// | 416 | `RangeNotSatisfiable` |
    /// | 500 | `Serialization` of other bytes, and a stored body that is over its limit |
    /// | 500 | `MissingSigningConfig`, `Credentials`, `NoSuchBucket`, `NoSuchNamespace` |
    /// | 500 | `NotFound`, `Storage` |
    /// | 500 | `Forbidden` by the service |
    /// | 501 | `Unsupported` |
    /// | 502 | `Server`, `Dns`, `Connection`, `Integrity`, `BodyNotReplayable`, `UnexpectedResponse` |
    /// | 503 | `RateLimited` |
    /// | 504 | `Timeout` |
    ///
    /// 500 means that the server is misconfigured or its disk failed; 502 means that R2 or KV failed.
    ///
    /// This differs from [`status`](Self::status), the status between the server and R2 or KV. Credentials
    /// that R2 rejects are the server's, not the client's. A rate limit that the server hit is not the
    /// client's (429), but a reason to try again later (503). A server with its own rate limit answers 429
    /// from a [`Decision`](crate::rate_limit::Decision).
    pub fn http_status(&self) -> StatusCode {
        let Inner { kind, status, about, .. } = &*self.0;
        match (kind, about) {
            (ErrorKind::Forbidden, _) if status.is_none() => StatusCode::FORBIDDEN,
            (ErrorKind::Serialization, About::Given) => StatusCode::BAD_REQUEST,
            (ErrorKind::InvalidInput, About::Stored) => StatusCode::INTERNAL_SERVER_ERROR,
            (ErrorKind::InvalidInput, _) => match self.code() {
                Some(TOO_LARGE) => StatusCode::PAYLOAD_TOO_LARGE,
                Some(LENGTH_MISSING) => StatusCode::LENGTH_REQUIRED,
                _ => StatusCode::BAD_REQUEST,
            },
            (kind, _) => kind.http_status(),
        }
    }

    /// The headers of a response with [`http_status`](Self::http_status), as far as they are known.
    ///
    /// - 304: `ETag`, `Last-Modified`, `Cache-Control` and `Expires` of the object
    ///   ([RFC 9110, 15.4.5](https://www.rfc-editor.org/rfc/rfc9110#section-15.4.5)).
    /// - 412: `ETag` and `Last-Modified` of the object.
    /// - 416: `Content-Range: bytes */SIZE`.
    /// - All others: `Retry-After`, if the service sent one.
    pub fn response_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let carried = match self.0.kind {
            ErrorKind::NotModified => OBJECT_HEADERS.len(),
            ErrorKind::PreconditionFailed => 2,
            _ => 0,
        };
        if let Some(object) = &self.0.object {
            for (name, value) in OBJECT_HEADERS.into_iter().zip(&object.headers).take(carried) {
                headers.extend(value.clone().map(|value| (name, value)));
            }
            if let (ErrorKind::RangeNotSatisfiable, Some(size)) = (self.0.kind, object.size) {
                headers.extend(range_of(size).map(|value| (header::CONTENT_RANGE, value)));
            }
        }
        if let Some(delay) = self.0.retry_after {
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        headers
    }
}

fn range_of(size: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("bytes */{size}")).ok()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
            f.write_str(operation)?;
            if let Some(key) = &inner.key {
                write!(f, " {key:?}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&inner.message)?;
        if let Some(code) = &inner.code
            && !inner.message.contains(code.as_str())
        {
            write!(f, " ({code})")?;
        }
        if inner.attempts > 1 {
            write!(f, " (after {} attempts)", inner.attempts)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind).field("message", &inner.message);
        if let Some(operation) = inner.operation {
            out.field("operation", &operation);
        }
        if let Some(key) = &inner.key {
            out.field("key", key);
        }
        if let Some(status) = inner.status {
            out.field("status", &status);
        }
        if let Some(code) = &inner.code {
            out.field("code", code);
        }
        if let Some(request_id) = &inner.request_id {
            out.field("request_id", request_id);
        }
        if let Some(retry_after) = inner.retry_after {
            out.field("retry_after", &retry_after);
        }
        out.field("attempts", &inner.attempts).field("retryable", &inner.retryable);
        if let Some(source) = &inner.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_operation_key_code_and_attempts() {
        let error = Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            .with_code("ServiceUnavailable")
            .during("put", Some("a b"))
            .after_attempts(4);
        assert_eq!(
            error.to_string(),
            "put \"a b\": 503 Service Unavailable (ServiceUnavailable) (after 4 attempts)"
        );
    }

    #[test]
    fn statuses_map_to_kinds() {
        for (status, kind, retryable) in [
            (400, ErrorKind::InvalidInput, false),
            (401, ErrorKind::Credentials, false),
            (403, ErrorKind::Forbidden, false),
            (404, ErrorKind::NotFound, false),
            (410, ErrorKind::InvalidInput, false),
            (412, ErrorKind::PreconditionFailed, false),
            (429, ErrorKind::RateLimited, true),
            (500, ErrorKind::Server, true),
            (501, ErrorKind::Unsupported, false),
            (503, ErrorKind::Server, true),
        ] {
            let error = Error::from_status(StatusCode::from_u16(status).unwrap(), "x");
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{status}");
        }
    }

    #[test]
    fn an_error_is_one_pointer_and_can_cross_threads() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn a_clone_keeps_the_causes_and_goes_its_own_way() {
        let error = Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "x")
            .with_source(std::io::Error::other("disk"));
        let clone = error.clone().with_code("Other").during("put", Some("k"));
        assert_eq!((error.code(), error.key()), (None, None));
        assert_eq!((clone.code(), clone.key()), (Some("Other"), Some("k")));
        assert_eq!(StdError::source(&clone).unwrap().to_string(), "disk");
        assert_eq!(StdError::source(&error).unwrap().to_string(), "disk");
    }

    #[test]
    fn the_key_of_an_error_wins_over_the_operations() {
        let error = Error::new(ErrorKind::NoSuchKey, "x").with_key("source").during("copy", Some("to"));
        assert_eq!((error.key(), error.to_string().as_str()), (Some("source"), "copy \"source\": x"));
    }

    fn headers(error: &Error) -> Vec<(String, String)> {
        let headers = error.response_headers();
        headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_proxy_answers_with_what_is_known_of_the_object() {
        let object = HeaderMap::from_iter([
            (header::ETAG, HeaderValue::from_static("W/\"abc\"")),
            (header::LAST_MODIFIED, HeaderValue::from_static("Fri, 15 Jan 2027 08:00:00 GMT")),
            (header::CACHE_CONTROL, HeaderValue::from_static("max-age=60")),
            (header::EXPIRES, HeaderValue::from_static("Sat, 16 Jan 2027 08:00:00 GMT")),
            (header::CONTENT_TYPE, HeaderValue::from_static("video/mp4")),
            (header::CONTENT_RANGE, HeaderValue::from_static("bytes */10")),
        ]);
        let of = |kind| Error::new(kind, "x").with_object_headers(&object);
        let all = [
            ("etag", "W/\"abc\""),
            ("last-modified", "Fri, 15 Jan 2027 08:00:00 GMT"),
            ("cache-control", "max-age=60"),
            ("expires", "Sat, 16 Jan 2027 08:00:00 GMT"),
        ];
        for (kind, status, expected) in [
            (ErrorKind::NotModified, 304, &all[..]),
            (ErrorKind::PreconditionFailed, 412, &all[..2]),
            (ErrorKind::RangeNotSatisfiable, 416, &[("content-range", "bytes */10")]),
            (ErrorKind::Server, 502, &[]),
        ] {
            let error = of(kind);
            assert_eq!((error.etag(), error.size()), (Some("abc"), Some(10)));
            assert_eq!(error.http_status().as_u16(), status);
            assert_eq!(headers(&error), pairs(expected), "{kind:?}");
        }
        let limited = Error::from_status(StatusCode::TOO_MANY_REQUESTS, "x")
            .with_retry_after(Duration::from_millis(1200));
        assert_eq!(limited.http_status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers(&limited), pairs(&[("retry-after", "2")]));
        assert_eq!(headers(&Error::new(ErrorKind::NotModified, "x")), []);
    }

    #[test]
    fn a_server_answers_its_client_for_itself() {
        for (kind, status) in [
            (ErrorKind::InvalidInput, 400),
            (ErrorKind::NoSuchKey, 404),
            (ErrorKind::LockLost, 409),
            (ErrorKind::Forbidden, 403),
            (ErrorKind::Credentials, 500),
            (ErrorKind::NoSuchBucket, 500),
            (ErrorKind::NotFound, 500),
            (ErrorKind::Unsupported, 501),
            (ErrorKind::Connection, 502),
            (ErrorKind::Timeout, 504),
        ] {
            assert_eq!(Error::new(kind, "x").http_status().as_u16(), status, "{kind:?}");
        }
        assert_eq!(
            Error::from_status(StatusCode::FORBIDDEN, "x").http_status().as_u16(),
            500,
            "R2 refuses the server's own credentials"
        );
    }
}
