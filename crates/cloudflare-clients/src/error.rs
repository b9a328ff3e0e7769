//! The one error type of the crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for code that has to tell failures apart.
///
/// New kinds may be added in a minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something the caller gave is not allowed: refused before any I/O, or by the service with a 400.
    InvalidInput,
    /// A URL was asked for, but the service has no signing config, or the secrets of the Worker are not a
    /// whole one.
    MissingSigningConfig,
    /// The credentials were rejected: unknown, wrong, or malformed (401, or 403 for a bad signature).
    Credentials,
    /// The credentials are good, but not for this (403). Without a status it is this program that refuses, as
    /// [`TokenRoute`](crate::playlist::TokenRoute) does a token that is not good.
    Forbidden,
    /// The object or pair of this key does not exist. Reads return `None` instead; of a copy it is the
    /// source, which [`Error::key`] names.
    NoSuchKey,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The namespace of Workers KV does not exist.
    NoSuchNamespace,
    /// The multipart upload does not exist: never created, or already completed or aborted.
    NoSuchUpload,
    /// The service answered 404 and did not say that a key, bucket, namespace or upload is what it does not
    /// have. Often the endpoint is wrong.
    NotFound,
    /// A condition of the request (`only_if`) did not hold (412).
    PreconditionFailed,
    /// The object is as the caller already has it (304): an `etag_does_not_match` or
    /// `uploaded_after` condition did not hold.
    NotModified,
    /// The requested range lies outside the object (416).
    RangeNotSatisfiable,
    /// The request collides with the state of the service (409), such as a bucket that is not empty. A
    /// transfer of a file collides with another one that is under way and has its journal.
    Conflict,
    /// A [lock](crate::lock) is held no more: it has expired, or somebody else has taken it over.
    LockLost,
    /// Too many requests (429): R2 and KV take one write per second to a key.
    RateLimited,
    /// The service failed (5xx).
    Server,
    /// Nothing was heard for too long, or the deadline passed.
    Timeout,
    /// The host's name could not be resolved.
    Dns,
    /// The connection could not be made, or broke.
    Connection,
    /// The bytes are not those that were stored or sent: a checksum differs, or the length of what arrived.
    /// (A body to send that has another length than it was announced with is
    /// [`InvalidInput`](Self::InvalidInput).)
    Integrity,
    /// The request has to be sent again, but its body was a stream that has been read.
    BodyNotReplayable,
    /// The backend does not have this operation or option.
    Unsupported,
    /// A value could not be turned into JSON, or JSON into the value.
    Serialization,
    /// The local disk or database failed.
    Storage,
    /// The service answered something that it should not have: unknown status, unreadable body.
    UnexpectedResponse,
}

impl ErrorKind {
    /// The kind as an S3 status code and no more: the fallback where the body says nothing better.
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
/// It is one pointer wide, and clones share their causes. [`kind`](Self::kind) says what to do about it;
/// `Display` is one line for people, with the operation, the key, the number of attempts and the service's
/// own words; the causes are in [`source`](StdError::source). Secrets and signatures are never part of it.
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
    /// Whether an attempt before the last one may have done what it was to do.
    may_repeat: bool,
    operation: Option<&'static str>,
    key: Option<String>,
    object: Option<Box<Refused>>,
    about: About,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Whose bytes the error is about, where that decides whose fault it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum About {
    #[default]
    Unknown,
    /// Those that this program was given: a body to send, or one to read that no service has sent.
    Given,
    /// Those that a service has sent.
    Stored,
}

/// What is known of the object that a condition or range was about.
#[derive(Clone, Default)]
struct Refused {
    size: Option<u64>,
    /// Those of [`OBJECT_HEADERS`], in their order.
    headers: [Option<HeaderValue>; 4],
}

/// The code of what is longer than is taken.
pub(crate) const TOO_LARGE: &str = "EntityTooLarge";

/// The code of a body whose length is not known and has to be.
pub(crate) const LENGTH_MISSING: &str = "MissingContentLength";

/// The headers of an object that the answer to a client may have to repeat.
const OBJECT_HEADERS: [HeaderName; 4] =
    [header::ETAG, header::LAST_MODIFIED, header::CACHE_CONTROL, header::EXPIRES];

impl Error {
    /// An error of this kind. The message says what was wrong and, where that is known, what to do.
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

    /// The error for an HTTP status: `from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")` reads
    /// `500 Server Error`.
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

    /// What a service answers and should not have.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnexpectedResponse, message)
    }

    /// Says of an error about credentials that it is one: the service's own words may not.
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

