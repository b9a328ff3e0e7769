//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html)

use cloudflare_clients::s3::head_bucket::BUCKET_REGION;
use http::{HeaderValue, StatusCode};

use super::bucket::check_bucket;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    check_bucket(service, &request.bucket).await?;
    let mut response = response::empty(StatusCode::OK);
    response.headers_mut().insert(BUCKET_REGION, HeaderValue::from_static("auto"));
    Ok(response)
}
