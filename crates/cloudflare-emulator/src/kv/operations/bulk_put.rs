//! [PUT .../bulk](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_update/)

use cloudflare_clients::kv::rest::BulkResult;
use cloudflare_clients::kv::rest::bulk_put::PairJson;
use cloudflare_clients::kv::rest::error_code::MALFORMED_VALUE;
use cloudflare_clients::kv::{Namespace as _, PutManyRequest};

use crate::kv::error::KvError;
use crate::kv::expiry::Expiry;
use crate::kv::limits::{check_key, check_metadata, check_value_size};
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let pairs: Vec<PairJson<'static>> = request.writes().await?;
    let now = service.store.now();
    let puts = pairs.into_iter().map(|mut pair| {
        check_key(&pair.key)?;
        let expiry = Expiry::new(pair.expiration, pair.expiration_ttl, now)?;
        let metadata = check_metadata(pair.metadata.take())?;
        let put = pair.into_put();
        let mut put = put.map_err(|error| KvError::new(MALFORMED_VALUE, error.message().to_owned()))?;
        put.value.content_length().map_or(Ok(()), check_value_size)?;
        put.expiration = expiry.at;
        put.metadata = metadata;
        Ok(put)
    });
    // Nothing is written unless all of it can be.
    let puts = puts.collect::<Result<Vec<_>, KvError>>()?;
    let admitted = |key: &str| service.eventual.admits_write(&request.namespace_id, key, now);
    let (puts, refused): (Vec<_>, Vec<_>) = puts.into_iter().partition(|put| admitted(&put.key));
    let written =
        service.store.namespace(&request.namespace_id).put_many(PutManyRequest::new(puts)).await?.len();
    Ok(response::result(BulkResult {
        successful_key_count: Some(written as u64),
        unsuccessful_keys: refused.into_iter().map(|put| put.key).collect(),
    }))
}
