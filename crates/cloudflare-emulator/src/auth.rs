//! Who signed a request, and whether that holds.

use std::time::SystemTime;

use cloudflare_clients::sigv4::{Credentials, ParsedAuth, Payload, VerifyError};
use http::Method;
use http::request::Parts;

use crate::error::S3Error;

/// Checks the signature, in the headers or the query, and returns what it says of the body.
pub(crate) fn authenticate(
    parts: &Parts,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<Payload, S3Error> {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let auth = ParsedAuth::from_request(&parts.method, path, query, &parts.headers).map_err(|error| {
        let is_bucket = !path.trim_matches('/').is_empty() && !path.trim_matches('/').contains('/');
        if error == VerifyError::NoAuthentication && parts.method == Method::POST && is_bucket {
            // A browser's form carries its signature in the body.
            return S3Error::not_implemented("Presigned post requests not implemented");
        }
        error.into()
    })?;
    auth.verify(credentials, now)?;
    Ok(*auth.payload())
}
