//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html)

use cloudflare_clients::r2::{Bucket as _, ChecksumAlgorithm, CreateMultipartUploadRequest};
use cloudflare_clients::s3::headers::{self, ConditionTarget, CustomerKeyTarget};

use super::bucket::create_bucket_if_missing;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    create_bucket_if_missing(service, &request).await?;
    let bucket = service.store.bucket(&request.bucket)?;
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    if !only_if.is_empty() {
        let existing = bucket.head_without_key(&request.key).await?;
        only_if.check_write(existing.as_ref())?;
    }
    let mut create = CreateMultipartUploadRequest::new(&request.key);
    create.http_metadata = headers::read_http_metadata(&request.headers);
    create.custom_metadata = headers::read_custom_metadata(&request.headers);
    create.storage_class = headers::read_storage_class(&request.headers)?;
    let algorithm = request.header("x-amz-checksum-algorithm")?.and_then(ChecksumAlgorithm::from_name);
    create.checksum_algorithm = algorithm;
    create.ssec_key = request.ssec_key(CustomerKeyTarget::Object)?;
    let md5 = create.ssec_key.as_ref().map(|key| key.md5().to_hex());
    let upload = bucket.create_multipart_upload(create).await?;
    let mut answer = response::document("InitiateMultipartUploadResult", |root| {
        root.text("Bucket", &request.bucket);
        root.text("Key", &request.key);
        root.text("UploadId", &upload.upload_id);
    });
    headers::write_checksum_algorithm(algorithm, answer.headers_mut())?;
    headers::write_ssec_key_md5(md5.as_deref(), answer.headers_mut());
    Ok(answer)
}
