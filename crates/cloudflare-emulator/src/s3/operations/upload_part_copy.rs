//! [UploadPartCopy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html)

use cloudflare_clients::r2::{Bucket as _, Range, UploadPartCopyRequest};
use cloudflare_clients::s3::headers::{self, CustomerKeyTarget};
use cloudflare_clients::s3::xml_checksums;
use http::{HeaderMap, header};

use super::part_number;
use crate::s3::copy_source::CopySource;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let part_number = part_number::parse(&request.query)?;
    let upload_id = request.upload_id().to_owned();
    let source = CopySource::parse(&request)?;
    let range = source_range(&request)?;
    let source_ssec_key = request.ssec_key(CustomerKeyTarget::CopySource)?;
    let ssec_key = request.ssec_key(CustomerKeyTarget::Object)?;
    let md5 = ssec_key.as_ref().map(|key| key.md5().to_hex());
    let bucket = service.store.bucket(&request.bucket)?;
    let mut copy = UploadPartCopyRequest::new(source.key, request.key, upload_id, part_number);
    (copy.source_bucket, copy.range) = (Some(source.bucket), range);
    (copy.source_ssec_key, copy.ssec_key) = (source_ssec_key, ssec_key);
    let part = bucket.upload_part_copy(copy).await?;
    let mut response = response::document("CopyPartResult", |root| {
        root.text("ETag", format!("\"{}\"", part.etag));
        let uploaded = part.uploaded.unwrap_or_else(|| service.store.now());
        root.text("LastModified", humantime::format_rfc3339_millis(uploaded));
        xml_checksums::write(&part.checksums, root);
    });
    headers::write_ssec_key_md5(md5.as_deref(), response.headers_mut());
    Ok(response)
}

/// Parses `bytes=first-last`, both inclusive. R2 accepts an end beyond that of the object.
fn source_range(request: &S3Request) -> Result<Option<std::ops::Range<u64>>, S3Error> {
    let Some(range) = request.headers.get("x-amz-copy-source-range") else {
        return Ok(None);
    };
    let range = headers::read_range(&HeaderMap::from_iter([(header::RANGE, range.clone())]))?;
    match range {
        Some(Range::OffsetWithLength { offset, length }) => Ok(Some(offset..offset.saturating_add(length))),
        _ => Err(S3Error::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
    }
}
