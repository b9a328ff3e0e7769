//! Uploading parts.

use futures_util::FutureExt as _;

use super::multipart_upload::MultipartUpload;
use crate::body::{Body, Replay};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
#[cfg(not(target_arch = "wasm32"))]
use crate::model::r2::ChecksumType;
#[cfg(not(target_arch = "wasm32"))]
use crate::model::r2::content_checksum::checksum_of;
use crate::model::r2::{Checksum, UploadPartRequest, UploadedPart};
use crate::r2::verify::SentMd5;

impl MultipartUpload {
    /// Uploads a part, replacing one with the same number, which is 1 to 10,000. The length of the body must
    /// be known.
    pub fn upload_part(&self, part_number: u16, body: impl Into<Body>) -> UploadPart {
        let request = UploadPartRequest::new(&self.key, &self.upload_id, part_number, body);
        UploadPart { upload: self.clone(), request }
    }
}

/// A request to upload a part. Awaiting it returns the [`UploadedPart`], which is needed to complete the
/// upload.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UploadPart {
    upload: MultipartUpload,
    request: UploadPartRequest,
}

impl UploadPart {
    /// Sets the checksum that the bytes must have. If it differs, the upload of the part fails with
    /// [`ErrorKind::Integrity`](crate::ErrorKind). If the upload was
    /// [created with an algorithm](crate::r2::CreateMultipartUpload::checksum_algorithm), use the same one
    /// here.
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.request.checksum = Some(checksum);
        self
    }

    async fn send(self) -> Result<UploadedPart> {
        let Self { upload, request } = self;
        let operation = Operation::new("upload_part", &upload.key).sending(request.body.content_length());
        operation.check(request.validate())?;
        let UploadPartRequest { key, upload_id, part_number, body, checksum, .. } = request;
        let length = body.content_length();
        #[cfg(not(target_arch = "wasm32"))]
        let checksum = match checksum {
            None => upload.checksum_of_part(&body).await,
            given => given,
        };
        let sent = SentMd5::new(&upload.service, &body, checksum).await;
        let replay = Replay::new(body);
        let attempt = || {
            let request = UploadPartRequest {
                key: key.clone(),
                upload_id: upload_id.clone(),
                part_number,
                body: sent.observe(replay.next()?),
                checksum: checksum.or(sent.get()),
                ssec_key: upload.service.ssec_key().cloned(),
            };
            let (bucket, sent, replay) = (upload.service.bucket().clone(), sent.clone(), &replay);
            let upload = async move {
                let part = bucket.upload_part(request).await?;
                sent.check_stored(&part.etag, &part.checksums, replay).await?;
                Ok(part)
            };
            Some(upload.boxed())
        };
        let mut part = upload.service.attempts().run(&operation, attempt).await?;
        part.size = length;
        upload.has_uploaded(part.clone());
        Ok(part)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl MultipartUpload {
    /// The checksum to send with a part in memory, if the object gets a composite checksum.
    async fn checksum_of_part(&self, body: &Body) -> Option<Checksum> {
        let algorithm = self
            .checksum_algorithm
            .filter(|algorithm| algorithm.type_of_parts() == Some(ChecksumType::Composite))?;
        Some(checksum_of(algorithm, body.as_bytes()?).await)
    }
}

sent_when_awaited!(UploadPart => UploadedPart);
