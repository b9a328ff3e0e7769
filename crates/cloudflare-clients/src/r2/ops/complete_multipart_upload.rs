//! Completing uploads in parts.

use futures_util::FutureExt as _;

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::multipart::{contradicts_parts, is_made_of};
use crate::model::r2::{
    CompleteMultipartUploadRequest, Conditional, ObjectChecksum, StoredObject, UploadedPart,
};
use crate::r2::verify::verifies_writes;

impl MultipartUpload {
    /// Makes the object of these parts, given in any order; awaiting it gives what is known of the object.
    ///
    /// The parts must be the ones that were uploaded, all but the last of one size. The object has these
    /// parts alone: one that is left out is dropped without an error. What
    /// [`uploaded_here`](Self::uploaded_here) gives is all parts only where this handle has uploaded all;
    /// after [`resume_multipart_upload`](crate::r2::R2Service::resume_multipart_upload), whose example shows
    /// the whole way, take those of [`list_parts`](Self::list_parts) too.
    pub fn complete(&self, parts: impl IntoIterator<Item = UploadedPart>) -> CompleteMultipartUpload {
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_by_key(|part| part.part_number);
        CompleteMultipartUpload {
            upload: self.clone(),
            parts,
            only_if: Conditional::default(),
            checksum: None,
        }
    }
}

/// The end of an upload in parts; awaiting it gives what is known of the object.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CompleteMultipartUpload {
    upload: MultipartUpload,
    parts: Vec<UploadedPart>,
    only_if: Conditional,
    checksum: Option<ObjectChecksum>,
}

impl CompleteMultipartUpload {
    /// A condition on the object that the key already has. If the condition fails, the upload is still consumed. The
    /// bucket's binding does not support conditions here: [`ErrorKind::Unsupported`].
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = only_if;
        self
    }

    /// What the whole object must hash to: its CRC-64/NVME, which [`Crc64Nvme`](crate::r2::Crc64Nvme)
    /// combines of those of the parts, or the [`CompositeChecksum`](crate::r2::CompositeChecksum) of the
    /// algorithm that the upload was begun with. Another one is [`ErrorKind::Integrity`], and the upload
    /// stays as it is. A service that does not know it ignores it: whether it was compared say the checksums
    /// of the [`StoredObject`].
    ///
    /// Without one, the composite checksum that the service says is compared with the checksums of the parts.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], before any I/O: a checksum that R2 does not have of an object in parts, or
    /// the bucket's binding.
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
                        format!("the service made an object of other bytes: {of_stored} in place of {given}"),
                    ));
                }
                if verifies && is_plain && contradicts_parts(&stored.etag, parts, uploaded_here) {
                    return Err(Error::new(
                        ErrorKind::Integrity,
                        format!(
                            "{:?} is not the etag of an object of the {} parts",
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
    /// What the service does not say of the object and this handle knows.
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
