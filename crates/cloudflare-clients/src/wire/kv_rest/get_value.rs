//! [GET
//! .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/get/):
//! returns a value. The answer's body is the value itself.

use std::time::SystemTime;

use http::{HeaderMap, Method};

use super::request::Request;
use crate::error::{Error, Result};
use crate::model::kv::GetRequest;
use crate::time::{from_seconds, to_seconds};

/// Writes the request.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind) for a cache TTL.
pub fn request(get: &GetRequest) -> Result<Request> {
    no_cache_ttl(get.cache_ttl)?;
    Ok(Request::of_key(Method::GET, "values", &get.key))
}

/// Returns the expiration of the key.
pub fn parse(headers: &HeaderMap) -> Option<SystemTime> {
    from_seconds(headers.get("expiration")?.to_str().ok()?.trim().parse().ok()?)
}

/// Adds the expiration of the key to an answer.
pub fn write(expiration: SystemTime, headers: &mut HeaderMap) {
    headers.insert("expiration", to_seconds(expiration).into());
}

pub(super) fn no_cache_ttl(ttl: Option<std::time::Duration>) -> Result<()> {
    match ttl {
        None => Ok(()),
        Some(_) => {
            Err(Error::unsupported("the REST API does not support a cache TTL: use it only inside a Worker"))
        }
    }
}
