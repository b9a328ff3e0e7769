//! Completing multipart uploads.

use futures_util::FutureExt as _;

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::headers::unquote;
use crate::model::r2::multipart::{contradicts_parts, is_made_of};
use crate::model::r2::{
    CompleteMultipartUploadRequest, Conditional, ObjectChecksum, StoredObject, UploadedPart,
};
use crate::r2::verify::verifies_writes;

impl MultipartUpload {
    /// Combines these parts, given in any order, into an object. Awaiting it returns the object's properties.
    ///
    /// The parts must be those that were uploaded, and all except the last must have the same size. The
    /// object consists of exactly these parts: an omitted part is deleted without an error. An etag may have
    /// the quotes of HTTP's `ETag` header.
    ///
    /// [`uploaded_here`](Self::uploaded_here) returns all parts only if this handle has uploaded all of them.
    /// After [`resume_multipart_upload`](crate::r2::R2Service::resume_multipart_upload), also pass the parts
    /// from [`list_parts`](Self::list_parts), as the example there shows.
    pub fn complete(&self, parts: impl IntoIterator<Item = UploadedPart>) -> CompleteMultipartUpload {
        let mut parts: Vec<_> = parts
            .into_iter()
            .map(|part| UploadedPart { etag: unquote(&part.etag).to_owned(), ..part })
            .collect();
        parts.sort_by_key(|part| part.part_number);
        CompleteMultipartUpload {
            upload: self.clone(),
            parts,
            only_if: Conditional::default(),
            checksum: None,
        }
    }
}

/// A request to complete a multipart upload. Awaiting it returns the object's properties.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CompleteMultipartUpload {
    upload: MultipartUpload,
    parts: Vec<UploadedPart>,
    only_if: Conditional,
    checksum: Option<ObjectChecksum>,
}

impl CompleteMultipartUpload {
    /// Sets conditions on the object that is replaced. The upload is lost even if they do not hold.
    /// A Worker's binding does not support conditions here: [`ErrorKind::Unsupported`].
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = only_if;
        self
    }

    /// Sets the checksum that the whole object must have: its CRC-64/NVME, which
    /// [`Crc64Nvme`](crate::r2::Crc64Nvme) combines from those of the parts, or the
    /// [`CompositeChecksum`](crate::r2::CompositeChecksum) of the algorithm with which the upload was
    /// created. If it differs, the error is [`ErrorKind::Integrity`], and the upload is unchanged.
    ///
    /// A service that does not support the checksum ignores it. The checksums of the [`StoredObject`] show
    /// whether it was compared. Without a checksum, the composite checksum that the service returns is
    /// compared with the parts' checksums.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], before any I/O: R2 has no such checksum for multipart objects, or the
    /// bucket is a Worker's binding.
    pub fn checksum(mut self, checksum: impl Into<ObjectChecksum>) -> Self {
        self.checksum = Some(checksum.into());
        self
    }

    async fn send(self) -> Result<StoredObject> {
        let Self { upload, parts, only_if, checksum } = self;
        let MultipartUpload { service, key, upload_id, .. } = &upload;
        let operation = Operation::new("complete_multipart_upload", key);
        let request = CompleteMultipartUploadRequest {
            only_if,
            checksum_algorithm: upload.checksum_algorithm,
            checksum,
            ..CompleteMultipartUploadRequest::new(key, upload_id, parts)
        };
        operation.check(request.validate().and_then(|()| request.validate_parts()))?;
        let bucket = service.bucket();
        let verifies = verifies_writes(service);
        let is_plain = service.ssec_key().is_none();
        let uploaded_here = verifies && upload.has_uploaded_all(&request.parts);
        #[cfg(not(target_arch = "wasm32"))]
        let checksum = checksum
            .or_else(|| request.composite_of_parts().filter(|_| verifies).map(ObjectChecksum::Composite));
        let attempt = || {
            let complete = bucket.complete_multipart_upload(request.clone());
            let parts = &request.parts;
            let complete = async move {
                let stored = complete.await?;
                if let Some(given) = checksum
                    && let Some(of_stored) = stored.checksums.kept()
                    && of_stored.algorithm() == given.algorithm()
                    && of_stored != given
                {
                    return Err(Error::new(
                        ErrorKind::Integrity,
                        format!(
                            "the service stored other bytes: their checksum is {of_stored} instead of {given}"
                        ),
                    ));
                }
                if verifies && is_plain && contradicts_parts(&stored.etag, parts, uploaded_here) {
                    return Err(Error::new(
                        ErrorKind::Integrity,
                        format!(
                            "the service returned the etag {:?}, which an object of these {} parts cannot have",
                            stored.etag,
                            parts.len()
                        ),
                    ));
                }
                Ok(stored)
            };
            Some(complete.boxed())
        };
        let result = service.attempts().run(&operation, attempt).await;
        let completed = match result {
            Err(error)
                if error.may_repeat()
                    && matches!(error.kind(), ErrorKind::NoSuchUpload | ErrorKind::PreconditionFailed) =>
            {
                service.unless_stored(key, error, |object| is_made_of(object, &request.parts)).await
            }
            result => result,
        };
        completed.map(|stored| upload.add_what_was_sent(stored, &request.parts))
    }
}

impl MultipartUpload {
    /// Adds what this handle knows about the object and the service did not return.
    fn add_what_was_sent(&self, mut stored: StoredObject, parts: &[UploadedPart]) -> StoredObject {
        stored.size =
            stored.size.or_else(|| parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size?)));
        stored.ssec_key_md5 = stored.ssec_key_md5.or_else(|| self.service.ssec_key_md5());
        if let Some(begun_with) = &self.begun_with {
            stored.http_metadata.get_or_insert_with(|| begun_with.http_metadata.clone());
            stored.custom_metadata.get_or_insert_with(|| begun_with.custom_metadata.clone());
            stored.storage_class = stored.storage_class.or(begun_with.storage_class);
        }
        stored
    }
}

sent_when_awaited!(CompleteMultipartUpload => StoredObject);
