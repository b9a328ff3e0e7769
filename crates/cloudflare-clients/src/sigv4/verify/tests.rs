use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use proptest::prelude::*;

use super::*;
use crate::sigv4::{
    ALGORITHM, Payload, RequestTarget, Signer, Timestamp, canonical_query, encode_path, is_signed_header,
    query_pairs,
};

const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";
const MINUTE: Duration = Duration::from_secs(60);

fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, "secret")
}

fn now() -> SystemTime {
    Timestamp::parse("20270115T080000Z").unwrap().time()
}

/// A request as it is received.
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
    let target = RequestTarget::new(&method, "localhost:9710", &path).query(query);
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
        (with_authorization("AWS4-HMAC-SHA256", "AWS"), "400 InvalidRequest: Please use AWS4-HMAC-SHA256"),
        (with_authorization(", Signature", ",,Signature"), "400 InvalidRequest: Please use AWS4-HMAC-SHA256"),
        (
            with_authorization(", Signature", ", x=y, Signature"),
            "400 InvalidRequest: Please use AWS4-HMAC-SHA256",
        ),
        (
            with_authorization(", Signature", ", Signature=0, Signature"),
            "400 InvalidRequest: Please use AWS4-HMAC-SHA256",
        ),
        (with_authorization("Signature=", "Seal="), "400 InvalidRequest: Please use AWS4-HMAC-SHA256"),
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
    // A header that has no effect needs no signature.
    presigned().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").verify().unwrap();
    // The header takes precedence over the query.
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
fn other_spellings_of_the_same_path_verify() {
    for presigned in [false, true] {
        let signed = request(Method::GET, "photo (1)!.jpg", "", presigned, HeaderMap::new());
        assert_eq!(signed.path, "/media/photo%20%281%29%21.jpg");
        for sent in ["/media/photo%20(1)!.jpg", "/media%2Fphoto%20%281)%21%2ejpg"] {
            Received { path: sent.to_owned(), ..signed.clone() }.verify().unwrap();
        }
        let twice = Received { path: signed.path.replace('%', "%25"), ..signed.clone() };
        assert_eq!(twice.verify().unwrap_err().code(), "SignatureDoesNotMatch");
        let broken = Received { path: "/media/%zz".to_owned(), ..signed };
        assert_eq!(broken.verify().unwrap_err().code(), "InvalidURI");
    }
}

#[test]
fn what_is_signed_as_it_is_sent_but_not_canonical_is_refused() {
    let target =
        RequestTarget { method: &Method::GET, host: "localhost:9710", path: "/media/a!b", query: "" };
    let mut headers = HeaderMap::new();
    Signer::new(credentials()).sign_headers(target, &mut headers, &Payload::Empty, now()).unwrap();
    headers.insert(header::HOST, HeaderValue::from_static("localhost:9710"));
    let auth = ParsedAuth::from_request(&Method::GET, target.path, "", &headers).unwrap();
    assert_eq!(auth.verify(&credentials(), now()).unwrap_err().code(), "SignatureDoesNotMatch");
}

#[test]
fn chunks_are_taken_by_those_who_ask() {
    let target = RequestTarget { method: &Method::PUT, host: "h", path: "/media/a", query: "" };
    let mut headers = HeaderMap::new();
    Signer::new(credentials()).sign_headers(target, &mut headers, &Payload::SignedChunks, now()).unwrap();
    headers.insert(header::HOST, HeaderValue::from_static("h"));
    let refused = ParsedAuth::from_request(target.method, target.path, "", &headers).unwrap_err();
    assert_eq!(refused.to_string(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD not implemented");
    let auth = ParsedAuth::from_request_with_chunks(target.method, target.path, "", &headers).unwrap();
    auth.verify(&credentials(), now()).unwrap();
    assert_eq!(auth.payload(), &Payload::SignedChunks);

    let trailer = HeaderValue::from_static("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
    headers.insert("x-amz-content-sha256", trailer);
    let refused = ParsedAuth::from_request_with_chunks(target.method, target.path, "", &headers).unwrap_err();
    assert_eq!(refused.code(), "NotImplemented");
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

/// `text` with the byte near `at` replaced by another printable one, if that changes it.
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
                let decoded = |path: &str| percent_encoding::percent_decode_str(path).collect::<Vec<_>>();
                prop_assume!(decoded(&changed.path) != decoded(&request.path));
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
                // Header names are case-insensitive.
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
