//! The server's side: what a request says about its signature, and whether that holds.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method, header};
use subtle::ConstantTimeEq;

use super::verify_error::ACCESS_KEY_ID_LENGTH;
use super::{
    ALGORITHM, CanonicalHeaders, Credentials, MAX_EXPIRES_IN, Payload, SERVICE, Scope, SignatureMismatch,
    SigningKey, TERMINATOR, Timestamp, VerifyError, canonical_query, canonical_request, query_pairs,
    string_to_sign,
};

/// How far the time of a request signed in its headers may be off.
const MAX_SKEW: Duration = Duration::from_mins(15);

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
        Self::from_query(method, raw_path, raw_query, headers)
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
        if let Some(name) = unsigned_header(&signed_headers, headers) {
            return Err(VerifyError::UnsignedHeader(name.to_string()));
        }

        let canonical_headers =
            CanonicalHeaders::received(&signed_headers, headers).ok_or(VerifyError::HeaderNotUtf8)?;
        let query = canonical_query(query_pairs(raw_query).filter(|(name, _)| **name != *b"X-Amz-Signature"));
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
            session_token: parameter("X-Amz-Security-Token"),
            signature,
        })
    }

    /// Who claims to have signed: the server looks the secret up by it, and answers [`VerifyError::Unauthorized`] when
    /// there is none.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope of the signature: its day and its region, which is `auto`, `us-east-1` or empty.
    pub fn scope(&self) -> Scope<'_> {
        Scope { date: self.timestamp.date(), region: &self.region }
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
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn parse_date(value: &str, source_name: &'static str) -> Result<Timestamp, VerifyError> {
    Timestamp::parse(value).ok_or_else(|| VerifyError::InvalidDate { source_name, value: value.to_owned() })
}

/// The access key id and region of `ID/DATE/REGION/s3/aws4_request`. The last four parts are the scope: an id may have
/// slashes.
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

/// The names in lower case, with `;` between them. Each once, or a short list would make a canonical request of any size.
fn parse_signed_headers(names: &str) -> Result<String, VerifyError> {
    let names = names.to_ascii_lowercase();
    let mut seen = HashSet::new();
    if let Some(repeated) = names.split(';').find(|name| !seen.insert(*name)) {
        return Err(VerifyError::RepeatedSignedHeader(repeated.to_owned()));
    }
    if seen.contains("host") { Ok(names) } else { Err(VerifyError::Unauthorized) }
}

/// A header that changes what the service does and that the signature does not cover. Whoever holds a presigned URL
/// must not be able to turn a PUT into a copy of another object. Of presigned requests the payload's hash is not read.
fn unsigned_header<'a>(signed_headers: &str, headers: &'a HeaderMap) -> Option<&'a HeaderName> {
    headers.keys().find(|name| {
        name.as_str().starts_with("x-amz-")
            && *name != "x-amz-content-sha256"
            && !signed_headers.split(';').any(|signed| *name == signed)
    })
}

