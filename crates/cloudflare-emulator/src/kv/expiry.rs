//! Expiry of keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::kv::MIN_EXPIRATION_TTL;
use cloudflare_clients::kv::rest::error_code::{INVALID_EXPIRATION, INVALID_EXPIRATION_TTL};

use super::error::KvError;
use super::request::KvRequest;

/// Expiry of a key: `expiration` in seconds since 1970, or `expiration_ttl` in seconds, which takes
/// precedence.
pub(super) struct Expiry {
    pub(super) at: Option<SystemTime>,
    pub(super) ttl: Option<Duration>,
}

impl Expiry {
    pub(super) fn of_query(request: &KvRequest, now: SystemTime) -> Result<Self, KvError> {
        let number = |name, code| match request.number(name) {
            None => Ok(None),
            Some(Ok(seconds)) => Ok(Some(seconds)),
            Some(Err(given)) => Err(KvError::new(
                code,
                format!("Invalid {name} of {given}. Please specify integer greater than 0."),
            )),
        };
        let expiration = number("expiration", INVALID_EXPIRATION)?;
        Self::new(expiration, number("expiration_ttl", INVALID_EXPIRATION_TTL)?, now)
    }

    pub(super) fn new(expiration: Option<u64>, ttl: Option<u64>, now: SystemTime) -> Result<Self, KvError> {
        let least = MIN_EXPIRATION_TTL.as_secs();
        if let Some(ttl) = ttl.filter(|ttl| *ttl < least) {
            let message =
                format!("Invalid expiration_ttl of {ttl}. Expiration TTL must be at least {least}.");
            return Err(KvError::new(INVALID_EXPIRATION_TTL, message));
        }
        let at = expiration.map(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let soon = at.filter(|at| at.is_none_or(|at| at < now + MIN_EXPIRATION_TTL));
        if let (Some(_), Some(given), None) = (soon, expiration, ttl) {
            let message = format!(
                "Invalid expiration of {given}. Expiration times must be at least {least} seconds in the future."
            );
            return Err(KvError::new(INVALID_EXPIRATION, message));
        }
        // With a TTL, the expiration is ignored.
        Ok(Self { at: at.flatten().filter(|_| ttl.is_none()), ttl: ttl.map(Duration::from_secs) })
    }
}
