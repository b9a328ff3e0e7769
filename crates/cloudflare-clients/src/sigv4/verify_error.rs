use std::fmt;

use http::StatusCode;

use super::ALGORITHM;

/// The length of every access key id of R2.
pub(super) const ACCESS_KEY_ID_LENGTH: usize = 32;

/// Why R2 refuses a request: `Display` is the message, [`code`](Self::code) and [`status`](Self::status) the rest of
/// its answer. They are R2's own, which differ from AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Neither an `Authorization` header nor an `X-Amz-Credential` in the query.
    #[error("Authorization")]
    NoAuthentication,
    /// Parameters of a presigned URL are missing.
    #[error("Required search parameter{} {} missing", if .0.len() > 1 { "s" } else { "" }, .0.join(",  "))]
    MissingParameters(Vec<&'static str>),
    /// Signed in the headers without saying the payload's hash.
    #[error("Missing x-amz-content-sha256")]
    MissingPayloadHash,
    /// The payload's hash is neither `UNSIGNED-PAYLOAD` nor a SHA-256.
    #[error("x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value")]
    InvalidPayloadHash,
    /// `aws-chunked` bodies, which R2 does not take.
    #[error("{0} not implemented")]
    StreamingPayload(String),
    /// Signed in the headers without a date.
    #[error("No date provided in x-amz-date nor date header")]
    MissingDate,
    /// A date that is not `YYYYMMDDTHHMMSSZ`.
    #[error("Date provided in {source_name} ({value}) didn't parse successfully")]
    InvalidDate {
        /// Where it was: a header or a parameter.
        source_name: &'static str,
        /// What it was.
        value: String,
    },
    /// Another algorithm, or an `Authorization` header whose fields are not the three of this one, once each.
    #[error("Please use {ALGORITHM}")]
    UnsupportedAlgorithm,
    /// The credential is not `ID/DATE/REGION/s3/aws4_request`, or its date is not that of the request.
    #[error("{0}")]
    InvalidCredential(String),
    /// No access key id of R2 has this length.
    #[error("Credential access key has length {0}, should be {ACCESS_KEY_ID_LENGTH}")]
    AccessKeyIdLength(usize),
    /// The access key id or session token is not known, or the host was not signed.
    #[error("Unauthorized")]
    Unauthorized,
    /// The list of signed headers names one twice.
    #[error("The header {0} is in SignedHeaders more than once")]
    RepeatedSignedHeader(String),
    /// The expiry is not a number, or above a week.
    #[error("{0}")]
    InvalidExpires(&'static str),
    /// The path has a `%` without two hexadecimal digits.
    #[error("Couldn't parse the specified URI.")]
    InvalidPath,
    /// A header that was signed is not UTF-8.
    #[error("A signed header is not valid UTF-8")]
    HeaderNotUtf8,
    /// A header that changes what the request does, such as `x-amz-copy-source`, is not covered by the signature.
    #[error("There were headers present in the request which were not signed: {0}")]
    UnsignedHeader(String),
    /// The presigned URL is no longer good.
    #[error("Request has expired")]
    Expired,
    /// Signed in the headers more than 15 minutes ago, or from now.
    #[error("The difference between the request time and the server's time is too large.")]
    TimeTooSkewed,
    /// The request is not what was signed, or was signed with another secret.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your secret access key \
         and signing method."
    )]
    SignatureDoesNotMatch(Box<SignatureMismatch>),
}

impl VerifyError {
    /// The `Code` of S3's error document.
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

    /// The HTTP status.
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

/// What R2 tells the client about a signature that does not match, so that it can compare step by step.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureMismatch {
    /// The server's string to sign.
    pub string_to_sign: String,
    /// The server's canonical request. It may hold a session token.
    pub canonical_request: String,
    /// The client's signature.
    pub signature_provided: String,
}

impl fmt::Debug for SignatureMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureMismatch").finish_non_exhaustive()
    }
}
