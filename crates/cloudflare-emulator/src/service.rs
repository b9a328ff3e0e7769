//! The life of a request: preflights and ordered faults first, then the protocol that it speaks answers.

use std::fmt;
use std::sync::Arc;

use cloudflare_clients::{LocalStore, sigv4};
use http::{HeaderValue, Method};
use hyper::body::Incoming;

use crate::body::RequestBody;
use crate::kv::{Eventual, Token};
use crate::protocol::{Protocol, answer};
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

pub(crate) async fn respond(service: &Service, request: http::Request<Incoming>) -> Response {
    let started = service.store.runtime().monotonic();
    let (parts, body) = request.into_parts();
    let (method, origin) = (parts.method.clone(), cors::local_origin(&parts.headers));
    let path = parts.uri.path().to_owned();

    let mut operation = None;
    let mut response = if let Some(preflight) = cors::preflight(&parts) {
        preflight
    } else {
        let body = RequestBody::new(body, Arc::clone(service.store.runtime()));
        let ordered = service.faults.take();
        let answer = match Protocol::of(&parts) {
            Protocol::S3 => answer(ordered, s3::handle(service, parts, body.clone(), &mut operation)).await,
            Protocol::Kv => answer(ordered, kv::handle(service, parts, body.clone(), &mut operation)).await,
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
    let ms = service.store.runtime().monotonic().saturating_sub(started).as_secs_f64() * 1000.0;
    let operation = operation.unwrap_or_default();
    tracing::info!(%method, operation, path, status, ms, id, "request");
    response
}
