//! Reading the metadata of an object.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{HeadRequest, Object};
use crate::r2::service::R2Service;

impl R2Service {
    /// The metadata of an object.
    pub fn head(&self, key: impl Into<String>) -> Head {
        Head { service: self.clone(), request: HeadRequest::new(key) }
    }

    /// Whether an object exists: a head of it.
    ///
    /// # Errors
    /// All but the answer that no object has this key: a missing bucket is [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    pub async fn exists(&self, key: impl Into<String>) -> Result<bool> {
        Ok(self.head(key).await?.is_some())
    }
}

/// A head; awaiting it gives the metadata of the object, or `None` when no object has this key.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Head {
    service: R2Service,
    request: HeadRequest,
}

impl Head {
    async fn send(self) -> Result<Option<Object>> {
        let Self { service, request } = self;
        let operation = Operation::new("head", &request.key);
        operation.check(request.validate())?;
        service.attempts().run(&operation, || Some(service.bucket().head(request.clone()))).await
    }
}

sent_when_awaited!(Head => Option<Object>);
