//! [GET .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/get/)

use cloudflare_clients::kv::rest::{self, error_code::KEY_NOT_FOUND};
use http::{HeaderValue, StatusCode, header};

use crate::kv::error::KvError;
use crate::kv::limits::check_key;
use crate::kv::request::KvRequest;
use crate::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    check_key(&request.key)?;
    let found = service
        .eventual
        .find(&service.store, &request.namespace_id, &request.key)
        .await?
        .ok_or(KEY_NOT_FOUND)?;
    let mut response = response::stored_bytes(StatusCode::OK, found.value);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Some(expiration) = found.expiration {
        rest::get_value::write(expiration, headers);
    }
    Ok(response)
}
