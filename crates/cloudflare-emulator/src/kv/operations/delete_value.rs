//! [DELETE .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/delete/)

use cloudflare_clients::kv::rest::error_code::TOO_MANY_REQUESTS;
use cloudflare_clients::kv::{DeleteRequest, Namespace as _};

use crate::kv::error::KvError;
use crate::kv::limits::check_key;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let KvRequest { namespace_id, key, .. } = request;
    check_key(key)?;
    if !service.eventual.admits_write(namespace_id, key, service.store.now()) {
        return Err(TOO_MANY_REQUESTS.into());
    }
    service.store.namespace(namespace_id).delete(DeleteRequest::new(key)).await?;
    Ok(response::done())
}
