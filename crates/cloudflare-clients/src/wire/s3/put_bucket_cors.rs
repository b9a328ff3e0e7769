//! [PutBucketCors](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html).

use http::Method;

use super::{Request, cors_configuration};
use crate::error::Result;
use crate::model::r2::CorsPolicy;

/// Replaces the bucket's CORS policy. Any success means that it was replaced.
///
/// # Errors
/// The errors of [`CorsPolicy::validate`].
pub fn request(policy: &CorsPolicy) -> Result<Request> {
    policy.validate()?;
    Request::new(Method::PUT, None).query("cors", "").xml(cors_configuration::write(policy))
}
