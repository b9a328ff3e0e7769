//! [POST .../bulk/delete](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_delete/)

use cloudflare_clients::kv::rest::BulkResult;
use cloudflare_clients::kv::{DeleteManyRequest, Namespace as _};

use crate::kv::error::KvError;
use crate::kv::limits::check_key;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let keys: Vec<String> = request.writes().await?;
    keys.iter().try_for_each(|key| check_key(key))?;
    let now = service.store.now();
    let admitted = |key: &String| service.eventual.admits_write(&request.namespace_id, key, now);
    let (keys, refused): (Vec<_>, Vec<_>) = keys.into_iter().partition(admitted);
    let deleted =
        service.store.namespace(&request.namespace_id).delete_many(DeleteManyRequest::new(keys)).await?.len();
    Ok(response::result(BulkResult {
        successful_key_count: Some(deleted as u64),
        unsuccessful_keys: refused,
    }))
}
