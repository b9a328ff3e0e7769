//! Errors for which R2 has a fixed message. Others have their message where they occur.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::s3::error_code::{self, ErrorCode};
use http::StatusCode;

/// An error with R2's fixed message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownError {
    pub(super) code: ErrorCode,
    pub(super) message: &'static str,
}

impl KnownError {
    /// The one of this code.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        ALL.iter().find(|known| known.code.name == name).copied()
    }

    /// The first that is sent with this status.
    pub(super) fn by_status(status: StatusCode) -> Option<Self> {
        ALL.iter().find(|known| known.code.status == status).copied()
    }
}

/// The request target has an invalid escape.
pub(crate) const INVALID_URI: KnownError = bad_request("InvalidURI", "Couldn't parse the specified URI.");

/// An error whose code is not in the library's table of R2's.
const fn bad_request(name: &'static str, message: &'static str) -> KnownError {
    KnownError { code: ErrorCode::new(name, StatusCode::BAD_REQUEST, ErrorKind::InvalidInput), message }
}

/// Defines a constant for each error, named like its code, and the list of all.
macro_rules! known_errors {
    ($($constant:ident: $message:literal;)*) => {
        $(
            pub(crate) const $constant: KnownError =
                KnownError { code: error_code::$constant, message: $message };
        )*

        const ALL: &[KnownError] = &[$($constant),*];
    };
}

// The first error with a status is its default.
known_errors! {
    ACCESS_DENIED: "Access Denied";
    BUCKET_ALREADY_OWNED_BY_YOU: "Your previous request to create the named bucket succeeded and you already own it.";
    BUCKET_CONFLICT: "The bucket you tried to create already exists.";
    BUCKET_NOT_EMPTY: "The bucket you tried to delete is not empty.";
    ENTITY_TOO_LARGE: "Your proposed upload exceeds the maximum allowed object size.";
    ENTITY_TOO_SMALL: "Your proposed upload is smaller than the minimum allowed object size.";
    INCOMPLETE_BODY: "You did not provide the number of bytes specified by the Content-Length HTTP header";
    INTERNAL_ERROR: "We encountered an internal error. Please try again.";
    INVALID_BUCKET_NAME: "The specified bucket name is not valid.";
    INVALID_DIGEST: "The checksum or Content-MD5 you specified is not valid.";
    INVALID_LOCATION_CONSTRAINT: "The specified location-constraint is not valid.";
    INVALID_MAX_KEYS: "MaxKeys params must be positive integer <= 1000.";
    INVALID_OBJECT_NAME: "The specified object name is not valid.";
    INVALID_PART_NUMBER: "The requested partnumber is not satisfiable";
    INVALID_RANGE: "The requested range is not satisfiable";
    INVALID_STORAGE_CLASS: "The storage class specified is not valid.";
    MALFORMED_XML: "The XML you provided was not well formed or did not validate against our published schema.";
    METADATA_TOO_LARGE: "Your metadata headers exceed the maximum allowed metadata size.";
    MISSING_CONTENT_LENGTH: "You must provide the Content-Length HTTP header.";
    NO_SUCH_BUCKET: "The specified bucket does not exist.";
    NO_SUCH_CORS_CONFIGURATION: "The CORS configuration does not exist.";
    NO_SUCH_KEY: "The specified key does not exist.";
    NO_SUCH_LIFECYCLE_CONFIGURATION: "The lifecycle configuration does not exist.";
    NO_SUCH_TAG_SET: "The TagSet does not exist.";
    NO_SUCH_UPLOAD: "The specified multipart upload does not exist.";
    OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR: "Object Lock configuration does not exist for this bucket.";
    PRECONDITION_FAILED: "At least one of the pre-conditions you specified did not hold.";
    REPLICATION_CONFIGURATION_NOT_FOUND_ERROR: "The replication configuration was not found.";
    REQUEST_TIMEOUT:
        "Your socket connection to the server was not read from or written to within the timeout period.";
    ROUTE_NOT_FOUND: "No route matches this url.";
    SIGNATURE_DOES_NOT_MATCH:
        "The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.";
    SERVICE_UNAVAILABLE: "Service is unable to handle request. Please try again.";
    TOO_MANY_REQUESTS: "Reduce your rate of simultaneous requests on the same object.";
    CONTENT_SHA256_MISMATCH: "The provided 'x-amz-content-sha256' header does not match what was computed.";
}
