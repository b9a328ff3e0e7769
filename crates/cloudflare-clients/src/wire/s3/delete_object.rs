//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).

use http::Method;

use super::Request;
use crate::model::r2::DeleteRequest;

/// Deletes an object. Any success means that it no longer exists.
pub fn request(request: &DeleteRequest) -> Request {
    Request::new(Method::DELETE, Some(&request.key))
}
