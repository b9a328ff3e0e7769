//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Method;

use super::Request;
use crate::error::Result;
use crate::model::r2::AbortMultipartUploadRequest;

/// Aborts an upload and deletes its parts. Any success means that it is gone.
pub fn request(request: &AbortMultipartUploadRequest) -> Result<Request> {
    request.validate()?;
    Ok(Request::new(Method::DELETE, Some(&request.key)).query("uploadId", &request.upload_id))
}
