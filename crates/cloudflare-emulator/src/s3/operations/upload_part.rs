//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html)

use cloudflare_clients::r2::{Bucket as _, ChecksumAlgorithm, UploadPartRequest};
use cloudflare_clients::s3::headers::{self, CustomerKeyTarget};
use http::{StatusCode, header};

use super::{part_number, upload_checksum};
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let part_number = part_number::parse(&request.query)?;
    let upload_id = request.upload_id().to_owned();
    let ssec_key = request.ssec_key(CustomerKeyTarget::Object)?;
    let md5 = ssec_key.as_ref().map(|key| key.md5().to_hex());
    let (body, checksum) = request.payload.upload()?;
    let bucket = service.store.bucket(&request.bucket)?;
    if checksum.is_none_or(|given| given.algorithm() == ChecksumAlgorithm::Md5)
        && let Some(begun) = upload_checksum::algorithm_of(&bucket, &request.key, &upload_id).await?
        && upload_checksum::needs_parts(begun)
    {
        return Err(upload_checksum::missing_of_part(begun));
    }
    let mut upload = UploadPartRequest::new(request.key, upload_id, part_number, body);
    (upload.checksum, upload.ssec_key) = (checksum, ssec_key);
    let part = bucket.upload_part(upload).await?;
    let mut answer = response::empty(StatusCode::OK);
    let etag = response::value(&format!("\"{}\"", part.etag))?;
    answer.headers_mut().insert(header::ETAG, etag);
    headers::write_checksums(&part.checksums, answer.headers_mut());
    headers::write_ssec_key_md5(md5.as_deref(), answer.headers_mut());
    Ok(answer)
}
