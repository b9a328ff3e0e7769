//! [HeadBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html)

use http::{HeaderValue, StatusCode};

use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_BUCKET;
use crate::s3::request::Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &Request) -> Result<Response, S3Error> {
    check_bucket(service, &request.bucket).await?;
    let mut response = response::empty(StatusCode::OK);
    response.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static("auto"));
    Ok(response)
}

/// Refuses a bucket that is not there.
pub(super) async fn check_bucket(service: &Service, name: &str) -> Result<(), S3Error> {
    match service.store.bucket_info(name).await? {
        Some(_) => Ok(()),
        None => Err(NO_SUCH_BUCKET.into()),
    }
}
