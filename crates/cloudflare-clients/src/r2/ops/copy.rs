//! Copying objects, each with one request.

use futures_util::FutureExt as _;

use super::setters::http_metadata_setters;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{
    Checksum, Conditional, CopyRequest, CustomMetadata, EtagList, HttpMetadata, Object, ObjectMetadata,
    SseCustomerKey, StorageClass, StoredObject,
};
use crate::r2::lost_answer::{may_be_stored_with, may_have_happened};
use crate::r2::service::R2Service;
use crate::r2::verify::verifies_writes;

impl R2Service {
    /// Copies an object within the bucket with one request. Its bytes do not pass through this program.
    ///
    /// R2 accepts objects of up to [`MAX_SINGLE_UPLOAD`](crate::r2::MAX_SINGLE_UPLOAD) bytes. `copy_object`
    /// copies objects of any size, and to other buckets.
    ///
    /// To change an object's metadata, copy it to its own key. The setters replace all metadata, so pass the
    /// unchanged fields too. A condition on the etag ensures that the object is still the one whose metadata
    /// was read:
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, Result, r2::{Conditional, R2Service, StoredObject}};
    /// async fn cache_for_an_hour(r2: &R2Service, key: &str) -> Result<Option<StoredObject>> {
    ///     let Some(object) = r2.head(key).await? else { return Ok(None) };
    ///     let mut copy = r2
    ///         .copy(key, key)
    ///         .source_only_if(Conditional::new().etag_matches(&object.etag))
    ///         .http_metadata(object.http_metadata.unwrap_or_default())
    ///         .custom_metadata(object.custom_metadata.unwrap_or_default())
    ///         .cache_control("max-age=3600");
    ///     if let Some(class) = object.storage_class {
    ///         copy = copy.storage_class(class);
    ///     }
    ///     copy.await.map(Some)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// r2.put("a.mp4", "video").content_type("video/mp4").metadata("by", "me").await?;
    /// cache_for_an_hour(&r2, "a.mp4").await?;
    /// let object = r2.head("a.mp4").await?.unwrap();
    /// assert_eq!(object.metadata("by"), Some("me"));
    /// let http = object.http_metadata.unwrap();
    /// assert_eq!(http.content_type.as_deref(), Some("video/mp4"));
    /// assert_eq!(http.cache_control.as_deref(), Some("max-age=3600"));
    /// # Ok(()) }
    /// ```
    pub fn copy(&self, source: impl Into<String>, key: impl Into<String>) -> CopyObject {
        let mut request = CopyRequest::new(source, key);
        request.source_ssec_key = self.ssec_key().cloned();
        request.ssec_key = self.ssec_key().cloned();
        CopyObject { service: self.clone(), request }
    }
}

/// A request to copy an object. Awaiting it returns what the service returned about the new object, and the
/// metadata and the storage class that were set.
///
/// HTTP and custom metadata are copied too, unless one of the setters replaces all of it. If the source does
/// not exist, the error is [`ErrorKind::NoSuchKey`] with the source's [`key`](crate::Error::key). A Worker's
/// binding cannot copy: [`ErrorKind::Unsupported`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CopyObject {
    service: R2Service,
    request: CopyRequest,
}

impl CopyObject {
    /// Sets the source's bucket, in the same account or local store. The credentials must have access to both
    /// buckets.
    pub fn source_bucket(mut self, bucket: impl Into<String>) -> Self {
        self.request.source_bucket = Some(bucket.into());
        self
    }

    /// Sets conditions on the source.
    pub fn source_only_if(mut self, only_if: Conditional) -> Self {
        self.request.source_only_if = only_if;
        self
    }

