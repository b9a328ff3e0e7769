//! [DELETE .../values/{key}](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/values/methods/delete/):
//! deletes a key.

use http::Method;

use super::request::Request;

/// Writes the request.
pub fn request(key: &str) -> Request {
    Request::of_key(Method::DELETE, "values", key)
}
