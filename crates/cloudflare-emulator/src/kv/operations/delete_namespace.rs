//! [DELETE .../namespaces/{id}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/delete/)

use crate::kv::error::KvError;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    service.store.delete_namespace(&request.namespace_id).await?;
    Ok(response::done())
}
