//! The server's side: what a request says about its signature, and whether that holds.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode, header};
use subtle::ConstantTimeEq;

use super::{
    ALGORITHM, CanonicalHeaders, Credentials, MAX_EXPIRES_IN, Payload, SERVICE, Scope, SigningKey,
    TERMINATOR, Timestamp, canonical_query, canonical_request, query_pairs, string_to_sign,
};

/// How far the time of a request signed in its headers may be off.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// The length of every access key id of R2.
const ACCESS_KEY_ID_LENGTH: usize = 32;

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
    /// Another algorithm, or an `Authorization` header without its three fields.
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
    /// The expiry is not a number, or above a week.
    #[error("{0}")]
    InvalidExpires(&'static str),
    /// A header that was signed is not UTF-8.
    #[error("A signed header is not valid UTF-8")]
    HeaderNotUtf8,
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
            | Self::InvalidExpires(_)
            | Self::HeaderNotUtf8 => "InvalidArgument",
            Self::MissingPayloadHash | Self::UnsupportedAlgorithm => "InvalidRequest",
            Self::StreamingPayload(_) => "NotImplemented",
            Self::Unauthorized => "Unauthorized",
            Self::Expired => "ExpiredRequest",
            Self::TimeTooSkewed => "RequestTimeTooSkewed",
            Self::SignatureDoesNotMatch(_) => "SignatureDoesNotMatch",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self.code() {
            "Unauthorized" => StatusCode::UNAUTHORIZED,
            "ExpiredRequest" | "RequestTimeTooSkewed" | "SignatureDoesNotMatch" => StatusCode::FORBIDDEN,
            "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// What R2 tells the client about a signature that does not match, so that it can compare step by step.
#[derive(Clone, PartialEq, Eq)]
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

/// A request's claim of who signed it. Nothing of it is proven until [`verify`](Self::verify) holds.
#[derive(Clone, PartialEq, Eq)]
pub struct ParsedAuth {
    access_key_id: String,
    region: String,
    timestamp: Timestamp,
    /// `None` when signed in the headers.
    expires_in: Option<Duration>,
    signed_headers: String,
    payload: Payload,
    session_token: Option<String>,
    signature: String,
    canonical_request: String,
}

impl ParsedAuth {
    /// Reads the `Authorization` header, or else the `X-Amz-*` parameters of the query.
    ///
    /// `raw_path` and `raw_query` are the request's target as it was sent, the query without `?`. `headers` include
    /// `Host`.
    ///
    /// # Errors
    /// As R2 answers requests without a signature, or with one that makes no sense.
    pub fn from_request(
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
        if let Some(authorization) = text(headers, header::AUTHORIZATION.as_str()) {
            return Self::from_header(&authorization, method, raw_path, raw_query, headers);
        }
        let parameters: Vec<(Cow<'_, [u8]>, Cow<'_, [u8]>)> = query_pairs(raw_query).collect();
        Self::from_query(&parameters, method, raw_path, headers)
    }

    fn from_header(
        authorization: &str,
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
        let payload_hash = text(headers, "x-amz-content-sha256").ok_or(VerifyError::MissingPayloadHash)?;
        if payload_hash.starts_with("STREAMING-") {
            return Err(VerifyError::StreamingPayload(payload_hash.into_owned()));
        }
        let payload = Payload::parse(&payload_hash).ok_or(VerifyError::InvalidPayloadHash)?;

        let (date, source_name) = match (text(headers, "x-amz-date"), text(headers, header::DATE.as_str())) {
            (Some(date), _) => (date, "'x-amz-date' header"),
            (None, Some(date)) => (date, "'date' header"),
            (None, None) => return Err(VerifyError::MissingDate),
        };
        let timestamp = parse_date(&date, source_name)?;

        let fields = authorization
            .strip_prefix(ALGORITHM)
            .filter(|fields| fields.starts_with(' '))
            .ok_or(VerifyError::UnsupportedAlgorithm)?;
        let field = |name: &str| {
            fields
                .split(',')
                .filter_map(|field| field.split_once('='))
                .find(|(field, _)| field.trim() == name)
                .map(|(_, value)| value.trim())
                .ok_or(VerifyError::UnsupportedAlgorithm)
        };
        let (credential, signed_headers, signature) =
            (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
        let (access_key_id, region) = parse_credential(credential, &timestamp)?;
        let signed_headers = parse_signed_headers(signed_headers)?;

        let canonical_headers =
            CanonicalHeaders::received(&signed_headers, headers).ok_or(VerifyError::HeaderNotUtf8)?;
        let query = canonical_query(query_pairs(raw_query));
        Ok(Self {
            canonical_request: canonical_request(method, raw_path, &query, &canonical_headers, &payload_hash),
            access_key_id,
            region,
            timestamp,
            expires_in: None,
            signed_headers,
            payload,
            session_token: text(headers, "x-amz-security-token").map(Cow::into_owned),
            signature: signature.to_owned(),
        })
    }

    fn from_query(
        parameters: &[(Cow<'_, [u8]>, Cow<'_, [u8]>)],
        method: &Method,
        raw_path: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
        let parameter = |wanted: &str| {
            parameters
                .iter()
                .find(|(name, _)| **name == *wanted.as_bytes())
                .map(|(_, value)| String::from_utf8_lossy(value))
        };
        let credential = parameter("X-Amz-Credential").ok_or(VerifyError::NoAuthentication)?;
        let mut missing = Vec::new();
        let mut required = |name| {
            parameter(name).unwrap_or_else(|| {
                missing.push(name);
                Cow::Borrowed("")
            })
        };
        let algorithm = required("X-Amz-Algorithm");
        let signature = required("X-Amz-Signature");
        let date = required("X-Amz-Date");
        let signed_headers = required("X-Amz-SignedHeaders");
        let expires = required("X-Amz-Expires");
        if !missing.is_empty() {
            return Err(VerifyError::MissingParameters(missing));
        }

        if algorithm != ALGORITHM {
            return Err(VerifyError::UnsupportedAlgorithm);
        }
        let timestamp = parse_date(&date, "X-Amz-Date")?;
        let (access_key_id, region) = parse_credential(&credential, &timestamp)?;
        let expires_in = parse_expires(&expires)?;
        let signed_headers = parse_signed_headers(&signed_headers)?;

        let canonical_headers =
            CanonicalHeaders::received(&signed_headers, headers).ok_or(VerifyError::HeaderNotUtf8)?;
        let signed_parameters = parameters
            .iter()
            .filter(|(name, _)| **name != *b"X-Amz-Signature")
            .map(|(name, value)| (name, value));
        let query = canonical_query(signed_parameters);
        let payload = Payload::Unsigned;
        Ok(Self {
            canonical_request: canonical_request(
                method,
                raw_path,
                &query,
                &canonical_headers,
                &payload.as_str(),
            ),
            access_key_id,
            region,
            timestamp,
            expires_in: Some(expires_in),
            signed_headers,
            payload,
            session_token: parameter("X-Amz-Security-Token").map(Cow::into_owned),
            signature: signature.into_owned(),
        })
    }

    /// Who claims to have signed: the server looks the secret up by it, and answers [`VerifyError::Unauthorized`] when
    /// there is none.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope of the signature: its day and its region, which is `auto`, `us-east-1` or empty.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            date: self.timestamp.date(),
            region: &self.region,
        }
    }

    /// When it was signed.
    pub fn signed_at(&self) -> SystemTime {
        self.timestamp.time()
    }

    /// How long a presigned URL is good for; `None` for a request signed in its headers.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// Whether the request was signed in its query.
    pub fn is_presigned(&self) -> bool {
        self.expires_in.is_some()
    }

    /// The names of the headers that the signature covers, in lower case.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.signed_headers.split(';')
    }

    /// What the signature says about the body. The server compares a [`Payload::Sha256`] with the body it receives.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Checks the time and then, in constant time, the signature.
    ///
    /// # Errors
    /// As R2 answers: [`Unauthorized`](VerifyError::Unauthorized) for other credentials,
    /// [`Expired`](VerifyError::Expired), [`TimeTooSkewed`](VerifyError::TimeTooSkewed) or
    /// [`SignatureDoesNotMatch`](VerifyError::SignatureDoesNotMatch).
    pub fn verify(&self, credentials: &Credentials, now: SystemTime) -> Result<(), VerifyError> {
        if self.access_key_id != credentials.access_key_id() {
            return Err(VerifyError::Unauthorized);
        }
        match self.expires_in {
            None if difference(now, self.signed_at()) > MAX_SKEW => return Err(VerifyError::TimeTooSkewed),
            Some(expires_in) if now > self.signed_at() + expires_in => return Err(VerifyError::Expired),
            _ => {}
        }
        let expected_token = credentials.session_token().unwrap_or_default();
        let token = self.session_token().unwrap_or_default();
        if !bool::from(token.as_bytes().ct_eq(expected_token.as_bytes())) {
            return Err(VerifyError::Unauthorized);
        }

        let string_to_sign = string_to_sign(&self.timestamp, self.scope(), &self.canonical_request);
        let signature =
            SigningKey::derive(credentials.secret_access_key(), self.scope()).sign(&string_to_sign);
        if bool::from(signature.as_bytes().ct_eq(self.signature.as_bytes())) {
            return Ok(());
        }
        Err(VerifyError::SignatureDoesNotMatch(Box::new(SignatureMismatch {
            string_to_sign,
            canonical_request: self.canonical_request.clone(),
            signature_provided: self.signature.clone(),
        })))
    }
}

