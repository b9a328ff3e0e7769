//! Copying objects as parts.

use std::ops::Range;

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{Conditional, SseCustomerKey, UploadPartCopyRequest, UploadedPart};

impl MultipartUpload {
    /// Copies bytes of an object as a part, replacing one with the same number. The bytes do not pass through
    /// this program.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, Result, r2::R2Service};
    /// use cloudflare_clients::r2::MIN_PART_SIZE;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # r2.put("day-1.log", vec![b'1'; MIN_PART_SIZE as usize]).await?;
    /// // Combines two days into one object:
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

/// A request to copy bytes as a part. Awaiting it returns the [`UploadedPart`], which is needed to complete
/// the upload. Its size is known if the service returns it.
///
/// One request copies at most [`MAX_SINGLE_UPLOAD`](crate::r2::MAX_SINGLE_UPLOAD) bytes. If the source does
/// not exist, the error is [`ErrorKind::NoSuchKey`](crate::ErrorKind) with the source's
/// [`key`](crate::Error::key). A Worker's binding cannot copy: [`ErrorKind::Unsupported`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UploadPartCopy {
    upload: MultipartUpload,
    request: UploadPartCopyRequest,
}

impl UploadPartCopy {
    /// Sets the source's bucket, in the same account or local store. The credentials must have access to both
    /// buckets.
    pub fn source_bucket(mut self, bucket: impl Into<String>) -> Self {
        self.request.source_bucket = Some(bucket.into());
        self
    }

    /// Sets the bytes of the source to copy; all by default. An end after the source's end is reduced to it.
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.request.range = Some(range);
        self
    }

    /// Sets conditions on the source. AWS supports them, R2
    /// [does not](https://developers.cloudflare.com/r2/api/s3/api/):
    /// [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub fn source_only_if(mut self, only_if: Conditional) -> Self {
        self.request.source_only_if = only_if;
        self
    }

    /// Sets the customer's key with which the source is encrypted (SSE-C), instead of the upload's.
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
