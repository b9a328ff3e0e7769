//! Aborting multipart uploads.

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::AbortMultipartUploadRequest;
use crate::r2::service::R2Service;

impl MultipartUpload {
    /// Aborts the upload and deletes its parts. It is not an error if the upload is already completed or
    /// aborted.
    pub fn abort(&self) -> AbortMultipartUpload {
        let request = AbortMultipartUploadRequest::new(&self.key, &self.upload_id);
        AbortMultipartUpload { service: self.service.clone(), request }
    }
}

/// A request to abort a multipart upload. Awaiting it aborts the upload and deletes its parts.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct AbortMultipartUpload {
    service: R2Service,
    request: AbortMultipartUploadRequest,
}

impl AbortMultipartUpload {
    async fn send(self) -> Result<()> {
        let Self { service, request } = self;
        let operation = Operation::new("abort_multipart_upload", &request.key);
        operation.check(request.validate())?;
        let abort = || Some(service.bucket().abort_multipart_upload(request.clone()));
        service.attempts().run(&operation, abort).await
    }
}

sent_when_awaited!(AbortMultipartUpload => ());
