//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html).

use http::{HeaderMap, Method};

use super::Request;
use super::headers::{self, CustomerKeyTarget};
use crate::error::Result;
use crate::model::r2::{UploadPartRequest, UploadedPart};

/// Uploads a part.
pub fn request(request: UploadPartRequest) -> Result<Request> {
    request.validate()?;
    let mut part = Request::new(Method::PUT, Some(&request.key))
        .query("partNumber", request.part_number.to_string())
        .query("uploadId", request.upload_id);
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut part.headers);
    part.content(request.body, request.checksum.as_ref())
}

/// Parses the head of a success.
pub fn parse(part_number: u16, headers: &HeaderMap) -> Result<UploadedPart> {
    let etag = headers::read_etag(headers)?;
    let mut part = UploadedPart::new(part_number, etag);
    part.checksums = headers::read_checksums(headers);
    Ok(part)
}
