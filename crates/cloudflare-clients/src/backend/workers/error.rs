//! What the binding throws.
//!
//! It is an `Error` whose message ends in R2's number, `get: ... (10058)`, and which has no property that says more. What the
//! runtime throws itself has no number. See [R2's error codes](https://developers.cloudflare.com/r2/api/error-codes/).

use worker::wasm_bindgen::JsValue;

use super::js;
use crate::error::{Error, ErrorKind};
use crate::s3::error_code::ErrorCode;

/// What messages of R2 begin with, followed by a colon.
const METHODS: [&str; 9] = [
    "head",
    "get",
    "put",
    "delete",
    "list",
    "createMultipartUpload",
    "uploadPart",
    "completeMultipartUpload",
    "abortMultipartUpload",
];

/// Texts of the runtime, of what may work when it is tried again.
const TRANSIENT: [(&str, ErrorKind); 6] = [
    ("network connection lost", ErrorKind::Connection),
    ("connection closed", ErrorKind::Connection),
    ("internal error", ErrorKind::Server),
    ("unspecified error", ErrorKind::Server),
    ("overloaded", ErrorKind::RateLimited),
    ("timed out", ErrorKind::Timeout),
];

pub(super) fn from_js(thrown: &JsValue) -> Error {
    let message = js::text(thrown, "message").or_else(|| thrown.as_string());
    let retryable = js::property(thrown, "retryable").as_bool() == Some(true);
    classify(js::text(thrown, "name").as_deref(), message.as_deref().unwrap_or("no message"), retryable)
}

pub(crate) fn from_worker(error: &worker::Error) -> Error {
    match error {
        worker::Error::UnknownJsError { original, .. } | worker::Error::Internal(original) => {
            from_js(original)
        }
        error => classify(None, &error.to_string(), false),
    }
}

fn classify(name: Option<&str>, message: &str, retryable: bool) -> Error {
    let message = match message.split_once(": ") {
        Some((method, rest)) if METHODS.contains(&method) => rest,
        _ => message,
    };
    if let Some(number) = number(message) {
        return match ErrorCode::by_number(number) {
            Some(known) => {
                let error = Error::new(known.kind, message).with_status(known.status).with_code(known.name);
                if known.kind == ErrorKind::Credentials {
                    error.explain("the credentials were rejected")
                } else {
                    error
                }
            }
            None => Error::new(ErrorKind::Server, message).with_code(number.to_string()),
        };
    }
    let lower = message.to_ascii_lowercase();
    let transient = TRANSIENT.into_iter().find(|(text, _)| lower.contains(text));
    match (transient, name) {
        (Some((_, kind)), _) => Error::new(kind, message),
        _ if retryable => Error::new(ErrorKind::Connection, message),
        (None, Some("TypeError" | "RangeError")) => Error::invalid_input(message),
        _ => Error::new(ErrorKind::UnexpectedResponse, message),
    }
}

/// The number in brackets that a message of R2 ends in.
fn number(message: &str) -> Option<u32> {
    let (_, number) = message.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    number.parse().ok()
}
