//! Authentication of requests by their signature.

use std::time::SystemTime;

use cloudflare_clients::s3::session_token::SessionToken;
use cloudflare_clients::sigv4::{Credentials, ParsedAuth, VerifyError, query_pairs};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::s3::access::Access;
use crate::s3::error::S3Error;
use crate::s3::known_error::ACCESS_DENIED;
use crate::service::Service;

/// The verified signer of a request.
pub(crate) struct Authenticated {
    pub(crate) auth: ParsedAuth,
    /// Credentials of the signature.
    pub(crate) credentials: Credentials,
    /// Permissions of the request.
    pub(crate) access: Access,
}

/// Verifies the signature in the headers or the query. Signatures of a body in chunks are accepted if
/// enabled.
pub(crate) fn authenticate(
    parts: &mut Parts,
    service: &Service,
    takes_chunks: bool,
) -> Result<Authenticated, S3Error> {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let read = if takes_chunks { ParsedAuth::from_request_with_chunks } else { ParsedAuth::from_request };
    let auth = read(&parts.method, path, query, &parts.headers).map_err(|error| {
        match error {
            VerifyError::NoAuthentication if is_form(&parts.method, path, query) => {
                // R2's own message.
                S3Error::not_implemented("Presigned post requests are not yet implemented not implemented")
            }
            error => error.into(),
        }
    })?;
    let now = service.store.now();
    let (key, scope, buckets) =
        service.permanent_key(auth.access_key_id()).ok_or(VerifyError::Unauthorized)?;
    let session = session(service, &auth, &key, &parts.headers, now)?;
    let credentials = session.as_ref().map_or(key, |session| session.credentials().clone());
    auth.verify(&credentials, now)?;
    if auth.is_presigned() {
        add_hoisted_headers(query, &mut parts.headers)?;
    }
    Ok(Authenticated { auth, credentials, access: Access::new(scope, buckets, session) })
}

/// Returns the restrictions of the session token, if the request has one.
fn session(
    service: &Service,
    auth: &ParsedAuth,
    key: &Credentials,
    headers: &HeaderMap,
    now: SystemTime,
) -> Result<Option<SessionToken>, S3Error> {
    let Some(token) = auth.session_token().filter(|token| !token.is_empty()) else { return Ok(None) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match SessionToken::verify(token, key, &service.account_id, host, now) {
        Ok(session) => Ok(Some(session)),
        Err(error) => {
            // Like R2, the answer does not tell the reason.
            tracing::info!(reason = %error, "access denied");
            Err(ACCESS_DENIED.into())
        }
    }
}

/// Whether a request without a signature may be the form of a browser, with the signature in the body.
fn is_form(method: &Method, path: &str, query: &str) -> bool {
    let bucket = path.trim_matches('/');
    method == Method::POST
        && !bucket.is_empty()
        && !bucket.contains('/')
        && !query_pairs(query).any(|(name, _)| *name == *b"delete")
}

/// Moves `x-amz-*` parameters to the headers. SDKs that presign put such headers into the query, where they
/// are signed and have the same effect. The best known is the checksum of an empty body, which makes every
/// upload through such a URL fail.
fn add_hoisted_headers(query: &str, headers: &mut HeaderMap) -> Result<(), S3Error> {
    for (name, value) in query_pairs(query).filter(|(name, _)| name.starts_with(b"x-amz-")) {
        let (Ok(name), Ok(value)) = (HeaderName::from_lowercase(&name), HeaderValue::from_bytes(&value))
        else {
            return Err(S3Error::invalid_argument(format!(
                "The search parameter {} is not a header",
                String::from_utf8_lossy(&name)
            )));
        };
        headers.entry(name).or_insert(value);
    }
    Ok(())
}
