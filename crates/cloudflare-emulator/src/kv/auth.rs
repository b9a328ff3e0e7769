//! Who sends a request, by its [API token](https://developers.cloudflare.com/fundamentals/api/get-started/create-token/).

use cloudflare_clients::kv::rest::error_code::{AUTHENTICATION, MISSING_AUTHENTICATION};
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::error::KvError;

/// The one token that is accepted, by its hash.
pub(crate) struct Token([u8; 32]);

impl Token {
    pub(crate) fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// Whether an `Authorization` is by a bearer token.
pub(crate) fn is_bearer(authorization: &HeaderValue) -> bool {
    token(authorization).is_some()
}

fn token(authorization: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = authorization.as_bytes().split_at_checked("Bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer") && matches!(token, [] | [b' ', ..]);
    is_bearer.then(|| token.trim_ascii())
}

pub(super) fn authenticate(accepted: &Token, headers: &HeaderMap) -> Result<(), KvError> {
    let authorization = headers.get(header::AUTHORIZATION).ok_or(MISSING_AUTHENTICATION)?;
    let hash = token(authorization).map(|token| <[u8; 32]>::from(Sha256::digest(token)));
    if hash.is_some_and(|hash| bool::from(hash.ct_eq(&accepted.0))) {
        Ok(())
    } else {
        Err(AUTHENTICATION.into())
    }
}
