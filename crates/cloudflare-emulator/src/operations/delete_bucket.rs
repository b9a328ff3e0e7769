//! [DeleteBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html)

use http::StatusCode;

use crate::error::S3Error;
use crate::response::{self, Response};
use crate::service::{Request, Service};

pub(super) async fn run(service: &Service, request: &Request) -> Result<Response, S3Error> {
    service.store.delete_bucket(&request.bucket).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
