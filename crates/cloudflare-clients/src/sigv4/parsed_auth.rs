//! Parses the signature of a request.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method, header};

use super::canonical_path::canonical_path;
use super::verify_error::ACCESS_KEY_ID_LENGTH;
use super::{
    ALGORITHM, CanonicalHeaders, ChunkSignatures, Credentials, MAX_EXPIRES_IN, Payload, SERVICE, Scope,
    TERMINATOR, Timestamp, VerifyError, canonical_query, canonical_request, query_pairs,
};

/// A request's claim of who signed it. It is not proven until [`verify`](Self::verify) succeeds.
#[derive(Clone, PartialEq, Eq)]
pub struct ParsedAuth {
    access_key_id: String,
    region: String,
    pub(super) timestamp: Timestamp,
    /// `None` for a request that is signed with headers.
    expires_in: Option<Duration>,
    signed_headers: String,
    payload: Payload,
    session_token: Option<String>,
    pub(super) signature: String,
    pub(super) canonical_request: String,
}

impl ParsedAuth {
    /// Reads the `Authorization` header or, without one, the `X-Amz-*` parameters of the query.
    ///
    /// `raw_path` and `raw_query` are the request's target as it was sent, the query without `?`. `headers`
    /// must include `Host`. As with R2, the percent-encoding of path and query does not matter: each is
    /// decoded once, and encoded again as SigV4 requires.
    ///
    /// # Errors
    /// Those of R2 for requests without a signature or with a malformed one.
    pub fn from_request(
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
        Self::parse(method, raw_path, raw_query, headers, false)
    }

    /// Like [`from_request`](Self::from_request), for a server that also accepts bodies that are
    /// [signed in chunks](Payload::SignedChunks), which R2 does not.
    ///
    /// # Errors
    /// As for [`from_request`](Self::from_request), except for such bodies.
    pub fn from_request_with_chunks(
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
        Self::parse(method, raw_path, raw_query, headers, true)
    }

    fn parse(
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
        takes_chunks: bool,
    ) -> Result<Self, VerifyError> {
        let Some(authorization) = text(headers, header::AUTHORIZATION.as_str()) else {
            return Self::from_query(method, raw_path, raw_query, headers);
        };
        let payload_hash = text(headers, "x-amz-content-sha256").ok_or(VerifyError::MissingPayloadHash)?;
        let payload = Payload::parse(&payload_hash);
        let is_taken = takes_chunks && payload == Some(Payload::SignedChunks);
        if payload_hash.starts_with("STREAMING-") && !is_taken {
            return Err(VerifyError::StreamingPayload(payload_hash.into_owned()));
        }
        let payload = payload.ok_or(VerifyError::InvalidPayloadHash)?;
        Self::from_header(&authorization, payload, method, raw_path, raw_query, headers)
    }

