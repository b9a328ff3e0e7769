//! [PUT .../namespaces/{id}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/update/)

use super::get_namespace;
use super::title::title;
use crate::kv::error::KvError;
use crate::kv::request::KvRequest;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    service.store.rename_namespace(&request.namespace_id, &title(request).await?).await?;
    get_namespace::run(service, request).await
}
