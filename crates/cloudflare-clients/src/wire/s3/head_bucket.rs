//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).

use http::{HeaderMap, HeaderName, Method};

use super::Request;
use crate::model::r2::BucketInfo;

/// The region of a bucket in an answer. R2's is `auto`.
pub const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// Checks whether the bucket exists. Any success means that it does, a 404 that it does not.
pub fn request() -> Request {
    Request::new(Method::HEAD, None)
}

/// Parses the answer about a bucket that exists.
pub fn parse(name: &str, headers: &HeaderMap) -> BucketInfo {
    let region = headers.get(BUCKET_REGION).and_then(|region| region.to_str().ok());
    BucketInfo { region: region.map(str::to_owned), ..BucketInfo::new(name) }
}
