//! Dropping uploads in parts.

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::AbortMultipartUploadRequest;
use crate::r2::service::R2Service;

impl MultipartUpload {
    /// Drops the upload and its parts. Fine when it was completed or aborted before.
    pub fn abort(&self) -> AbortMultipartUpload {
        let request = AbortMultipartUploadRequest::new(&self.key, &self.upload_id);
        AbortMultipartUpload { service: self.service.clone(), request }
    }
}

/// The abort of an upload in parts; awaiting it drops the upload and its parts.
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
