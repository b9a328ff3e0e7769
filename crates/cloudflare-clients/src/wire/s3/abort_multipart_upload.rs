//! [AbortMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).

use http::Method;

use super::Request;
use crate::error::Result;
use crate::model::r2::multipart::validate_upload_id;

/// Drops an upload. Any success says that it is gone.
pub fn request(key: &str, upload_id: &str) -> Result<Request> {
    validate_upload_id(upload_id)?;
    Ok(Request::new(Method::DELETE, Some(key)).query("uploadId", upload_id))
}
