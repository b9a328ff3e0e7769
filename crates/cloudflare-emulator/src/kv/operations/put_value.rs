//! [PUT .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/update/)

use cloudflare_clients::kv::rest::error_code::TOO_MANY_REQUESTS;
use cloudflare_clients::kv::{Namespace as _, PutRequest};

use crate::kv::error::KvError;
use crate::kv::expiry::Expiry;
use crate::kv::limits::check_key;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::kv::upload::Upload;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: KvRequest) -> Result<Response, KvError> {
    check_key(&request.key)?;
    let now = service.store.now();
    let expiry = Expiry::of_query(&request, now)?;
    let Upload { value, metadata } = Upload::read(&request).await?;
    let KvRequest { namespace_id, key, .. } = request;
    if !service.eventual.admits_write(&namespace_id, &key, now) {
        return Err(TOO_MANY_REQUESTS.into());
    }
    let mut put = PutRequest::new(key, value);
    (put.metadata, put.expiration, put.expiration_ttl) = (metadata, expiry.at, expiry.ttl);
    service.store.namespace(namespace_id).put(put).await?;
    Ok(response::done())
}
