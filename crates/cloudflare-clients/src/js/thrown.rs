//! Errors that JavaScript throws.

use worker::wasm_bindgen::JsValue;

use super::{property, text};
use crate::error::{Error, ErrorKind};

/// Parts of the runtime's messages for errors that may go away when the request is retried.
const TRANSIENT: [(&str, ErrorKind); 6] = [
    ("network connection lost", ErrorKind::Connection),
    ("connection closed", ErrorKind::Connection),
    ("internal error", ErrorKind::Server),
    ("unspecified error", ErrorKind::Server),
    ("overloaded", ErrorKind::RateLimited),
    ("timed out", ErrorKind::Timeout),
];

/// A value that was thrown, usually an `Error`.
pub(crate) struct Thrown {
    pub(crate) name: Option<String>,
    pub(crate) message: String,
    /// Whether the runtime says that another attempt may succeed.
    pub(crate) retryable: bool,
}

impl From<&JsValue> for Thrown {
    fn from(thrown: &JsValue) -> Self {
        let message = text(thrown, "message").or_else(|| thrown.as_string());
        Self {
            name: text(thrown, "name"),
            message: message.unwrap_or_else(|| "no message".to_owned()),
            retryable: property(thrown, "retryable").as_bool() == Some(true),
        }
    }
}

impl From<&worker::Error> for Thrown {
    fn from(error: &worker::Error) -> Self {
        match error {
            worker::Error::UnknownJsError { original, .. } | worker::Error::Internal(original) => {
                original.into()
            }
            error => Self { name: None, message: error.to_string(), retryable: false },
        }
    }
}

impl From<Thrown> for Error {
    fn from(thrown: Thrown) -> Self {
        let Thrown { name, message, retryable } = thrown;
        let lower = message.to_ascii_lowercase();
        let transient = TRANSIENT.into_iter().find(|(text, _)| lower.contains(text));
        match (transient, name.as_deref()) {
            (Some((_, kind)), _) => Self::new(kind, message),
            _ if retryable => Self::new(ErrorKind::Connection, message),
            (None, Some("TypeError" | "RangeError")) => Self::invalid_input(message),
            _ => Self::new(ErrorKind::UnexpectedResponse, message),
        }
    }
}
