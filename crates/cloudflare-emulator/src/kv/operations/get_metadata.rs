//! [GET .../metadata/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/metadata/methods/get/)

use cloudflare_clients::kv::rest::error_code::KEY_NOT_FOUND;

use crate::kv::error::KvError;
use crate::kv::limits::check_key;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    check_key(&request.key)?;
    let found = service
        .eventual
        .find(&service.store, &request.namespace_id, &request.key)
        .await?
        .ok_or(KEY_NOT_FOUND)?;
    Ok(response::result(found.metadata))
}
