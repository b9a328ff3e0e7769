//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html)

use cloudflare_clients::r2::{Bucket as _, CreateMultipartUploadRequest, HeadRequest};
use cloudflare_clients::s3::headers::{self, ConditionTarget};
use http::HeaderValue;

use super::bucket::create_bucket_if_missing;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

/// The one algorithm whose checksums of parts R2 combines to that of the whole.
const CRC64NVME: &str = "CRC64NVME";

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    create_bucket_if_missing(service, &request).await?;
    let bucket = service.store.bucket(&request.bucket)?;
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    if !only_if.is_empty() {
        let existing = bucket.head(HeadRequest::new(&request.key)).await?;
        only_if.check_write(existing.as_ref())?;
    }
    let mut create = CreateMultipartUploadRequest::new(&request.key);
    create.http_metadata = headers::read_http_metadata(&request.headers);
    create.custom_metadata = headers::read_custom_metadata(&request.headers);
    create.storage_class = headers::read_storage_class(&request.headers)?;
    let algorithm = request.header("x-amz-checksum-algorithm")?;
    create.full_object_crc64nvme = algorithm.is_some_and(|name| name.eq_ignore_ascii_case(CRC64NVME));
    let full_object = create.full_object_crc64nvme;
    let upload = bucket.create_multipart_upload(create).await?;
    let mut answer = response::document("InitiateMultipartUploadResult", |root| {
        root.text("Bucket", &request.bucket);
        root.text("Key", &request.key);
        root.text("UploadId", &upload.upload_id);
    });
    if full_object {
        let headers = answer.headers_mut();
        headers.insert(headers::CHECKSUM_ALGORITHM, HeaderValue::from_static(CRC64NVME));
        headers.insert(headers::CHECKSUM_TYPE, headers::FULL_OBJECT);
    }
    Ok(answer)
}
