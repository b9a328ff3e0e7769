//! KV's error answers.

use std::borrow::Cow;

use cloudflare_clients::kv::rest::Envelope;
use cloudflare_clients::kv::rest::error_code::{self, ErrorCode};
use cloudflare_clients::{Error, ErrorKind};
use http::StatusCode;

use super::response;
use crate::protocol_error::ProtocolError;
use crate::response::Response;
use crate::shortened::shortened;

/// Maximum length of a message, in bytes. It may quote the request.
const MAX_MESSAGE: usize = 1024;

/// An error of KV.
#[derive(Debug)]
pub(crate) struct KvError {
    pub(super) code: ErrorCode,
    status: StatusCode,
    message: Cow<'static, str>,
}

impl KvError {
    /// Creates an error with a custom message.
    pub(super) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::from(code) }
    }

    /// Sets the status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl ProtocolError for KvError {
    fn from_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS => error_code::TOO_MANY_REQUESTS,
            status if status.is_server_error() => error_code::UNAVAILABLE,
            _ => error_code::INVALID_REQUEST,
        };
        Self::from(code).with_status(status)
    }

    fn into_response(self) -> Response {
        let message = shortened(&self.message, MAX_MESSAGE).into_owned();
        response::json(self.status, &Envelope::<()>::failure(&self.code, message))
    }
}

impl From<ErrorCode> for KvError {
    fn from(code: ErrorCode) -> Self {
        Self { code, status: code.status, message: code.message.into() }
    }
}

impl From<Error> for KvError {
    fn from(error: Error) -> Self {
        let by_number = |code: &str| ErrorCode::by_number(code.parse().ok()?);
        if let Some(known) = error.code().and_then(by_number) {
            return (*known).into();
        }
        match error.kind() {
            // The store names the limit and the given value, or the client disconnected.
            ErrorKind::InvalidInput
            | ErrorKind::Serialization
            | ErrorKind::Connection
            | ErrorKind::Timeout => Self::new(error_code::INVALID_REQUEST, error.message().to_owned()),
            _ => {
                tracing::error!(%error, "the store failed");
                error_code::UNAVAILABLE.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_errors_become_kvs() {
        for (error, status, number) in [
            (Error::new(ErrorKind::NoSuchNamespace, "x").with_code("10013"), 404, 10013),
            (Error::new(ErrorKind::Conflict, "x").with_code("10014"), 400, 10014),
            (Error::new(ErrorKind::InvalidInput, "x"), 400, 10029),
            (Error::new(ErrorKind::Storage, "disk"), 503, 10001),
        ] {
            let answer = KvError::from(error);
            assert_eq!((answer.status.as_u16(), answer.code.number), (status, number));
            assert!(!answer.message.contains("disk"));
        }
    }
}
