//! Uploads in parts.

use std::collections::BTreeMap;
use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::body::{Body, Replay};
use super::bucket::{
    CompleteMultipartUploadRequest, CreateMultipartUploadRequest, ListMultipartUploadsRequest,
    ListPartsRequest, MultipartUploadSummary, MultipartUploadsPage, UploadPartRequest, UploadedPart,
};
use super::checksum::{Checksum, Hasher};
use super::conditional::Conditional;
use super::limits::{
    MIN_PART_SIZE, validate_page_size, validate_part_number, validate_upload_id, validate_upload_size,
};
use super::list::next_page;
use super::object::{CustomMetadata, HttpMetadata, Object, StorageClass, StoredObject};
use super::service::R2Service;
use super::verify::SentMd5;
use crate::attempts::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::s3::endpoint::validate_key;

/// The begin of an upload in parts; awaiting it gives the [`MultipartUpload`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateMultipartUpload {
    service: R2Service,
    request: CreateMultipartUploadRequest,
}

impl CreateMultipartUpload {
    pub(super) fn new(service: R2Service, key: String) -> Self {
        Self::from_request(service, CreateMultipartUploadRequest { key, ..Default::default() })
    }

    pub(super) fn from_request(service: R2Service, request: CreateMultipartUploadRequest) -> Self {
        Self { service, request }
    }

    /// `Content-Type`.
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        self.request.http_metadata.content_type = Some(value.into());
        self
    }

    /// `Cache-Control`.
    pub fn cache_control(mut self, value: impl Into<String>) -> Self {
        self.request.http_metadata.cache_control = Some(value.into());
        self
    }

    /// All HTTP metadata, in place of what was set before.
    pub fn http_metadata(mut self, metadata: HttpMetadata) -> Self {
        self.request.http_metadata = metadata;
        self
    }

    /// One name and value of custom metadata.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.custom_metadata.insert(name, value);
        self
    }

    /// All custom metadata, in place of what was set before.
    pub fn custom_metadata(mut self, metadata: CustomMetadata) -> Self {
        self.request.custom_metadata = metadata;
        self
    }

    /// How R2 stores the object.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.request.storage_class = Some(class);
        self
    }

    async fn send(self) -> Result<MultipartUpload> {
        let Self { service, request } = self;
        let operation = Operation::new("createMultipartUpload", &request.key);
        operation.check(validate_key(&request.key))?;
        operation.check(request.http_metadata.validate())?;
        operation.check(request.custom_metadata.validate())?;
        let bucket = service.bucket();
        let id = service.run(&operation, || Some(bucket.create_multipart_upload(request.clone()))).await?;
        Ok(MultipartUpload::new(service, request.key, id))
    }
}

impl IntoFuture for CreateMultipartUpload {
    type Output = Result<MultipartUpload>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}

/// An upload in parts.
///
/// All parts but the last have one size, [`MIN_PART_SIZE`] or more, and the last is not larger; there are at most
/// [`MAX_PARTS`](super::MAX_PARTS). Parts may go up in any order and at the same time. An upload that is neither completed nor aborted is
/// dropped by R2 after 7 days. See [multipart objects](https://developers.cloudflare.com/r2/objects/multipart-objects/).
#[derive(Clone)]
pub struct MultipartUpload {
    service: R2Service,
    key: String,
    upload_id: String,
    parts: Arc<Mutex<BTreeMap<u16, UploadedPart>>>,
}

impl MultipartUpload {
    pub(super) fn new(service: R2Service, key: String, upload_id: String) -> Self {
        Self { service, key, upload_id, parts: Arc::default() }
    }

    /// The key that the object will have.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The id, with which [`R2Service::resume_multipart_upload`] goes on.
    pub fn upload_id(&self) -> &str {
        &self.upload_id
    }

