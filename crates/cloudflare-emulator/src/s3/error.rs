//! R2's answers to requests that fail.

use std::borrow::Cow;

use cloudflare_clients::s3::error_code::ErrorCode;
use cloudflare_clients::s3::xml::Writer;
use cloudflare_clients::sigv4::{SignatureMismatch, VerifyError};
use cloudflare_clients::{Error, ErrorKind};
use http::StatusCode;

use crate::s3::response::{self, Response};

/// R2's messages for everything that is not worded at its place. The statuses are the library's.
const MESSAGES: &[(&str, &str)] = &[
    ("AccessDenied", "Access Denied"),
    (
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    ("BucketConflict", "The bucket you tried to create already exists."),
    ("BucketNotEmpty", "The bucket you tried to delete is not empty."),
    ("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."),
    ("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."),
    ("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"),
    ("InternalError", "We encountered an internal error. Please try again."),
    ("InvalidBucketName", "The specified bucket name is not valid."),
    ("InvalidDigest", "The checksum or Content-MD5 you specified is not valid."),
    ("InvalidMaxKeys", "MaxKeys params must be positive integer <= 1000."),
    ("InvalidObjectName", "The specified object name is not valid."),
    ("InvalidRange", "The requested range is not satisfiable"),
    ("InvalidStorageClass", "The storage class specified is not valid."),
    (
        "MalformedXML",
        "The XML you provided was not well formed or did not validate against our published schema.",
    ),
    ("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size."),
    ("MissingContentLength", "You must provide the Content-Length HTTP header."),
    ("NoSuchBucket", "The specified bucket does not exist."),
    ("NoSuchKey", "The specified key does not exist."),
    ("NoSuchUpload", "The specified multipart upload does not exist."),
    ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold."),
    (
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period.",
    ),
    ("RouteNotFound", "No route matches this url."),
    ("ServiceUnavailable", "Service is unable to handle request. Please try again."),
    ("TooManyRequests", "Reduce your rate of simultaneous requests on the same object."),
    (
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
];

/// Codes whose message says which values were at fault: the text is the store's.
const WORDED_BY_THE_STORE: &[&str] = &["BadDigest", "InvalidArgument", "InvalidPart"];

/// What R2 answers instead of doing what was asked.
#[derive(Debug)]
pub(crate) struct S3Error {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    mismatch: Option<Box<SignatureMismatch>>,
}

impl S3Error {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), mismatch: None }
    }

    /// An error of the table above; a code that is not in it is an internal error.
    pub(crate) fn known(code: &str) -> Self {
        Self::lookup(code).unwrap_or_else(|| {
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "We encountered an internal error.")
        })
    }

    fn lookup(code: &str) -> Option<Self> {
        let (code, message) = MESSAGES.iter().find(|(known, _)| *known == code)?;
        Some(Self::new(status_of(code)?, *code, *message))
    }

    pub(crate) fn invalid_argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
    }

    pub(crate) fn not_implemented(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub(crate) fn header_not_implemented(name: &str, value: &str) -> Self {
        Self::not_implemented(format!("Header '{name}' with value '{value}' not implemented"))
    }

    /// The error that a server with this trouble answers with.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        let known = MESSAGES.iter().find(|(code, _)| status_of(code) == Some(status));
        let (code, message) = match known {
            Some((code, message)) => (*code, *message),
            None if status.is_server_error() => {
                ("InternalError", "We encountered an internal error. Please try again.")
            }
            None => ("InvalidRequest", "Invalid Request"),
        };
        Self::new(status, code, message)
    }

    pub(crate) fn into_response(self) -> Response {
        let document = Writer::document("Error", None, |error| {
            error.text("Code", &self.code);
            error.text("Message", &self.message);
            if let Some(mismatch) = &self.mismatch {
                error.text("StringToSign", &mismatch.string_to_sign);
                error.text("CanonicalRequest", &mismatch.canonical_request);
                error.text("StringToSignBytes", dump(&mismatch.string_to_sign));
                error.text("CanonicalRequestBytes", dump(&mismatch.canonical_request));
                error.text("SignatureProvided", &mismatch.signature_provided);
            }
        });
        response::xml(self.status, document)
    }
}

fn status_of(code: &str) -> Option<StatusCode> {
    StatusCode::from_u16(ErrorCode::by_name(code)?.status).ok()
}

/// The bytes in hex with spaces between them.
fn dump(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

impl From<Error> for S3Error {
    fn from(error: Error) -> Self {
        if let Some(code) = error.code() {
            if let Some(code) = WORDED_BY_THE_STORE.iter().find(|known| **known == code)
                && let Some(status) = status_of(code)
            {
                return Self::new(status, *code, error.message().to_owned());
            }
            if let Some(known) = Self::lookup(code) {
                return known;
            }
        }
        match error.kind() {
            ErrorKind::InvalidInput => Self::invalid_argument(error.message().to_owned()),
            ErrorKind::NoSuchBucket => Self::known("NoSuchBucket"),
            ErrorKind::NoSuchUpload => Self::known("NoSuchUpload"),
            ErrorKind::PreconditionFailed | ErrorKind::NotModified => Self::known("PreconditionFailed"),
            ErrorKind::RangeNotSatisfiable => Self::known("InvalidRange"),
            ErrorKind::Conflict => Self::known("BucketConflict"),
            ErrorKind::RateLimited => Self::known("TooManyRequests"),
            ErrorKind::Integrity => {
                Self::new(StatusCode::BAD_REQUEST, "BadDigest", error.message().to_owned())
            }
            ErrorKind::Unsupported => Self::not_implemented(error.message().to_owned()),
            _ => {
                tracing::error!(%error, "the store failed");
                Self::known("InternalError")
            }
        }
    }
}

impl From<VerifyError> for S3Error {
    fn from(error: VerifyError) -> Self {
        let (status, code, message) = (error.status(), error.code(), error.to_string());
        let mismatch = match error {
            VerifyError::SignatureDoesNotMatch(mismatch) => Some(mismatch),
            _ => None,
        };
        Self { mismatch, ..Self::new(status, code, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_errors_become_r2s() {
        for (error, status, code) in [
            (Error::new(ErrorKind::InvalidInput, "x").with_code("NoSuchKey"), 404, "NoSuchKey"),
            (Error::new(ErrorKind::NoSuchBucket, "x"), 404, "NoSuchBucket"),
            (Error::new(ErrorKind::InvalidInput, "x"), 400, "InvalidArgument"),
            (Error::new(ErrorKind::Storage, "disk"), 500, "InternalError"),
            (Error::new(ErrorKind::Integrity, "x").with_code("IncompleteBody"), 400, "IncompleteBody"),
        ] {
            let answer = S3Error::from(error);
            assert_eq!((answer.status.as_u16(), &*answer.code), (status, code));
            assert!(!answer.message.contains("disk"));
        }
    }

    #[test]
    fn every_code_of_the_tables_has_a_status() {
        for code in MESSAGES.iter().map(|(code, _)| code).chain(WORDED_BY_THE_STORE) {
            assert!(status_of(code).is_some(), "{code}");
        }
    }
}
