//! What goes wrong, as an answer: `{"error": {"code", "message"}}` and the status for it.

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
        Self::new(
            401,
            "unauthenticated",
            "a token is needed that is signed by this platform and has not expired",
        )
        .with_header("www-authenticate", "Bearer")
    }

    /// The same for what is not there and for what the subject may not know of.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "forbidden", "there is no such thing, or this token does not give access to it")
    }

    pub(crate) fn origin_refused(origin: &str) -> Self {
        let message = format!(
            "pages of {origin:?} may not call this Worker: its variable ALLOWED_ORIGIN names those that may"
        );
        Self::new(403, "origin_refused", message).with_header("vary", "Origin")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("there is no such {what}"))
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::new(405, "method_not_allowed", format!("this route takes {allowed}"))
            .with_header("allow", allowed)
    }

    pub(crate) fn length_required() -> Self {
        Self::new(411, "length_required", "send a Content-Length: R2 takes no upload of unknown length")
    }

    /// What is stored is not what it should be.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "unprocessable", message)
    }

    /// A playlist does not get what a player has waited for.
    pub(crate) fn not_yet() -> Self {
        let message = "the playlist does not have that yet: its stream has stopped, or is late";
        Self::new(503, "not_yet", message).with_header("retry-after", "1")
    }

    fn range_not_satisfiable(error: &Error) -> Self {
        let refused = Self::new(416, "range_not_satisfiable", error.message());
        match error.size() {
            Some(size) => refused.with_header("content-range", format!("bytes */{size}")),
            None => refused,
        }
    }

    /// A secret, variable or binding is missing or not as it has to be. The answer says what to set, and the log why.
    pub(crate) fn not_configured(to_do: impl Display, reason: impl Display) -> Self {
        console_error!("the Worker is not configured: {reason}");
        Self::new(503, "not_configured", format!("the Worker is not configured: {to_do}; its log says more"))
    }

    /// What only the log says: it is for whoever deploys the Worker.
    fn refused_by_r2(error: &Error) -> Self {
        console_error!("R2 refuses what the Worker asks for: {error}");
        Self::new(500, "internal", "the Worker may not do this, its log says why")
    }

    fn r2_failed(status: u16, error: &Error) -> Self {
        console_error!("R2 failed: {error}");
        let wait = error.retry_after().map_or(1, |wait| wait.as_secs().max(1));
        Self::new(status, "storage_unavailable", "the storage does not answer as it should, try again")
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
            ErrorKind::PreconditionFailed => {
                Self::new(412, "precondition_failed", "the object is not as the request's conditions have it")
            }
            ErrorKind::RangeNotSatisfiable => Self::range_not_satisfiable(&error),
            ErrorKind::NoSuchKey => Self::not_found("object"),
            ErrorKind::NoSuchUpload => Self::not_found("upload"),
            ErrorKind::Conflict => {
                Self::new(409, "conflict", "something else is being done to the object, try again")
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

/// The runtime refuses to read a request or to make an answer.
impl From<worker::Error> for ApiError {
    fn from(error: worker::Error) -> Self {
        console_error!("the runtime failed: {error}");
        Self::new(500, "internal", "something went wrong, the Worker's log says what")
    }
}
