//! [GET .../namespaces/{id}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/get/)

use cloudflare_clients::kv::rest::NamespaceJson;
use cloudflare_clients::kv::rest::error_code::NAMESPACE_NOT_FOUND;

use crate::kv::error::KvError;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let found = service.store.namespace_info(&request.namespace_id).await?;
    Ok(response::result(NamespaceJson::from(found.ok_or(NAMESPACE_NOT_FOUND)?)))
}
