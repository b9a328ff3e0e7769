//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html)

use http::{HeaderValue, StatusCode};

use crate::error::S3Error;
use crate::response::{self, Response};
use crate::service::{Request, Service};

pub(super) async fn run(service: &Service, request: &Request) -> Result<Response, S3Error> {
    service.check_bucket(&request.bucket).await?;
    let mut response = response::empty(StatusCode::OK);
    response.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static("auto"));
    Ok(response)
}
