//! Creating multipart uploads.

use super::multipart_upload::{BegunWith, MultipartUpload};
use super::setters::{metadata_setters, ssec_key_setter};
use crate::client::operation::{Operation, sent_when_awaited};
#[cfg(not(target_arch = "wasm32"))]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::model::r2::{
    ChecksumAlgorithm, CreateMultipartUploadRequest, CustomMetadata, HttpMetadata, StorageClass,
};
use crate::r2::service::R2Service;

impl R2Service {
    /// Creates a multipart upload.
    pub fn create_multipart_upload(&self, key: impl Into<String>) -> CreateMultipartUpload {
        CreateMultipartUpload::from_request(self.clone(), CreateMultipartUploadRequest::new(key))
    }
}

/// A request to create a multipart upload. Awaiting it returns the [`MultipartUpload`].
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
    ssec_key_setter!(service);

    /// Makes R2 keep a checksum of the object, computed from those of the parts. For
    /// [`Crc64Nvme`](ChecksumAlgorithm::Crc64Nvme) it is that of all bytes. For SHA-1, SHA-256, CRC-32 and
    /// CRC-32C it is [composite](crate::r2::CompositeChecksum): the checksum of the parts' checksums.
    ///
    /// If the service supports it, the result of [`complete`](MultipartUpload::complete) and of later heads
    /// and gets includes the checksum. Gets are verified with a checksum of all bytes.
    ///
    /// Except with CRC-64/NVME, each part needs its own checksum of this algorithm. It is computed for bytes
    /// in memory, and must be [set](crate::r2::UploadPart::checksum) for a file or stream.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, Result, r2::R2Service};
    /// use cloudflare_clients::r2::{ChecksumAlgorithm, ChecksumType};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let upload = r2.create_multipart_upload("a.mp4").checksum_algorithm(ChecksumAlgorithm::Sha256).await?;
    /// let part = upload.upload_part(1, "bytes").await?;
    /// upload.complete([part]).await?;
    /// if let Some(checksum) = r2.head("a.mp4").await?.and_then(|object| object.checksums.kept()) {
    ///     assert_eq!(checksum.algorithm(), ChecksumAlgorithm::Sha256);
    ///     assert_eq!(checksum.checksum_type(), ChecksumType::Composite);
    ///     assert_eq!(checksum.to_base64(), "n/+x7b8ItQXBDd6INgaEjsM6kZprQAgdoE47YLepjqo=-1");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// See [checking object
    /// integrity](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html)
    /// and [R2's checksum types](https://developers.cloudflare.com/r2/api/s3/api/#checksum-types).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind), before any I/O: the algorithm is MD5, SHA-384 or
    /// SHA-512, or the bucket is a Worker's binding.
    pub fn checksum_algorithm(mut self, algorithm: ChecksumAlgorithm) -> Self {
        self.request.checksum_algorithm = Some(algorithm);
        self
    }

    /// Requests the CRC-64/NVME if bytes are verified, the service supports it, and the caller has not set
    /// another algorithm. Returns whether it was requested, and the number of attempts, like
    /// [`send_counted`](Self::send_counted).
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) async fn with_crc_if_known(self) -> Result<(MultipartUpload, bool, u32)> {
        if let Some(algorithm) = self.request.checksum_algorithm {
            let (upload, attempts) = self.send_counted().await?;
            return Ok((upload, algorithm == ChecksumAlgorithm::Crc64Nvme, attempts));
        }
        let mut with_crc = self.service.verifies();
        let mut create = self.clone();
        if with_crc {
            create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
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

    /// Also returns the number of attempts. Each except the last may have created an upload whose id is
    /// unknown.
    pub(crate) async fn send_counted(self) -> Result<(MultipartUpload, u32)> {
        let Self { service, mut request } = self;
        request.ssec_key = service.ssec_key().cloned();
        let operation = Operation::new("create_multipart_upload", &request.key);
        operation.check(request.validate())?;
        let bucket = service.bucket();
        let mut attempts = 0;
        let create = || {
            attempts += 1;
            Some(bucket.create_multipart_upload(request.clone()))
        };
        let created = service.attempts().run(&operation, create).await?;
        let CreateMultipartUploadRequest {
            key,
            http_metadata,
            custom_metadata,
            storage_class,
            checksum_algorithm,
            ssec_key: _,
        } = request;
        let begun_with = BegunWith { http_metadata, custom_metadata, storage_class };
        let mut upload = MultipartUpload::new(service, key, created.upload_id, Some(begun_with));
        upload.checksum_algorithm = checksum_algorithm;
        Ok((upload, attempts))
    }
}

sent_when_awaited!(CreateMultipartUpload => MultipartUpload);
