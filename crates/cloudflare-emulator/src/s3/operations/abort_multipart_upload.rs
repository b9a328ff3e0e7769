//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html)

use cloudflare_clients::r2::AbortMultipartUploadRequest;
use http::StatusCode;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let abort = AbortMultipartUploadRequest::new(&request.key, request.upload_id());
    service.store.bucket(&request.bucket)?.abort_known_multipart_upload(abort).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
