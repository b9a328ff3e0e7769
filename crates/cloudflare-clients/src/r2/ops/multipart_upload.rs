//! An upload in parts that is under way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::body::{Body, Replay};
use crate::client::operation::Operation;
use crate::client::pages::next_page;
use crate::error::Result;
use crate::model::r2::multipart::validate_upload;
use crate::model::r2::{ListPartsRequest, UploadPartRequest, UploadedPart};
use crate::r2::service::R2Service;
use crate::r2::verify::SentMd5;
use crate::sync::lock;

impl R2Service {
    /// Goes on with an upload that was begun before. There is no I/O, and so no telling whether it exists.
    pub fn resume_multipart_upload(
        &self,
        key: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> MultipartUpload {
        MultipartUpload::new(self.clone(), key.into(), upload_id.into())
    }
}

/// An upload in parts.
///
/// All parts but the last have one size, [`MIN_PART_SIZE`](crate::r2::MIN_PART_SIZE) or more, and the last is not larger; there
/// are at most [`MAX_PARTS`](crate::r2::MAX_PARTS). Parts may go up in any order and at the same time. An upload that is
/// neither completed nor aborted is dropped by R2 after 7 days. See [multipart objects](https://developers.cloudflare.com/r2/objects/multipart-objects/).
#[derive(Clone)]
pub struct MultipartUpload {
    pub(super) service: R2Service,
    pub(super) key: String,
    pub(super) upload_id: String,
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

    /// The id. [`R2Service::resume_multipart_upload`] takes it to continue the upload.
    pub fn upload_id(&self) -> &str {
        &self.upload_id
    }

    /// The parts that this handle and its clones have uploaded, by number; [`list_parts`](Self::list_parts) asks the
    /// service for all.
    pub fn parts(&self) -> Vec<UploadedPart> {
        lock(&self.parts).values().cloned().collect()
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
        let request = UploadPartRequest {
            key: self.key.clone(),
            upload_id: self.upload_id.clone(),
            part_number,
            body,
            checksum: None,
        };
        operation.check(request.validate())?;
        let UploadPartRequest { key, upload_id, body, .. } = request;
        let length = body.content_length();
        let sent = SentMd5::new(&self.service, &body, None).await;
        let replay = Replay::new(body);
        let attempt = || {
            let request = UploadPartRequest {
                key: key.clone(),
                upload_id: upload_id.clone(),
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
        let mut part = self.service.attempts().run(&operation, attempt).await?;
        part.size = length;
        lock(&self.parts).insert(part_number, part.clone());
        Ok(part)
    }

    /// Drops the upload and its parts. Fine when it was completed or aborted before.
    pub fn abort(&self) -> BoxFuture<'static, Result<()>> {
        let upload = self.clone();
        async move {
            let Self { service, key, upload_id, .. } = &upload;
            let operation = Operation::new("abortMultipartUpload", key);
            operation.check(validate_upload(key, upload_id))?;
            service
                .attempts()
                .run(&operation, || Some(service.bucket().abort_multipart_upload(key, upload_id)))
                .await
        }
        .boxed()
    }

    /// All parts that the service has, by number. The bucket's binding cannot list them:
    /// [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub fn list_parts(&self) -> BoxFuture<'static, Result<Vec<UploadedPart>>> {
        self.clone().list_all_parts().boxed()
    }

    async fn list_all_parts(self) -> Result<Vec<UploadedPart>> {
        let operation = Operation::new("listParts", &self.key);
        let mut request = ListPartsRequest {
            key: self.key.clone(),
            upload_id: self.upload_id.clone(),
            ..ListPartsRequest::default()
        };
        operation.check(request.validate())?;
        let mut parts = Vec::new();
        loop {
            let bucket = self.service.bucket();
            let page =
                self.service.attempts().run(&operation, || Some(bucket.list_parts(request.clone()))).await?;
            parts.extend(page.parts);
            if !page.truncated {
                return Ok(parts);
            }
            let next = next_page(page.next_part_number_marker, request.part_number_marker.as_ref());
            request.part_number_marker = Some(operation.check(next)?);
        }
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