    fn from_header(
        authorization: &str,
        payload: Payload,
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
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
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field.trim().split_once('=').ok_or(VerifyError::UnsupportedAlgorithm)?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(VerifyError::UnsupportedAlgorithm),
            };
            if place.replace(value).is_some() {
                return Err(VerifyError::UnsupportedAlgorithm);
            }
        }
        let (Some(credential), Some(signed_headers), Some(signature)) =
            (credential, signed_headers, signature)
        else {
            return Err(VerifyError::UnsupportedAlgorithm);
        };
        let (access_key_id, region) = parse_credential(credential, &timestamp)?;
        let signed_headers = parse_signed_headers(signed_headers)?;
        let query = canonical_query(query_pairs(raw_query));
        Ok(Self {
            canonical_request: received_request(
                method,
                raw_path,
                &query,
                &signed_headers,
                headers,
                &payload,
            )?,
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
        method: &Method,
        raw_path: &str,
        raw_query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, VerifyError> {
        let parameter = |wanted: &str| {
            query_pairs(raw_query)
                .find(|(name, _)| **name == *wanted.as_bytes())
                .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
        };
        let credential = parameter("X-Amz-Credential").ok_or(VerifyError::NoAuthentication)?;
        let mut missing = Vec::new();
        let mut required = |name| {
            parameter(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
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
        let query = canonical_query(query_pairs(raw_query).filter(|(name, _)| **name != *b"X-Amz-Signature"));
        let payload = Payload::Unsigned;
        Ok(Self {
            canonical_request: received_request(
                method,
                raw_path,
                &query,
                &signed_headers,
                headers,
                &payload,
            )?,
            access_key_id,
            region,
            timestamp,
            expires_in: Some(expires_in),
            signed_headers,
            payload,
            session_token: parameter("X-Amz-Security-Token"),
            signature,
        })
    }

    /// The access key id of the claimed signer. The server looks the secret up with it, and answers
    /// [`VerifyError::Unauthorized`] if it is unknown.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope of the signature: its day and its region, which is `auto`, `us-east-1` or empty.
    pub fn scope(&self) -> Scope<'_> {
        Scope::new(self.timestamp.date(), &self.region)
    }

    /// When the request was signed.
    pub fn signed_at(&self) -> SystemTime {
        self.timestamp.time()
    }

    /// How long a presigned URL is valid. `None` for a request that is signed with headers.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// Whether the request was signed with its query.
    pub fn is_presigned(&self) -> bool {
        self.expires_in.is_some()
    }

    /// The names of the signed headers, in lower case.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.signed_headers.split(';')
    }

    /// What the signature covers of the body. The server must compare a [`Payload::Sha256`] with the received
    /// body.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The signatures of a body's chunks, if [`payload`](Self::payload) is [`Payload::SignedChunks`] and the
    /// request's signature is [verified](Self::verify).
    pub fn chunk_signatures(&self, credentials: &Credentials) -> ChunkSignatures {
        ChunkSignatures::new(credentials, &self.timestamp, self.scope(), &self.signature)
    }

    /// The session token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
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
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn parse_date(value: &str, source_name: &'static str) -> Result<Timestamp, VerifyError> {
    Timestamp::parse(value).ok_or_else(|| VerifyError::InvalidDate { source_name, value: value.to_owned() })
}

/// The access key id and region of `ID/DATE/REGION/s3/aws4_request`. The last four parts are the scope,
/// because an id may contain slashes.
fn parse_credential(credential: &str, timestamp: &Timestamp) -> Result<(String, String), VerifyError> {
    let invalid = |message: String| Err(VerifyError::InvalidCredential(message));
    let mut parts = credential.rsplitn(5, '/');
    let (Some(terminator), Some(service), Some(region), Some(date), Some(access_key_id)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
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
        return invalid(format!("Credential termination string should be {TERMINATOR}, not {terminator}"));
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

/// Reads the number like JavaScript, as R2 does. A value below one second has already expired.
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

/// The names in lower case, separated by `;`. Each may occur once, so that a short list cannot create a
/// canonical request of any size.
fn parse_signed_headers(names: &str) -> Result<String, VerifyError> {
    let names = names.to_ascii_lowercase();
    let mut seen = HashSet::new();
    if let Some(repeated) = names.split(';').find(|name| !seen.insert(*name)) {
        return Err(VerifyError::RepeatedSignedHeader(repeated.to_owned()));
    }
    if seen.contains("host") { Ok(names) } else { Err(VerifyError::Unauthorized) }
}

/// R2's headers that change what a request does. Other `cf-` headers are those of Cloudflare's network, such
/// as `cf-ray`, which a proxy adds to a request that is already signed.
const CF_HEADERS: [&str; 5] =
    ["cf-create-bucket-if-missing", "cf-prefix", "cf-start-after", "cf-continuation-token", "cf-max-keys"];

/// The `x-amz-*` headers that need not be signed:
///
/// - The string to sign contains the date. The canonical request contains the hash of the payload, which has
///   no effect in a presigned URL.
/// - The session token is compared with that of the credentials.
/// - The AWS SDKs for JavaScript describe themselves in an unsigned `x-amz-user-agent`.
/// - `CloudFront` adds its request id.
const MAY_BE_UNSIGNED: [&str; 5] =
    ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-user-agent", "x-amz-cf-id"];

/// The canonical request of a received request. Every signature must cover the headers that change what the
/// request does.
fn received_request(
    method: &Method,
    raw_path: &str,
    query: &str,
    signed_headers: &str,
    headers: &HeaderMap,
    payload: &Payload,
) -> Result<String, VerifyError> {
    check_all_signed(signed_headers, headers)?;
    let headers = CanonicalHeaders::received(signed_headers, headers).ok_or(VerifyError::HeaderNotUtf8)?;
    let path = canonical_path(raw_path).ok_or(VerifyError::InvalidPath)?;
    Ok(canonical_request(method, &path, query, &headers, &payload.as_str()))
}

/// Refuses a request with an unsigned header that changes what the service does. Someone with a presigned
/// URL, or a proxy that forwards a signed request, must not be able to turn a PUT into a copy of another
/// object.
fn check_all_signed(signed_headers: &str, headers: &HeaderMap) -> Result<(), VerifyError> {
    let counts = |name: &str| {
        (name.starts_with("x-amz-") && !MAY_BE_UNSIGNED.contains(&name))
            || name.starts_with("cf-copy-destination-")
            || CF_HEADERS.contains(&name)
    };
    let is_signed = |name: &str| signed_headers.split(';').any(|signed| signed == name);
    match headers.keys().map(HeaderName::as_str).find(|name| counts(name) && !is_signed(name)) {
        Some(name) => Err(VerifyError::UnsignedHeader(name.to_owned())),
        None => Ok(()),
    }
}
