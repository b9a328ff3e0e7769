//! R2's errors, as named by its S3 API and its binding.

use http::StatusCode;

use crate::error::ErrorKind;
use crate::transport::failure::status;

/// An error of R2: its name in the S3 API, its HTTP status, and its number in the binding.
///
/// See [R2's error codes](https://developers.cloudflare.com/r2/api/error-codes/).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCode {
    /// The `<Code>` in the S3 API, such as `NoSuchKey`.
    pub name: &'static str,
    /// The HTTP status of the response.
    pub status: StatusCode,
    /// The number at the end of the binding's messages, if there is one.
    pub number: Option<u32>,
    /// The kind of the [`Error`](crate::Error) that callers get.
    pub kind: ErrorKind,
}

impl ErrorCode {
    /// Creates an error that the table does not have, for a server with custom errors.
    pub const fn new(name: &'static str, status: StatusCode, kind: ErrorKind) -> Self {
        Self { name, status, number: None, kind }
    }

    /// The error with this number in the binding's messages.
    pub fn by_number(number: u32) -> Option<&'static Self> {
        ERROR_CODES.iter().find(|code| code.number == Some(number))
    }

    /// The error with this name in the S3 API.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ERROR_CODES.iter().find(|code| code.name == name)
    }
}

/// Defines a constant for each error, and the table of all.
macro_rules! error_codes {
    ($($constant:ident: $number:expr, $name:literal, $status:literal, $kind:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`, sent with the status ", $status, ".")]
            pub const $constant: ErrorCode =
                ErrorCode { name: $name, status: status($status), number: $number, kind: ErrorKind::$kind };
        )*

        /// All errors that R2 documents or was seen to send, and those of other S3 services that are more
        /// specific than their status.
        pub const ERROR_CODES: &[ErrorCode] = &[$($constant),*];
    };
}

error_codes! {
    INTERNAL_ERROR: Some(10001), "InternalError", 500, Server;
    UNAUTHORIZED: Some(10002), "Unauthorized", 401, Credentials;
    ACCESS_DENIED: Some(10003), "AccessDenied", 403, Forbidden;
    INVALID_BUCKET_NAME: Some(10005), "InvalidBucketName", 400, InvalidInput;
    NO_SUCH_BUCKET: Some(10006), "NoSuchBucket", 404, NoSuchBucket;
    NO_SUCH_KEY: Some(10007), "NoSuchKey", 404, NoSuchKey;
    BUCKET_NOT_EMPTY: Some(10008), "BucketNotEmpty", 409, Conflict;
    TOO_MANY_BUCKETS: Some(10009), "TooManyBuckets", 400, InvalidInput;
    ENTITY_TOO_SMALL: Some(10011), "EntityTooSmall", 400, InvalidInput;
    METADATA_TOO_LARGE: Some(10012), "MetadataTooLarge", 400, InvalidInput;
    INCOMPLETE_BODY: Some(10013), "IncompleteBody", 400, Connection;
    INVALID_DIGEST: Some(10014), "InvalidDigest", 400, InvalidInput;
    EXPIRED_REQUEST: Some(10018), "ExpiredRequest", 403, Forbidden;
    INVALID_OBJECT_NAME: Some(10020), "InvalidObjectName", 400, InvalidInput;
    INVALID_MAX_KEYS: Some(10022), "InvalidMaxKeys", 400, InvalidInput;
    NO_SUCH_UPLOAD: Some(10024), "NoSuchUpload", 404, NoSuchUpload;
    INVALID_PART: Some(10025), "InvalidPart", 400, InvalidInput;
    INVALID_ARGUMENT: Some(10029), "InvalidArgument", 400, InvalidInput;
    PRECONDITION_FAILED: Some(10031), "PreconditionFailed", 412, PreconditionFailed;
    MISSING_CONTENT_LENGTH: Some(10033), "MissingContentLength", 411, InvalidInput;
    SIGNATURE_DOES_NOT_MATCH: Some(10035), "SignatureDoesNotMatch", 403, Credentials;
    BAD_DIGEST: Some(10037), "BadDigest", 400, Integrity;
    INVALID_RANGE: Some(10039), "InvalidRange", 416, RangeNotSatisfiable;
    NOT_ENTITLED: Some(10042), "NotEntitled", 403, Forbidden;
    SERVICE_UNAVAILABLE: Some(10043), "ServiceUnavailable", 503, Server;
    // Over S3, parts of unequal sizes have the same name as a missing part.
    UNEQUAL_PARTS: Some(10048), "InvalidPart", 400, InvalidInput;
    CLIENT_DISCONNECT: Some(10054), "ClientDisconnect", 400, Connection;
    TOO_MANY_REQUESTS: Some(10058), "TooManyRequests", 429, RateLimited;
    OBJECT_LOCKED_BY_BUCKET_POLICY: Some(10069), "ObjectLockedByBucketPolicy", 403, Forbidden;
    BUCKET_CONFLICT: Some(10073), "BucketConflict", 409, Conflict;
    ENTITY_TOO_LARGE: Some(100_100), "EntityTooLarge", 400, InvalidInput;
    // Without a number.
    BUCKET_ALREADY_OWNED_BY_YOU: None, "BucketAlreadyOwnedByYou", 409, Conflict;
    INVALID_ENCRYPTION_ALGORITHM_ERROR: None, "InvalidEncryptionAlgorithmError", 400, InvalidInput;
    INVALID_LOCATION_CONSTRAINT: None, "InvalidLocationConstraint", 400, InvalidInput;
    INVALID_PART_NUMBER: None, "InvalidPartNumber", 416, RangeNotSatisfiable;
    INVALID_PART_ORDER: None, "InvalidPartOrder", 400, InvalidInput;
    INVALID_REQUEST: None, "InvalidRequest", 400, InvalidInput;
    INVALID_STORAGE_CLASS: None, "InvalidStorageClass", 400, InvalidInput;
    MALFORMED_XML: None, "MalformedXML", 400, InvalidInput;
    METHOD_NOT_ALLOWED: None, "MethodNotAllowed", 405, InvalidInput;
    NO_SUCH_CORS_CONFIGURATION: None, "NoSuchCORSConfiguration", 404, NotFound;
    NO_SUCH_LIFECYCLE_CONFIGURATION: None, "NoSuchLifecycleConfiguration", 404, NotFound;
    NO_SUCH_TAG_SET: None, "NoSuchTagSet", 404, NotFound;
    NOT_IMPLEMENTED: None, "NotImplemented", 501, Unsupported;
    OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR: None, "ObjectLockConfigurationNotFoundError", 404, NotFound;
    REPLICATION_CONFIGURATION_NOT_FOUND_ERROR: None, "ReplicationConfigurationNotFoundError", 404, NotFound;
    REQUEST_TIME_TOO_SKEWED: None, "RequestTimeTooSkewed", 403, Credentials;
    ROUTE_NOT_FOUND: None, "RouteNotFound", 404, NotFound;
    CONTENT_SHA256_MISMATCH: None, "XAmzContentSHA256Mismatch", 400, Integrity;
    // Other S3 services.
    CONDITIONAL_REQUEST_CONFLICT: None, "ConditionalRequestConflict", 409, Conflict;
    EXPIRED_TOKEN: None, "ExpiredToken", 400, Credentials;
    INVALID_ACCESS_KEY_ID: None, "InvalidAccessKeyId", 403, Credentials;
    INVALID_TOKEN: None, "InvalidToken", 400, Credentials;
    REQUEST_TIMEOUT: None, "RequestTimeout", 400, Timeout;
    SLOW_DOWN: None, "SlowDown", 503, RateLimited;
}