fn difference(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::sigv4::{RequestTarget, Signer, encode_path, is_signed_header};

    const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";
    const MINUTE: Duration = Duration::from_mins(1);

    fn credentials() -> Credentials {
        Credentials::new(ACCESS_KEY_ID, "secret")
    }

    fn now() -> SystemTime {
        Timestamp::parse("20270115T080000Z").unwrap().time()
    }

    /// A request as it arrives.
    #[derive(Debug, Clone)]
    struct Received {
        method: Method,
        path: String,
        query: String,
        headers: HeaderMap,
    }

    impl Received {
        fn verify(&self) -> Result<(), VerifyError> {
            self.verify_at(now())
        }

        fn verify_at(&self, now: SystemTime) -> Result<(), VerifyError> {
            ParsedAuth::from_request(&self.method, &self.path, &self.query, &self.headers)?
                .verify(&credentials(), now)
        }

        fn header(mut self, name: &'static str, value: &str) -> Self {
            self.headers.insert(name, HeaderValue::from_str(value).unwrap());
            self
        }

        fn without(mut self, name: &str) -> Self {
            self.headers.remove(name);
            self
        }

        fn replace(mut self, from: &str, to: &str) -> Self {
            assert!(self.query.contains(from), "{}", self.query);
            self.query = self.query.replace(from, to);
            self
        }
    }

    fn request(method: Method, key: &str, query: &str, presigned: bool, mut headers: HeaderMap) -> Received {
        let mut path = "/media/".to_owned();
        encode_path(key, &mut path);
        let target = RequestTarget { method: &method, host: "localhost:9710", path: &path, query };
        let signer = Signer::new(credentials());
        let query = if presigned {
            signer.presign(target, &headers, 60 * MINUTE, now()).unwrap()
        } else {
            let payload = Payload::of(b"body");
            signer.sign_headers(target, &mut headers, &payload, now()).unwrap();
            query.to_owned()
        };
        headers.insert(header::HOST, HeaderValue::from_static("localhost:9710"));
        Received { method, path, query, headers }
    }

    #[test]
    fn refused_as_r2_refuses() {
        let signed = || request(Method::GET, "a", "", false, HeaderMap::new());
        let presigned = || request(Method::GET, "a", "", true, HeaderMap::new());
        let authorization = signed().headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        let with_authorization = |from: &str, to: &str| {
            assert!(authorization.contains(from));
            signed().header("authorization", &authorization.replace(from, to))
        };
        signed().verify().unwrap();
        presigned().verify().unwrap();

        for (request, answer) in [
            (signed().without("authorization"), "400 InvalidArgument: Authorization"),
            (
                with_authorization("fedcba9876543210", ""),
                "400 InvalidArgument: Credential access key has length 0, should be 32",
            ),
            (with_authorization("fedc", "0000"), "401 Unauthorized: Unauthorized"),
            (
                with_authorization("/s3/", "/ec2/"),
                "400 InvalidArgument: Credential service should be s3, not ec2",
            ),
            (
                with_authorization("aws4_request", "aws5"),
                "400 InvalidArgument: Credential termination string should be aws4_request, not aws5",
            ),
            (
                with_authorization("/auto/s3/aws4_request", ""),
                "400 InvalidArgument: Credential sigv4 header should have at least 5 slash-separated parts, not 2",
            ),
            (
                with_authorization("/auto/", "/eu-west-1/"),
                "400 InvalidArgument: Credential region should be auto, not eu-west-1",
            ),
            (
                with_authorization("/20270115/", "/20270116/"),
                "400 InvalidArgument: Credential signed date 20270116 does not match 20270115 from 'x-amz-date' header",
            ),
            (
                with_authorization("AWS4-HMAC-SHA256", "AWS"),
                "400 InvalidRequest: Please use AWS4-HMAC-SHA256",
            ),
            (with_authorization("=host;", "="), "401 Unauthorized: Unauthorized"),
            (
                with_authorization("=host;", "=host;Host;"),
                "400 InvalidArgument: The header host is in SignedHeaders more than once",
            ),
            (signed().without("x-amz-content-sha256"), "400 InvalidRequest: Missing x-amz-content-sha256"),
            (
                signed().header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
                "501 NotImplemented: STREAMING-AWS4-HMAC-SHA256-PAYLOAD not implemented",
            ),
            (
                signed().without("x-amz-date"),
                "400 InvalidArgument: No date provided in x-amz-date nor date header",
            ),
            (
                signed().without("x-amz-date").header("date", "Fri, 15 Jan 2027"),
                "400 InvalidArgument: Date provided in 'date' header (Fri, 15 Jan 2027) didn't parse successfully",
            ),
            (
                presigned().replace("X-Amz-Date", "x"),
                "400 InvalidArgument: Required search parameter X-Amz-Date missing",
            ),
            (
                presigned().replace("X-Amz-Expires", "x").replace("X-Amz-Signature", "x"),
                "400 InvalidArgument: Required search parameters X-Amz-Signature,  X-Amz-Expires missing",
            ),
            (
                presigned().replace("Expires=3600", "Expires="),
                "400 InvalidArgument: X-Amz-Expires should be a number",
            ),
            (
                presigned().replace("Expires=3600", "Expires=604801"),
                "400 InvalidArgument: X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                 than 604800 seconds",
            ),
            (presigned().replace("Expires=3600", "Expires=-1"), "403 ExpiredRequest: Request has expired"),
            (
                presigned().header("x-amz-copy-source", "/media/secret"),
                "403 AccessDenied: There were headers present in the request which were not signed: x-amz-copy-source",
            ),
        ] {
            let error = request.verify().unwrap_err();
            assert_eq!(format!("{} {}: {error}", error.status().as_u16(), error.code()), answer);
        }
        // A header that is not read needs no signature.
        presigned().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").verify().unwrap();
        // The header beats the query.
        let both = presigned().header("authorization", "Basic eA==");
        assert_eq!(both.verify(), Err(VerifyError::MissingPayloadHash));
    }

    #[test]
    fn headers_are_good_for_15_minutes_either_side_and_urls_until_they_expire() {
        let signed = request(Method::GET, "a", "", false, HeaderMap::new());
        signed.verify_at(now() + 15 * MINUTE).unwrap();
        signed.verify_at(now() - 15 * MINUTE).unwrap();
        for off in [now() + 16 * MINUTE, now() - 16 * MINUTE] {
            let error = signed.verify_at(off).unwrap_err();
            assert_eq!((error.status().as_u16(), error.code()), (403, "RequestTimeTooSkewed"));
        }
        let presigned = request(Method::GET, "a", "", true, HeaderMap::new());
        presigned.verify_at(now() + 60 * MINUTE).unwrap();
        presigned.verify_at(now() - 60 * MINUTE).unwrap();
        let late = now() + 60 * MINUTE + Duration::from_secs(1);
        assert_eq!(presigned.verify_at(late), Err(VerifyError::Expired));
    }

    #[test]
    fn a_mismatch_carries_both_steps_but_not_into_debug() {
        let request = request(Method::GET, "a", "", true, HeaderMap::new());
        let altered = Received { path: "/media/b".to_owned(), ..request };
        let error = altered.verify().unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (403, "SignatureDoesNotMatch"));
        let VerifyError::SignatureDoesNotMatch(mismatch) = &error else {
            panic!("{error:?}");
        };
        assert!(mismatch.canonical_request.starts_with("GET\n/media/b\nX-Amz-Algorithm="));
        assert!(mismatch.string_to_sign.starts_with("AWS4-HMAC-SHA256\n20270115T080000Z\n"));
        assert!(altered.query.ends_with(&mismatch.signature_provided));
        assert!(!format!("{error:?}").contains(&mismatch.signature_provided));
    }

    #[test]
    fn session_tokens_have_to_be_those_of_the_credentials() {
        let request = request(Method::GET, "a", "", true, HeaderMap::new());
        let auth = ParsedAuth::from_request(&request.method, &request.path, &request.query, &request.headers);
        let temporary = credentials().with_session_token("token");
        assert_eq!(auth.unwrap().verify(&temporary, now()), Err(VerifyError::Unauthorized));
    }

    #[test]
    fn other_spellings_of_the_same_query_verify() {
        let query = canonical_query([("prefix", "a b/é"), ("uploads", "")]);
        let mut signed = request(Method::GET, "a", &query, false, HeaderMap::new());
        assert_eq!(signed.query, "prefix=a%20b%2F%C3%A9&uploads=");
        signed.query = "uploads&prefix=a+b/%c3%a9".to_owned();
        signed.verify().unwrap();
    }

    fn any_headers() -> impl Strategy<Value = HeaderMap> {
        let name = prop_oneof![
            Just("content-type"),
            Just("x-amz-meta-a"),
            Just("x-amz-copy-source"),
            Just("if-match"),
            Just("range"),
        ];
        prop::collection::vec((name, "[!-~]{1,12}"), 0..4).prop_map(|headers| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value.parse().unwrap());
            }
            map
        })
    }

    fn any_request() -> impl Strategy<Value = Received> {
        let method = prop_oneof![Just(Method::GET), Just(Method::PUT), Just(Method::DELETE)];
        let query = prop::collection::vec(("[a-zA-Zé=&+ -]{1,6}", "\\PC{0,6}"), 0..3);
        (method, "\\PC{1,20}", query, any::<bool>(), any_headers()).prop_map(
            |(method, key, query, presigned, headers)| {
                request(method, &key, &canonical_query(query), presigned, headers)
            },
        )
    }

    /// `text` with the byte at about `at` replaced by another printable one, if that changes it.
    fn change(text: &str, at: prop::sample::Index, to: u8) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        let byte = bytes.get_mut(at.index(text.len().max(1)))?;
        *byte = to;
        String::from_utf8(bytes).ok().filter(|changed| changed != text)
    }

    proptest! {
        #[test]
        fn everything_signed_verifies(request in any_request()) {
            prop_assert_eq!(request.verify(), Ok(()));
        }

        #[test]
        fn no_changed_byte_verifies(
            request in any_request(),
            part in 0..3,
            header in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            to in b'!'..=b'~',
        ) {
            let mut changed = request.clone();
            match part {
                0 => {
                    let path = change(&request.path, at, to);
                    prop_assume!(path.is_some());
                    changed.path = path.unwrap();
                }
                1 => {
                    let query = change(&request.query, at, to);
                    prop_assume!(query.is_some());
                    changed.query = query.unwrap();
                    let canonical = |query: &str| canonical_query(query_pairs(query));
                    prop_assume!(canonical(&changed.query) != canonical(&request.query));
                }
                _ => {
                    let is_signed = |name: &&HeaderName| {
                        is_signed_header(name) || [header::HOST, header::AUTHORIZATION].contains(name)
                    };
                    let names: Vec<HeaderName> = request.headers.keys().filter(is_signed).cloned().collect();
                    let name = &names[header.index(names.len())];
                    let value = change(request.headers[name].to_str().unwrap(), at, to);
                    // The names of headers have no case.
                    prop_assume!(value.as_ref().is_some_and(|value| {
                        !value.as_bytes().eq_ignore_ascii_case(request.headers[name].as_bytes())
                    }));
                    let value = HeaderValue::from_str(&value.unwrap()).unwrap();
                    *changed.headers.get_mut(name).unwrap() = value;
                }
            }
            prop_assert!(changed.verify().is_err(), "{changed:?}");
        }

        #[test]
        fn nothing_that_arrives_panics(
            path in "\\PC{0,20}",
            algorithm in prop_oneof![Just(ALGORITHM.to_owned()), "\\PC{0,10}"],
            credential in prop_oneof![
                Just(format!("{ACCESS_KEY_ID}/20270115/auto/s3/aws4_request")),
                "[a-z0-9/é%]{0,60}",
            ],
            date in prop_oneof![Just("20270115T080000Z".to_owned()), "[0-9TZé٠]{12,18}", "99991231T235959Z"],
            expires in prop_oneof![Just("60".to_owned()), "[-+0-9.einfa]{0,8}"],
            signed_headers in prop_oneof![Just("host".to_owned()), "[a-zA-Z;é\0-]{0,20}"],
            payload in prop_oneof![Just("UNSIGNED-PAYLOAD".to_owned()), "[0-9a-fA-F]{64}", "\\PC{0,10}"],
            signature in "[0-9a-f]{0,64}",
            raw_header in prop::collection::vec(any::<u8>(), 0..40),
            raw_query in "(X-Amz-(Credential|Date|Signature|Expires|SignedHeaders|Algorithm)|[\0-\x7fé]|[=&%+]){0,30}",
        ) {
            let mut requests = vec![(raw_query, HeaderMap::new())];
            requests.push((
                canonical_query([
                    ("X-Amz-Algorithm", &algorithm),
                    ("X-Amz-Credential", &credential),
                    ("X-Amz-Date", &date),
                    ("X-Amz-Expires", &expires),
                    ("X-Amz-SignedHeaders", &signed_headers),
                    ("X-Amz-Signature", &signature),
                ]),
                HeaderMap::new(),
            ));
            let authorization = format!(
                "{algorithm} Credential={credential},SignedHeaders={signed_headers}, Signature={signature}"
            );
            for authorization in [authorization.as_bytes(), &raw_header] {
                let mut headers = HeaderMap::new();
                for (name, value) in [
                    ("authorization", authorization),
                    ("x-amz-content-sha256", payload.as_bytes()),
                    ("x-amz-date", date.as_bytes()),
                    ("host", &raw_header),
                ] {
                    if let Ok(value) = HeaderValue::from_bytes(value) {
                        headers.insert(name, value);
                    }
                }
                requests.push((String::new(), headers));
            }
            for (query, headers) in requests {
                let auth = ParsedAuth::from_request(&Method::GET, &path, &query, &headers);
                prop_assert!(auth.and_then(|auth| auth.verify(&credentials(), now())).is_err());
            }
        }
    }
}
