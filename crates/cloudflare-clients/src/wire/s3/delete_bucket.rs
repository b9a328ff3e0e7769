//! [DeleteBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html).

use http::Method;

use super::Request;

/// Deletes the bucket that the request is signed for, which must be empty. Any success means that it is gone.
pub fn request() -> Request {
    Request::new(Method::DELETE, None)
}
