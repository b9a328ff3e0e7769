//! [PUT .../bulk](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_update/)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cloudflare_clients::kv::rest::BulkResult;
use cloudflare_clients::kv::rest::bulk_put::PairJson;
use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, MALFORMED_VALUE};
use cloudflare_clients::kv::{MAX_BULK_WRITES, Namespace as _, PutRequest};

use crate::kv::error::KvError;
use crate::kv::request::{Expiry, Request, check_key, check_metadata, check_value_size};
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &Request) -> Result<Response, KvError> {
    let pairs: Vec<PairJson<'static>> = request.json().await?;
    check_count(pairs.len())?;
    let now = service.store.now();
    let puts = pairs.into_iter().map(|pair| {
        check_key(&pair.key)?;
        let expiry = Expiry::new(pair.expiration, pair.expiration_ttl, now)?;
        let metadata = check_metadata(pair.metadata)?;
        let value = if pair.base64 {
            BASE64.decode(pair.value.as_bytes()).map_err(|error| {
                KvError::new(MALFORMED_VALUE, format!("the value of {:?} is not Base64: {error}", pair.key))
            })?
        } else {
            pair.value.into_owned().into_bytes()
        };
        check_value_size(value.len() as u64)?;
        Ok(PutRequest {
            key: pair.key.into_owned(),
            value: value.into(),
            expiration: expiry.at,
            expiration_ttl: expiry.ttl,
            metadata,
        })
    });
    // Nothing is written unless all of it can be.
    let puts = puts.collect::<Result<Vec<_>, KvError>>()?;
    let admitted = |key: &str| service.eventual.admit_write(&request.namespace_id, key, now).is_ok();
    let (puts, refused): (Vec<_>, Vec<_>) = puts.into_iter().partition(|put| admitted(&put.key));
    let written = service.store.namespace(&request.namespace_id).put_many(puts).await?.len();
    Ok(response::result(BulkResult {
        successful_key_count: written as u64,
        unsuccessful_keys: refused.into_iter().map(|put| put.key).collect(),
    }))
}

pub(super) fn check_count(keys: usize) -> Result<(), KvError> {
    if keys <= MAX_BULK_WRITES {
        return Ok(());
    }
    Err(KvError::new(INVALID_REQUEST, format!("{keys} keys are too many: {MAX_BULK_WRITES} are allowed")))
}
