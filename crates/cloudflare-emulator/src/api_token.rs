//! [API tokens](https://developers.cloudflare.com/fundamentals/api/get-started/create-token/).

use http::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Hash of the token that is accepted.
pub(crate) struct ApiToken([u8; 32]);

impl ApiToken {
    pub(crate) fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether an `Authorization` header has this token.
    pub(crate) fn is_in(&self, authorization: &HeaderValue) -> bool {
        let hash = token(authorization).map(|token| <[u8; 32]>::from(Sha256::digest(token)));
        hash.is_some_and(|hash| bool::from(hash.ct_eq(&self.0)))
    }
}

/// Whether an `Authorization` header has a bearer token.
pub(crate) fn is_bearer(authorization: &HeaderValue) -> bool {
    token(authorization).is_some()
}

fn token(authorization: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = authorization.as_bytes().split_at_checked("Bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer") && matches!(token, [] | [b' ', ..]);
    is_bearer.then(|| token.trim_ascii())
}
