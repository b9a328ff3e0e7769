//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).

use http::Method;

use super::Request;

/// Deletes an object. Any success says that it is not there any more.
pub fn request(key: &str) -> Request {
    Request::new(Method::DELETE, Some(key))
}