    /// Sets conditions on the object that is replaced.
    ///
    /// If responses are lost, several copies of one source can succeed under the same condition, as
    /// [puts of the same bytes](crate::r2::Put::only_if) can. Unique [custom metadata](Self::metadata)
    /// distinguishes them.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.request.only_if = only_if;
        self
    }

    /// Replaces all of the source's metadata with that of this request's setters. `content_type`, `metadata`
    /// and the other setters imply it. Without any of them, the copy has the source's metadata.
    pub fn replace_metadata(mut self) -> Self {
        self.replaced();
        self
    }

    http_metadata_setters!();

    fn replaced(&mut self) -> &mut ObjectMetadata {
        self.request.replace_metadata.get_or_insert_default()
    }

    fn http(&mut self) -> &mut HttpMetadata {
        &mut self.replaced().http_metadata
    }

    fn custom(&mut self) -> &mut CustomMetadata {
        &mut self.replaced().custom_metadata
    }

    /// Sets the storage class of the copy.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.request.storage_class = Some(class);
        self
    }

    /// Sets the customer's key with which the source is encrypted (SSE-C), instead of
    /// [the service's](R2Service::with_ssec_key).
    pub fn source_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.request.source_ssec_key = key.into();
        self
    }

    /// Sets the customer's key to encrypt the copy with (SSE-C), instead of
    /// [the service's](R2Service::with_ssec_key). With `None`, the copy is not encrypted with a customer's
    /// key.
    pub fn ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.request.ssec_key = key.into();
        self
    }

    async fn send(self) -> Result<StoredObject> {
        let Self { service, request } = self;
        let operation = Operation::new("copy", &request.key);
        operation.check(request.validate())?;
        // An encrypted copy has a different etag.
        let is_plain = request.source_ssec_key.is_none() && request.ssec_key.is_none();
        let verifies = verifies_writes(&service) && is_plain;
        let attempt = || {
            let (copy, only_if) = (service.bucket().copy(request.clone()), &request.source_only_if);
            let copy = async move {
                let stored = copy.await?;
                if verifies {
                    check_copy(&stored, only_if)?;
                }
                Ok(stored)
            };
            Some(copy.boxed())
        };
        let result = service.attempts().run(&operation, attempt).await;
        let copied = match result {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed && error.may_repeat() => {
                let source_etag = source_etag(&service, &request).await.map_err(may_have_happened)?;
                let Some(source_etag) = source_etag else { return Err(error) };
                let service = service.clone().with_ssec_key(request.ssec_key.clone());
                let replaced = request.replace_metadata.as_ref().map(|replaced| &replaced.custom_metadata);
                let is_copy = |object: &Object| {
                    object.etag == source_etag
                        && replaced.is_none_or(|custom| may_be_stored_with(object, custom))
                };
                service.unless_stored(&request.key, error, is_copy).await
            }
            result => result,
        };
        copied.map(|stored| with_what_was_sent(stored, request))
    }
}

/// The single etag that the source must have.
fn required_etag(source_only_if: &Conditional) -> Option<&str> {
    match &source_only_if.etag_matches {
        Some(EtagList::OneOf(etags)) if etags.len() == 1 => Some(&etags[0].value),
        _ => None,
    }
}

/// The source's etag, if it can be known. Other buckets are not read.
async fn source_etag(service: &R2Service, request: &CopyRequest) -> Result<Option<String>> {
    if let Some(etag) = required_etag(&request.source_only_if) {
        return Ok(Some(etag.to_owned()));
    }
    if request.source_bucket.is_some() {
        return Ok(None);
    }
    let source = service.head(&request.source).ssec_key(request.source_ssec_key.clone()).await?;
    Ok(source.map(|source| source.etag))
}

/// Compares the etag of a copy with the one that the source had to have, if both are MD5s.
fn check_copy(copy: &StoredObject, source_only_if: &Conditional) -> Result<()> {
    let Some(source) = required_etag(source_only_if) else { return Ok(()) };
    match (Checksum::from_etag(source), Checksum::from_etag(&copy.etag)) {
        (Some(source), Some(copy)) if source != copy => Err(Error::new(
            ErrorKind::Integrity,
            format!("the copy differs from its source: {copy:?} instead of {source:?}"),
        )),
        _ => Ok(()),
    }
}

/// Adds what the request sent and the service did not return.
fn with_what_was_sent(mut stored: StoredObject, request: CopyRequest) -> StoredObject {
    if let Some(replaced) = request.replace_metadata {
        stored.http_metadata.get_or_insert(replaced.http_metadata);
        stored.custom_metadata.get_or_insert(replaced.custom_metadata);
    }
    stored.storage_class = stored.storage_class.or(request.storage_class);
    stored.ssec_key_md5 = stored.ssec_key_md5.or_else(|| Some(request.ssec_key?.md5().to_hex()));
    stored
}

sent_when_awaited!(CopyObject => StoredObject);
