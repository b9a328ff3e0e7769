//! The one error type of the crate.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

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
    /// A URL was asked for, but the service has no signing config.
    MissingSigningConfig,
    /// The credentials were rejected: unknown, wrong, or malformed (401, or 403 for a bad signature).
    Credentials,
    /// The credentials are good, but not for this (403).
    Forbidden,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The namespace of Workers KV does not exist.
    NoSuchNamespace,
    /// The multipart upload does not exist: never created, or already completed or aborted.
    NoSuchUpload,
    /// A condition of the request (`only_if`) did not hold (412).
    PreconditionFailed,
    /// The object is as the caller already has it (304): an `etag_does_not_match` or
    /// `uploaded_after` condition did not hold.
    NotModified,
    /// The requested range lies outside the object (416).
    RangeNotSatisfiable,
    /// The request collides with the state of the service (409), such as a bucket that is not empty.
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
    /// The bytes are not those that were stored or sent: a checksum or a length differs.
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
    fn from_status(status: u16) -> Self {
        match status {
            304 => Self::NotModified,
            401 => Self::Credentials,
            403 => Self::Forbidden,
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

    /// Whether the same request may succeed when it is sent again.
    fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Server | Self::Timeout | Self::Dns | Self::Connection)
    }
}

/// Why an operation failed.
///
/// It is one pointer wide. [`kind`](Self::kind) says what to do about it; `Display` is one line for people, with the
/// operation, the key, the number of attempts and the service's own words; the causes are in
/// [`source`](StdError::source). Secrets and signatures are never part of it.
///
/// ```
/// use cloudflare_clients::{Error, ErrorKind};
///
/// let error = Error::from_status(500, "Server Error");
/// assert_eq!(error.kind(), ErrorKind::Server);
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "500 Server Error");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
    attempts: u32,
    operation: Option<&'static str>,
    key: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

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
            operation: None,
            key: None,
            source: None,
        }))
    }

    /// The error for an HTTP status: `from_status(500, "Server Error")` reads `500 Server Error`.
    pub fn from_status(status: u16, message: impl fmt::Display) -> Self {
        let mut error = Self::new(ErrorKind::from_status(status), format!("{status} {message}"));
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
        self.0.kind = kind;
        self.0.retryable = kind.is_transient();
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
    pub fn with_status(mut self, status: u16) -> Self {
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

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
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
        self.0.operation.get_or_insert(operation);
        if self.0.key.is_none() {
            self.0.key = key.map(str::to_owned);
        }
        self
    }

    #[must_use]
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The same error for another of the things that failed together, without the cause.
    #[must_use]
    pub(crate) fn copy(&self) -> Self {
        let inner = &*self.0;
        Self(Box::new(Inner {
            message: inner.message.clone(),
            code: inner.code.clone(),
            request_id: inner.request_id.clone(),
            key: inner.key.clone(),
            source: None,
            ..*inner
        }))
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

    /// Whether the same request may succeed when it is sent again: 429, 5xx but 501, timeouts and connection faults.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// What went wrong in words, without the operation, the key and the attempts.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own code in the words of R2's S3 API, such as `NoSuchBucket`, where it has one. Of an error of a
    /// Worker's binding that has no name there, and of Cloudflare's REST API, it is the number.
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

    /// The key that it was about.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }
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
        let error = Error::from_status(503, "Service Unavailable")
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
            (412, ErrorKind::PreconditionFailed, false),
            (429, ErrorKind::RateLimited, true),
            (500, ErrorKind::Server, true),
            (501, ErrorKind::Unsupported, false),
            (503, ErrorKind::Server, true),
        ] {
            let error = Error::from_status(status, "x");
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{status}");
        }
    }

    #[test]
    fn an_error_is_one_pointer_and_can_cross_threads() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
