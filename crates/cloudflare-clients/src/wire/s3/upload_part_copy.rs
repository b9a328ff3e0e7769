//! [UploadPartCopy](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).

use http::Method;

use super::headers::{self, COPY_SOURCE_RANGE, ConditionTarget, CustomerKeyTarget};
use super::response::{etag, time};
use super::{Request, Response, xml_checksums};
use crate::error::Result;
use crate::model::r2::{UploadPartCopyRequest, UploadedPart};
use crate::transport::headers::value;

/// Copies bytes of an object into a part of an upload to `bucket`. The source is in the same bucket unless
/// the request names another one.
pub fn request(bucket: &str, request: &UploadPartCopyRequest) -> Result<Request> {
    request.validate()?;
    let mut copy = Request::new(Method::PUT, Some(&request.key))
        .query("partNumber", request.part_number.to_string())
        .query("uploadId", &request.upload_id);
    let source_bucket = request.source_bucket.as_deref().unwrap_or(bucket);
    headers::write_copy_source(source_bucket, &request.source, &mut copy.headers)?;
    if let Some(range) = &request.range {
        let range = format!("bytes={}-{}", range.start, range.end - 1);
        copy.headers.insert(COPY_SOURCE_RANGE, value("range", &range)?);
    }
    ConditionTarget::CopySource.headers().write(&request.source_only_if, &mut copy.headers)?;
    headers::write_ssec_key(
        request.source_ssec_key.as_ref(),
        CustomerKeyTarget::CopySource,
        &mut copy.headers,
    );
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut copy.headers);
    Ok(copy)
}

/// Parses an answer with status 200, which may contain an error.
pub fn parse(part_number: u16, response: &Response) -> Result<UploadedPart> {
    let document = response.xml("CopyPartResult")?;
    let etag = etag(&document)?;
    let mut part = UploadedPart::new(part_number, etag);
    part.uploaded = time(&document, "LastModified").ok();
    part.checksums = xml_checksums::read(&document);
    Ok(part)
}
