//! Copying objects within a bucket.

use super::setters::http_metadata_setters;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{ErrorKind, Result};
use crate::model::r2::{Conditional, CopyRequest, CustomMetadata, HttpMetadata, StorageClass, StoredObject};
use crate::r2::service::R2Service;

impl R2Service {
    /// Copies an object within the bucket, without its bytes coming here.
    pub fn copy(&self, source: impl Into<String>, key: impl Into<String>) -> Copy {
        Copy { service: self.clone(), request: CopyRequest::new(source, key) }
    }
}

/// A copy; awaiting it gives what the service says of the new object.
///
/// HTTP and custom metadata are copied too, unless one of the setters replaces them all. A source that is missing is
/// [`ErrorKind::NoSuchKey`], and the [`key`](crate::Error::key) of the error is the source's. The bucket's binding has no
/// copy: [`ErrorKind::Unsupported`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Copy {
    service: R2Service,
    request: CopyRequest,
}

impl Copy {
    /// What the source must meet.
    pub fn source_only_if(mut self, only_if: Conditional) -> Self {
        self.request.source_only_if = only_if;
        self
    }

    /// A condition on the object that the new key already has.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.request.only_if = only_if;
        self
    }

    /// Replaces the source's metadata, all of it, by what the setters of this request give: `content_type`, `metadata` and the
    /// others, which imply it. Without any of them the copy has the source's metadata.
    pub fn replace_metadata(mut self) -> Self {
        self.replaced();
        self
    }

    http_metadata_setters!();

    fn replaced(&mut self) -> &mut (HttpMetadata, CustomMetadata) {
        self.request.replace_metadata.get_or_insert_default()
    }

    fn http(&mut self) -> &mut HttpMetadata {
        &mut self.replaced().0
    }

    fn custom(&mut self) -> &mut CustomMetadata {
        &mut self.replaced().1
    }

    /// How R2 stores the copy.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.request.storage_class = Some(class);
        self
    }

    async fn send(self) -> Result<StoredObject> {
        let Self { service, request } = self;
        let operation = Operation::new("copy", &request.key);
        operation.check(request.validate())?;
        let result =
            service.attempts().run(&operation, || Some(service.bucket().copy(request.clone()))).await;
        match result {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed && error.attempts() > 1 => {
                let Ok(Some(source)) = service.head(&request.source).await else {
                    return Err(error);
                };
                service
                    .unless_stored(&request.key, error, |copy| {
                        copy.etag == source.etag && copy.size == source.size
                    })
                    .await
            }
            result => result,
        }
    }
}

sent_when_awaited!(Copy => StoredObject);
