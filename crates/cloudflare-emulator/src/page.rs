//! CORS: requests of web pages, allowed by the rules of the bucket as in R2, or in general.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{CorsRequest, CorsRule};
use cloudflare_clients::s3::error_code::ErrorCode;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::cors::Cors;
use crate::protocol::Protocol;
use crate::protocol_error::ProtocolError as _;
use crate::response::{self, Response};
use crate::s3::{S3Error, bucket_of};
use crate::service::Service;

/// R2's error for every refused preflight, even if the bucket does not exist.
const NOT_CONFIGURED: ErrorCode = ErrorCode::new("Unauthorized", StatusCode::FORBIDDEN, ErrorKind::Forbidden);

/// Headers that the answer to a preflight depends on.
const VARY_OF_PREFLIGHT: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// A request of a browser.
pub(crate) struct Page {
    pub(crate) protocol: Protocol,
    /// Empty if the request is not about a bucket.
    pub(crate) bucket: String,
    /// `None` without an `Origin` header: then the request needs no permission.
    request: Option<CorsRequest>,
    is_preflight: bool,
}

impl Page {
    pub(crate) fn of(service: &Service, parts: &Parts) -> Self {
        let asked = parts.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
        let is_preflight = parts.method == Method::OPTIONS && asked.is_some();
        let method =
            asked.filter(|_| is_preflight).and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let request = parts.headers.get(header::ORIGIN).map(|origin| {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            let request = CorsRequest::new(origin, method.unwrap_or_else(|| parts.method.clone()));
            if is_preflight { request.headers(requested_headers(&parts.headers)) } else { request }
        });
        let bucket = bucket_of(service.virtual_hosts.bucket_of(&parts.headers), parts);
        Self { protocol: Protocol::of(parts), bucket, request, is_preflight }
    }

    /// Answers a preflight. It does not need a signature.
    pub(crate) async fn preflight(&self, service: &Service) -> Option<Response> {
        if !self.is_preflight || (self.protocol == Protocol::Kv && !service.cors.is_open()) {
            return None;
        }
        let Some((origin, rule)) = self.rule(service).await else {
            return Some(match service.cors {
                Cors::Open => response::empty(StatusCode::FORBIDDEN),
                Cors::ByRules(_) => {
                    S3Error::new(NOT_CONFIGURED, "CORS not configured for this bucket").into_response()
                }
            });
        };
        let mut response = response::empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        insert(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, &origin);
        insert(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &joined(&rule.allowed_methods));
        let names = self.request.as_ref().map_or(&[][..], |request| &request.headers);
        insert(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &joined(names));
        insert(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &joined(&rule.expose_headers));
        if let Some(seconds) = rule.max_age_seconds {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
        Some(response)
    }

    /// Allows the page to read the answer, if the rules do. Like R2, it does not if the signature was
    /// refused.
    pub(crate) async fn allow(&self, service: &Service, is_signed: bool, answer: &mut Response) {
        let vary = if self.is_preflight { VARY_OF_PREFLIGHT } else { "Origin" };
        if self.protocol == Protocol::S3 || service.cors.is_open() {
            // Also without an origin: a browser must not use a cached answer to an `<img>` for a script.
            answer.headers_mut().append(header::VARY, HeaderValue::from_static(vary));
        }
        if self.is_preflight {
            return;
        }
        let refused = matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !service.cors.is_open() && (!is_signed || refused || self.protocol == Protocol::Kv) {
            return;
        }
        if let Some((origin, rule)) = self.rule(service).await {
            insert(answer.headers_mut(), header::ACCESS_CONTROL_ALLOW_ORIGIN, &origin);
            insert(
                answer.headers_mut(),
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                &joined(&rule.expose_headers),
            );
        }
    }

    /// Returns the rule that allows the request, and the origin for the answer.
    async fn rule(&self, service: &Service) -> Option<(String, CorsRule)> {
        let request = self.request.as_ref()?;
        service.cors.rule(&service.store, &self.bucket, request).await
    }
}

fn requested_headers(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let names = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

fn joined(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Inserts a header, unless the value is empty or invalid.
fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text)
        && !text.is_empty()
    {
        headers.insert(name, value);
    }
}
