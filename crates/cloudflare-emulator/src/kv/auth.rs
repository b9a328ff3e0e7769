//! Authentication of requests.

use cloudflare_clients::kv::rest::error_code::{AUTHENTICATION, MISSING_AUTHENTICATION};
use http::{HeaderMap, header};

use super::error::KvError;
use crate::api_token::ApiToken;

pub(super) fn authenticate(accepted: &ApiToken, headers: &HeaderMap) -> Result<(), KvError> {
    let authorization = headers.get(header::AUTHORIZATION).ok_or(MISSING_AUTHENTICATION)?;
    if accepted.is_in(authorization) { Ok(()) } else { Err(AUTHENTICATION.into()) }
}
