//! Beginning uploads in parts.

use std::future::IntoFuture;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::multipart_upload::MultipartUpload;
use super::setters::metadata_setters;
use crate::client::operation::Operation;
use crate::error::Result;
use crate::model::r2::{CreateMultipartUploadRequest, CustomMetadata, HttpMetadata, StorageClass};
use crate::r2::service::R2Service;

impl R2Service {
    /// Begins an upload in parts.
    pub fn create_multipart_upload(&self, key: impl Into<String>) -> CreateMultipartUpload {
        let request = CreateMultipartUploadRequest { key: key.into(), ..Default::default() };
        CreateMultipartUpload::from_request(self.clone(), request)
    }
}

/// The begin of an upload in parts; awaiting it gives the [`MultipartUpload`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateMultipartUpload {
    service: R2Service,
    request: CreateMultipartUploadRequest,
}

impl CreateMultipartUpload {
    pub(super) fn from_request(service: R2Service, request: CreateMultipartUploadRequest) -> Self {
        Self { service, request }
    }

    metadata_setters!();

    async fn send(self) -> Result<MultipartUpload> {
        let Self { service, request } = self;
        let operation = Operation::new("createMultipartUpload", &request.key);
        operation.check(request.validate())?;
        let bucket = service.bucket();
        let id = service
            .attempts()
            .run(&operation, || Some(bucket.create_multipart_upload(request.clone())))
            .await?;
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
