//! [DeleteBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html)

use http::StatusCode;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    service.store.delete_bucket(&request.bucket).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
