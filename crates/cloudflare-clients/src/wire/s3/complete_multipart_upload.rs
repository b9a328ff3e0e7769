//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).

use http::{Method, header};

use super::headers::{self, ConditionTarget, CustomerKeyTarget, unquote};
use super::response::etag;
use super::xml::{NAMESPACE, Writer};
use super::{Request, Response, xml_checksums};
use crate::error::Result;
use crate::model::r2::{ChecksumAlgorithm, Checksums, CompleteMultipartUploadRequest, StoredObject};
use crate::transport::headers::read_date;

/// Creates the object from the parts.
pub fn request(request: &CompleteMultipartUploadRequest) -> Result<Request> {
    request.validate()?;
    let document = Writer::document("CompleteMultipartUpload", Some(NAMESPACE), |complete| {
        for part in &request.parts {
            complete.element("Part", |element| {
                element.text("PartNumber", part.part_number);
                element.text("ETag", format_args!("\"{}\"", unquote(&part.etag)));
                // Other checksums only count in uploads that were created with their algorithm.
                let algorithm = request.checksum_algorithm.unwrap_or(ChecksumAlgorithm::Crc64Nvme);
                let checksum = part.checksums.get(algorithm);
                xml_checksums::write(&checksum.into_iter().copied().collect(), element);
            });
        }
    });
    let mut complete = Request::new(Method::POST, Some(&request.key)).query("uploadId", &request.upload_id);
    ConditionTarget::Object.headers().write(&request.only_if, &mut complete.headers)?;
    let mut whole = Checksums::default();
    whole.extend(request.checksum);
    headers::write_object_checksums(&whole, &mut complete.headers);
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut complete.headers);
    complete.xml(document)
}

/// Parses an answer with status 200, which may contain an error.
pub fn parse(key: &str, response: &Response) -> Result<StoredObject> {
    let document = response.xml("CompleteMultipartUploadResult")?;
    let mut stored = StoredObject::new(key, etag(&document)?);
    stored.version = headers::read_version(&response.headers);
    stored.uploaded = read_date(&response.headers, &header::DATE);
    stored.ssec_key_md5 = headers::read_ssec_key_md5(&response.headers);
    stored.checksums = xml_checksums::read(&document);
    Ok(stored)
}
