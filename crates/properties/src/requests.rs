//! Whole requests to the local server, from the first byte to the answer. The server keeps its store between
//! requests.

use bytes::Bytes;
use cloudflare_clients::kv::rest;
use cloudflare_clients::s3::{self, Response};
use cloudflare_clients::sigv4::{Payload, RequestTarget, canonical_query, query_pairs};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use testkit::BUCKET;

use crate::local::{Local, with_local};
use crate::message::{Message, canonical_path, path_and_query};

/// The placeholder for the id of the upload in inputs.
const UPLOAD: &[u8] = b"uploadId=x";

/// A signed request is answered without an internal error, and our client can parse the answer. `uploadId=x`
/// stands for an existing upload with the key `parts`.
pub fn s3_request(input: &[u8]) {
    let Some(Message { method, target, mut headers, body }) = Message::parse(input) else { return };
    with_local(async |local| {
        let upload = find(target, UPLOAD);
        let target = match upload {
            Some(at) => {
                [&target[..at], b"uploadId=", local.upload_id.as_bytes(), &target[at + UPLOAD.len()..]]
                    .concat()
            }
            None => target.to_vec(),
        };
        let Some(target) = path_and_query(target) else { return };
        let (host, query) = (local.host(), canonical_query(query_pairs(target.query().unwrap_or_default())));
        let signed = RequestTarget::new(&method, &host, target.path()).query(&query);
        let now = std::time::SystemTime::now();
        // A header that is not UTF-8 cannot be signed.
        if local.signer.sign_headers(signed, &mut headers, &Payload::Unsigned, now).is_err() {
            return;
        }
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.clone().into();
        *request.headers_mut() = headers;
        let answer = local.answer(request).await;

        let code = error_code(&answer);
        if canonical_path(target.path()) == target.path() && method != Method::OPTIONS {
            assert!(code.as_deref() != Some("SignatureDoesNotMatch"), "{answer:?}");
        }
        if answer.status.is_success() && !answer.headers.contains_key(header::LAST_MODIFIED) {
            if answer.body.starts_with(b"<?xml") {
                s3::xml::Element::parse(&answer.body).unwrap();
            }
            let parameters: Vec<_> = query_pairs(target.query().unwrap_or_default()).collect();
            let has = |wanted: &[u8]| parameters.iter().any(|(name, _)| **name == *wanted);
            if method == Method::GET && has(b"list-type") && answer.body.ends_with(b"</ListBucketResult>") {
                s3::list_objects_v2::parse(&answer).unwrap();
            }
            if answer.body.ends_with(b"</ListPartsResult>") {
                s3::list_parts::parse(&answer).unwrap();
            }
            if answer.body.ends_with(b"</ListMultipartUploadsResult>") {
                s3::list_multipart_uploads::parse(&answer).unwrap();
            }
        }
        if answer.status.is_success() && [Method::DELETE, Method::POST].contains(&method) {
            // The request may have deleted the bucket, or ended the upload.
            if local.server.store.create_bucket(BUCKET).await.is_ok() || upload.is_some() {
                local.begin_upload().await;
            }
        }
    });
}

/// A request with a token is answered in the same way. `/n` in the target stands for an existing namespace.
pub fn kv_request(input: &[u8]) {
    let Some(message) = Message::parse(input) else { return };
    with_local(async |local| {
        let credentials = &local.server.credentials;
        let mut prefix = format!("/client/v4/accounts/{}/storage/kv/namespaces", credentials.account_id());
        let rest = message.target.strip_prefix(b"/n");
        if rest.is_some() {
            prefix = format!("{prefix}/{}", local.namespace);
        }
        let target = [prefix.as_bytes(), rest.unwrap_or(message.target)].concat();
        let Some(target) = path_and_query(target) else { return };
        let token = HeaderValue::try_from(format!("Bearer {}", credentials.api_token())).unwrap();
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(message.body)));
        *request.method_mut() = message.method.clone();
        *request.uri_mut() = target.clone().into();
        *request.headers_mut() = message.headers;
        request.headers_mut().insert(header::AUTHORIZATION, token);
        let answer = local.answer(request).await;

        let is_value = target.path().contains("/values/");
        if message.method == Method::OPTIONS || message.method == Method::HEAD {
        } else if !answer.status.is_success() {
            let error = rest::error_code::parse_error(
                answer.status,
                None,
                &answer.headers,
                &answer.body,
                answer.received,
            );
            assert!(error.code().is_some(), "{answer:?}");
        } else if message.method != Method::GET || !is_value {
            serde_json::from_slice::<rest::Envelope<Value>>(&answer.body).unwrap();
            if message.method == Method::GET && target.path().ends_with(&format!("{}/keys", local.namespace))
            {
                rest::list_keys::parse(&answer.body).unwrap();
            }
        }
        if message.method == Method::DELETE
            && answer.status.is_success()
            && let Ok(namespace) = local.server.store.create_namespace("namespace").await
        {
            local.namespace = namespace.id;
        }
    });
}

/// Bytes without a signature have no effect, and the server keeps running. A preflight needs no signature.
pub fn raw_request(input: &[u8]) {
    let answer = with_local(async |local| local.send_raw(input).await);
    let is_preflight = find(input, b"OPTIONS").is_some();
    assert!(is_preflight || !answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "{}", String::from_utf8_lossy(&answer));
}

impl Local {
    async fn answer(&mut self, mut request: Request<Full<Bytes>>) -> Response {
        let host = HeaderValue::try_from(self.host()).unwrap();
        request.headers_mut().insert(header::HOST, host);
        let answer = self.send(request).await;
        let is_due = !answer.status.is_server_error() || answer.status == StatusCode::NOT_IMPLEMENTED;
        assert!(is_due, "{answer:?}");
        answer
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Returns the code of an error. All errors with a body have one.
fn error_code(answer: &Response) -> Option<String> {
    if !answer.status.is_client_error() || answer.body.is_empty() {
        return None;
    }
    let error =
        s3::error_code::parse_error(answer.status, None, &answer.headers, &answer.body, answer.received);
    assert!(error.code().is_some(), "{answer:?}");
    error.code().map(str::to_owned)
}
