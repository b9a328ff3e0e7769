//! The life of a request: preflights and ordered faults first, then the protocol that it speaks answers.

use std::fmt;

use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::body::RequestBody;
use crate::fault_plan::Failure;
use crate::page::Page;
use crate::protocol::Protocol;
use crate::protocol_error::answer;
use crate::response::{self, Response};
use crate::service::Service;
use crate::shortened::shortened;
use crate::{compression, faults, kv, s3};

/// The most of a path that is logged: the longest key, with every byte encoded, has less.
const MAX_LOGGED_PATH: usize = 4096;

/// What ends a connection in place of an answer, or in its middle, as was ordered.
#[derive(Debug)]
pub(crate) struct Disconnected;

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault was ordered")
    }
}

impl std::error::Error for Disconnected {}

pub(crate) async fn respond(
    service: &Service,
    scheme: Scheme,
    request: http::Request<Incoming>,
) -> Result<Response, Disconnected> {
    let started = service.store.runtime().monotonic();
    let (parts, body) = request.into_parts();
    let (method, page) = (parts.method.clone(), Page::of(service, &parts));
    let path = shortened(parts.uri.path(), MAX_LOGGED_PATH).into_owned();
    let compresses = service.r2_behaviour.compression && compression::is_accepted(&parts.headers);
    let expects_in_vain = expects_continue(&parts.headers) && body.is_end_stream();

    let (mut operation, mut failure) = (None, None);
    let mut response = if let Some(preflight) = page.preflight(service).await {
        preflight
    } else {
        let body = RequestBody::new(body, service);
        let runtime = service.store.runtime();
        let fault = match service.faults.take(&parts.headers, || runtime.random()) {
            Ok(fault) => fault,
            Err(message) => return Ok(response::full(StatusCode::BAD_REQUEST, message)),
        };
        if !fault.delay.is_zero() {
            runtime.sleep(fault.delay).await;
        }
        failure = fault.failure;
        let ordered = match failure {
            Some(Failure::Reset) => return Err(Disconnected),
            Some(Failure::Status(status)) => Some(status),
            Some(Failure::Lost | Failure::Cut) | None => None,
        };
        let answer = match Protocol::of(&parts) {
            Protocol::S3 => {
                let handled = s3::handle(service, scheme, parts, body.clone(), &mut operation);
                let answer = answer(ordered, Box::pin(handled)).await;
                if compresses { compression::compress(&method, answer) } else { answer }
            }
            Protocol::Kv => answer(ordered, kv::handle(service, parts, body.clone(), &mut operation)).await,
        };
        body.drain().await;
        answer
    };
    if method == Method::HEAD && response.status().as_u16() >= 400 {
        response = response::empty(response.status());
    }
    let is_ordered = matches!(failure, Some(Failure::Status(_)));
    page.allow(service, operation.is_some() || is_ordered, &mut response).await;
    if expects_in_vain {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let id = format!("{:016x}-LOC", fastrand::u64(..));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("cf-ray", id.clone());
        response.headers_mut().insert("x-amz-request-id", id);
    }

    let status = response.status().as_u16();
    let ms = service.store.runtime().monotonic().saturating_sub(started).as_secs_f64() * 1000.0;
    let operation = operation.unwrap_or_default();
    tracing::info!(%method, operation, path, status, ms, id, "request");
    match failure {
        Some(Failure::Lost) => Err(Disconnected),
        Some(Failure::Cut) if method == Method::HEAD => Err(Disconnected),
        Some(Failure::Cut) => faults::halved(response).ok_or(Disconnected),
        _ => Ok(response),
    }
}

/// Whether the client waits for `100 Continue` before it sends its body.
///
/// A body that is read makes the HTTP library say so; to a request without a body it says nothing, since there is nothing
/// to go on with. Some clients, botocore 1.43 among them, take the status of the answer that they get instead for that of
/// the next request on the connection as well: so there is none.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
