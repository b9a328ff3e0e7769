//! Beginning uploads in parts.

use super::multipart_upload::{BegunWith, MultipartUpload};
use super::setters::metadata_setters;
use crate::client::operation::{Operation, sent_when_awaited};
#[cfg(not(target_arch = "wasm32"))]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::model::r2::{CreateMultipartUploadRequest, CustomMetadata, HttpMetadata, StorageClass};
use crate::r2::service::R2Service;

impl R2Service {
    /// Begins an upload in parts.
    pub fn create_multipart_upload(&self, key: impl Into<String>) -> CreateMultipartUpload {
        CreateMultipartUpload::from_request(self.clone(), CreateMultipartUploadRequest::new(key))
    }
}

/// The begin of an upload in parts; awaiting it gives the [`MultipartUpload`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateMultipartUpload {
    service: R2Service,
    request: CreateMultipartUploadRequest,
}

impl CreateMultipartUpload {
    pub(crate) fn from_request(service: R2Service, request: CreateMultipartUploadRequest) -> Self {
        Self { service, request }
    }

    metadata_setters!();

    /// Has R2 keep the CRC-64/NVME of the whole object, which it combines from those of the parts. It is
    /// among the checksums of what [`complete`](MultipartUpload::complete) returns, where the service has
    /// done so, and then of heads and gets, which are verified with it. The bucket's binding has no such
    /// checksums: [`ErrorKind::Unsupported`](crate::ErrorKind).
    ///
    /// See [full object
    /// checksums](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#Full-object-checksums)
    /// and [what R2 has of them](https://developers.cloudflare.com/r2/api/s3/api/).
    pub fn full_object_crc64nvme(mut self) -> Self {
        self.request.full_object_crc64nvme = true;
        self
    }

    /// Asks for the CRC-64/NVME where bytes are verified and the service knows of it. It returns whether it
    /// was asked, and the number of attempts as [`send_counted`](Self::send_counted) does.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) async fn with_crc_if_known(self) -> Result<(MultipartUpload, bool, u32)> {
        let mut with_crc = self.service.verifies();
        let mut create = self.clone();
        if with_crc {
            create = create.full_object_crc64nvme();
        }
        let created = match create.send_counted().await {
            Err(error)
                if with_crc && matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) =>
            {
                with_crc = false;
                self.send_counted().await
            }
            created => created,
        };
        created.map(|(upload, attempts)| (upload, with_crc, attempts))
    }

    async fn send(self) -> Result<MultipartUpload> {
        Ok(self.send_counted().await?.0)
    }

    /// Says how many attempts it took, too: each but the last may have begun an upload whose id nobody was told.
    pub(crate) async fn send_counted(self) -> Result<(MultipartUpload, u32)> {
        let Self { service, request } = self;
        let operation = Operation::new("create_multipart_upload", &request.key);
        operation.check(request.validate())?;
        let bucket = service.bucket();
        let mut attempts = 0;
        let create = || {
            attempts += 1;
            Some(bucket.create_multipart_upload(request.clone()))
        };
        let created = service.attempts().run(&operation, create).await?;
        let CreateMultipartUploadRequest { key, http_metadata, custom_metadata, storage_class, .. } = request;
        let begun_with = BegunWith { http_metadata, custom_metadata, storage_class };
        Ok((MultipartUpload::new(service, key, created.upload_id, Some(begun_with)), attempts))
    }
}

sent_when_awaited!(CreateMultipartUpload => MultipartUpload);
