//! Cross-origin requests: open for pages on this machine, which R2 would want a bucket's CORS policy for.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::response::{self, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE");
/// Every header of an answer, those of custom metadata too, whose names differ.
const EXPOSED: HeaderValue = HeaderValue::from_static("*");

/// The origin of the page that made the request, if it was served from this machine.
pub(crate) fn local_origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host)
        || host.strip_suffix(".localhost").is_some_and(is_name);
    (is_local && ["http", "https"].contains(&scheme)).then(|| origin.clone())
}

/// The answer to a browser's question whether it may send a request. It needs no signature.
pub(crate) fn preflight(parts: &Parts) -> Option<Response> {
    if parts.method != Method::OPTIONS || !parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    if local_origin(&parts.headers).is_none() {
        return Some(response::empty(StatusCode::FORBIDDEN));
    }
    let mut response = response::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(requested) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    Some(response)
}

/// Lets the page, if it is one of this machine, read the answer.
pub(crate) fn allow(origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    // Also without an origin: a browser that kept the answer to an `<img>` must not give it to a script.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_pages_are_let_in() {
        for (origin, local) in [
            ("http://localhost:5173", true),
            ("http://127.0.0.1", true),
            ("https://[::1]:8443", true),
            ("http://app.localhost:3000", true),
            ("https://example.com", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://[::1].example.com", false),
            ("http://localhost:80@example.com", false),
            ("http://example.com/.localhost", false),
            ("null", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
            assert_eq!(local_origin(&headers).is_some(), local, "{origin}");
        }
    }
}
