//! The life of a request: preflights and ordered faults first, then authenticate, detect, screen, run, render.

use std::fmt;
use std::time::{Instant, SystemTime};

use cloudflare_clients::{LocalStore, sigv4};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use hyper::body::Incoming;

use crate::error::S3Error;
use crate::operation::Operation;
use crate::payload::{Payload, Slot};
use crate::response::Response;
use crate::target::{Query, Target};
use crate::{Credentials, Faults, auth, cors, operations, response, screening};

/// What every request needs.
pub(crate) struct Service {
    pub(crate) store: LocalStore,
    pub(crate) account_id: String,
    pub(crate) faults: Faults,
    signing: sigv4::Credentials,
}

impl Service {
    pub(crate) fn new(store: LocalStore, credentials: &Credentials) -> Self {
        Self {
            store,
            signing: credentials.signing(),
            account_id: credentials.account_id().to_owned(),
            faults: Faults::default(),
        }
    }

    /// Refuses a bucket that is not there.
    pub(crate) async fn check_bucket(&self, name: &str) -> Result<(), S3Error> {
        match self.store.bucket_info(name).await? {
            Some(_) => Ok(()),
            None => Err(S3Error::known("NoSuchBucket")),
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

/// A request whose signature holds.
pub(crate) struct Request {
    /// Empty for operations on the account.
    pub(crate) bucket: String,
    /// Empty for operations on a bucket.
    pub(crate) key: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
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
        let result = answer(service, parts, body.clone(), &mut operation).await;
        body.drain().await;
        result.unwrap_or_else(S3Error::into_response)
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
    let operation = operation.map_or_else(String::new, |operation: Operation| format!("{operation:?}"));
    tracing::info!(%method, operation, path, status, ms, id, "request");
    response
}

async fn answer(
    service: &Service,
    mut parts: Parts,
    body: Slot,
    detected: &mut Option<Operation>,
) -> Result<Response, S3Error> {
    if let Some(status) = service.faults.take() {
        return Err(S3Error::from_status(status));
    }
    let claimed = auth::authenticate(&mut parts, &service.signing, SystemTime::now())?;
    let target = Target::parse(parts.uri.path())?;
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let operation = Operation::detect(&parts.method, &target, &query, &parts.headers)?;
    *detected = Some(operation);
    screening::screen(operation, &parts.headers)?;
    let request = Request {
        bucket: target.bucket.unwrap_or_default(),
        key: target.key.unwrap_or_default(),
        query,
        payload: Payload::new(body, &claimed, &parts.headers),
        headers: parts.headers,
    };
    operations::run(operation, service, request).await
}

impl Request {
    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&str>, S3Error> {
        let Some(value) = self.headers.get(name) else {
            return Ok(None);
        };
        std::str::from_utf8(value.as_bytes())
            .map(Some)
            .map_err(|_| S3Error::invalid_argument(format!("The header {name} is not valid UTF-8")))
    }

    /// Where this server is, as the client sees it.
    pub(crate) fn host(&self) -> &str {
        self.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }
}
