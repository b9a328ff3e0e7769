//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).

use http::{HeaderMap, Method, header};

use super::Request;
use super::headers::{self, ConditionTarget, CustomerKeyTarget};
use crate::error::Result;
use crate::model::r2::{PutRequest, StoredObject};
use crate::transport::headers::read_date;

/// Stores an object.
pub fn request(request: PutRequest) -> Result<Request> {
    request.validate()?;
    let mut put = Request::new(Method::PUT, Some(&request.key));
    headers::write_http_metadata(&request.http_metadata, &mut put.headers)?;
    headers::write_custom_metadata(&request.custom_metadata, &mut put.headers)?;
    headers::write_storage_class(request.storage_class, &mut put.headers);
    ConditionTarget::Object.headers().write(&request.only_if, &mut put.headers)?;
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut put.headers);
    put.content(request.body, request.checksum.as_ref())
}

/// Parses the head of a success.
pub fn parse(key: &str, headers: &HeaderMap) -> Result<StoredObject> {
    let etag = headers::read_etag(headers)?;
    let mut stored = StoredObject::new(key, etag);
    stored.version = headers::read_version(headers);
    stored.uploaded = read_date(headers, &header::DATE);
    stored.checksums = headers::read_checksums(headers);
    stored.ssec_key_md5 = headers::read_ssec_key_md5(headers);
    Ok(stored)
}
