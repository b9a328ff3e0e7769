//! [GetBucketCors](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html).

use http::Method;

use super::response::unreadable;
use super::{Request, Response, cors_configuration};
use crate::error::Result;
use crate::model::r2::CorsPolicy;

/// Gets the bucket's CORS policy. A bucket without one answers with the code `NoSuchCORSConfiguration`.
pub fn request() -> Request {
    Request::new(Method::GET, None).query("cors", "")
}

/// Parses the policy.
pub fn parse(response: &Response) -> Result<CorsPolicy> {
    let document = response.xml(cors_configuration::ROOT)?;
    cors_configuration::read(&document).map_err(unreadable)
}
