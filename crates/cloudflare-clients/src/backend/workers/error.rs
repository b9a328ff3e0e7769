//! Errors that the bindings throw.
//!
//! R2 throws an `Error` whose message ends with R2's number, `get: ... (10058)`, and has no further
//! properties. Errors of the runtime itself have no number. See [R2's error
//! codes](https://developers.cloudflare.com/r2/api/error-codes/).

use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;

use crate::error::{Error, ErrorKind, Result};
use crate::js::{self, Thrown};
use crate::model::r2::error_code::ErrorCode;

/// The first word of R2's messages, before a colon.
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

/// The value of a binding's promise, or the error that was thrown instead.
pub(super) async fn settled(promise: Result<Promise, JsValue>) -> Result<JsValue> {
    js::settled(promise).await.map_err(|thrown| from_js(&thrown))
}

pub(super) fn from_js(thrown: &JsValue) -> Error {
    explain(thrown.into())
}

pub(super) fn from_worker(error: &worker::Error) -> Error {
    explain(error.into())
}

pub(super) fn explain(mut thrown: Thrown) -> Error {
    if let Some((method, rest)) = thrown.message.split_once(": ")
        && METHODS.contains(&method)
    {
        thrown = Thrown { message: rest.to_owned(), ..thrown };
    }
    let Some(number) = number(&thrown.message) else {
        return thrown.into();
    };
    match ErrorCode::by_number(number) {
        Some(known) => {
            let error = Error::new(known.kind, thrown.message);
            error.with_status(known.status).with_code(known.name).explain_credentials()
        }
        None => Error::new(ErrorKind::Server, thrown.message).with_code(number.to_string()),
    }
}

/// The number in brackets at the end of a message of R2.
fn number(message: &str) -> Option<u32> {
    let (_, number) = message.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    number.parse().ok()
}
