//! Errors as responses: a status and `{"error": {"code", "message"}}`.

use std::fmt::Display;

use cloudflare_clients::{Error, ErrorKind};
use serde_json::json;
use worker::{Response, console_error};

use crate::keys::InvalidKey;

#[derive(Debug)]
pub(crate) struct ApiError {
    status: u16,
    code: &'static str,
    message: String,
    headers: Vec<(&'static str, String)>,
}

impl ApiError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "bad_request", message)
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(401, "unauthenticated", "send a valid token: `Authorization: Bearer TOKEN`")
            .with_header("www-authenticate", "Bearer")
    }

    /// The same response for missing content and for content that the subject may not know about.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "forbidden", "it does not exist, or this token does not give access to it")
    }

    pub(crate) fn origin_refused(origin: &str) -> Self {
        let message = format!(
            "pages of {origin:?} may not call this Worker; set its variable ALLOWED_ORIGIN to the origin that may"
        );
        Self::new(403, "origin_refused", message).with_header("vary", "Origin")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("no such {what}"))
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::new(405, "method_not_allowed", format!("this route accepts {allowed}"))
            .with_header("allow", allowed)
    }

    pub(crate) fn length_required() -> Self {
        Self::new(411, "length_required", "send a Content-Length header: R2 needs the length of an upload")
    }

    /// The stored object has the wrong format.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "unprocessable", message)
    }

    /// A live playlist did not get the segment in time that a player waits for.
    pub(crate) fn not_yet() -> Self {
        let message = "the playlist does not have this segment yet: the stream has stopped or is late";
        Self::new(503, "not_yet", message).with_header("retry-after", "1")
    }

    fn range_not_satisfiable(error: &Error) -> Self {
        let refused = Self::new(416, "range_not_satisfiable", error.message());
        match error.size() {
            Some(size) => refused.with_header("content-range", format!("bytes */{size}")),
            None => refused,
        }
    }

    /// A secret, variable or binding is missing or invalid. The response says what to set, the log why.
    pub(crate) fn not_configured(to_do: impl Display, reason: impl Display) -> Self {
        console_error!("the Worker is not configured: {reason}");
        Self::new(503, "not_configured", format!("the Worker is not configured: {to_do}; see its log"))
    }

    /// R2 refuses the Worker's own request. Only the log has the reason, which is for the operator.
    fn refused_by_r2(error: &Error) -> Self {
        console_error!("R2 refused the Worker's request: {error}");
        Self::new(500, "internal", "R2 refused the Worker's request; see the Worker's log")
    }

    fn r2_failed(status: u16, error: &Error) -> Self {
        console_error!("R2 failed: {error}");
        let wait = error.retry_after().map_or(1, |wait| wait.as_secs().max(1));
        Self::new(status, "storage_unavailable", "the storage is not available; try again")
            .with_header("retry-after", wait.to_string())
    }

    pub(crate) fn into_response(self) -> worker::Result<Response> {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let response = Response::from_json(&body)?.with_status(self.status);
        let headers = response.headers();
        headers.set("cache-control", "no-store")?;
        for (name, value) in self.headers {
            headers.set(name, &value)?;
        }
        Ok(response)
    }
}

impl From<InvalidKey> for ApiError {
    fn from(error: InvalidKey) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Serialization => match error.http_status().as_u16() {
                411 => Self::length_required(),
                413 => Self::new(413, "too_large", error.message()),
                400 => Self::bad_request(error.message()),
                _ => Self::unprocessable(error.message()),
            },
            ErrorKind::PreconditionFailed => Self::new(
                412,
                "precondition_failed",
                "the object does not meet the conditions of the request",
            ),
            ErrorKind::RangeNotSatisfiable => Self::range_not_satisfiable(&error),
            ErrorKind::NoSuchKey => Self::not_found("object"),
            ErrorKind::NoSuchUpload => Self::not_found("upload"),
            ErrorKind::Conflict => {
                Self::new(409, "conflict", "another operation on the object is in progress; try again")
            }
            ErrorKind::RateLimited => Self::r2_failed(503, &error),
            ErrorKind::MissingSigningConfig => Self::not_configured(
                "set the secrets R2_ACCOUNT_ID, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, and the variable R2_BUCKET_MEDIA",
                error,
            ),
            ErrorKind::NoSuchBucket
            | ErrorKind::NotFound
            | ErrorKind::Credentials
            | ErrorKind::Forbidden
            | ErrorKind::Unsupported => Self::refused_by_r2(&error),
            _ => Self::r2_failed(502, &error),
        }
    }
}

/// The runtime failed to read a request or to create a response.
impl From<worker::Error> for ApiError {
    fn from(error: worker::Error) -> Self {
        console_error!("the runtime failed: {error}");
        Self::new(500, "internal", "internal error; see the Worker's log")
    }
}
