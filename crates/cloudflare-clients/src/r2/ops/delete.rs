//! Deleting objects.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::DeleteRequest;
use crate::r2::service::R2Service;

impl R2Service {
    /// Deletes an object. A missing object is not an error.
    pub fn delete(&self, key: impl Into<String>) -> Delete {
        Delete { service: self.clone(), request: DeleteRequest::new(key) }
    }
}

/// A request to delete an object. Awaiting it deletes the object.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Delete {
    service: R2Service,
    request: DeleteRequest,
}

impl Delete {
    async fn send(self) -> Result<()> {
        let Self { service, request } = self;
        let operation = Operation::new("delete", &request.key);
        operation.check(request.validate())?;
        service.attempts().run(&operation, || Some(service.bucket().delete(request.clone()))).await
    }
}

sent_when_awaited!(Delete => ());
