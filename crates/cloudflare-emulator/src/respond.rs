//! Answering a request: preflights and injected faults first, then its protocol.

use std::fmt;

use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::body::RequestBody;
use crate::exchange::{Exchange, Exchanged};
use crate::fault_plan::Failure;
use crate::page::Page;
use crate::protocol::Protocol;
use crate::protocol_error::answer;
use crate::response::{self, Body, Response};
use crate::service::Service;
use crate::{compression, faults, kv, s3};

/// Injected fault that ends a connection before or during an answer.
#[derive(Debug)]
pub(crate) struct Disconnected;

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("injected fault")
    }
}

impl std::error::Error for Disconnected {}

pub(crate) async fn respond(
    service: &Service,
    scheme: Scheme,
    request: http::Request<Incoming>,
) -> Result<http::Response<Exchanged<Body>>, Disconnected> {
    let (parts, body) = request.into_parts();
    let page = Page::of(service, &parts);
    let mut exchange = Exchange::begin(service, &parts, page.protocol, &page.bucket);
    let response = answered(service, scheme, parts, body, &page, &mut exchange).await?;
    Ok(response.map(|body| exchange.until_end_of(body)))
}

async fn answered(
    service: &Service,
    scheme: Scheme,
    parts: Parts,
    body: Incoming,
    page: &Page,
    exchange: &mut Exchange,
) -> Result<Response, Disconnected> {
    let method = parts.method.clone();
    let compresses = service.r2_behaviour.compression && compression::is_accepted(&parts.headers);
    let expects_without_body = expects_continue(&parts.headers) && body.is_end_stream();

    let mut failure = None;
    let mut response = if let Some(preflight) = page.preflight(service).await {
        preflight
    } else {
        let body = RequestBody::new(body, exchange.received(), service);
        let runtime = service.store.runtime();
        let fault = match service.faults.take(&parts.headers, || runtime.random()) {
            Ok(fault) => fault,
            Err(message) => {
                let mut refused = response::full(StatusCode::BAD_REQUEST, message);
                identify(&mut refused, exchange);
                exchange.answered(StatusCode::BAD_REQUEST);
                return Ok(refused);
            }
        };
        if let Some(metrics) = &service.metrics {
            metrics.fault_injected(&fault);
        }
        if !fault.delay.is_zero() {
            runtime.sleep(fault.delay).await;
        }
        failure = fault.failure;
        let ordered = match failure {
            Some(Failure::Reset) => return Err(Disconnected),
            Some(Failure::Status(status)) => Some(status),
            Some(Failure::Lost | Failure::Cut) | None => None,
        };
        let answer = match page.protocol {
            Protocol::S3 => {
                let handled = s3::handle(service, scheme, parts, body.clone(), &mut exchange.operation);
                let answer = answer(ordered, Box::pin(handled)).await;
                if compresses { compression::compress(&method, answer) } else { answer }
            }
            Protocol::Kv => {
                let handled = kv::handle(service, parts, body.clone(), &mut exchange.operation);
                answer(ordered, handled).await
            }
        };
        body.drain().await;
        answer
    };
    if method == Method::HEAD && response.status().as_u16() >= 400 {
        response = response::empty(response.status());
    }
    let is_ordered = matches!(failure, Some(Failure::Status(_)));
    page.allow(service, exchange.operation.is_some() || is_ordered, &mut response).await;
    if expects_without_body {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    identify(&mut response, exchange);
    let response = match failure {
        Some(Failure::Lost) => return Err(Disconnected),
        Some(Failure::Cut) if method == Method::HEAD => return Err(Disconnected),
        Some(Failure::Cut) => faults::halved(response).ok_or(Disconnected)?,
        _ => response,
    };
    exchange.answered(response.status());
    Ok(response)
}

/// Gives the answer the id that the log has.
fn identify(response: &mut Response, exchange: &Exchange) {
    if let Ok(id) = HeaderValue::from_str(&exchange.id) {
        response.headers_mut().insert("cf-ray", id.clone());
        response.headers_mut().insert("x-amz-request-id", id);
    }
}

/// Whether the client waits for `100 Continue` before it sends its body.
///
/// hyper sends it when the body is read, but not to a request without a body. Some clients, such as botocore
/// 1.43, then use the status of the answer for the next request on the connection too: so the connection is
/// closed.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