    /// The parts that this handle and its clones have uploaded, by number; [`list_parts`](Self::list_parts) asks the
    /// service for all.
    pub fn parts(&self) -> Vec<UploadedPart> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Uploads a part, in place of one with the same number, which is 1 to 10,000. The length of its body must be known.
    pub fn upload_part(
        &self,
        part_number: u16,
        body: impl Into<Body>,
    ) -> BoxFuture<'static, Result<UploadedPart>> {
        self.clone().send_part(part_number, body.into()).boxed()
    }

    async fn send_part(self, part_number: u16, body: Body) -> Result<UploadedPart> {
        let operation = Operation::new("uploadPart", &self.key).sending(body.content_length());
        operation.check(self.validate())?;
        operation.check(validate_part_number(part_number))?;
        let length = operation.check(body.known_length())?;
        operation.check(validate_upload_size(length))?;
        let sent = SentMd5::new(&self.service, &body, None).await;
        let replay = Replay::new(body);
        let attempt = || {
            let request = UploadPartRequest {
                key: self.key.clone(),
                upload_id: self.upload_id.clone(),
                part_number,
                body: sent.observe(replay.next()?),
                checksum: sent.get(),
            };
            let (bucket, sent) = (self.service.bucket().clone(), sent.clone());
            let upload = async move {
                let part = bucket.upload_part(request).await?;
                sent.check_etag(&part.etag)?;
                Ok(part)
            };
            Some(upload.boxed())
        };
        let mut part = self.service.run(&operation, attempt).await?;
        part.size = Some(length);
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(part_number, part.clone());
        Ok(part)
    }

    /// Makes the object of these parts, given in any order; awaiting it gives what the service says of the object.
    ///
    /// The parts must be the ones that were uploaded, all but the last of one size.
    pub fn complete(&self, parts: impl IntoIterator<Item = UploadedPart>) -> CompleteMultipartUpload {
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_by_key(|part| part.part_number);
        CompleteMultipartUpload { upload: self.clone(), parts, only_if: Conditional::default() }
    }

    /// Drops the upload and its parts. Fine when it was completed or aborted before.
    pub fn abort(&self) -> BoxFuture<'static, Result<()>> {
        let upload = self.clone();
        async move {
            let Self { service, key, upload_id, .. } = &upload;
            let operation = Operation::new("abortMultipartUpload", key);
            operation.check(upload.validate())?;
            service.run(&operation, || Some(service.bucket().abort_multipart_upload(key, upload_id))).await
        }
        .boxed()
    }

    /// All parts that the service has, by number. The bucket's binding cannot list them:
    /// [`ErrorKind::Unsupported`].
    pub fn list_parts(&self) -> BoxFuture<'static, Result<Vec<UploadedPart>>> {
        self.clone().list_all_parts().boxed()
    }

    async fn list_all_parts(self) -> Result<Vec<UploadedPart>> {
        let operation = Operation::new("listParts", &self.key);
        operation.check(self.validate())?;
        let mut request = ListPartsRequest {
            key: self.key.clone(),
            upload_id: self.upload_id.clone(),
            ..ListPartsRequest::default()
        };
        let mut parts = Vec::new();
        loop {
            let bucket = self.service.bucket();
            let page = self.service.run(&operation, || Some(bucket.list_parts(request.clone()))).await?;
            parts.extend(page.parts);
            if !page.truncated {
                return Ok(parts);
            }
            let next = next_page(page.next_part_number_marker, request.part_number_marker.as_ref());
            request.part_number_marker = Some(operation.check(next)?);
        }
    }

    fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        validate_upload_id(&self.upload_id)
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

/// The end of an upload in parts; awaiting it gives what the service says of the object.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CompleteMultipartUpload {
    upload: MultipartUpload,
    parts: Vec<UploadedPart>,
    only_if: Conditional,
}

impl CompleteMultipartUpload {
    /// What an object that is there must meet. When it does not, the upload is gone all the same. The bucket's binding
    /// has no such condition: [`ErrorKind::Unsupported`].
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = only_if;
        self
    }

    async fn send(self) -> Result<StoredObject> {
        let Self { upload, parts, only_if } = self;
        let MultipartUpload { service, key, upload_id, .. } = &upload;
        let operation = Operation::new("completeMultipartUpload", key);
        operation.check(upload.validate())?;
        operation.check(only_if.validate())?;
        operation.check(validate_parts(&parts))?;
        let request =
            CompleteMultipartUploadRequest { key: key.clone(), upload_id: upload_id.clone(), parts, only_if };
        let bucket = service.bucket();
        let result =
            service.run(&operation, || Some(bucket.complete_multipart_upload(request.clone()))).await;
        match result {
            Err(error)
                if error.attempts() > 1
                    && matches!(error.kind(), ErrorKind::NoSuchUpload | ErrorKind::PreconditionFailed) =>
            {
                service.unless_stored(key, error, |object| is_made_of(object, &request.parts)).await
            }
            result => result,
        }
    }
}

impl IntoFuture for CompleteMultipartUpload {
    type Output = Result<StoredObject>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}

/// Checks R2's rules, as far as the sizes are known. `parts` are in order.
fn validate_parts(parts: &[UploadedPart]) -> Result<()> {
    if parts.is_empty() {
        return Err(Error::invalid_input("an upload needs one part at least"));
    }
    for part in parts {
        validate_part_number(part.part_number)?;
    }
    if let Some([twice, _]) = parts.array_windows().find(|[a, b]| a.part_number == b.part_number) {
        return Err(Error::invalid_input(format!("part {} is given twice", twice.part_number)));
    }
    let rule = "all parts but the last have one size of 5 MiB or more, and the last is not larger";
    let first = parts.first().and_then(|part| part.size);
    for (index, part) in parts.iter().enumerate() {
        let (Some(expected), Some(size)) = (first, part.size) else {
            continue;
        };
        let last = index + 1 == parts.len();
        let wrong = if last { size > expected } else { size != expected || size < MIN_PART_SIZE };
        if wrong {
            let number = part.part_number;
            return Err(Error::invalid_input(format!(
                "part {number} has {size} bytes and the first one {expected}: {rule}"
            ))
            .with_code(if !last && size < MIN_PART_SIZE {
                "EntityTooSmall"
            } else {
                "InvalidPart"
            }));
        }
    }
    Ok(())
}

