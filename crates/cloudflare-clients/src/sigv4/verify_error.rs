use std::fmt;

use http::StatusCode;

use super::ALGORITHM;

/// The length of every access key id of R2.
pub(super) const ACCESS_KEY_ID_LENGTH: usize = 32;

/// Why R2 refuses a request. `Display` writes the message; [`code`](Self::code) and [`status`](Self::status)
/// are the rest of the response. They are R2's own, which differ from AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is neither an `Authorization` header nor an `X-Amz-Credential` in the query.
    #[error("Authorization")]
    NoAuthentication,
    /// Parameters of a presigned URL are missing.
    #[error("Required search parameter{} {} missing", if .0.len() > 1 { "s" } else { "" }, .0.join(",  "))]
    MissingParameters(Vec<&'static str>),
    /// The request is signed with headers, but has no payload hash.
    #[error("Missing x-amz-content-sha256")]
    MissingPayloadHash,
    /// The payload hash is neither `UNSIGNED-PAYLOAD` nor a SHA-256.
    #[error("x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value")]
    InvalidPayloadHash,
    /// The body is `aws-chunked`, which R2 does not accept.
    #[error("{0} not implemented")]
    StreamingPayload(String),
    /// The request is signed with headers, but has no date.
    #[error("No date provided in x-amz-date nor date header")]
    MissingDate,
    /// A date is not in the form `YYYYMMDDTHHMMSSZ`.
    #[error("Date provided in {source_name} ({value}) didn't parse successfully")]
    InvalidDate {
        /// The header or parameter with the date.
        source_name: &'static str,
        /// The malformed date.
        value: String,
    },
    /// The algorithm is another one, or the `Authorization` header does not have its three fields exactly
    /// once.
    #[error("Please use {ALGORITHM}")]
    UnsupportedAlgorithm,
    /// The credential is not `ID/DATE/REGION/s3/aws4_request`, or its date is not that of the request.
    #[error("{0}")]
    InvalidCredential(String),
    /// The access key id does not have the length of R2's.
    #[error("Credential access key has length {0}, should be {ACCESS_KEY_ID_LENGTH}")]
    AccessKeyIdLength(usize),
    /// The access key id or session token is unknown, or the host was not signed.
    #[error("Unauthorized")]
    Unauthorized,
    /// The list of signed headers contains a name twice.
    #[error("The header {0} is in SignedHeaders more than once")]
    RepeatedSignedHeader(String),
    /// The expiry is not a number, or longer than a week.
    #[error("{0}")]
    InvalidExpires(&'static str),
    /// The path has a `%` without two hexadecimal digits.
    #[error("Couldn't parse the specified URI.")]
    InvalidPath,
    /// A signed header is not UTF-8.
    #[error("A signed header is not valid UTF-8")]
    HeaderNotUtf8,
    /// The signature does not cover a header that changes what the request does, such as `x-amz-copy-source`.
    #[error("There were headers present in the request which were not signed: {0}")]
    UnsignedHeader(String),
    /// The presigned URL has expired.
    #[error("Request has expired")]
    Expired,
    /// The request was signed with headers more than 15 minutes ago or ahead.
    #[error("The difference between the request time and the server's time is too large.")]
    TimeTooSkewed,
    /// The request differs from what was signed, or was signed with another secret.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your secret access key \
         and signing method."
    )]
    SignatureDoesNotMatch(Box<SignatureMismatch>),
}

impl VerifyError {
    /// The `Code` in S3's error document.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAuthentication
            | Self::MissingParameters(_)
            | Self::InvalidPayloadHash
            | Self::MissingDate
            | Self::InvalidDate { .. }
            | Self::InvalidCredential(_)
            | Self::AccessKeyIdLength(_)
            | Self::RepeatedSignedHeader(_)
            | Self::InvalidExpires(_)
            | Self::HeaderNotUtf8 => "InvalidArgument",
            Self::InvalidPath => "InvalidURI",
            Self::MissingPayloadHash | Self::UnsupportedAlgorithm => "InvalidRequest",
            Self::StreamingPayload(_) => "NotImplemented",
            Self::Unauthorized => "Unauthorized",
            Self::UnsignedHeader(_) => "AccessDenied",
            Self::Expired => "ExpiredRequest",
            Self::TimeTooSkewed => "RequestTimeTooSkewed",
            Self::SignatureDoesNotMatch(_) => "SignatureDoesNotMatch",
        }
    }

    /// The HTTP status of the response.
    pub fn status(&self) -> StatusCode {
        match self.code() {
            "Unauthorized" => StatusCode::UNAUTHORIZED,
            "AccessDenied" | "ExpiredRequest" | "RequestTimeTooSkewed" | "SignatureDoesNotMatch" => {
                StatusCode::FORBIDDEN
            }
            "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Details of a signature that does not match, which R2 returns so that the client can compare step by step.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureMismatch {
    /// The server's string to sign.
    pub string_to_sign: String,
    /// The server's canonical request. It may contain a session token.
    pub canonical_request: String,
    /// The client's signature.
    pub signature_provided: String,
}

impl fmt::Debug for SignatureMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureMismatch").finish_non_exhaustive()
    }
}
