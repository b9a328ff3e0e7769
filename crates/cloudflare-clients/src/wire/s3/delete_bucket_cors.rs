//! [DeleteBucketCors](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html).

use http::Method;

use super::Request;

/// Removes the bucket's CORS policy. Any success means that the bucket has none any more.
pub fn request() -> Request {
    Request::new(Method::DELETE, None).query("cors", "")
}
