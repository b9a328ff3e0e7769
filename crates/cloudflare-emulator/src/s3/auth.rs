//! Who signed a request, and whether that holds.

use std::time::SystemTime;

use cloudflare_clients::sigv4::{Credentials, ParsedAuth, VerifyError, query_pairs};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::s3::error::S3Error;

/// Checks the signature, in the headers or the query. One of a body in chunks counts where they are taken.
pub(crate) fn authenticate(
    parts: &mut Parts,
    credentials: &Credentials,
    now: SystemTime,
    takes_chunks: bool,
) -> Result<ParsedAuth, S3Error> {
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
    auth.verify(credentials, now)?;
    if auth.is_presigned() {
        add_hoisted_headers(query, &mut parts.headers)?;
    }
    Ok(auth)
}

/// Whether a request without a signature may be a browser's form, which carries it in the body.
fn is_form(method: &Method, path: &str, query: &str) -> bool {
    let bucket = path.trim_matches('/');
    method == Method::POST
        && !bucket.is_empty()
        && !bucket.contains('/')
        && !query_pairs(query).any(|(name, _)| *name == *b"delete")
}

/// SDKs that presign move `x-amz-*` headers into the query, where the signature covers them and they count all the same.
/// Best known is the checksum of an empty body, with which no upload through such a URL succeeds.
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
