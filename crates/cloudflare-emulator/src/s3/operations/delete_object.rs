//! [DeleteObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html)

use cloudflare_clients::s3::headers::{self, ConditionTarget};
use http::StatusCode;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    service.store.bucket(&request.bucket)?.delete_if(&request.key, only_if).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
