//! [CreateMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).

use http::Method;

use super::headers::{self, CustomerKeyTarget};
use super::response::unreadable;
use super::{Request, Response};
use crate::error::{Error, Result};
use crate::model::r2::{CreateMultipartUploadRequest, CreatedMultipartUpload};

/// Starts a multipart upload.
pub fn request(request: &CreateMultipartUploadRequest) -> Result<Request> {
    request.validate()?;
    let mut create = Request::new(Method::POST, Some(&request.key)).query("uploads", "");
    headers::write_http_metadata(&request.http_metadata, &mut create.headers)?;
    headers::write_custom_metadata(&request.custom_metadata, &mut create.headers)?;
    headers::write_storage_class(request.storage_class, &mut create.headers);
    headers::write_checksum_algorithm(request.checksum_algorithm, &mut create.headers)?;
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut create.headers);
    Ok(create)
}

/// Parses the upload id.
pub fn parse(response: &Response) -> Result<CreatedMultipartUpload> {
    let document = response.xml("InitiateMultipartUploadResult")?;
    match document.required("UploadId").map_err(unreadable)?.trim() {
        "" => Err(Error::unexpected("the answer has an empty upload id")),
        id => Ok(CreatedMultipartUpload::new(id)),
    }
}
