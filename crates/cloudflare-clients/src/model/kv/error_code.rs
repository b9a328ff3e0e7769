//! The errors of KV's REST API.
//!
//! The HTTP status determines the error, and an error number where it is more specific than the status.
//! Cloudflare changes statuses and messages from time to time.

use http::StatusCode;

use crate::error::ErrorKind;
use crate::transport::failure::status;

/// An error of the API: its number, its HTTP status and its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCode {
    /// The error number, `errors[].code` of an answer.
    pub number: u32,
    /// The HTTP status that it is sent with.
    pub status: StatusCode,
    /// The message that the API sends.
    pub message: &'static str,
    /// The [`ErrorKind`] that it becomes.
    pub kind: ErrorKind,
}

const fn code(number: u32, code: u16, message: &'static str, kind: ErrorKind) -> ErrorCode {
    ErrorCode { number, status: status(code), message, kind }
}

/// The key does not exist.
pub const KEY_NOT_FOUND: ErrorCode = code(10009, 404, "key not found", ErrorKind::NoSuchKey);

/// The namespace does not exist.
pub const NAMESPACE_NOT_FOUND: ErrorCode =
    code(10013, 404, "namespace not found", ErrorKind::NoSuchNamespace);

/// Another namespace of the account has this title.
pub const TITLE_EXISTS: ErrorCode = code(10014, 400, "namespace already exists", ErrorKind::Conflict);

/// The token is unknown, or lacks the permission for the request.
pub const AUTHENTICATION: ErrorCode = code(10000, 403, "Authentication error", ErrorKind::Credentials);

/// The request has no credentials.
pub const MISSING_AUTHENTICATION: ErrorCode =
    code(9106, 400, "Missing X-Auth-Key, X-Auth-Email or Authorization headers", ErrorKind::Credentials);

/// No operation has the path of the request.
pub const NO_ROUTE: ErrorCode = code(7000, 400, "No route for that URI", ErrorKind::InvalidInput);

/// KV is temporarily unavailable.
pub const UNAVAILABLE: ErrorCode = code(10001, 503, "service temporarily unavailable", ErrorKind::Server);

/// Too many writes to the same key.
pub const TOO_MANY_REQUESTS: ErrorCode = code(10022, 429, "too many requests", ErrorKind::RateLimited);

/// The page number is invalid.
pub const MALFORMED_PAGE: ErrorCode = code(10007, 400, "malformed page argument", ErrorKind::InvalidInput);

/// The page size of a list of namespaces is invalid.
pub const MALFORMED_PER_PAGE: ErrorCode =
    code(10008, 400, "malformed per_page argument", ErrorKind::InvalidInput);

/// A body, or a value in it, is malformed.
pub const MALFORMED_VALUE: ErrorCode = code(10012, 400, "malformed value", ErrorKind::InvalidInput);

/// A namespace has no title.
pub const MISSING_TITLE: ErrorCode = code(10019, 400, "missing title", ErrorKind::InvalidInput);

/// A value, or a whole request, is too large.
pub const TOO_LARGE: ErrorCode = code(10024, 413, "payload too large", ErrorKind::InvalidInput);

/// The page size of a list of keys is invalid.
pub const INVALID_LIMIT: ErrorCode = code(10028, 400, "invalid limit argument", ErrorKind::InvalidInput);

/// Something else in the request is invalid.
pub const INVALID_REQUEST: ErrorCode = code(10029, 400, "invalid request", ErrorKind::InvalidInput);

/// A key is too long.
pub const KEY_TOO_LONG: ErrorCode = code(10030, 414, "key too long", ErrorKind::InvalidInput);

/// An expiration is not a time, or is less than 60 seconds from now.
pub const INVALID_EXPIRATION: ErrorCode = code(10033, 400, "invalid expiration", ErrorKind::InvalidInput);

/// A time to live is not a number, or is less than 60 seconds.
pub const INVALID_EXPIRATION_TTL: ErrorCode =
    code(10034, 400, "invalid expiration ttl", ErrorKind::InvalidInput);

/// A cursor does not belong to a list of keys.
pub const INVALID_CURSOR: ErrorCode =
    code(10041, 400, "invalid \"list keys\" cursor", ErrorKind::InvalidInput);

/// A key is empty, `.` or `..`.
pub const ILLEGAL_KEY: ErrorCode = code(10042, 400, "illegal key name", ErrorKind::InvalidInput);

/// Namespaces cannot be sorted by this field.
pub const INVALID_ORDER: ErrorCode = code(10043, 400, "invalid order", ErrorKind::InvalidInput);

/// Namespaces cannot be sorted in this direction.
pub const INVALID_DIRECTION: ErrorCode = code(10044, 400, "invalid direction", ErrorKind::InvalidInput);

/// Metadata is not JSON, or is too long.
pub const INVALID_METADATA: ErrorCode = code(10047, 400, "invalid metadata", ErrorKind::InvalidInput);

/// The known error numbers: those of KV, as listed in [Cloudflare's SDK for
/// PHP](https://github.com/cloudflare/cloudflare-php), and the general ones of Cloudflare's API.
pub const ERROR_CODES: &[ErrorCode] = &[
    code(971, 429, "Please wait and consider throttling your request speed", ErrorKind::RateLimited),
    code(1000, 401, "Invalid API Token", ErrorKind::Credentials),
    code(6003, 400, "Invalid request headers", ErrorKind::Credentials),
    NO_ROUTE,
    code(
        7003,
        404,
        "Could not route to the requested resource, perhaps your object identifier is invalid?",
        ErrorKind::NotFound,
    ),
    MISSING_AUTHENTICATION,
    code(9109, 403, "Invalid access token", ErrorKind::Credentials),
    AUTHENTICATION,
    UNAVAILABLE,
    MALFORMED_PAGE,
    MALFORMED_PER_PAGE,
    KEY_NOT_FOUND,
    code(10011, 400, "malformed namespace ID", ErrorKind::InvalidInput),
    MALFORMED_VALUE,
    NAMESPACE_NOT_FOUND,
    TITLE_EXISTS,
    code(10018, 400, "too many namespaces in this account", ErrorKind::InvalidInput),
    MISSING_TITLE,
    TOO_MANY_REQUESTS,
    TOO_LARGE,
    code(10025, 404, "endpoint does not exist", ErrorKind::NotFound),
    code(10026, 403, "not entitled", ErrorKind::Forbidden),
    INVALID_LIMIT,
    INVALID_REQUEST,
    KEY_TOO_LONG,
    INVALID_EXPIRATION,
    INVALID_EXPIRATION_TTL,
    code(10037, 403, "the user lacks the permissions to perform this operation", ErrorKind::Forbidden),
    INVALID_CURSOR,
    ILLEGAL_KEY,
    INVALID_ORDER,
    INVALID_DIRECTION,
    code(10046, 429, "too many bulk requests", ErrorKind::RateLimited),
    INVALID_METADATA,
    code(10048, 429, "free limit reached", ErrorKind::RateLimited),
];

impl ErrorCode {
    /// Returns the error with this number.
    pub fn by_number(number: u32) -> Option<&'static Self> {
        ERROR_CODES.iter().find(|code| code.number == number)
    }
}
