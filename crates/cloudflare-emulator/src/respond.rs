//! The life of a request: preflights and ordered faults first, then the protocol that it speaks answers.

use std::sync::Arc;

use http::{HeaderValue, Method};
use hyper::body::Incoming;

use crate::body::RequestBody;
use crate::protocol::Protocol;
use crate::protocol_error::answer;
use crate::response::{self, Response};
use crate::service::Service;
use crate::{cors, kv, s3};

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
