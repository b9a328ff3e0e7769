//! [DeleteBucketLifecycle](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketLifecycle.html).

use http::Method;

use super::Request;

/// Removes the bucket's lifecycle policy. Any success means that the bucket has none any more.
pub fn request() -> Request {
    Request::new(Method::DELETE, None).query("lifecycle", "")
}
