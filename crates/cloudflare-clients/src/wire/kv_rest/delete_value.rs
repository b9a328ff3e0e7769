//! [DELETE .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/delete/):
//! deletes a key.

use http::Method;

use super::request::Request;
use crate::model::kv::DeleteRequest;

/// Writes the request.
pub fn request(request: &DeleteRequest) -> Request {
    Request::of_key(Method::DELETE, "values", &request.key)
}