impl fmt::Debug for ParsedAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedAuth")
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .field("timestamp", &self.timestamp.as_str())
            .field("expires_in", &self.expires_in)
            .field("signed_headers", &self.signed_headers)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn parse_date(value: &str, source_name: &'static str) -> Result<Timestamp, VerifyError> {
    Timestamp::parse(value).ok_or_else(|| VerifyError::InvalidDate {
        source_name,
        value: value.to_owned(),
    })
}

/// The access key id and region of `ID/DATE/REGION/s3/aws4_request`. The last four parts are the scope: an id may have
/// slashes.
fn parse_credential(credential: &str, timestamp: &Timestamp) -> Result<(String, String), VerifyError> {
    let invalid = |message: String| Err(VerifyError::InvalidCredential(message));
    let mut parts = credential.rsplitn(5, '/');
    let (Some(terminator), Some(service), Some(region), Some(date), Some(access_key_id)) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        let count = credential.split('/').count();
        return invalid(format!(
            "Credential sigv4 header should have at least 5 slash-separated parts, not {count}"
        ));
    };
    let length = access_key_id.chars().count();
    if length != ACCESS_KEY_ID_LENGTH {
        return Err(VerifyError::AccessKeyIdLength(length));
    }
    if service != SERVICE {
        return invalid(format!("Credential service should be {SERVICE}, not {service}"));
    }
    if terminator != TERMINATOR {
        return invalid(format!(
            "Credential termination string should be {TERMINATOR}, not {terminator}"
        ));
    }
    if !["auto", "", "us-east-1"].contains(&region) {
        return invalid(format!("Credential region should be auto, not {region}"));
    }
    if date != timestamp.date() {
        return invalid(format!(
            "Credential signed date {date} does not match {} from 'x-amz-date' header",
            timestamp.date()
        ));
    }
    Ok((access_key_id.to_owned(), region.to_owned()))
}

/// R2 reads the number as JavaScript does. Less than a second has expired already.
fn parse_expires(value: &str) -> Result<Duration, VerifyError> {
    let seconds = value
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|seconds| !seconds.is_nan())
        .ok_or(VerifyError::InvalidExpires("X-Amz-Expires should be a number"))?;
    if seconds < 1.0 {
        return Err(VerifyError::Expired);
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|expires_in| *expires_in <= MAX_EXPIRES_IN)
        .ok_or(VerifyError::InvalidExpires(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds",
        ))
}

/// The names in lower case, with `;` between them.
fn parse_signed_headers(names: &str) -> Result<String, VerifyError> {
    let names = names.to_ascii_lowercase();
    if names.split(';').any(|name| name == "host") {
        Ok(names)
    } else {
        Err(VerifyError::Unauthorized)
    }
}

fn difference(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}
