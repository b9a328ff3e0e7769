//! Creating a namespace.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::kv::namespaces::Namespaces;
use crate::model::kv::{NamespaceInfo, validate_title};

impl Namespaces {
    /// Creates a namespace with a title of 1 to 512 bytes, which gets an id.
    ///
    /// A title that another namespace of the account has is [`ErrorKind::Conflict`](crate::ErrorKind). After
    /// more than one [attempt](crate::Error::attempts) that may be what an earlier one, whose answer was
    /// lost, has created: KV does not tell.
    pub fn create(&self, title: impl Into<String>) -> CreateNamespace {
        CreateNamespace { namespaces: self.clone(), title: title.into() }
    }
}

/// A [namespace to
/// create](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/create/);
/// awaiting it creates it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateNamespace {
    namespaces: Namespaces,
    title: String,
}

impl CreateNamespace {
    async fn send(self) -> Result<NamespaceInfo> {
        let Self { namespaces, title } = self;
        let operation = Operation::new("create_namespace", &title);
        operation.check(validate_title(&title))?;
        namespaces.attempts().run(&operation, || Some(namespaces.account().create(&title))).await
    }
}

sent_when_awaited!(CreateNamespace => NamespaceInfo);