/// Whether an object is what completing an upload of these parts makes: by its etag, the MD5 of the parts' MD5s, where the
/// service's part etags are MD5s, else by the number of parts and the size.
fn is_made_of(object: &Object, parts: &[UploadedPart]) -> bool {
    let size = parts.iter().map(|part| part.size).sum::<Option<u64>>();
    if size.is_some_and(|size| size != object.size) {
        return false;
    }
    let mut hasher = Hasher::md5();
    for part in parts {
        match Checksum::from_etag(&part.etag) {
            Some(md5) => hasher.update(md5.as_bytes()),
            None => return size.is_some() && object.etag.ends_with(&format!("-{}", parts.len())),
        }
    }
    object.etag == format!("{}-{}", hasher.finish().to_hex(), parts.len())
}

const LIST_UPLOADS: Operation<'_> = Operation::without_key("listMultipartUploads");

/// A listing of the uploads that are neither completed nor aborted.
///
/// Awaiting it gives one [`MultipartUploadsPage`]; [`stream`](Self::stream) goes on to the end. The bucket's binding cannot
/// list them: [`ErrorKind::Unsupported`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListMultipartUploads {
    service: R2Service,
    request: ListMultipartUploadsRequest,
}

impl ListMultipartUploads {
    pub(super) fn new(service: R2Service) -> Self {
        Self { service, request: ListMultipartUploadsRequest::default() }
    }

    /// Only keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.request.prefix = prefix.into();
        self
    }

    /// Groups the keys that go on to this after the prefix.
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.request.delimiter = Some(delimiter.into()).filter(|delimiter| !delimiter.is_empty());
        self
    }

    /// How many uploads a page has at most: 1 to 1,000, which is the default.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// All uploads, page after page.
    pub fn stream(self) -> BoxStream<'static, Result<MultipartUploadSummary>> {
        let pages = stream::try_unfold(Some(self), |list| async move {
            let Some(mut list) = list else {
                return Ok::<_, Error>(None);
            };
            let page = list.clone().send().await?;
            let uploads = stream::iter(page.uploads.into_iter().map(Ok));
            if !page.truncated {
                return Ok(Some((uploads, None)));
            }
            let ListMultipartUploadsRequest { key_marker, upload_id_marker, .. } = &mut list.request;
            let here = key_marker.take().map(|key| (key, upload_id_marker.take()));
            let next = page.next_key_marker.map(|key| (key, page.next_upload_id_marker));
            let (key, upload_id) = LIST_UPLOADS.check(next_page(next, here.as_ref()))?;
            (*key_marker, *upload_id_marker) = (Some(key), upload_id);
            Ok(Some((uploads, Some(list))))
        });
        pages.try_flatten().boxed()
    }

    async fn send(self) -> Result<MultipartUploadsPage> {
        let Self { service, request } = self;
        LIST_UPLOADS.check(validate_page_size(request.limit))?;
        service.run(&LIST_UPLOADS, || Some(service.bucket().list_multipart_uploads(request.clone()))).await
    }
}

impl IntoFuture for ListMultipartUploads {
    type Output = Result<MultipartUploadsPage>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sizes: &[u64]) -> Vec<UploadedPart> {
        let part = |(size, part_number)| UploadedPart { part_number, etag: "e".to_owned(), size: Some(size) };
        sizes.iter().copied().zip(1..).map(part).collect()
    }

    #[test]
    fn parts_of_wrong_sizes_are_refused_before_any_request() {
        const MIB: u64 = 1024 * 1024;
        for good in [&[1][..], &[5 * MIB, 1], &[6 * MIB, 6 * MIB, 6 * MIB], &[5 * MIB, 0]] {
            assert!(validate_parts(&parts(good)).is_ok(), "{good:?}");
        }
        for (bad, code) in [
            (&[MIB, MIB][..], "EntityTooSmall"),
            (&[5 * MIB, 6 * MIB], "InvalidPart"),
            (&[6 * MIB, 5 * MIB, 1], "InvalidPart"),
        ] {
            assert_eq!(validate_parts(&parts(bad)).unwrap_err().code(), Some(code), "{bad:?}");
        }
        let mut unknown = parts(&[MIB, MIB]);
        for part in &mut unknown {
            part.size = None;
        }
        assert!(validate_parts(&unknown).is_ok());
        unknown[1].part_number = 1;
        assert!(validate_parts(&unknown).is_err());
    }

    #[test]
    fn a_completed_object_is_recognised_by_its_etag() {
        let parts: Vec<_> = ["bce6bf66aeb76c7040fdd5f4eccb78e6", "8165449fc15bbf43d3b674595cbcc406"]
            .into_iter()
            .zip(1..)
            .map(|(etag, part_number)| UploadedPart { part_number, etag: etag.to_owned(), size: None })
            .collect();
        let object = |etag| Object::new("k", 1, etag, std::time::UNIX_EPOCH);
        assert!(is_made_of(&object("f77dc0eecdebcd774a2a22cb393ad2ff-2"), &parts));
        assert!(!is_made_of(&object("f77dc0eecdebcd774a2a22cb393ad2fe-2"), &parts));
    }
}