    /// Adds the service's id of the request (`cf-ray`).
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds how long the service asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Sets the key that it is about, where that is another than the operation's.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    /// Adds the size of the object that a range or condition was about, in bytes.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.refused().size = Some(size);
        self
    }

    /// Adds what the headers of an answer say of the object that a range or condition was about: `ETag`,
    /// `Last-Modified`, `Cache-Control` and `Expires`, and the size that a `Content-Range: bytes */SIZE` has.
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

    /// Adds what is known of the object: its size, and the values of [`OBJECT_HEADERS`].
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

    /// Overrides whether sending the same request again may help.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Adds the operation and key, unless they are known already.
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

    /// Says whether an attempt before the last one failed in such a way that it may have done what it was to
    /// do.
    #[must_use]
    pub(crate) fn repeating(mut self, may_repeat: bool) -> Self {
        self.0.may_repeat = may_repeat;
        self
    }

    /// Whether what was refused may be in the way of itself: an attempt before it may have been done, and its
    /// answer lost.
    pub(crate) fn may_repeat(&self) -> bool {
        self.0.may_repeat
    }

    /// Says of an error about what a service has answered that something was sent.
    #[must_use]
    pub(crate) fn of_answer(mut self) -> Self {
        self.0.attempts = self.0.attempts.max(1);
        self
    }

    /// Says that the bytes which cannot be used are stored ones.
    #[must_use]
    pub(crate) fn about_stored(mut self) -> Self {
        self.0.about = About::Stored;
        self
    }

    /// Says that the bytes which cannot be used are given ones.
    #[must_use]
    pub(crate) fn about_given(mut self) -> Self {
        self.0.about = About::Given;
        self
    }

    /// Says that the stream of a body to send has failed, so that sending it again cannot help. The
    /// connection that broke is then the caller's, unless the stream is itself what a service sends: such an
    /// error has its operation.
    #[must_use]
    pub(crate) fn of_body_to_send(mut self) -> Self {
        let inner = &mut self.0;
        if inner.operation.is_none() && matches!(inner.kind, ErrorKind::Connection | ErrorKind::Timeout) {
            inner.kind = ErrorKind::InvalidInput;
        }
        inner.retryable = false;
        self.about_given()
    }

    /// Whether it is about bytes that this program was given.
    pub(crate) fn is_about_given(&self) -> bool {
        self.0.about == About::Given
    }

    /// Puts a sentence in front of the message.
    #[must_use]
    pub(crate) fn explain(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed when it is sent again: 429, 5xx but 501, timeouts and connection
    /// faults.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// What went wrong in words, without the operation, the key and the attempts.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The service's own code in the words of R2's S3 API, such as `NoSuchBucket`, where it has one. Of an
    /// error of a Worker's binding that has no name there, and of Cloudflare's REST API, it is the number.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's id of the request, to give to Cloudflare's support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the service asked to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many times the request was sent. 0 when it was refused before any I/O.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The operation that failed, by the name of its method: `put`, `complete_multipart_upload`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The key that it was about: the operation's, or the source's where a copy has none to copy.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The etag, without quotes, of the object that a condition did not let through. Every backend gives it
    /// with a [`NotModified`](ErrorKind::NotModified); others may.
    pub fn etag(&self) -> Option<&str> {
        let [etag, ..] = &self.0.object.as_ref()?.headers;
        let etag = std::str::from_utf8(etag.as_ref()?.as_bytes()).ok()?;
        Some(etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"'))
    }

    /// Whether the object was uploaded in this second that a condition or range did not let through. The time is
    /// from a date of HTTP.
    pub(crate) fn is_about_object_of(&self, time: SystemTime) -> bool {
        let last_modified = self.0.object.as_ref().and_then(|object| object.headers[1].as_ref());
        last_modified.is_some_and(|value| *value == httpdate::fmt_http_date(time))
    }

    /// The size in bytes of the object that a range lies outside of. Every backend gives it with a
    /// [`RangeNotSatisfiable`](ErrorKind::RangeNotSatisfiable) that comes from the object; others may.
    pub fn size(&self) -> Option<u64> {
        self.0.object.as_ref()?.size
    }

    /// The status that a server answers its own client with when it fails for this reason, such as one that
    /// passes an object on. [`response_headers`](Self::response_headers) has what belongs to it.
    ///
    /// | status | kinds |
    /// |---|---|
    /// | 304 | `NotModified` |
    /// | 400 | `InvalidInput` |
    /// | 400 | `Serialization` of a [`Body`](crate::r2::Body) that was given to this program, such as a request's |
    /// | 403 | `Forbidden` by this program, such as a token that is not good: an error without a [`status`](Self::status) |
    /// | 404 | `NoSuchKey`, `NoSuchUpload` |
    /// | 409 | `Conflict`, `LockLost` |
    /// | 411 | `InvalidInput` with the code `MissingContentLength`: a body to put whose length is not known |
    /// | 412 | `PreconditionFailed` |
    /// | 413 | `InvalidInput` with the code `EntityTooLarge`: a body that is longer than its limit, or than R2 or KV takes |
    /// | 416 | `RangeNotSatisfiable` |
    /// | 500 | `Serialization` of what is stored or to be stored, and a stored body that is longer than its limit |
    /// | 500 | `MissingSigningConfig`, `Credentials`, `NoSuchBucket`, `NoSuchNamespace`, `NotFound`, `Storage` |
    /// | 500 | `Forbidden` by the service |
    /// | 501 | `Unsupported` |
    /// | 502 | `Server`, `Dns`, `Connection`, `Integrity`, `BodyNotReplayable`, `UnexpectedResponse` |
    /// | 503 | `RateLimited` |
    /// | 504 | `Timeout` |
    ///
    /// 500 says that the server is configured wrong or its disk fails, 502 that the service behind it failed.
    ///
    /// It is not [`status`](Self::status), which is between the server and the service: credentials that R2 rejects
    /// are not those of the client, and a limit that the server ran into is not the client's (429) but a reason to
    /// come later (503). A server that limits its clients itself answers 429 by
    /// [`Decision`](crate::rate_limit::Decision).
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

    /// The headers of an answer with [`http_status`](Self::http_status), as far as they are known.
    ///
    /// - 304: `ETag`, `Last-Modified`, `Cache-Control` and `Expires` of the object
    ///   ([RFC 9110, 15.4.5](https://www.rfc-editor.org/rfc/rfc9110#section-15.4.5)).
    /// - 412: its `ETag` and `Last-Modified`.
    /// - 416: `Content-Range: bytes */SIZE`.
    /// - All others: `Retry-After`, where the service asked to wait.
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
