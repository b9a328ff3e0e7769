//! Who signed a request, and whether that holds.

use std::time::SystemTime;

use cloudflare_clients::s3::session_token::SessionToken;
use cloudflare_clients::sigv4::{Credentials, ParsedAuth, VerifyError, query_pairs};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::s3::access::Access;
use crate::s3::error::S3Error;
use crate::s3::known_error::ACCESS_DENIED;
use crate::service::Service;

/// Who signed a request.
pub(crate) struct Authenticated {
    pub(crate) auth: ParsedAuth,
    /// What it is signed with.
    pub(crate) credentials: Credentials,
    /// What may be done.
    pub(crate) access: Access,
}

/// Checks the signature, in the headers or the query. One of a body in chunks counts where they are taken.
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
                // The words are R2's.
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

/// What the session token allows, where the request has one.
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
            // The refusal says no more than R2's.
            tracing::info!(reason = %error, "access denied");
            Err(ACCESS_DENIED.into())
        }
    }
}

/// Whether a request without a signature may be a browser's form, which carries it in the body.
fn is_form(method: &Method, path: &str, query: &str) -> bool {
    let bucket = path.trim_matches('/');
    method == Method::POST
        && !bucket.is_empty()
        && !bucket.contains('/')
        && !query_pairs(query).any(|(name, _)| *name == *b"delete")
}

/// SDKs that presign move `x-amz-*` headers into the query, where the signature covers them and they count
/// all the same. Best known is the checksum of an empty body, with which no upload through such a URL
/// succeeds.
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
