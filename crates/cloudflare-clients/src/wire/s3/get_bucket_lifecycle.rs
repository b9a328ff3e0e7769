//! [GetBucketLifecycleConfiguration](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html).

use http::Method;

use super::response::unreadable;
use super::{Request, Response, lifecycle_configuration};
use crate::error::Result;
use crate::model::r2::LifecyclePolicy;

/// Gets the bucket's lifecycle policy. A bucket without one answers with the code
/// `NoSuchLifecycleConfiguration`.
pub fn request() -> Request {
    Request::new(Method::GET, None).query("lifecycle", "")
}

/// Parses the policy.
pub fn parse(response: &Response) -> Result<LifecyclePolicy> {
    let document = response.xml(lifecycle_configuration::ROOT)?;
    lifecycle_configuration::read(&document).map_err(unreadable)
}
