//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).

use http::Method;

use super::Request;

/// Asks whether the bucket exists. Any success says yes, a 404 no.
pub fn request() -> Request {
    Request::new(Method::HEAD, None)
}
