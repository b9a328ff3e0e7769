//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html)

use cloudflare_clients::r2::{Bucket as _, UploadPartRequest};
use cloudflare_clients::s3::headers;
use http::{StatusCode, header};

use super::part_number;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let part_number = part_number::parse(&request.query)?;
    let upload_id = request.upload_id().to_owned();
    let (body, checksum) = request.payload.upload()?;
    let mut upload = UploadPartRequest::new(request.key, upload_id, part_number, body);
    upload.checksum = checksum;
    let part = service.store.bucket(&request.bucket)?.upload_part(upload).await?;
    let mut answer = response::empty(StatusCode::OK);
    let etag = response::value(&format!("\"{}\"", part.etag))?;
    answer.headers_mut().insert(header::ETAG, etag);
    let checksums = part.checksums.iter().copied().chain(checksum).collect();
    headers::write_checksums(&checksums, answer.headers_mut());
    Ok(answer)
}
