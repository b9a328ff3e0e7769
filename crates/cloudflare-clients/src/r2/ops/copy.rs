//! Copying objects within a bucket.

use std::future::IntoFuture;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::client::operation::Operation;
use crate::error::{ErrorKind, Result};
use crate::model::r2::{Conditional, CopyRequest, CustomMetadata, HttpMetadata, StorageClass, StoredObject};
use crate::r2::service::R2Service;

impl R2Service {
    /// Copies an object within the bucket, without its bytes coming here.
    pub fn copy(&self, source: impl Into<String>, key: impl Into<String>) -> Copy {
        let request = CopyRequest { source: source.into(), key: key.into(), ..CopyRequest::default() };
        Copy { service: self.clone(), request }
    }
}

/// A copy; awaiting it gives what the service says of the new object.
///
/// HTTP and custom metadata are copied too unless they are replaced. A source that is missing is
/// [`ErrorKind::InvalidInput`] with the code `NoSuchKey`. The bucket's binding has no copy: [`ErrorKind::Unsupported`].
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

    /// Metadata in place of the source's.
    pub fn replace_metadata(mut self, http: HttpMetadata, custom: CustomMetadata) -> Self {
        self.request.replace_metadata = Some((http, custom));
        self
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

impl IntoFuture for Copy {
    type Output = Result<StoredObject>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}
