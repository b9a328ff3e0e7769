//! [DELETE .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/delete/)

use cloudflare_clients::kv::Namespace as _;

use crate::kv::error::KvError;
use crate::kv::request::{Request, check_key};
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &Request) -> Result<Response, KvError> {
    let Request { namespace_id, key, .. } = request;
    check_key(key)?;
    service.eventual.admit_write(namespace_id, key, service.store.now())?;
    service.store.namespace(namespace_id).delete(key).await?;
    Ok(response::done())
}
