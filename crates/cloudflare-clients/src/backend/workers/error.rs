//! What the bindings throw.
//!
//! R2's is an `Error` whose message ends in R2's number, `get: ... (10058)`, and which has no property that says more. What the
//! runtime throws itself has no number. See [R2's error codes](https://developers.cloudflare.com/r2/api/error-codes/).

use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;

use crate::error::{Error, ErrorKind, Result};
use crate::js::{self, Thrown};
use crate::model::r2::error_code::ErrorCode;

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

/// The value of a promise of a binding, or the error that was thrown in place of one.
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

/// The number in brackets that a message of R2 ends in.
fn number(message: &str) -> Option<u32> {
    let (_, number) = message.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    number.parse().ok()
}
