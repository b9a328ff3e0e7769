//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html)

use cloudflare_clients::r2::{AbortMultipartUploadRequest, Bucket as _};
use http::StatusCode;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let upload_id = request.upload_id();
    let bucket = service.store.bucket(&request.bucket)?;
    bucket.abort_multipart_upload(AbortMultipartUploadRequest::new(&request.key, upload_id)).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
