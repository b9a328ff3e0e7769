//! The life of a request: preflights and ordered faults first, then the protocol that it speaks answers.

use std::fmt;
use std::time::Instant;

use cloudflare_clients::{LocalStore, sigv4};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;

use crate::body::Slot;
use crate::kv::{Eventual, Token};
use crate::response::{self, Response};
use crate::{Credentials, Faults, KvBehaviour, cors, kv, s3};

/// What every request needs.
pub(crate) struct Service {
    pub(crate) store: LocalStore,
    pub(crate) account_id: String,
    pub(crate) faults: Faults,
    pub(crate) signing: sigv4::Credentials,
    pub(crate) api_token: Token,
    pub(crate) eventual: Eventual,
}

impl Service {
    pub(crate) fn new(store: LocalStore, credentials: &Credentials) -> Self {
        Self {
            store,
            signing: credentials.signing(),
            api_token: Token::new(&credentials.api_token()),
            account_id: credentials.account_id().to_owned(),
            faults: Faults::default(),
            eventual: Eventual::new(KvBehaviour::default()),
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    S3,
    Kv,
}

impl Protocol {
    /// Below the path of its API, KV answers: but for what is signed, which is a request to R2 about a bucket of that name.
    fn of(parts: &Parts) -> Self {
        let is_signed = match parts.headers.get(header::AUTHORIZATION) {
            Some(authorization) => !kv::is_bearer(authorization),
            None => parts.uri.query().unwrap_or_default().contains("X-Amz-Signature="),
        };
        if parts.uri.path().starts_with(kv::API) && !is_signed { Self::Kv } else { Self::S3 }
    }

    fn failure(self, status: StatusCode) -> Response {
        match self {
            Self::S3 => s3::failure(status),
            Self::Kv => kv::failure(status),
        }
    }
}

pub(crate) async fn respond(service: &Service, request: http::Request<Incoming>) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let (method, origin) = (parts.method.clone(), cors::local_origin(&parts.headers));
    let path = parts.uri.path().to_owned();

    let mut operation = None;
    let mut response = if let Some(preflight) = cors::preflight(&parts) {
        preflight
    } else {
        let body = Slot::new(body);
        let protocol = Protocol::of(&parts);
        let answer = if let Some(status) = service.faults.take() {
            protocol.failure(status)
        } else {
            match protocol {
                Protocol::S3 => s3::answer(service, parts, body.clone(), &mut operation).await,
                Protocol::Kv => kv::answer(service, parts, body.clone(), &mut operation).await,
            }
        };
        body.drain().await;
        answer
    };
    if method == Method::HEAD && response.status().as_u16() >= 400 {
        response = response::empty(response.status());
    }
    cors::allow(origin, response.headers_mut());
    let id = format!("{:016x}-LOC", fastrand::u64(..));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("cf-ray", id.clone());
        response.headers_mut().insert("x-amz-request-id", id);
    }

    let status = response.status().as_u16();
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    let operation = operation.unwrap_or_default();
    tracing::info!(%method, operation, path, status, ms, id, "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_means_kv_and_a_signature_r2() {
        for (target, authorization, protocol) in [
            ("/media/key", None, Protocol::S3),
            ("/media/key", Some("AWS4-HMAC-SHA256 Credential=x"), Protocol::S3),
            ("/client/v4/accounts/x", Some("AWS4-HMAC-SHA256 Credential=x"), Protocol::S3),
            ("/client/v4/accounts/x?X-Amz-Signature=0", None, Protocol::S3),
            ("/client/v4/accounts/x", None, Protocol::Kv),
            ("/client/v4/accounts/x", Some("Bearer x"), Protocol::Kv),
            ("/client/v4/accounts/x", Some("bearer x"), Protocol::Kv),
            ("/media/key", Some("Bearer x"), Protocol::S3),
        ] {
            let mut request = http::Request::builder().uri(target);
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(Protocol::of(&parts), protocol, "{target} {authorization:?}");
        }
    }
}
