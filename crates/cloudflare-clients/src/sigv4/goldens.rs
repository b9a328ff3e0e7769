//! Compares with botocore's signatures (`tests/goldens`) and AWS's published examples, step by step.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Deserialize;

use super::*;
use crate::r2::{R2SigningClient, R2SigningConfig};
use crate::signing::{Addressing, Jurisdiction};

const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";
const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";
const SECRET: &str = "6c3a1f5de0b94287ab30ff5ce1d78249013cd5e8f9b27a46c0de713a85f4b692";
const TOKEN: &str = "and0L2V5SmhiR2NpOiJIUzI1NiJ9+a/b==";
const BUCKET: &str = "media-bucket";

fn now() -> SystemTime {
    Timestamp::parse("20260228T235959Z").unwrap().time()
}

fn upload_id() -> String {
    format!("AKz+1/b=c&d e~{}", "x".repeat(40))
}

fn client(style: &str, token: bool) -> R2SigningClient {
    let r2 = R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, SECRET, BUCKET);
    let custom = |url| R2SigningConfig::for_endpoint(url, ACCESS_KEY_ID, SECRET, BUCKET);
    let config = match style {
        "r2" => r2,
        "r2-eu" => r2.jurisdiction(Jurisdiction::Eu),
        "r2-path" => r2.addressing(Addressing::Path),
        "local" => custom("http://127.0.0.1:9710"),
        "prefix" => custom("http://localhost:8787/cdn-cgi/local/r2/s3/"),
        _ => panic!("unknown style {style}"),
    };
    R2SigningClient::new(if token { config.session_token(TOKEN) } else { config }).unwrap()
}

fn header_map(headers: &BTreeMap<String, String>) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

#[derive(Debug, Deserialize)]
struct Presigned {
    key: String,
    method: String,
    style: String,
    headers: BTreeMap<String, String>,
    part: Option<u16>,
    expires: u64,
    token: bool,
    canonical_request: String,
    string_to_sign: String,
    signature: String,
}

#[test]
fn presigned_urls_are_botocores() {
    let cases: Vec<Presigned> =
        serde_json::from_str(include_str!("../../tests/goldens/presigned.json")).unwrap();
    assert!(cases.len() > 600);
    for case in &cases {
        let client = client(&case.style, case.token);
        let method: Method = case.method.parse().unwrap();
        let expires_in = Duration::from_secs(case.expires);
        let timestamp = Timestamp::new(now()).unwrap();

        let query = case.part.map_or_else(String::new, |part| {
            canonical_query([("uploadId", upload_id()), ("partNumber", part.to_string())])
        });
        let target = RequestTarget {
            method: &method,
            host: &client.endpoint().host_for(Some(BUCKET)).unwrap(),
            path: &client.endpoint().path_for(Some(BUCKET), Some(&case.key)).unwrap(),
            query: &query,
        };
        let headers = header_map(&case.headers);
        let signer = client.signer();
        let presigner = signer.presigner(&method, target.host, &query, &headers, expires_in, now()).unwrap();
        let canonical_request = presigner.canonical_request(target.path);
        assert_eq!(canonical_request, case.canonical_request, "{case:?}");
        for signature in presigner.signatures([target.path; 6]) {
            assert_eq!(signature.as_str(), case.signature, "{case:?}");
        }
        let scope = signer.scope(&timestamp);
        let string_to_sign = string_to_sign(&timestamp, scope, &canonical_request);
        assert_eq!(string_to_sign, case.string_to_sign, "{case:?}");
        assert_eq!(signer.signature(&timestamp, &canonical_request), case.signature, "{case:?}");

        let mut presign = client.at(now()).presign(method.clone(), &case.key).expires_in(expires_in);
        for (name, value) in &case.headers {
            presign = presign.header(name, value);
        }
        if let Some(part) = case.part {
            presign = presign.upload_part(upload_id(), part);
        }
        let url = presign.sign().unwrap();
        let expected = format!(
            "{}://{}{}?{}{}",
            client.endpoint().scheme(),
            target.host,
            target.path,
            presigner.query(),
            case.signature
        );
        assert_eq!(url.as_str(), expected);
    }
}

#[derive(Debug, Deserialize)]
struct HeaderSigned {
    key: Option<String>,
    method: String,
    style: String,
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    /// `None` for an unsigned body.
    body: Option<String>,
    token: bool,
    canonical_request: String,
    string_to_sign: String,
    signature: String,
    authorization: String,
}

#[test]
fn signed_headers_are_botocores() {
    let cases: Vec<HeaderSigned> =
        serde_json::from_str(include_str!("../../tests/goldens/header_signed.json")).unwrap();
    assert!(cases.len() > 150);
    for case in &cases {
        let client = client(&case.style, case.token);
        let method: Method = case.method.parse().unwrap();
        let payload = case.body.as_ref().map_or(Payload::Unsigned, |body| Payload::of(body.as_bytes()));
        let target = RequestTarget {
            method: &method,
            host: &client.endpoint().host_for(Some(BUCKET)).unwrap(),
            path: &client.endpoint().path_for(Some(BUCKET), case.key.as_deref()).unwrap(),
            query: &canonical_query(&case.query),
        };
        let mut headers = header_map(&case.headers);
        headers.insert("accept-encoding", HeaderValue::from_static("identity"));
        headers.insert("content-length", HeaderValue::from_static("7"));
        client.signer().sign_headers(target, &mut headers, &payload, now()).unwrap();
        assert_eq!(headers[header::AUTHORIZATION], case.authorization, "{case:?}");
        assert!(case.authorization.ends_with(&case.signature));

        headers.insert(header::HOST, target.host.parse().unwrap());
        let auth = ParsedAuth::from_request(&method, target.path, target.query, &headers).unwrap();
        let wrong = Credentials::new(ACCESS_KEY_ID, "wrong");
        let wrong = if case.token { wrong.with_session_token(TOKEN) } else { wrong };
        let Err(VerifyError::SignatureDoesNotMatch(mismatch)) = auth.verify(&wrong, now()) else {
            panic!("{case:?}");
        };
        assert_eq!(mismatch.canonical_request, case.canonical_request);
        assert_eq!(mismatch.string_to_sign, case.string_to_sign);
        auth.verify(client.signer().credentials(), now()).unwrap();
    }
}

/// From [AWS's pages](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html) on S3.
#[test]
fn aws_examples() {
    let signer =
        Signer::new(Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
            .with_region("us-east-1");
    let timestamp = Timestamp::parse("20130524T000000Z").unwrap();
    let target = RequestTarget::new(&Method::GET, "examplebucket.s3.amazonaws.com", "/test.txt");
    let scope = signer.scope(&timestamp);
    assert_eq!(
        hex::encode(*signing_key::derive(signer.credentials().secret_access_key(), scope)),
        "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378"
    );
    let expires_in = Duration::from_secs(24 * 3600);
    let presigner = signer
        .presigner(target.method, target.host, "", &HeaderMap::new(), expires_in, timestamp.time())
        .unwrap();
    let canonical_request = presigner.canonical_request(target.path);
    assert_eq!(
        string_to_sign(&timestamp, scope, &canonical_request),
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
         3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04"
    );
    let url = signer.presign(target, &HeaderMap::new(), expires_in, timestamp.time()).unwrap();
    assert!(
        url.ends_with("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    );

    let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-9"))]);
    signer.sign_headers(target, &mut headers, &Payload::Empty, timestamp.time()).unwrap();
    assert_eq!(
        headers[header::AUTHORIZATION],
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}
