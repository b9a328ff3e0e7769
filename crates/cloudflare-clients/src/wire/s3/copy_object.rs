//! [CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html), with R2's conditions on
//! the object that is replaced.

use http::{HeaderValue, Method};

use super::headers::{self, ConditionTarget, CustomerKeyTarget, METADATA_DIRECTIVE};
use super::response::{etag, time};
use super::{Request, Response, xml_checksums};
use crate::error::Result;
use crate::model::r2::{CopyRequest, StoredObject};

/// Copies an object to `bucket`, from the same bucket unless the request names another one.
pub fn request(bucket: &str, request: &CopyRequest) -> Result<Request> {
    request.validate()?;
    let mut copy = Request::new(Method::PUT, Some(&request.key));
    let source_bucket = request.source_bucket.as_deref().unwrap_or(bucket);
    headers::write_copy_source(source_bucket, &request.source, &mut copy.headers)?;
    ConditionTarget::CopySource.headers().write(&request.source_only_if, &mut copy.headers)?;
    ConditionTarget::CopyDestination.headers().write(&request.only_if, &mut copy.headers)?;
    if let Some(metadata) = &request.replace_metadata {
        copy.headers.insert(METADATA_DIRECTIVE, HeaderValue::from_static("REPLACE"));
        headers::write_http_metadata(&metadata.http_metadata, &mut copy.headers)?;
        headers::write_custom_metadata(&metadata.custom_metadata, &mut copy.headers)?;
    }
    headers::write_storage_class(request.storage_class, &mut copy.headers);
    headers::write_ssec_key(
        request.source_ssec_key.as_ref(),
        CustomerKeyTarget::CopySource,
        &mut copy.headers,
    );
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut copy.headers);
    Ok(copy)
}

/// Parses an answer with status 200, which may contain an error.
pub fn parse(key: &str, response: &Response) -> Result<StoredObject> {
    let document = response.xml("CopyObjectResult")?;
    let mut stored = StoredObject::new(key, etag(&document)?);
    stored.checksums = xml_checksums::read(&document);
    stored.version = headers::read_version(&response.headers);
    stored.ssec_key_md5 = headers::read_ssec_key_md5(&response.headers);
    stored.uploaded = document.child("LastModified").map(|_| time(&document, "LastModified")).transpose()?;
    Ok(stored)
}
