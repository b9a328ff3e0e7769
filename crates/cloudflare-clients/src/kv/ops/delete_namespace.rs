//! Deletes a namespace.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{ErrorKind, Result};
use crate::kv::namespaces::Namespaces;

impl Namespaces {
    /// Deletes the namespace with this id, and all its keys. A missing namespace is
    /// [`ErrorKind::NoSuchNamespace`].
    pub fn delete(&self, id: impl Into<String>) -> DeleteNamespace {
        DeleteNamespace { namespaces: self.clone(), id: id.into() }
    }
}

/// A [request to delete a
/// namespace](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/delete/).
/// Await it to send it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteNamespace {
    namespaces: Namespaces,
    id: String,
}

impl DeleteNamespace {
    async fn send(self) -> Result<()> {
        let Self { namespaces, id } = self;
        let operation = Operation::new("delete_namespace", &id);
        match namespaces.attempts().run(&operation, || Some(namespaces.account().delete(&id))).await {
            // An earlier attempt deleted it, and its answer was lost.
            Err(error) if error.attempts() > 1 && error.kind() == ErrorKind::NoSuchNamespace => Ok(()),
            result => result,
        }
    }
}

sent_when_awaited!(DeleteNamespace => ());
