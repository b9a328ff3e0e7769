//! A multipart upload that is aborted unless it is completed.

use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::error::{Error, Result};
use crate::r2::{CreateMultipartUpload, MultipartUpload};

/// A multipart upload. If it is dropped before it is complete, it is aborted, as long as the runtime runs.
pub(super) struct BegunUpload {
    upload: Option<MultipartUpload>,
    /// Whether the service was asked for the CRC-64 of the whole object.
    pub(super) with_crc: bool,
}

impl BegunUpload {
    pub(super) async fn begin(create: CreateMultipartUpload) -> Result<Self> {
        let (upload, with_crc, _) = create.with_crc_if_known().await?;
        Ok(Self { upload: Some(upload), with_crc })
    }

    pub(super) fn upload(&self) -> Result<&MultipartUpload> {
        self.upload.as_ref().ok_or_else(|| Error::unexpected("the upload has ended"))
    }

    /// Returns `result`, and aborts the upload if it is an error.
    pub(super) async fn or_abort<T>(mut self, result: Result<T>) -> Result<T> {
        if let (Some(upload), Err(_)) = (self.upload.take(), &result) {
            abort(&upload).await;
        }
        result
    }
}

impl Drop for BegunUpload {
    fn drop(&mut self) {
        if let (Some(upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) {
            runtime.spawn(async move { abort(&upload).await }.in_current_span());
        }
    }
}

async fn abort(upload: &MultipartUpload) {
    if let Err(error) = upload.abort().await {
        tracing::warn!(key = upload.key(), %error, "could not abort an unfinished upload; R2 drops it after 7 days");
    }
}
