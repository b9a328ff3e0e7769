//! R2's error answers.

use std::borrow::Cow;
use std::fmt;

use cloudflare_clients::s3::error_code::{
    ACCESS_DENIED, BAD_DIGEST, ErrorCode, INVALID_ARGUMENT, INVALID_ENCRYPTION_ALGORITHM_ERROR, INVALID_PART,
    INVALID_REQUEST, NOT_IMPLEMENTED,
};
use cloudflare_clients::s3::xml::Writer;
use cloudflare_clients::sigv4::{SignatureMismatch, VerifyError};
use cloudflare_clients::{Error, ErrorKind};
use http::{HeaderValue, StatusCode, header};

use super::known_error::{self, KnownError};
use crate::protocol_error::ProtocolError;
use crate::response::{self, Response};
use crate::shortened::shortened;
use crate::uri::NotDecodable;

/// Codes whose message names the wrong values. The text comes from the store.
const WORDED_BY_THE_STORE: &[ErrorCode] = &[
    ACCESS_DENIED,
    BAD_DIGEST,
    INVALID_ARGUMENT,
    INVALID_ENCRYPTION_ALGORITHM_ERROR,
    INVALID_PART,
    INVALID_REQUEST,
];

/// Maximum length of a message, in bytes. It may quote the request.
const MAX_MESSAGE: usize = 1024;
/// Maximum length of each step of a signature, in bytes. Each step is sent twice, once as a dump that is
/// three times as long.
const MAX_STEP: usize = 4096;
/// Maximum length of a quoted signature. A valid one has 64 digits.
const MAX_SIGNATURE: usize = 128;

/// An error of R2.
#[derive(Debug)]
pub(crate) struct S3Error {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    mismatch: Option<Box<SignatureMismatch>>,
    /// Size of the object, for a range outside of it.
    size: Option<u64>,
}

impl S3Error {
    /// Creates an error with a custom message.
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: code.status, code: code.name, message: message.into(), mismatch: None, size: None }
    }

    pub(crate) fn invalid_argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_ARGUMENT, message)
    }

    pub(crate) fn not_implemented(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(NOT_IMPLEMENTED, message)
    }

    pub(crate) fn header_not_implemented(name: &str, value: &str) -> Self {
        Self::not_implemented(format!("Header '{name}' with value '{value}' not implemented"))
    }

    pub(crate) fn parameter_not_implemented(operation: impl fmt::Debug, name: &str) -> Self {
        Self::not_implemented(format!("{operation:?} search parameter {name} not implemented"))
    }
}

impl ProtocolError for S3Error {
    fn from_status(status: StatusCode) -> Self {
        let error = match KnownError::by_status(status) {
            Some(known) => known.into(),
            None if status.is_server_error() => known_error::INTERNAL_ERROR.into(),
            None => Self::new(INVALID_REQUEST, "Invalid Request"),
        };
        Self { status, ..error }
    }

    fn into_response(self) -> Response {
        let document = Writer::document("Error", None, |error| {
            error.text("Code", self.code);
            error.text("Message", shortened(&self.message, MAX_MESSAGE));
            if let Some(mismatch) = &self.mismatch {
                let string_to_sign = shortened(&mismatch.string_to_sign, MAX_STEP);
                let canonical_request = shortened(&mismatch.canonical_request, MAX_STEP);
                error.text("StringToSign", &string_to_sign);
                error.text("CanonicalRequest", &canonical_request);
                error.text("StringToSignBytes", dump(&string_to_sign));
                error.text("CanonicalRequestBytes", dump(&canonical_request));
                error.text("SignatureProvided", shortened(&mismatch.signature_provided, MAX_SIGNATURE));
            }
        });
        let mut response = response::xml(self.status, document);
        if let Some(value) = self.size.and_then(unsatisfied_range) {
            response.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        response
    }
}

/// Returns the `Content-Range` of a 416
/// ([RFC 9110, 15.5.17](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17)).
fn unsatisfied_range(size: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("bytes */{size}")).ok()
}

/// Returns the bytes in hex, separated by spaces.
fn dump(text: &str) -> String {
    let mut dump = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if !dump.is_empty() {
            dump.push(' ');
        }
        dump.push_str(&hex::encode([byte]));
    }
    dump
}

impl From<KnownError> for S3Error {
    fn from(known: KnownError) -> Self {
        Self::new(known.code, known.message)
    }
}

impl From<Error> for S3Error {
    fn from(error: Error) -> Self {
        let size = error.size().filter(|_| error.kind() == ErrorKind::RangeNotSatisfiable);
        Self { size, ..Self::worded(&error) }
    }
}

impl S3Error {
    /// Returns R2's code and message for an error of the store.
    fn worded(error: &Error) -> Self {
        if let Some(name) = error.code() {
            if let Some(code) = WORDED_BY_THE_STORE.iter().find(|code| code.name == name) {
                return Self::new(*code, error.message().to_owned());
            }
            if let Some(known) = KnownError::by_name(name) {
                return known.into();
            }
        }
        match error.kind() {
            ErrorKind::InvalidInput => Self::invalid_argument(error.message().to_owned()),
            ErrorKind::NoSuchKey => known_error::NO_SUCH_KEY.into(),
            ErrorKind::NoSuchBucket => known_error::NO_SUCH_BUCKET.into(),
            ErrorKind::NoSuchUpload => known_error::NO_SUCH_UPLOAD.into(),
            ErrorKind::PreconditionFailed | ErrorKind::NotModified => known_error::PRECONDITION_FAILED.into(),
            ErrorKind::RangeNotSatisfiable => known_error::INVALID_RANGE.into(),
            ErrorKind::Conflict => known_error::BUCKET_CONFLICT.into(),
            ErrorKind::RateLimited => known_error::TOO_MANY_REQUESTS.into(),
            ErrorKind::Integrity => Self::new(BAD_DIGEST, error.message().to_owned()),
            ErrorKind::Unsupported => Self::not_implemented(error.message().to_owned()),
            _ => {
                tracing::error!(%error, "the store failed");
                known_error::INTERNAL_ERROR.into()
            }
        }
    }
}

impl From<NotDecodable> for S3Error {
    fn from(error: NotDecodable) -> Self {
        match error {
            NotDecodable::Escape => known_error::INVALID_URI.into(),
            NotDecodable::Utf8 => known_error::INVALID_OBJECT_NAME.into(),
        }
    }
}

impl From<VerifyError> for S3Error {
    fn from(error: VerifyError) -> Self {
        let (status, code, message) = (error.status(), error.code(), error.to_string().into());
        let mismatch = match error {
            VerifyError::SignatureDoesNotMatch(mismatch) => Some(mismatch),
            _ => None,
        };
        Self { status, code, message, mismatch, size: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_errors_become_r2s() {
        for (error, status, code) in [
            (Error::new(ErrorKind::NoSuchKey, "x"), 404, "NoSuchKey"),
            (Error::new(ErrorKind::NoSuchBucket, "x"), 404, "NoSuchBucket"),
            (Error::new(ErrorKind::InvalidInput, "x"), 400, "InvalidArgument"),
            (Error::new(ErrorKind::Storage, "disk"), 500, "InternalError"),
            (Error::new(ErrorKind::Integrity, "x").with_code("IncompleteBody"), 400, "IncompleteBody"),
        ] {
            let answer = S3Error::from(error);
            assert_eq!((answer.status.as_u16(), answer.code), (status, code));
            assert!(!answer.message.contains("disk"));
        }
    }
}
