//! The handle of a multipart upload.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::model::r2::{
    ChecksumAlgorithm, CustomMetadata, HttpMetadata, SseCustomerKey, StorageClass, UploadedPart,
};
use crate::r2::service::R2Service;
use crate::sync::lock;

impl R2Service {
    /// Returns a handle for an existing upload. Nothing is sent, so the upload may not exist.
    ///
    /// The handle does not know the existing parts; [`list_parts`](MultipartUpload::list_parts) requests them
    /// from the service. The object consists of exactly the parts that are passed to
    /// [`complete`](MultipartUpload::complete), so complete a resumed upload with both the listed and the new
    /// parts:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use cloudflare_clients::r2::{MIN_PART_SIZE, R2Service, StoredObject};
    /// use cloudflare_clients::{LocalBucket, Result, bytes::Bytes};
    /// use futures_util::TryStreamExt as _;
    ///
    /// /// Uploads the parts of `data` that the service does not have yet.
    /// async fn resume(r2: &R2Service, key: &str, upload_id: &str, data: &Bytes) -> Result<StoredObject> {
    ///     let upload = r2.resume_multipart_upload(key, upload_id);
    ///     let mut parts: BTreeMap<u16, _> =
    ///         upload.list_parts().stream().map_ok(|part| (part.part_number, part)).try_collect().await?;
    ///     for (number, chunk) in (1..).zip(data.chunks(MIN_PART_SIZE as usize)) {
    ///         if !parts.contains_key(&number) {
    ///             parts.insert(number, upload.upload_part(number, data.slice_ref(chunk)).await?);
    ///         }
    ///     }
    ///     upload.complete(parts.into_values()).await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # let data = Bytes::from(vec![7; MIN_PART_SIZE as usize + 3]);
    /// # let upload = r2.create_multipart_upload("a.mp4").await?;
    /// # upload.upload_part(1, data.slice(..MIN_PART_SIZE as usize)).await?;
    /// let stored = resume(&r2, "a.mp4", upload.upload_id(), &data).await?;
    /// assert_eq!(stored.size, Some(data.len() as u64));
    /// # Ok(()) }
    /// ```
    pub fn resume_multipart_upload(
        &self,
        key: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> MultipartUpload {
        MultipartUpload::new(self.clone(), key.into(), upload_id.into(), None)
    }
}

/// A multipart upload.
///
/// All parts except the last must have the same size, of at least
/// [`MIN_PART_SIZE`](crate::r2::MIN_PART_SIZE), and the last must not be larger. There are at most
/// [`MAX_PARTS`](crate::r2::MAX_PARTS). Parts can be uploaded in any order and concurrently. R2 aborts an
/// upload that is neither completed nor aborted after 7 days. See
/// [multipart objects](https://developers.cloudflare.com/r2/objects/multipart-objects/).
#[derive(Clone)]
pub struct MultipartUpload {
    pub(super) service: R2Service,
    pub(super) key: String,
    pub(super) upload_id: String,
    /// The metadata of the upload, if this handle has created it.
    pub(super) begun_with: Option<Arc<BegunWith>>,
    pub(super) checksum_algorithm: Option<ChecksumAlgorithm>,
    uploaded_here: Arc<Mutex<BTreeMap<u16, UploadedPart>>>,
}

/// What the object will be stored with.
pub(super) struct BegunWith {
    pub(super) http_metadata: HttpMetadata,
    pub(super) custom_metadata: CustomMetadata,
    pub(super) storage_class: Option<StorageClass>,
}

impl MultipartUpload {
    pub(super) fn new(
        service: R2Service,
        key: String,
        upload_id: String,
        begun_with: Option<BegunWith>,
    ) -> Self {
        Self {
            service,
            key,
            upload_id,
            begun_with: begun_with.map(Arc::new),
            checksum_algorithm: None,
            uploaded_here: Arc::default(),
        }
    }

    /// Sets the algorithm with which a resumed upload was
    /// [created](crate::r2::CreateMultipartUpload::checksum_algorithm), for this handle and its later clones.
    /// Then checksums are computed for further parts and sent when the upload is completed.
    /// [`list_parts`](Self::list_parts) returns the algorithm.
    #[must_use]
    pub fn with_checksum_algorithm(mut self, algorithm: ChecksumAlgorithm) -> Self {
        self.checksum_algorithm = Some(algorithm);
        self
    }

    /// Sets the customer's key with which a resumed upload was created (SSE-C), instead of
    /// [the service's](R2Service::with_ssec_key). It is sent with each part.
    #[must_use]
    pub fn with_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.service = self.service.with_ssec_key(key);
        self
    }

    /// The key of the object.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The upload id, for [`R2Service::resume_multipart_upload`].
    pub fn upload_id(&self) -> &str {
        &self.upload_id
    }

    /// The parts that this handle and its clones have uploaded, sorted by number. A resumed upload may have
    /// more: [`list_parts`](Self::list_parts) requests all parts from the service.
    pub fn uploaded_here(&self) -> Vec<UploadedPart> {
        lock(&self.uploaded_here).values().cloned().collect()
    }

    /// Whether this handle and its clones have uploaded all of these parts.
    pub(super) fn has_uploaded_all(&self, parts: &[UploadedPart]) -> bool {
        let uploaded = lock(&self.uploaded_here);
        parts.iter().all(|part| uploaded.get(&part.part_number).is_some_and(|here| here.etag == part.etag))
    }

    pub(super) fn has_uploaded(&self, part: UploadedPart) {
        lock(&self.uploaded_here).insert(part.part_number, part);
    }
}

impl fmt::Debug for MultipartUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartUpload")
            .field("key", &self.key)
            .field("upload_id", &self.upload_id)
            .finish_non_exhaustive()
    }
}
