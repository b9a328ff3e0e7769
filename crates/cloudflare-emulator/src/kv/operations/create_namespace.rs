//! [POST .../namespaces](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/create/)

use cloudflare_clients::kv::rest::NamespaceJson;

use super::title::title;
use crate::kv::error::KvError;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let created = service.store.create_namespace(&title(request).await?).await?;
    Ok(response::result(NamespaceJson::from(created)))
}
