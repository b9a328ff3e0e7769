//! Parts that are copies.

use std::ops::Range;

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{Conditional, SseCustomerKey, UploadPartCopyRequest, UploadedPart};

impl MultipartUpload {
    /// Makes bytes of an object a part, without their coming here, in place of a part with the same number.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, Result, r2::R2Service};
    /// use cloudflare_clients::r2::MIN_PART_SIZE;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # r2.put("day-1.log", vec![b'1'; MIN_PART_SIZE as usize]).await?;
    /// // Two days in one object:
    /// let upload = r2.create_multipart_upload("days.log").await?;
    /// let first = upload.upload_part_copy(1, "day-1.log").await?;
    /// let second = upload.upload_part(2, "day 2").await?;
    /// let stored = upload.complete([first, second]).await?;
    /// assert_eq!(stored.size, Some(MIN_PART_SIZE + 5));
    /// # Ok(()) }
    /// ```
    pub fn upload_part_copy(&self, part_number: u16, source: impl Into<String>) -> UploadPartCopy {
        let mut request = UploadPartCopyRequest::new(source, &self.key, &self.upload_id, part_number);
        request.ssec_key = self.service.ssec_key().cloned();
        request.source_ssec_key.clone_from(&request.ssec_key);
        UploadPartCopy { upload: self.clone(), request }
    }
}

/// A part that is a copy; awaiting it gives the [`UploadedPart`], which completing the upload takes. Its size
/// is known where the service says it.
///
/// One request copies up to [`MAX_SINGLE_UPLOAD`](crate::r2::MAX_SINGLE_UPLOAD) bytes. A source that is missing is
/// [`ErrorKind::NoSuchKey`](crate::ErrorKind), and the [`key`](crate::Error::key) of the error is the source's. The bucket's binding
/// has no copy: [`ErrorKind::Unsupported`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UploadPartCopy {
    upload: MultipartUpload,
    request: UploadPartCopyRequest,
}

impl UploadPartCopy {
    /// Another bucket of the account, or of the store, that the source is in. The credentials must be good
    /// for both.
    pub fn source_bucket(mut self, bucket: impl Into<String>) -> Self {
        self.request.source_bucket = Some(bucket.into());
        self
    }

    /// The bytes of the source to copy; all by default. An end behind the source's is the source's.
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.request.range = Some(range);
        self
    }

    /// What the source must meet. AWS has it; R2 [does not](https://developers.cloudflare.com/r2/api/s3/api/):
    /// [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub fn source_only_if(mut self, only_if: Conditional) -> Self {
        self.request.source_only_if = only_if;
        self
    }

    /// The customer's key that the source is encrypted with (SSE-C), in place of that of the upload.
    pub fn source_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.request.source_ssec_key = key.into();
        self
    }

    async fn send(self) -> Result<UploadedPart> {
        let Self { upload, request } = self;
        let operation = Operation::new("upload_part_copy", &upload.key);
        operation.check(request.validate())?;
        let bucket = upload.service.bucket();
        let attempt = || Some(bucket.upload_part_copy(request.clone()));
        let part = upload.service.attempts().run(&operation, attempt).await?;
        upload.has_uploaded(part.clone());
        Ok(part)
    }
}

sent_when_awaited!(UploadPartCopy => UploadedPart);
